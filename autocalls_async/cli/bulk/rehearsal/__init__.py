"""A campaign that is not sent: what it would meet, and row 1 to one number."""
