"""What happens to each message, and who is told of it."""
