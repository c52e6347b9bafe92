"""Rows in files: read and made into messages, and written with what became of them."""
