"""Bring a schema that 0.1.0 made up to date."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from autocalls_async.cluster.django.applying import take_steps


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    """All steps that this version of the library knows."""

    brings_to = 4
    dependencies = (("autocalls", "0001_tables"),)
    operations: Sequence[Any] = (
        migrations.RunPython(take_steps, migrations.RunPython.noop),
    )
