"""Where the messages of a run come from."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Generator,
    Iterable,
    Mapping,
)

from autocalls_async.model.messages import FreeformMessage, Message, TemplateMessage

Source = Iterable[Message] | AsyncIterable[Message]


def check_source(value: object) -> None:
    """Raise `ValueError` unless this can be iterated over for messages."""
    is_one = isinstance(value, FreeformMessage | TemplateMessage | str | bytes)
    can_iterate = isinstance(value, Iterable | AsyncIterable) or hasattr(
        type(value), "__getitem__"
    )
    if is_one or isinstance(value, Mapping) or not can_iterate:
        msg = (
            "messages must be an iterable or async iterable of messages, such as a"
            f" list or a generator; got a {type(value).__name__}"
        )
        raise ValueError(msg)


async def each_of(source: Source) -> AsyncGenerator[object, None]:
    """Yield what the source gives; a generator is closed, since nobody else will."""
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
