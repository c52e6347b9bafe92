"""What makes of the emulator a place to build in: threads, receipts, a page.

A plain emulator makes none of it before somebody asks.
"""
