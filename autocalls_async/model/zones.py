"""Time zones by their names, such as `Europe/Berlin`.

Pure: no I/O of ours, no clock, no asyncio. What `zoneinfo` has read stays in memory.
"""

from typing import TYPE_CHECKING, TypeGuard

from autocalls_async.model.checks import Check, show_kind

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def is_zone(value: object) -> TypeGuard[str]:
    """Whether it is the name of a time zone that this system knows."""
    return isinstance(value, str) and _find(value) is not None


def read_zone(name: str, value: object) -> "ZoneInfo":
    """Return the time zone of this name.

    Raises:
        ValueError: There is none.
    """
    zone = _find(check_zone(name, value))
    assert zone is not None  # noqa: S101  # it was just found
    return zone


def _find(name: str) -> "ZoneInfo | None":
    # Most programs name no time zone.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder's name is the last
        return None


def _say(value: object) -> str:
    rule = "must be the name of a time zone, such as 'Europe/Berlin'"
    if not isinstance(value, str):
        return f"{rule}; got {show_kind(value)}"
    return f"{rule}; got {value[:40]!r}{_suggest(value)}"


def _suggest(name: str) -> str:
    """Name a zone that may be meant, or say why none is known."""
    from zoneinfo import available_timezones  # noqa: PLC0415

    known = available_timezones()
    if not known:
        return "; this system knows none: pip install tzdata"
    place = name.strip().replace(" ", "_").lower()
    like = [k for k in known if place and k.lower().rpartition("/")[2] == place]
    like += [k for k in known if k.lower() == place]
    return f"; did you mean {min(like, key=len)!r}?" if like else ""


check_zone: Check[str] = Check(is_zone, _say)
