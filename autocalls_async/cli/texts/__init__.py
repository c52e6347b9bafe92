"""What texts say: places for values, variables, and how they arrive."""
