"""Functions of the user that want to see events, and how they are run."""
