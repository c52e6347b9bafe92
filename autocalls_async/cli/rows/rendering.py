"""What a row's message says: a text or a template, with the row's values put in.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from autocalls_async.journal.keys import show_key
from autocalls_async.model.messages import (
    FreeformMessage,
    TemplateFallback,
    TemplateMessage,
)

_MOST_NAMES = 20

Cells: TypeAlias = Mapping[str, Any]
"""One row's values by column."""


@frozen
class TextTemplate:
    """A text with places for a row's values, such as `Hi {name}`.

    Only a column's plain name stands between braces: nothing is looked up in a
    value, so a row can't reach anything but its own cells.

    Args:
        pieces: Literal text and names of columns, in turn.
    """

    pieces: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it needs."""
        return self.pieces[1::2]

    def render(self, cells: Cells) -> str:
        """Put a row's values in.

        Raises:
            ValueError: The row lacks a column, or a value is neither text nor
                a number.
        """
        check_columns(self.columns, known=cells)
        return "".join(
            _show(piece, cells[piece]) if index % 2 else piece
            for index, piece in enumerate(self.pieces)
        )


_TEMPLATE_TOKEN = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")


def parse_text_template(text: str, *, option: str = "--message") -> TextTemplate:
    """Read a text in which `{column}` stands for a value; `{{` and `}}` for braces.

    Args:
        text: The text.
        option: Where it was given, for the errors.

    Raises:
        ValueError: A brace stands alone, or a name is empty.
    """
    pieces = [""]
    for index, token in enumerate(_TEMPLATE_TOKEN.split(text)):
        if index % 2 == 0:
            pieces[-1] += token
        elif token in {"{{", "}}"}:
            pieces[-1] += token[0]
        elif name := token[1:-1].strip():
            pieces += [name, ""]
        else:
            msg = f"{token!r} stands alone in {option}; write {token * 2!r} for a brace"
            if len(token) > 1:
                msg = f"{option} has no name between {{ and }}; name a column there"
            raise ValueError(msg)
    return TextTemplate(tuple(pieces))


def _show(column: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    kind = "empty (null)" if value is None else f"a {type(value).__name__}"
    msg = f"column {column!r} cannot be put into a text: it is {kind}"
    raise ValueError(msg)


def check_columns(wanted: Iterable[str], *, known: Iterable[str]) -> None:
    """Raise `ValueError` unless every wanted column is among those known."""
    names = list(known)
    missing = [column for column in dict.fromkeys(wanted) if column not in names]
    if missing:
        msg = f"there is no column {' or '.join(map(repr, missing))}; "
        raise ValueError(msg + f"there is {_list(names)}")


def _list(names: list[str]) -> str:
    # A file without a header shows its first person here.
    shown = ", ".join(show_key(name[:40]) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "none"


@frozen(kw_only=True)
class TemplateText:
    """An approved template.

    Args:
        template_id: Which one.
        variables: Their names, and the texts that they get.
    """

    template_id: int
    variables: Mapping[str, TextTemplate]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it needs."""
        return tuple(c for text in self.variables.values() for c in text.columns)

    def render(self, cells: Cells) -> dict[str, str]:
        """Put a row's values into its variables.

        Raises:
            ValueError: The row lacks a column, or a value is neither text nor
                a number.
        """
        return {name: text.render(cells) for name, text in self.variables.items()}

    def make(self, cells: Cells, **shared: Any) -> TemplateMessage:  # noqa: ANN401  # the message's own fields
        """Make a row's message.

        Raises:
            ValueError: A value breaks its rule.
        """
        return TemplateMessage(
            template_id=self.template_id, variables=self.render(cells), **shared
        )

    def make_fallback(self, cells: Cells) -> TemplateFallback:
        """Make what a row's free text falls back to.

        Raises:
            ValueError: A value breaks its rule.
        """
        return TemplateFallback(
            template_id=self.template_id, variables=self.render(cells)
        )


@frozen
class FreeText:
    """Free text.

    Args:
        text: What to write to each recipient; `None` takes column `message`.
        fallback: The template to send instead where the window is closed.
    """

    text: TextTemplate | None = None
    fallback: TemplateText | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it needs."""
        own = ("message",) if self.text is None else self.text.columns
        return own if self.fallback is None else own + self.fallback.columns

    def make(self, cells: Cells, **shared: Any) -> FreeformMessage:  # noqa: ANN401  # the message's own fields
        """Make a row's message.

        Raises:
            ValueError: A value breaks its rule.
        """
        return FreeformMessage(
            message=self.text.render(cells) if self.text else cells["message"],
            fallback=self.fallback.make_fallback(cells) if self.fallback else None,
            **shared,
        )


Content: TypeAlias = FreeText | TemplateText
"""What a campaign says."""


def parse_variables(pairs: Sequence[str], *, option: str = "--var") -> dict[str, str]:
    """Read `NAME=TEXT` pairs.

    Args:
        pairs: As they were given.
        option: Where that was, for the errors.

    Raises:
        ValueError: One is no pair, or a name is there twice.
    """
    variables: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            msg = f"{option} must look like 1=Ana; got {pair!r}"
            raise ValueError(msg)
        if name in variables:
            msg = f"{option} gives {name!r} twice"
            raise ValueError(msg)
        variables[name] = text
    return variables


def parse_template(
    template_id: int, pairs: Sequence[str], *, option: str = "--var"
) -> TemplateText:
    """Read a template's `NAME=TEXT` pairs, whose texts may have places for columns.

    Raises:
        ValueError: A pair or a text is malformed.
    """
    return TemplateText(
        template_id=template_id,
        variables={
            name: parse_text_template(text, option=f"{option} {name}")
            for name, text in parse_variables(pairs, option=option).items()
        },
    )
