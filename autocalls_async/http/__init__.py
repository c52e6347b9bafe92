"""One attempt: the one room that knows JSON and aiohttp."""
