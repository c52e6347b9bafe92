"""`autocalls cluster` and `autocalls worker`: many hosts, on PostgreSQL."""
