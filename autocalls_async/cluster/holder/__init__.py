"""What a worker does with the accounts that it holds."""
