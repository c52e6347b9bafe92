"""Which template a name means.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Sequence

from autocalls_async.model.listings import Template

_MOST_NAMES = 20


def find_template(
    templates: Sequence[Template], name: str, *, language: str | None, of: str
) -> Template:
    """Return the template of a name; an approved one goes before others.

    Args:
        templates: Those of one sender.
        name: As the service lists it.
        language: Such as `de`, where a name has several.
        of: Whose they are, for the errors.

    Raises:
        ValueError: There is none of this name, or none or several in the language.
    """
    named = [template for template in templates if template.name == name]
    if not named:
        known = [f"{t.name!r}" for t in templates if t.name][:_MOST_NAMES]
        msg = f"{of} has no template {name!r}; it has {', '.join(known) or 'none'}"
        raise ValueError(msg)
    fitting = [t for t in named if language is None or t.language == language]
    if not fitting:
        msg = f"template {name!r} is there in {_languages(named)}, not in {language!r}"
        raise ValueError(msg)
    approved = [t for t in fitting if t.status in {None, "approved"}] or fitting
    if len(approved) > 1:
        msg = f"template {name!r} is there in {_languages(approved)}: give its language"
        msg += " or its number"
        raise ValueError(msg)
    return approved[0]


def _languages(templates: Sequence[Template]) -> str:
    return ", ".join(f"{t.language!r} ({t.id})" for t in templates)
