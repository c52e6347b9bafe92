"""The schema's numbered steps, taken by Django's own migrations."""

from collections.abc import Sequence
from typing import Any

from autocalls_async.cluster.protocol.migrations import apply


def take_steps(_apps: object, editor: Any) -> None:  # noqa: ANN401  # Django's
    """Take all missing steps that this version of the library knows."""
    with editor.connection.cursor() as cursor:

        def execute(sql: str) -> Sequence[Sequence[Any]]:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else ()

        for _ in apply(execute):
            pass
