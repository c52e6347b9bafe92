"""Tables, whose cells cannot steer a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autocalls_async.cli.terminal.words import plain, printable

# A longer title folds rather than widen its table.
_MIN_TITLE = 60

# So wide a column may become that folds its cells.
_MIN_FOLDED = 12


class _PrintableTable(Table):
    """A table whose cells cannot steer a terminal, whoever wrote them."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:  # noqa: ANN401  # rich's
        super().add_row(*map(_printable_cell, cells), **options)


def _printable_cell(cell: RenderableType | None) -> RenderableType | None:
    match cell:
        case str():
            return printable(cell)
        case Text():
            return Text(printable(cell.plain), style=cell.style)
    return cell


def make_table(
    title: str,
    columns: Sequence[str],
    *,
    numbers: Sequence[str] = (),
    folding: Sequence[str] = (),
) -> Table:
    """Make an empty table.

    Args:
        title: What it is about.
        columns: Their headings.
        numbers: Those whose cells stand to the right.
        folding: Those that give way where room is short, besides the last.
    """
    table = _PrintableTable(
        title=Text(printable(title), style="bold"),
        title_justify="left",
        min_width=min(cell_len(title), _MIN_TITLE),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        header_style="dim",
    )
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=name not in {*folding, columns[-1]},
            overflow="fold",
        )
    return table


def fact_table(title: str, facts: Iterable[tuple[str, object]]) -> Table:
    """Make a table of names and values."""
    table = make_table(title, ("", ""))
    table.show_header = False
    for name, value in facts:
        table.add_row(Text(name, style="dim"), Text(plain(value)))
    return table


def fitted(table: Table, width: int) -> Table:
    """Return a table that fits: where its columns have no room, a line for each cell.

    Cut columns would lose the end of a number or of a status without a word.
    """
    columns = [(str(c.header), [*map(_text_of, c.cells)]) for c in table.columns]
    least = sum(
        _least_width([name, *cells], folds=not column.no_wrap)
        for column, (name, cells) in zip(table.columns, columns, strict=True)
    )
    if len(columns) < 3 or least + 3 * len(columns) <= width:
        return table
    names = [name for name, _ in columns]
    upright = fact_table(_text_of(table.title), ())
    for row in zip(*(cells for _, cells in columns), strict=True):
        if upright.row_count:
            upright.add_row("", "")
        for name, cell in zip(names, row, strict=True):
            upright.add_row(Text(name, style="dim"), Text(cell))
    return upright


def _text_of(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell or "")


def _least_width(texts: Iterable[str], *, folds: bool) -> int:
    widest = max(map(cell_len, texts))
    return min(widest, _MIN_FOLDED) if folds else widest
