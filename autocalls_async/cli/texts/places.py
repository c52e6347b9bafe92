"""Texts with places for a row's values, such as `Hi {name}`.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, TypeAlias

from attrs import frozen

from autocalls_async.cli.tables.headings import check_columns, fold
from autocalls_async.cli.tables.looks import ShownOtherwise
from autocalls_async.cli.texts.foreign import find_foreign

Cells: TypeAlias = Mapping[str, Any]
"""One row's values by their column's heading, folded."""


class NoticeKind(Enum):
    """What somebody should look at before a text reaches people."""

    BLANK = "blank"
    BRACES = "braces"
    FOREIGN = "foreign"
    BACKSLASH = "backslash"
    DAMAGE = "damage"
    DATE = "date"
    DECIMAL = "decimal"
    SHOWN = "shown"


@frozen
class Notice:
    """What somebody should look at, and the column that it is in."""

    kind: NoticeKind
    column: str


Note: TypeAlias = Callable[[Notice], object]
"""Told of each notice."""


def ignore(_: Notice) -> None:
    """Note nothing."""


# Values

_BLANK_WORDS = frozenset(
    {"NULL", "null", "None", "none", "nan", "NaN", "NAN", "NaT", "<NA>", "NA", "N/A"}
)
"""What programs write for nothing, in their spelling: Null and Nan are people."""

_FAILED = re.compile(r"#[¡¿]?[A-Z0/]+[!?]|#N/[ADV]|#NV|#N/D|Err:[0-9]{3}|#{3,}")
"""What a spreadsheet shows where a formula failed, in any language, or a column is
too narrow."""

_NOTHING = re.compile(
    r"[-\u2010-\u2015.?*_]{1,3}|\\N|n/a|undefined"
    r"|[(\[<](?:blank|leer|empty|null|none|vide|vac\u00edo|vuoto)[)\]>]",
    re.IGNORECASE,
)
"""What people and programs write in a list where they have nothing."""

_UNSEEN = re.compile(
    r"[\s\u00ad\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u2800"
    r"\u3164\ufeff\uffa0]*"
)


def is_blank(value: object) -> bool:
    """Whether a cell says nothing: empty, invisible, or a program's word for it."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124  # NaN
        return True
    if not isinstance(value, str):
        return False
    text = value.strip()
    if text in _BLANK_WORDS or _UNSEEN.fullmatch(text):
        return True
    return _FAILED.fullmatch(text) is not None


def says_nothing(value: object) -> bool:
    """Whether a cell is blank, or holds what stands for nothing, such as a dash."""
    if isinstance(value, str) and _NOTHING.fullmatch(value.strip()):
        return True
    return is_blank(value)


_DAMAGE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]"
    "|_x[0-9A-F]{4}_|&(?:[a-z]{2,6}|#[0-9]{1,5});"
    # `Wrocław` and `für` of other encodings as cp1252.
    "|[a-z\u00df-\u00ff][\u00a3-\u00a7\u00ac\u00b3\u00b6\u0178\u2020\u2021\u2030][a-z\u00df-\u00ff\u00a7]"
    # `Привет` as cp1252, `Grüße` as cp1251: no language writes so.
    "|[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]{4}"
    "|[a-zA-Z][\u0400-\u04ff]+[a-zA-Z]"
    r"|^\s*[0-9][.,][0-9]+E\+[0-9]{2}\s*$"
)
"""Controls, what could not be decoded, escapes of a workbook or of HTML, letters that
stand side by side where an encoding was another, and a number without its digits."""


def is_damaged(text: str) -> bool:
    """Whether a text shows marks of what it went through, as `JÃ¼rg` and `A &amp; B`.

    Text in UTF-8 that was read as cp1252 can be read back.
    """
    if _DAMAGE.search(text):
        return True
    if text.isascii():
        return False
    try:
        return bool(text.encode("cp1252").decode())
    except UnicodeError:
        return False


_WHOLE_AS_FLOAT = re.compile(r"\s*-?[0-9]+\.0\s*")
"""As programs write whole numbers of a column that has gaps."""


def show_cell(column: str, value: object, note: Note = ignore) -> str:
    """Return a cell as it stands in a text, without its outer blanks.

    A date, a time and a number with decimals have lost how the spreadsheet showed
    them, which is noted, and so are marks of damage.

    Raises:
        ValueError: It is neither text, nor a number, nor a date.
    """
    match value:
        case str():
            if is_damaged(value):
                note(Notice(NoticeKind.DAMAGE, column))
            if _WHOLE_AS_FLOAT.fullmatch(value):
                note(Notice(NoticeKind.DECIMAL, column))
            return value.strip()
        case bool() | None:
            pass
        case int():
            return str(value)
        case float():
            return _show_float(column, value, note)
        case date() | time() | timedelta():
            note(Notice(NoticeKind.DATE, column))
            return _show_date(value)
    kind = "empty (null)" if value is None else f"a {type(value).__name__}"
    msg = f"column {column!r} cannot be put into a text: it is {kind}"
    raise ValueError(msg)


