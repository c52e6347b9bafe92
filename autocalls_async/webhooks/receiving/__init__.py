"""Bytes and headers in, signed events out."""
