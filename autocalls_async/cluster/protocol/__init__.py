"""What many processes agree on: the tables, and the steps that change them."""
