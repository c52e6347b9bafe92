"""Make the schema `autocalls`, or bring it up to date."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from autocalls_async.cluster.protocol.migrations import apply


def _apply(_apps: object, editor: Any) -> None:  # noqa: ANN401  # Django's
    with editor.connection.cursor() as cursor:

        def execute(sql: str) -> Sequence[Sequence[Any]]:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else ()

        for _ in apply(execute):
            pass


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    """All steps that this version of the library knows."""

    operations: Sequence[Any] = (
        migrations.RunPython(_apply, migrations.RunPython.noop),
    )
