"""`autocalls bulk`: a file of rows checked, sent, and told about."""
