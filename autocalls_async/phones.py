"""Phone numbers as people keep them, read as those that the API takes.

It needs the extra `phones`. A number that could be read as two different ones is
refused and never guessed: spreadsheets drop the plus, and `4915123456789` in Germany
is then both a mobile with its country's code and a number of its own.
"""

import re
import unicodedata
from typing import Literal, TypeAlias

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
)

from autocalls_async.model.checks import check_phone, show_no_text
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in

__all__ = ["AmbiguousPhoneError", "Numbers", "parse_phone", "person_of"]

Numbers: TypeAlias = Literal["international", "national"]
"""How digits without a plus are meant: with or without their country's code."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

# By which people keep a spreadsheet from mangling a number, and what links begin with.
_GUARD = re.compile(
    r"""^(?:=\s*)?["'`\u2018-\u201f]?(?:(?:tel|whatsapp):)?|["'\u2018-\u201f]$""",
    re.IGNORECASE,
)
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u2500\u30fc]")
_SHORTENED = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_CODE_IN_BRACKETS = re.compile(r"^\(\s*(\+\s*[0-9]{1,3})\s*\)")
# As WhatsApp writes them: with their country's code, and no plus.
_LINK = re.compile(
    r"(?:https?://)?(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=)\+?([0-9]{7,15})"
    r"(?:[/?&].*)?|([0-9]{7,15})@(?:c\.us|s\.whatsapp\.net)",
    re.IGNORECASE,
)
_FLOAT_TAIL = re.compile(r"(\+?[0-9]{7,15})[.,]0")
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]{1,2}")
_PLUS_BEHIND = re.compile(r"([1-9][0-9 ().\-/]*)\+")  # written from the right
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
# Letters may be an extension, or two numbers in one cell: nothing is guessed.
_NUMBER = re.compile(r"\+?[0-9 ().\-/]+")
_INTERNATIONAL = re.compile(r"\+?0\s*0[ ().-]*(?=[1-9])")
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


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
    if isinstance(text, str) and _E164.fullmatch(text):
        return _tidy(text, name)
    written = _clean(text)
    if written is None:
        raise ValueError(_refusal(name, text, region))
    if _SHORTENED.fullmatch(written):
        msg = (
            f"{name} was shortened by a spreadsheet; format the column as text and"
            " export it again"
        )
        raise ValueError(msg)
    if _is_date(written, region):
        msg = f"{name} is a date; look whether it is the right column"
        raise ValueError(msg)
    if _are_two(written, region):
        msg = f"{name} lists two numbers in one; write each in a row of its own"
        raise ValueError(msg)
    if region is None:
        return _read_abroad(written, name)
    found = _read(written, region, numbers=numbers, name=name)
    if found is None:
        raise ValueError(_refusal(name, text, region))
    return _e164(found)


def _tidy(phone: str, name: str) -> str:
    """Return an E.164 number without a trunk's 0 in it: `+49 0151…`.

    Raises:
        ValueError: Somebody put its code before it twice: `+49 49 151…`. Where digits
            that are a code begin a number of their own, they stay.
    """
    code, rest = _split(phone)
    if not rest.startswith(("0", code)) and not phone.startswith("+78"):
        return phone
    whole, rest = _parse(phone, None), rest.removeprefix("00")
    once = _parse("+" + rest, None) if rest.startswith(code) else None
    tidy = phone if whole is None else _e164(whole)
    is_mobile = whole and tidy == phone and _is_mobile(whole)
    if once and _is_mobile(once) and not is_mobile:
        shown = mask_phone(_e164(once))
        msg = f"{name} has its country's code twice; if it is {shown}, write it so"
        raise ValueError(msg)
    return tidy


