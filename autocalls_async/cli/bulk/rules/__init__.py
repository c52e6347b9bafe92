"""The rules of a campaign at the command line: whom, when, how many, how much."""
