"""One attempt over HTTP: the one door to aiohttp.

Connect, wait for the turn, write, read, in that order. Each of the four has its own
meaning where it fails, and the class of an exception decides nothing:

- no connection: nothing has left;
- what is raised in the wait for the turn: nothing has left;
- whatever comes after the first byte is written, but for a whole status line:
  nobody knows.
"""

from autocalls_async.transport.failures import AttemptFailed
from autocalls_async.transport.late import LateLine
from autocalls_async.transport.line import UNUSED_SECONDS, Line
from autocalls_async.transport.transport import Transport

__all__ = ["UNUSED_SECONDS", "AttemptFailed", "LateLine", "Line", "Transport"]
