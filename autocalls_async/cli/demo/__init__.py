"""`autocalls demo`: what the library promises, shown on this machine, offline."""
