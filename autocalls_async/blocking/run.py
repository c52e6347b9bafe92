"""A run whose source is read, and whose outcomes are taken, in a thread that blocks."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from autocalls_async.blocking.loop_thread import Errands, LoopThread
from autocalls_async.campaign.progress import Progress
from autocalls_async.campaign.run import Run
from autocalls_async.campaign.source import check_source
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.values.naming import show_in

T = TypeVar("T")


class BlockingSource:
    """Messages that are read in the thread which waits for a run, not in the loop.

    So an iterable may block, and may belong to its thread, as a cursor of SQLite or
    of Django does.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        check_source(messages)
        self._messages = messages
        self.errands: Errands = Errands()

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        loop = asyncio.get_running_loop()
        messages = iter(self._messages)
        while True:
            answer: asyncio.Future[Message | None] = loop.create_future()
            self.errands.ask(partial(_read_one, messages, answer, loop))
            if (message := await answer) is None:
                return
            yield message

    def close(self) -> None:
        """Close a generator: nobody else will."""
        if isinstance(self._messages, Generator):
            self._messages.close()


def _read_one(
    messages: Iterator[Message],
    answer: "asyncio.Future[Message | None]",
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Read one message and tell the loop, in the thread that waits."""
    if answer.done():  # nobody wants it any more
        return
    try:
        message = next(messages, None)
    except Exception as error:  # noqa: BLE001  # the run raises it at its end
        loop.call_soon_threadsafe(_tell, answer, error)
    else:
        loop.call_soon_threadsafe(_tell, answer, message)


def _tell(
    answer: "asyncio.Future[Message | None]", told: Message | Exception | None
) -> None:
    if answer.done():
        return
    if isinstance(told, Exception):
        answer.set_exception(told)
    else:
        answer.set_result(told)


class BlockingRun:
    """A `Run` for programs that block: iterate over it for the outcomes.

    Its source is read in the thread that iterates over it. Any thread may stop it.
    Leaving the loop early withdraws what is not handed over; what is goes on to its
    end.
    """

    def __init__(self, run: Run, source: BlockingSource, thread: LoopThread) -> None:
        self._run = run
        self._source = source
        self._thread = thread

    def __iter__(self) -> Iterator[Outcome]:
        """Begin to read the source and to send."""
        outcomes = self._wait(_aiter(self._run))
        try:
            while (outcome := self._wait(_next(outcomes))) is not None:
                yield outcome
        finally:
            self._wait(outcomes.aclose())
            self._source.close()

    def __repr__(self) -> str:
        return repr(self._run).replace("Run", "BlockingRun", 1)

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        return self._thread.wait(_read_progress(self._run))

    def stop(self) -> None:
        """Read no further, and withdraw what is not handed over yet.

        The iteration goes on until each message has its outcome, and then
        raises `RunStoppedError`.
        """
        self._thread.call_soon(self._run.stop)

    def _wait(self, step: Coroutine[Any, Any, T]) -> T:
        return self._thread.wait(step, errands=self._source.errands)


async def _aiter(run: Run) -> AsyncGenerator[Outcome, None]:
    return aiter(run)


async def _next(outcomes: AsyncGenerator[Outcome, None]) -> Outcome | None:
    return await anext(outcomes, None)


async def _read_progress(run: Run) -> Progress:
    return run.progress


show_in("autocalls_async.blocking", "BlockingRun", of=globals())
