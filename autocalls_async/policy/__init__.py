"""What follows from what: pure decisions; time and chance are arguments."""
