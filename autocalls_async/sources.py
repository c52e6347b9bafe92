"""Where the messages of a run come from."""

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable

from autocalls_async.models import Message

Source = Iterable[Message] | AsyncIterable[Message]


async def each_of(source: Source) -> AsyncGenerator[object, None]:
    """Give what the source gives; a generator is closed, since nobody else will."""
    try:
        if isinstance(source, AsyncIterable):
            async for message in source:
                yield message
        else:
            for message in source:
                yield message
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
        elif isinstance(source, Generator):
            source.close()
