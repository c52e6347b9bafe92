"""`autocalls exclude`: who must get nothing more."""
