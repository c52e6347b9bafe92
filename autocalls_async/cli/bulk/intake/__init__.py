"""A campaign's rows, taken in once: what they are, and who gets which."""
