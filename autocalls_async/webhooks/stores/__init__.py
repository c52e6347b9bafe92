"""Where receipts are kept, and what handlers still have to see."""
