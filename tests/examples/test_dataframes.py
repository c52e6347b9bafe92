"""The recipes for data frames, where pandas and polars are installed."""

import io
from types import ModuleType
from typing import Any

import pytest

from autocalls_async import FreeformMessage
from autocalls_async.emulator import Emulator
from autocalls_async.phones import parse_phone
from tests.examples.conftest import Load

TABLE = "phone,name\n+49 151 23456789,Anna\n0151 23456788,\n"
SENT = [
    ("+4915123456789", "Hi Anna, your table is ready"),
    ("+4915123456788", "Hi there, your table is ready"),
]


@pytest.fixture
def pandas() -> ModuleType:
    """Return pandas, if it is installed."""
    found: ModuleType = pytest.importorskip("pandas")
    return found


@pytest.fixture
def polars() -> ModuleType:
    """Return polars, if it is installed."""
    found: ModuleType = pytest.importorskip("polars")
    return found


async def test_a_frame_of_pandas_becomes_messages(
    pandas: ModuleType, load: Load
) -> None:
    recipe = load("dataframes")
    frame = pandas.read_csv(io.StringIO(TABLE), dtype=str, keep_default_na=False)

    made = list(recipe.messages_of(recipe.pandas_rows(frame), region="DE"))

    assert [(m.recipient_phone, m.message) for m in made] == SENT


async def test_a_frame_of_polars_becomes_messages(
    polars: ModuleType, load: Load
) -> None:
    recipe = load("dataframes")
    frame = polars.read_csv(io.StringIO(TABLE), infer_schema=False).fill_null("")

    made = list(recipe.messages_of(recipe.polars_rows(frame), region="DE"))

    assert [(m.recipient_phone, m.message) for m in made] == SENT


GUESSED = "phone,name\n4915123456789,Anna\n,Ben\n"


def refusal(phone: object, message: object = "Hi") -> str:
    with pytest.raises(ValueError, match="got") as caught:
        FreeformMessage(recipient_phone=phone, message=message)  # type: ignore[arg-type]  # as frames have it
    return str(caught.value)


def check_cells(phone: Any, nothing: Any) -> None:  # noqa: ANN401  # a frame's cells
    """A frame's cells are told for what they are, in a message and in a number."""
    assert "read the table's column as text (dtype=str)" in refusal(phone)
    assert "NaN, an empty cell" in refusal(nothing)
    assert "NaN, an empty cell" in refusal("+4915123456789", nothing)
    assert "a decimal's .0: read the table's column as text" in refusal(f"+{phone}")
    for cell, why in ((phone, "column as text"), (nothing, "NaN, an empty cell")):
        with pytest.raises(ValueError, match=why):
            parse_phone(cell, region="DE")


def test_what_pandas_guessed_is_told(pandas: ModuleType) -> None:
    frame = pandas.read_csv(io.StringIO(GUESSED))

    check_cells(frame["phone"][0], frame["phone"][1])


def test_what_any_frame_guessed_is_told() -> None:
    check_cells(4915123456789.0, float("nan"))


async def test_a_frames_rows_are_sent(
    load: Load, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.customer_writes("+4915123456789")

    await load("dataframes").send([{"phone": "0151 23456789", "name": "Anna"}])

    (accepted,) = emulator.accepted
    assert accepted.message == "Hi Anna, your table is ready"
    assert "Accepted" in capsys.readouterr().out
