"""The way out: one request at a time, at the pace, those in a hurry first."""
