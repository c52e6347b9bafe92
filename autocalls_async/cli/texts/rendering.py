"""What a row's message says: a text or a template, with the row's values put in.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from autocalls_async.cli.tables.headings import check_columns, fold
from autocalls_async.cli.texts.foreign import check_foreign
from autocalls_async.cli.texts.places import (
    Cells,
    Note,
    TextTemplate,
    ignore,
    is_blank,
    look_over,
    parse_text_template,
    says_nothing,
    show_cell,
)
from autocalls_async.cli.texts.variables import check_variable, flatten
from autocalls_async.model.messages import (
    FreeformMessage,
    TemplateFallback,
    TemplateMessage,
)

TEMPLATE_COLUMN = "template_id"
"""Chooses a row's template."""


@frozen(kw_only=True)
class TemplateText:
    """An approved template.

    Args:
        template_id: Which one.
        variables: Their names, and the texts that they get.
        is_flattened: Whether line breaks and runs of blanks become one space.
    """

    template_id: int
    variables: Mapping[str, TextTemplate]
    is_flattened: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings of the columns it needs."""
        return tuple(c for text in self.variables.values() for c in text.columns)

    @property
    def texts(self) -> tuple[TextTemplate, ...]:
        """The texts with places for a row's values."""
        return tuple(self.variables.values())

    def render(self, cells: Cells, note: Note = ignore) -> dict[str, str]:
        """Put a row's values into its variables.

        Raises:
            ValueError: The row lacks a column, a value is neither text nor a
                number, or the text is none that a variable may have.
        """
        return {
            name: self._render_one(name, text, cells, note)
            for name, text in self.variables.items()
        }

    def _render_one(
        self, name: str, text: TextTemplate, cells: Cells, note: Note
    ) -> str:
        rendered = text.render(cells, note)
        if self.is_flattened:
            rendered = flatten(rendered)
        check_variable(name, rendered, how_to_mend="; --flatten makes it one space")
        return rendered

    def make(self, cells: Cells, note: Note = ignore, **shared: Any) -> TemplateMessage:  # noqa: ANN401  # the message's own fields
        """Make a row's message.

        Raises:
            ValueError: A value breaks its rule.
        """
        return TemplateMessage(
            template_id=self.template_id, variables=self.render(cells, note), **shared
        )

    def make_fallback(self, cells: Cells, note: Note = ignore) -> TemplateFallback:
        """Make what a row's free text falls back to.

        Raises:
            ValueError: A value breaks its rule.
        """
        return TemplateFallback(
            template_id=self.template_id, variables=self.render(cells, note)
        )


@frozen
class FreeText:
    """Free text.

    Args:
        text: What to write to each recipient; `None` takes the column.
        fallback: The template to send instead where the window is closed.
        column: Where a row's own text is.
        is_rendered: Whether places in a row's own text are filled.
    """

    text: TextTemplate | None = None
    fallback: TemplateText | None = None
    column: str = field(default="message", kw_only=True)
    is_rendered: bool = field(default=False, kw_only=True)

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings of the columns it needs."""
        own = (self.column,) if self.text is None else self.text.columns
        return own if self.fallback is None else own + self.fallback.columns

    @property
    def texts(self) -> tuple[TextTemplate, ...]:
        """The texts with places for a row's values."""
        own = () if self.text is None else (self.text,)
        return own if self.fallback is None else own + self.fallback.texts

    def make(self, cells: Cells, note: Note = ignore, **shared: Any) -> FreeformMessage:  # noqa: ANN401  # the message's own fields
        """Make a row's message.

        Raises:
            ValueError: A value breaks its rule.
        """
        return FreeformMessage(
            message=self._render(cells, note),
            fallback=self.fallback.make_fallback(cells, note)
            if self.fallback
            else None,
            **shared,
        )

    def _refuse_blank(self, own: str) -> str:
        if not is_blank(own):
            msg = f"column {self.column!r} says nothing: {own.strip()!r}"
            raise ValueError(msg)
        return ""  # its rule is the message's

    def _render(self, cells: Cells, note: Note) -> str:
        if self.text is not None:
            return self.text.render(cells, note)
        own = cells[fold(self.column)]
        if isinstance(own, str) and says_nothing(own):
            return self._refuse_blank(own)
        if not isinstance(own, str | int | list | dict) and own is not None:
            own = show_cell(self.column, own, note)
        if not isinstance(own, str):
            return own  # type: ignore[no-any-return]  # the message says what is wrong
        if self.is_rendered:
            text = parse_text_template(own, option=f"column {self.column!r}")
            look_over(text.literal, self.column, note, cells)
            return text.render(cells, note)
        look_over(own, self.column, note, cells)
        return own


