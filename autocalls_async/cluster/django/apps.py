"""The app's name."""

from django.apps import AppConfig


class AutocallsConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """The tables of a cluster; there are no models."""

    name = "autocalls_async.cluster.django"
    label = "autocalls"
    verbose_name = "Autocalls"