def _show_float(column: str, value: float, note: Note) -> str:
    if abs(value) >= 1e15:
        msg = f"column {column!r} has lost digits: a spreadsheet keeps 15 of a number;"
        raise ValueError(msg + " make it text there")
    if value.is_integer():
        if isinstance(value, ShownOtherwise):
            note(Notice(NoticeKind.SHOWN, column))
        return str(int(value))
    note(Notice(NoticeKind.DECIMAL, column))
    return repr(value)


def _show_date(value: date | time | timedelta) -> str:
    match value:
        case datetime():
            return value.isoformat(" ", "minutes")
        case time():
            return value.isoformat("minutes")
    return str(value)


# Texts


@frozen
class Target:
    """Where a row's value goes.

    Attributes:
        column: Its heading.
        default: What stands there for a blank cell; `None` means nothing, which
            is noted.
    """

    column: str
    default: str | None = None

    def render(self, cells: Cells, note: Note) -> str:
        """Return what stands there.

        Raises:
            ValueError: The value cannot be put into a text.
        """
        value = cells[fold(self.column)]
        if not says_nothing(value):
            return show_cell(self.column, value, note)
        if self.default is not None:
            return self.default
        if not isinstance(value, str):
            return show_cell(self.column, value)
        note(Notice(NoticeKind.BLANK, self.column))
        return ""


@frozen
class TextTemplate:
    """A text with places for a row's values.

    Only a column's heading stands between braces: nothing is looked up in a
    value, so a row can't reach anything but its own cells.

    Args:
        pieces: Literal text and places.
    """

    pieces: tuple[str | Target, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings of the columns it needs."""
        return tuple(piece.column for piece in self.pieces if isinstance(piece, Target))

    @property
    def literal(self) -> str:
        """What stands around the places."""
        return "\n".join(piece for piece in self.pieces if isinstance(piece, str))

    def render(self, cells: Cells, note: Note = ignore) -> str:
        """Put a row's values in.

        Args:
            cells: The row's.
            note: Told of blank cells, and of those that look otherwise elsewhere.

        Raises:
            ValueError: The row lacks a column, or a value is neither text nor
                a number.
        """
        check_columns(self.columns, known=cells)
        return "".join(
            piece if isinstance(piece, str) else piece.render(cells, note)
            for piece in self.pieces
        )


_TOKEN = re.compile(r"(\{\{[^{}]*\}\}|\{[^{}]*\}|[{}]+)")


def parse_text_template(text: str, *, option: str = "--message") -> TextTemplate:
    """Read a text in which `{column}` stands for a value.

    `{{column}}` means the same, as it does in other tools; `{column|there}` has a
    text for a blank cell, and `{column|}` says that it may be blank.

    Args:
        text: The text.
        option: Where it was given, for the errors.

    Raises:
        ValueError: A brace stands alone, or a name is empty: it would reach people.
    """
    pieces: list[str | Target] = []
    for index, token in enumerate(_TOKEN.split(text)):
        if index % 2:
            pieces.append(_read_place(token, option))
        elif token:
            pieces.append(token)
    return TextTemplate(tuple(pieces))


def _read_place(token: str, option: str) -> Target:
    inner = token.strip("{}")
    if not token.endswith("}") or not token.startswith("{"):
        msg = f"{token!r} stands alone in {option}, and would reach people as it is; "
        raise ValueError(msg + "a column's place is written {column}")
    column, bar, default = inner.partition("|")
    if not column.strip():
        msg = f"{option} has no name between {{ and }}; name a column there"
        raise ValueError(msg)
    if bar and _FILTER.fullmatch(default.strip()):
        msg = f"{token!r} in {option} has what other tools put there; a word for a "
        raise ValueError(msg + f"blank cell is written {{{column.strip()}|there}}")
    return Target(column.strip(), default.strip() if bar else None)


_FILTER = re.compile(
    r"\|.*|default\s*[:(].*|[\"'\u2018\u201c].*[\"'\u2019\u201d]"
    r"|(?:title(?:case)?|capitali[sz]e|upper(?:case)?|lower(?:case)?|upcase|downcase"
    r"|trim|strip|escape|safe|default)(?:\s*[|:(].*)?",
    re.IGNORECASE,
)
"""What follows a name's bar elsewhere: `default: 'x'`, `title`, a quoted word."""


def is_beside_a_sign(text: TextTemplate) -> bool:
    """Whether a sign stands before a place that other tools have in it: `${name}`."""
    return any(
        isinstance(piece, str) and piece.endswith(("$", "#", "%", "\\"))
        for piece in text.pieces[:-1]
    )


# Texts that come from a column

_BRACES = re.compile(r"\{\{?[^{}\n]{1,60}\}")
_BACKSLASH = re.compile(r"\\[nrt](?![a-z]{2})")


def look_over(text: str, column: str, note: Note, cells: Cells) -> None:
    """Note what will reach people as it stands, and is hardly meant so."""
    if "{" in text and _BRACES.search(text):
        note(Notice(NoticeKind.BRACES, column))
    if find_foreign(text, cells):
        note(Notice(NoticeKind.FOREIGN, column))
    if has_backslash(text):
        note(Notice(NoticeKind.BACKSLASH, column))
    if is_damaged(text):
        note(Notice(NoticeKind.DAMAGE, column))


def has_backslash(text: str) -> bool:
    """Whether a backslash and an n stand where a line end was meant."""
    return "\\" in text and _BACKSLASH.search(text) is not None
