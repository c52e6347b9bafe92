"""Reads a number in E.164 out of what somebody wrote, or says why it cannot."""

import re
from typing import Literal, TypeAlias

from phonenumbers import PhoneNumber

from autocalls_async.model.checks import check_phone, is_e164, show_no_text
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in
from autocalls_async.phones.cleaning import clean_phone
from autocalls_async.phones.numbering import (
    code_of,
    e164,
    find_number,
    is_grouped_as,
    is_mobile,
    split_code,
)
from autocalls_async.phones.oddities import find_oddity, has_tail

Numbers: TypeAlias = Literal["international", "national"]
"""How digits without a plus are meant: with or without their country's code."""

# Letters may be an extension, or two numbers in one cell: nothing is guessed.
_NUMBER = re.compile(r"\+?[0-9 ().\-/]+")
_INTERNATIONAL = re.compile(r"\+?0\s*0[ ().-]*(?=[1-9])")


class AmbiguousPhoneError(ValueError):
    """A number could be read in two ways, and both could be somebody.

    Attributes:
        readings: Both of them in E.164, as its own digits with a plus, and as a
            number of the region; masked in the text.
    """

    def __init__(self, name: str, readings: tuple[str, str]) -> None:
        self.readings = readings
        abroad, home = (mask_phone(reading) for reading in readings)
        super().__init__(
            f"{name} could be {abroad} or {home}; write it with a plus and its"
            " country's code, or say that all are international or national"
        )


def parse_phone(
    text: object,
    *,
    region: str | None,
    numbers: Numbers | None = None,
    name: str = "recipient_phone",
) -> str:
    """Return a number in E.164: `(415) 555-0123` in `US` is `+14155550123`.

    One that is written so already stays as it is. Marks of no width, the guards that
    keep a spreadsheet from mangling a number (`'+49…`, `="+49…"`), `tel:` and the tail
    of a float (`.0`) are dropped. A link to a chat (`wa.me/49…`) is its number.

    Args:
        text: As somebody wrote it.
        region: Where numbers without a country's code belong, such as `DE`; `None`
            takes only those that have it, with a plus or 00 before it.
        numbers: How digits with neither a plus nor a 0 before them are meant, all of
            them: `"international"` where each has its country's code, `"national"`
            where none has; a mobile that has it all the same is refused then. `None`
            refuses those that could be either.
        name: What to call it in an error.

    Raises:
        AmbiguousPhoneError: It could be read in two ways.
        ValueError: It is no number there, may mean several, or a spreadsheet has
            shortened it.
    """
    if is_e164(text):
        return _tidy(text, name)
    written = clean_phone(text)
    if written is None:
        raise ValueError(_refusal(name, text, region))
    if oddity := find_oddity(written, region):
        msg = f"{name} {oddity}"
        raise ValueError(msg)
    if region is None:
        return _read_abroad(written, name)
    found = _read(written, region, numbers=numbers, name=name)
    if found is None:
        raise ValueError(_refusal(name, text, region))
    return e164(found)


def _tidy(phone: str, name: str) -> str:
    """Return an E.164 number without a trunk's 0 in it: `+49 0151…`.

    Raises:
        ValueError: Somebody put its code before it twice: `+49 49 151…`. Where digits
            that are a code begin a number of their own, they stay.
    """
    code, rest = split_code(phone)
    if not rest.startswith(("0", code)) and not phone.startswith("+78"):
        return phone
    whole, rest = find_number(phone, None), rest.removeprefix("00")
    once = find_number("+" + rest, None) if rest.startswith(code) else None
    tidy = phone if whole is None else e164(whole)
    is_own_mobile = whole and tidy == phone and is_mobile(whole)
    if once and is_mobile(once) and not is_own_mobile:
        shown = mask_phone(e164(once))
        msg = f"{name} has its country's code twice; if it is {shown}, write it so"
        raise ValueError(msg)
    return tidy


