"""The words of the field as values. Pure: standard library only, no clock, no randomness, no input or output."""
