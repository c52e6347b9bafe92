"""What a program turns an emulator by: from any thread, where the emulator lives."""
