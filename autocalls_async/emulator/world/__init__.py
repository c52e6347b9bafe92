"""What there is in an emulator and what has happened: values, kept and told of."""