def _split(phone: str) -> tuple[str, str]:
    """Return the country's code of an E.164 number, and the rest."""
    for end in (2, 3):
        if int(phone[1:end]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return phone[1:end], phone[end:]
    return phone[1:4], phone[4:]


def _is_mobile(number: PhoneNumber) -> bool:
    """Whether it can be a mobile, as nearly all numbers with WhatsApp are."""
    return phonenumbers.number_type(number) in _MOBILE


def _clean(text: object) -> str | None:
    """Return what was written without what nobody sees or means, if it is text.

    A raised or circled digit is a note's and no part of a number, and a line end in a
    cell parts two things: neither is dropped or joined.
    """
    if not isinstance(text, str) or any(map(_is_a_note, text)):
        return None
    seen = "".join(
        _plain(c)
        for c in unicodedata.normalize("NFKC", text.strip())
        if unicodedata.category(c) != "Cf"
    )
    seen = _DASHES.sub("-", seen).strip()
    seen = _GUARD.sub("", seen).strip()
    if link := _LINK.fullmatch(seen):
        return f"+{link[1] or link[2]}"
    if tail := _FLOAT_TAIL.fullmatch(seen):
        return tail[1]
    if behind := _PLUS_BEHIND.fullmatch(seen):
        return f"+{behind[1]}"
    return _CODE_IN_BRACKETS.sub(r"\1 ", seen)


def _plain(character: str) -> str:
    """Return any script's digit as that of ASCII, and any blank as a space."""
    match unicodedata.category(character):
        case "Zs":
            return " "
        case "Nd":
            return str(unicodedata.decimal(character))
    return character


def _is_a_note(character: str) -> bool:
    return unicodedata.category(character) == "No"


def _read(
    written: str, region: str, *, numbers: Numbers | None, name: str
) -> PhoneNumber | None:
    if not _NUMBER.fullmatch(written) or _has_tail(written, region):
        return None
    if prefix := _INTERNATIONAL.match(written):
        abroad = _parse_abroad(written[prefix.end() :], name)
        if abroad and abroad.country_code == _code_of(region):
            return abroad
        # Some countries dial abroad with 001 or 0011.
        return _the_one(abroad, _parse(written, region), name)
    if written.startswith("+"):
        return _parse_abroad(written[1:], name)
    if written.startswith(("0", "(0")):  # no country's code does
        home = _parse(written, region)
        abroad = None if numbers == "national" else _parse_behind_0(written, home)
        return _the_one(abroad, home, name)
    return _read_digits(written, region, numbers=numbers, name=name)


def _the_one(
    abroad: PhoneNumber | None, home: PhoneNumber | None, name: str
) -> PhoneNumber | None:
    if abroad is None or home is None or _e164(abroad) == _e164(home):
        return abroad or home
    raise AmbiguousPhoneError(name, (_e164(abroad), _e164(home)))


def _parse_behind_0(written: str, home: PhoneNumber | None) -> PhoneNumber | None:
    """Read `049 151…` as `+49 151…`, and so for the mobiles of other countries."""
    abroad = _parse("+" + written.replace("0", "", 1), None)
    if abroad is None or home is None:
        return None
    is_own = abroad.country_code == home.country_code
    is_meant = is_own or (_is_mobile(abroad) and not _is_mobile(home))
    return abroad if is_meant and not _is_grouped_as(written, home) else None


def _code_of(region: str) -> int:
    return phonenumbers.country_code_for_region(region)


def _has_tail(written: str, region: str | None) -> bool:
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
        _parse(t, region) for t in (written, written[: extension.start()])
    )
    return not whole or (without is not None and not _is_grouped_as(written, whole))


def _is_date(written: str, region: str | None) -> bool:
    """Whether a date stands there, be its digits a number too.

    Where numbers are written so, as `20.19.16` in New Caledonia, it is one of those.
    """
    if not _DATE.fullmatch(written):
        return False
    number = _parse(written, region)
    usual = number and phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return usual != written


def _are_two(written: str, region: str | None) -> bool:
    """Whether two are listed: `0491 123 / 0491 456`, `030 12345 / 46`."""
    other = _OTHER_END.fullmatch(written)
    if _ALTERNATIVE.search(written) or (other and _parse(other[1], region)):
        return True
    return any(
        _parse(written[: found.start()], region)
        and _parse(written[found.end() :], region)
        for found in _BREAK.finditer(written)
    )


def _read_abroad(written: str, name: str) -> str:
    """Read a number that has its country's code, where none is known."""
    if prefix := _INTERNATIONAL.match(written):
        written = "+" + written[prefix.end() :]
    has_code = written.startswith("+") and _NUMBER.fullmatch(written)
    is_number = has_code and not _has_tail(written, None)
    found = _parse_abroad(written[1:], name) if is_number else None
    return _e164(found) if found else _tidy(check_phone(name, written), name)


def _read_digits(
    written: str, region: str, *, numbers: Numbers | None, name: str
) -> PhoneNumber | None:
    """Read a number that begins with neither a plus nor a 0."""
    home = _parse(written, region)
    if numbers == "national":
        if home:
            _tidy(_e164(home), name)
        return home
    abroad = _parse_abroad(written, name)
    if numbers == "international":
        return abroad
    if home is None and abroad is not None:
        msg = (
            f"{name} is no number of {region}; if it is {mask_phone(_e164(abroad))},"
            " write the plus, or say that all are international"
        )
        raise ValueError(msg)
    if (
        home
        and abroad
        and _is_grouped_as(written, home)
        and not _is_grouped_as(written, abroad)
    ):
        return home
    return _the_one(abroad, home, name)


def _is_grouped_as(written: str, number: PhoneNumber) -> bool:
    """Whether its digits stand in the groups of a number's usual writing.

    Bare digits stand in no groups.
    """
    groups = re.findall("[0-9]+", written)
    kinds = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    usual = [
        re.findall("[0-9]+", phonenumbers.format_number(number, kind)) for kind in kinds
    ]
    return len(groups) > 1 and groups in usual


def _parse(written: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _parse_abroad(digits: str, name: str) -> PhoneNumber | None:
    """Read a number that begins with its country's code."""
    found = _parse("+" + digits, None)
    if "(0)" in digits:  # to be left out from abroad, but for Italy's landlines
        found = _the_one(_parse("+" + digits.replace("(0)", ""), None), found, name)
    phone = _e164(found) if found else "+" + re.sub("[^0-9]", "", digits)
    if _E164.fullmatch(phone):
        _tidy(phone, name)
    return found


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _refusal(name: str, text: object, region: str | None) -> str:
    if region is None:
        return check_phone.refusal(name, text)
    if not isinstance(text, str):
        shown = show_no_text(text)
    elif _clean(text) == "":
        shown = "nothing"
    elif _NUMBER.fullmatch(_clean(text) or ""):
        shown = repr(mask_phone(text))
    else:
        shown = "other text"
    return (
        f"{name} must be a phone number of {region} or have a country's code, such"
        f" as '+14155550123'; got {shown}"
    )


show_in("autocalls_async.phones", of=globals())
