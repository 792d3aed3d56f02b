"""Thin triggers: decode the message, call one engine, report. `registration` says which an app has."""