def _read(
    written: str, region: str, *, numbers: Numbers | None, name: str
) -> PhoneNumber | None:
    if not _NUMBER.fullmatch(written) or has_tail(written, region):
        return None
    if prefix := _INTERNATIONAL.match(written):
        abroad = _read_behind_plus(written[prefix.end() :], name)
        if abroad and abroad.country_code == code_of(region):
            return abroad
        # Some countries dial abroad with 001 or 0011.
        return _the_one(abroad, find_number(written, region), name)
    if written.startswith("+"):
        return _read_behind_plus(written[1:], name)
    if written.startswith(("0", "(0")):  # no country's code does
        home = find_number(written, region)
        abroad = None if numbers == "national" else _read_behind_0(written, home)
        return _the_one(abroad, home, name)
    return _read_digits(written, region, numbers=numbers, name=name)


def _the_one(
    abroad: PhoneNumber | None, home: PhoneNumber | None, name: str
) -> PhoneNumber | None:
    if abroad is None or home is None or e164(abroad) == e164(home):
        return abroad or home
    raise AmbiguousPhoneError(name, (e164(abroad), e164(home)))


def _read_behind_0(written: str, home: PhoneNumber | None) -> PhoneNumber | None:
    """Read `049 151…` as `+49 151…`, and so for the mobiles of other countries."""
    abroad = find_number("+" + written.replace("0", "", 1), None)
    if abroad is None or home is None:
        return None
    is_own = abroad.country_code == home.country_code
    is_meant = is_own or (is_mobile(abroad) and not is_mobile(home))
    return abroad if is_meant and not is_grouped_as(written, home) else None


def _read_abroad(written: str, name: str) -> str:
    """Read a number that has its country's code, where none is known."""
    if prefix := _INTERNATIONAL.match(written):
        written = "+" + written[prefix.end() :]
    has_code = written.startswith("+") and _NUMBER.fullmatch(written)
    is_number = has_code and not has_tail(written, None)
    found = _read_behind_plus(written[1:], name) if is_number else None
    return e164(found) if found else _tidy(check_phone(name, written), name)


def _read_digits(
    written: str, region: str, *, numbers: Numbers | None, name: str
) -> PhoneNumber | None:
    """Read a number that begins with neither a plus nor a 0."""
    home = find_number(written, region)
    if numbers == "national":
        if home:
            _tidy(e164(home), name)
        return home
    abroad = _read_behind_plus(written, name)
    if numbers == "international":
        return abroad
    if home is None and abroad is not None:
        msg = (
            f"{name} is no number of {region}; if it is {mask_phone(e164(abroad))},"
            " write the plus, or say that all are international"
        )
        raise ValueError(msg)
    if (
        home
        and abroad
        and is_grouped_as(written, home)
        and not is_grouped_as(written, abroad)
    ):
        return home
    return _the_one(abroad, home, name)


def _read_behind_plus(digits: str, name: str) -> PhoneNumber | None:
    """Read a number that begins with its country's code."""
    found = find_number("+" + digits, None)
    if "(0)" in digits:  # to be left out from abroad, but for Italy's landlines
        found = _the_one(
            find_number("+" + digits.replace("(0)", ""), None), found, name
        )
    phone = e164(found) if found else "+" + re.sub("[^0-9]", "", digits)
    if is_e164(phone):
        _tidy(phone, name)
    return found


def _refusal(name: str, text: object, region: str | None) -> str:
    if region is None:
        return check_phone.refusal(name, text)
    if not isinstance(text, str):
        shown = show_no_text(text)
    elif clean_phone(text) == "":
        shown = "nothing"
    elif _NUMBER.fullmatch(clean_phone(text) or ""):
        shown = repr(mask_phone(text))
    else:
        shown = "other text"
    return (
        f"{name} must be a phone number of {region} or have a country's code, such"
        f" as '+14155550123'; got {shown}"
    )


show_in("autocalls_async.phones", of=globals())
