"""Implementations of the ports. SDKs are imported here only, and only when they are used."""
