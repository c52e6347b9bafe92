"""Phone numbers as people keep them, made into those that the API takes.

Pure: no I/O, no clock, no asyncio.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from autocalls_async.model.masking import mask_phone

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_INTERNATIONAL = re.compile(r"\s*0\s*0[\s().-]*(?=[1-9])")

# Letters may be an extension, or two numbers in one cell: nothing is guessed.
_NUMBER = re.compile(r"\+?[\d\s().\-/\u00a0\u2010-\u2015]+")


def check_region(region: str) -> str:
    """Return the region in capitals.

    Raises:
        ValueError: There is none of this name.
    """
    if region.upper() in phonenumbers.SUPPORTED_REGIONS:
        return region.upper()
    msg = f"--region must be the two letters of a country, such as US; got {region!r}"
    raise ValueError(msg)


def normalise(phone: object, *, region: str) -> str:
    """Return a number in E.164: `(415) 555-0123` in `US` is `+14155550123`.

    One that is written so already stays as it is.

    Args:
        phone: As somebody wrote it.
        region: Where numbers without a country belong.

    Raises:
        ValueError: It is no number there, or may mean several.
    """
    if isinstance(phone, str):
        if _E164.fullmatch(phone):
            return phone
        found = _parse(phone, region) if _NUMBER.fullmatch(phone) else None
        if found is not None:
            return phonenumbers.format_number(found, PhoneNumberFormat.E164)
        shown = repr(mask_phone(phone)) if _NUMBER.fullmatch(phone) else "other text"
    else:
        shown = f"a value of type {type(phone).__name__}"
    msg = f"recipient_phone must be a phone number of {region} or have a country's "
    msg += f"code, such as '+14155550123'; got {shown}"
    raise ValueError(msg)


def _parse(phone: str, region: str) -> PhoneNumber | None:
    """Read it as in that region, and where that fails 00 as a plus sign."""
    readings = [phone]
    if prefix := _INTERNATIONAL.match(phone):
        readings.append("+" + phone[prefix.end() :])
    for reading in readings:
        try:
            number = phonenumbers.parse(reading, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number
    return None
