"""Use cases, built from domain, catalog and ports. No SDK, no clock, no randomness of their own."""
