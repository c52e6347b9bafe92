"""One attempt over HTTP: the one door to aiohttp.

Connect, wait for the turn, write, read, in that order. Each of the four has its own
meaning where it fails, and the class of an exception decides nothing:

- no connection: nothing has left;
- what is raised in the wait for the turn: nothing has left;
- whatever comes after the first byte is written, but for a whole status line:
  nobody knows.
"""
