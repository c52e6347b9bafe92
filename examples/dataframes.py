"""Rows of a data frame, of pandas or polars, as messages for `send_many()`.

Read the columns as text. A frame that guesses makes decimals of numbers, which drops
their plus and adds a `.0`, and an empty cell becomes NaN; both are refused with a
`ValueError` that says so, and never sent to:

    frame = pandas.read_csv("customers.csv", dtype=str, keep_default_na=False)
    frame = polars.read_csv("customers.csv", infer_schema=False).fill_null("")
    asyncio.run(send(polars_rows(frame)))

`parse_phone()` takes numbers as people keep them; it needs the extra `phones`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autocalls_async import AutocallsClient, FreeformMessage
from autocalls_async.phones import parse_phone


def pandas_rows(frame: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # pandas' own
    """Return a frame's rows, one at a time."""
    columns = list(frame.columns)
    for cells in frame.itertuples(index=False, name=None):
        yield dict(zip(columns, cells, strict=True))


def polars_rows(frame: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # polars' own
    """Return a frame's rows, one at a time."""
    yield from frame.iter_rows(named=True)


def messages_of(
    rows: Iterable[Mapping[str, Any]], *, region: str
) -> Iterator[FreeformMessage]:
    """Make a message of each row.

    Raises:
        ValueError: A number is none, or could be two people's.
    """
    for row in rows:
        yield FreeformMessage(
            recipient_phone=parse_phone(row["phone"], region=region),
            message=f"Hi {row['name'] or 'there'}, your table is ready",
        )


async def send(rows: Iterable[Mapping[str, Any]], *, region: str = "DE") -> None:
    """Send to each row, each number checked before the first message leaves."""
    messages = list(messages_of(rows, region=region))
    async with AutocallsClient.from_env() as client:
        async for outcome in client.send_many(messages):
            print(outcome)
