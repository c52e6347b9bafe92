"""One person behind several spellings of a number.

Pure: no I/O, no clock, no asyncio.
"""

import re

from autocalls_async.model.values.naming import show_in

_SPELLINGS = (
    # Mexican mobiles had a 1 after the country's code until 2019; WhatsApp knows both.
    (re.compile(r"\+521([0-9]{10})"), r"+52\1"),
    # Argentine ones have a 9 there, for callers from abroad.
    (re.compile(r"\+549([0-9]{10})"), r"+54\1"),
    # Brazilian ones got a 9 before their eight digits by 2016. Those that began with
    # 2 to 5 are landlines: behind a 9 they are somebody else's.
    (re.compile(r"(\+55[1-9][0-9])9([6-9][0-9]{7})"), r"\1\2"),
)
RESPELT = ("+52", "+54", "+55")
"""How every number begins that is known by two spellings."""


def person_of(phone: str) -> str:
    """Return what is the same for each spelling of one person's WhatsApp number.

    Mexican and Argentine mobiles are known with and without the digit that once
    told them from others (`+521…`, `+549…`), Brazilian ones with and without the
    ninth digit. It is a key to compare by, and not for sending.

    Args:
        phone: E.164.
    """
    if not phone.startswith(RESPELT):
        return phone
    for spelling, person in _SPELLINGS:
        if match := spelling.fullmatch(phone):
            return match.expand(person)
    return phone


_LONGER = (
    (re.compile(r"(\+52)([0-9]{10})"), r"\g<1>1\2"),
    (re.compile(r"(\+54)([0-9]{10})"), r"\g<1>9\2"),
    (re.compile(r"(\+55[1-9][0-9])([6-9][0-9]{7})"), r"\g<1>9\2"),
)


def spellings_of(phone: str) -> tuple[str, ...]:
    """Return all spellings of one person's number, as it was given first.

    Args:
        phone: E.164.
    """
    if not phone.startswith(RESPELT):
        return (phone,)
    person = person_of(phone)
    for pattern, spelling in _LONGER:
        if match := pattern.fullmatch(person):
            longer = match.expand(spelling)
            return (phone, person if phone == longer else longer)
    return (phone,)


show_in("autocalls_async.phones", "person_of", of=globals())