@frozen(kw_only=True)
class ByRow:
    """A row's own template where it names one, by its column `template_id`.

    Args:
        otherwise: What the other rows say.
        variables: Of the templates that rows name.
        is_flattened: As those of `TemplateText`.
    """

    otherwise: FreeText | TemplateText = field(factory=FreeText)
    variables: Mapping[str, TextTemplate] = field(factory=dict)
    is_flattened: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings of all columns that it may need."""
        return (*self.otherwise.columns, *self._own_columns)

    @property
    def _own_columns(self) -> tuple[str, ...]:
        return tuple(c for text in self.variables.values() for c in text.columns)

    @property
    def is_text(self) -> bool:
        """Whether rows that name no template are free text."""
        return isinstance(self.otherwise, FreeText)

    def required(self, headings: Collection[str]) -> tuple[str, ...]:
        """Return the headings of the columns that each row needs.

        Raises:
            ValueError: There are variables, and no template can have them.
        """
        content = self.otherwise
        if TEMPLATE_COLUMN in set(map(fold, headings)):
            has_own_text = isinstance(content, FreeText) and content.text is None
            return self._own_columns if has_own_text else self.columns
        if self.variables and isinstance(content, FreeText):
            msg = "--var needs --template, or a column template_id"
            raise ValueError(msg)
        return content.columns

    def check_places(self, headings: Collection[str]) -> None:
        """Raise `ValueError` where a text names a column as other tools do."""
        folded = set(map(fold, headings))
        for text in (*self.otherwise.texts, *self.variables.values()):
            check_foreign(text.literal, folded)

    def make(
        self,
        cells: Cells,
        note: Note = ignore,
        **shared: Any,  # noqa: ANN401  # the message's own fields
    ) -> FreeformMessage | TemplateMessage:
        """Make a row's message.

        Raises:
            ValueError: A value breaks its rule.
        """
        named = cells.get(TEMPLATE_COLUMN)
        if is_blank(named):
            check_columns(self.otherwise.columns, known=cells)
            return self.otherwise.make(cells, note, **shared)
        own = TemplateText(
            template_id=_read_id(named),
            variables=self.variables,
            is_flattened=self.is_flattened,
        )
        return own.make(cells, note, **shared)


Content: TypeAlias = FreeText | TemplateText | ByRow
"""What a campaign says."""


def by_row(content: Content) -> ByRow:
    """Let rows name their own templates."""
    if isinstance(content, ByRow):
        return content
    if isinstance(content, FreeText):
        return ByRow(otherwise=content)
    return ByRow(
        otherwise=content,
        variables=content.variables,
        is_flattened=content.is_flattened,
    )


def read_whole(value: object) -> object:
    """Return the whole number that a cell holds, `12.0` being 12; else the value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        digits = value.strip().removesuffix(".0").removesuffix(",0")
        is_number = digits.isascii() and digits.isdigit() and len(digits) < 20
        return int(digits) if is_number else value.strip()
    return value


def _read_id(value: object) -> Any:  # noqa: ANN401  # the message checks it
    return read_whole(value)


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


def parse_template_variables(
    pairs: Sequence[str], *, option: str = "--var"
) -> dict[str, TextTemplate]:
    """Read a template's `NAME=TEXT` pairs, whose texts may have places for columns.

    Raises:
        ValueError: A pair or a text is malformed.
    """
    return {
        name: parse_text_template(text, option=f"{option} {name}")
        for name, text in parse_variables(pairs, option=option).items()
    }


def parse_template(
    template_id: int,
    pairs: Sequence[str],
    *,
    option: str = "--var",
    is_flattened: bool = False,
) -> TemplateText:
    """Read a template's `NAME=TEXT` pairs, whose texts may have places for columns.

    Raises:
        ValueError: A pair or a text is malformed.
    """
    return TemplateText(
        template_id=template_id,
        variables=parse_template_variables(pairs, option=option),
        is_flattened=is_flattened,
    )
