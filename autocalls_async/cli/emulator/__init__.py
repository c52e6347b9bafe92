"""`autocalls emulator`: the sandbox as a process, and the replay of a talk."""
