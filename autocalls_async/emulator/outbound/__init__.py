"""What the emulator tells others' programs by HTTP: receipts, texts, ends."""
