"""The cluster's numbered steps, as Django's migrations."""
