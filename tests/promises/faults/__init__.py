"""Faults at every step of the protocol, and the verdicts held against the truth."""
