"""A journal in a file: its tables, its commits, its copies, and a look from beside."""
