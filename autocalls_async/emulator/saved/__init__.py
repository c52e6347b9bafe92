"""What outlives an emulator: snapshots of its state, and recorded talks."""
