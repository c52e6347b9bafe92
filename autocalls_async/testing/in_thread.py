"""An emulator in a thread of its own, for programs that do not share its loop."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any

from autocalls_async.emulator import Emulator
from autocalls_async.model.values.naming import show_in


@contextmanager
def live(emulator: Emulator | None = None) -> Iterator[Emulator]:
    """Run an emulator in a thread of its own, by the real clock.

    Whoever blocks may ask it: `requests`, FastAPI's `TestClient`, a process. Its
    controls can be turned from any thread, as ever.

    Args:
        emulator: One with settings of your own.

    Raises:
        OSError: Its port is taken, or its host is not one of this machine.
    """
    started = emulator or Emulator()
    with ExitStack() as stack:
        loop = asyncio.SelectorEventLoop()
        stack.callback(loop.close)
        thread = Thread(target=loop.run_forever, name="live emulator")
        thread.start()
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        _wait(started.__aenter__(), loop)
        stack.callback(lambda: _wait(started.__aexit__(None, None, None), loop))
        yield started


def _wait(step: Coroutine[Any, Any, object], loop: asyncio.AbstractEventLoop) -> None:
    asyncio.run_coroutine_threadsafe(step, loop).result()


show_in("autocalls_async.testing", "live", of=globals())
