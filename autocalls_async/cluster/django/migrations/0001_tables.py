"""Make the schema `autocalls`, or bring it up to date."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from autocalls_async.cluster.django.applying import take_steps


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    """All steps that this version of the library knows."""

    brings_to = 3
    operations: Sequence[Any] = (
        migrations.RunPython(take_steps, migrations.RunPython.noop),
    )
