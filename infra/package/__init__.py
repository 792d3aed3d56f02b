"""Builds the zip that Flex Consumption runs: prebuilt, for Linux on x86-64 and Python 3.13, the same each time."""
