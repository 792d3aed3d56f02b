"""Sourced rules of behaviour: what the simulated tenant does, and where that is written."""
