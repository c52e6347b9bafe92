"""Numbers by the plan that all countries agree on, as `phonenumbers` keeps it.

Pure: no I/O of ours, no clock, no asyncio.
"""

import re

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
)

_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def find_number(written: str, region: str | None) -> PhoneNumber | None:
    """Return the number that is written so in a region, if it is a possible one.

    Args:
        written: As it is dialled there, or with a plus and its country's code.
        region: Such as `DE`; `None` takes only those that have their code.
    """
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def e164(number: PhoneNumber) -> str:
    """Return a number as the API takes it: `+4915123456789`."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_mobile(number: PhoneNumber) -> bool:
    """Whether it can be a mobile, as nearly all numbers with WhatsApp are."""
    return phonenumbers.number_type(number) in _MOBILE


def code_of(region: str) -> int:
    """Return a region's country code: 49 of `DE`."""
    return phonenumbers.country_code_for_region(region)


def split_code(phone: str) -> tuple[str, str]:
    """Return the country's code of an E.164 number, and the rest."""
    for end in (2, 3):
        if int(phone[1:end]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return phone[1:end], phone[end:]
    return phone[1:4], phone[4:]


def usual_form(number: PhoneNumber) -> str:
    """Return how a number is written in its own country."""
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def is_grouped_as(written: str, number: PhoneNumber) -> bool:
    """Whether its digits stand in the groups of a number's usual writing.

    Bare digits stand in no groups.
    """
    groups = re.findall("[0-9]+", written)
    kinds = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    usual = [
        re.findall("[0-9]+", phonenumbers.format_number(number, kind)) for kind in kinds
    ]
    return len(groups) > 1 and groups in usual
