"""Microsoft Graph behind the port `Directory`. Importing this package does not import the SDK."""
