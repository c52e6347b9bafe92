"""Many hosts: one account's limit, order and truth over any number of processes."""
