"""What is no number although it may look like one: a date, two in one cell, a tail.

Pure: no I/O of ours, no clock, no asyncio.
"""

import re

from autocalls_async.phones.numbering import find_number, is_grouped_as, usual_form

_SHORTENED = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]{1,2}")
# What belongs to no number, such as its place in a list.
_STRANGE = re.compile(
    r"[.,]0+$|[^0-9]\([0-9]{1,3}\)$|^[0-9]{1,2}\.?\)|^[1-9][0-9]?\. |\.\s*\."
)
_EXTENSION = re.compile(r"(?:-\s*|(?P<dot>\.))[0-9]{1,2}$")
_ALTERNATIVE = re.compile(r"/\s*[0-9]{1,3}$")
_OTHER_END = re.compile(r"([^/]*)/\s*[0-9]{4}")
_BREAK = re.compile(r"[^0-9+]+(?=[0+])")
# Of day, month and year in any order; in many countries it would be a number, too.
_DATE = re.compile(
    r"(?:[0-3]?[0-9](?P<a>[./-])[0-3]?[0-9](?P=a)(?:[0-9]{2}|(?:19|20)[0-9]{2})"
    r"|(?:19|20)[0-9]{2}(?P<b>[./-])[0-3]?[0-9](?P=b)[0-3]?[0-9])\.?"
)


def find_oddity(written: str, region: str | None) -> str | None:
    """Return what is wrong with it, if it plainly is something else than a number."""
    if _SHORTENED.fullmatch(written):
        return (
            "was shortened by a spreadsheet; format the column as text and export it"
            " again"
        )
    if _is_date(written, region):
        return "is a date; look whether it is the right column"
    if _are_two(written, region):
        return "lists two numbers in one; write each in a row of its own"
    return None


def _is_date(written: str, region: str | None) -> bool:
    """Whether a date stands there, be its digits a number too.

    Where numbers are written so, as `20.19.16` in New Caledonia, it is one of those.
    """
    if not _DATE.fullmatch(written):
        return False
    number = find_number(written, region)
    return number is None or usual_form(number) != written


def _are_two(written: str, region: str | None) -> bool:
    """Whether two are listed: `0491 123 / 0491 456`, `030 12345 / 46`."""
    other = _OTHER_END.fullmatch(written)
    if _ALTERNATIVE.search(written) or (other and find_number(other[1], region)):
        return True
    return any(
        find_number(written[: found.start()], region)
        and find_number(written[found.end() :], region)
        for found in _BREAK.finditer(written)
    )


def has_tail(written: str, region: str | None) -> bool:
    """Whether it has what may belong to it or not: a float's tail, an extension.

    `345-67-89` is how half of Europe writes: without its end it is no number.
    """
    if _DECIMAL.fullmatch(written):
        return True
    extension = _EXTENSION.search(written)
    # Several dots part groups.
    if extension is None or (extension["dot"] and written.count(".") > 1):
        return _STRANGE.search(written) is not None
    whole, without = (
        find_number(t, region) for t in (written, written[: extension.start()])
    )
    return not whole or (without is not None and not is_grouped_as(written, whole))
