"""`autocalls journal`: what became of a campaign."""
