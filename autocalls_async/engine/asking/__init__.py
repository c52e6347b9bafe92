"""What is asked of the service beside sends: windows, and what users ask."""
