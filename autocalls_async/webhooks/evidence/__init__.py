"""Unknown outcomes, held against what was heard and what is written."""
