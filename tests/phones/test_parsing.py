"""Numbers as people keep them: never somebody else's, whatever form they come in."""

import random
from collections.abc import Iterator
from itertools import product

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from autocalls_async.phones import (
    AmbiguousPhoneError,
    Numbers,
    parse_phone,
    person_of,
)
from tests.needs import MINUTES

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def e164(number: PhoneNumber) -> str:
    """Write a number as the API takes it."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def read(text: str, region: str) -> str | None:
    """Read a number, or say that it was refused."""
    try:
        return parse_phone(text, region=region)
    except ValueError:
        return None


TAKEN = [
    pytest.param("+4915123456789", "DE", "+4915123456789", id="E.164"),
    pytest.param("+49 151 2345 6789", "US", "+4915123456789", id="with blanks"),
    pytest.param("0151 23456789", "DE", "+4915123456789", id="trunk 0"),
    pytest.param("0151/23456789", "DE", "+4915123456789", id="a slash in its place"),
    pytest.param("(0151) 23456789", "DE", "+4915123456789", id="brackets"),
    pytest.param("+49 (0)151 23456789", "DE", "+4915123456789", id="optional trunk"),
    pytest.param("0049 151 23456789", "FR", "+4915123456789", id="00 for a plus"),
    pytest.param("(415) 555-0123", "US", "+14155550123", id="US"),
    pytest.param("14155550123", "US", "+14155550123", id="both readings are one"),
    pytest.param("612 34 56 78", "ES", "+34612345678", id="grouped as at home"),
    pytest.param("8 (912) 345-67-89", "RU", "+79123456789", id="pairs in Russia"),
    pytest.param("+7 912 345-67-89", "RU", "+79123456789", id="pairs with a plus"),
    pytest.param("050 123-45-67", "UA", "+380501234567", id="pairs in Ukraine"),
    pytest.param("8 029 123-45-67", "BY", "+375291234567", id="pairs in Belarus"),
    pytest.param("0532 123-45-67", "TR", "+905321234567", id="pairs in Turkey"),
    pytest.param("06-12-34-56-78", "FR", "+33612345678", id="pairs in France"),
    pytest.param("tel:+352-27-66-21-06", "LU", "+35227662106", id="pairs in a link"),
    pytest.param("20.11.16", "NC", "+687201116", id="no date in New Caledonia"),
    pytest.param("664123456.0", "AT", "+43664123456", id="float at home"),
    pytest.param("+43664123456.0", "AT", "+43664123456", id="float with a plus"),
    pytest.param("3331234567.0", "IT", "+393331234567", id="float in Italy"),
    pytest.param("'+4915123456789", "DE", "+4915123456789", id="apostrophe"),
    pytest.param("\u2019+4915123456789", "DE", "+4915123456789", id="typographic one"),
    pytest.param('="+4915123456788"', "DE", "+4915123456788", id="formula"),
    pytest.param("=+4915123456788", "DE", "+4915123456788", id="bare formula"),
    pytest.param("tel:+49-151-23456789", "DE", "+4915123456789", id="tel"),
    pytest.param("whatsapp:+4915123456789", "DE", "+4915123456789", id="whatsapp"),
    pytest.param("\u202a+4915123456789\u202c", "DE", "+4915123456789", id="bidi marks"),
    pytest.param("+49 151 2345\u200b6789", "DE", "+4915123456789", id="zero width"),
    pytest.param(
        "+33\u202f6\u00a012\u200934\u202f56\u202f78", "DE", "+33612345678", id="spaces"
    ),
    pytest.param("0151\u201123456789", "DE", "+4915123456789", id="typographic dash"),
    pytest.param("\uff0b4915123456789", "DE", "+4915123456789", id="full-width plus"),
    pytest.param("(+44) 20 7946 0018", "GB", "+442079460018", id="code in brackets"),
    pytest.param("(+49) 0151 23456789", "US", "+4915123456789", id="and the trunk 0"),
    pytest.param("https://wa.me/4915123456789", "DE", "+4915123456789", id="a link"),
    pytest.param("wa.me/+4915123456789", "DE", "+4915123456789", id="without scheme"),
    pytest.param(
        "https://api.whatsapp.com/send?phone=4915123456789&text=Hi",
        "DE",
        "+4915123456789",
        id="a link with a text",
    ),
    pytest.param("4915123456789@c.us", "DE", "+4915123456789", id="chat's name"),
    pytest.param(
        "4915123456789@s.whatsapp.net", "DE", "+4915123456789", id="user's name"
    ),
    pytest.param("030/123/4567", "DE", "+49301234567", id="slashes between groups"),
    pytest.param("0664.123.45.67", "AT", "+436641234567", id="dots between groups"),
    pytest.param("4915123456789+", "DE", "+4915123456789", id="plus behind, Arabic"),
    pytest.param("+0049 151 23456789", "DE", "+4915123456789", id="a plus and 00"),
    pytest.param("\u201c+4915123456789\u201d", "DE", "+4915123456789", id="quoted"),
    pytest.param("090\u30fc1234\u30fc5678", "JP", "+819012345678", id="long marks"),
    pytest.param("00573011234567", "CO", "+573011234567", id="00 and a carrier's 5"),
    pytest.param("04921 123456", "DE", "+494921123456", id="begins as its code"),
    pytest.param("+494921123456", "DE", "+494921123456", id="and with its code"),
    pytest.param("03361 2345678", "DE", "+4933612345678", id="0, grouped as at home"),
    pytest.param("+49015123456789", "US", "+4915123456789", id="E.164 with a 0"),
    pytest.param("+789123456789", "RU", "+79123456789", id="E.164 with an 8"),
    pytest.param("+3606201234567", "HU", "+36201234567", id="E.164 with an 06"),
    pytest.param("+39 (0)6 12345678", "US", "+390612345678", id="a 0 that belongs"),
    pytest.param("+390612345678", "IT", "+390612345678", id="a 0 of its own"),
    pytest.param("+77011234567", "KZ", "+77011234567", id="a code as its own digit"),
    pytest.param("+393931234567", "IT", "+393931234567", id="a mobile of 393"),
]


@pytest.mark.parametrize(("text", "region", "number"), TAKEN)
def test_a_number_is_read_in_the_forms_that_people_keep(
    text: str, region: str, number: str
) -> None:
    assert parse_phone(text, region=region) == number


AMBIGUOUS = [
    pytest.param("33612345678", "DE", "+33612345678", id="French in Germany"),
    pytest.param("447400123456", "DE", "+447400123456", id="British in Germany"),
    pytest.param("48512345678", "DE", "+48512345678", id="Polish in Germany"),
    pytest.param("33612345678", "AT", "+33612345678", id="French in Austria"),
]


@pytest.mark.parametrize(("text", "region", "abroad"), AMBIGUOUS)
def test_a_number_with_two_readings_is_refused_with_both(
    text: str, region: str, abroad: str
) -> None:
    with pytest.raises(AmbiguousPhoneError, match="could be") as caught:
        parse_phone(text, region=region)

    home = parse_phone(text, region=region, numbers="national")
    assert caught.value.readings == (abroad, home)
    assert home != abroad
    assert parse_phone(text, region=region, numbers="international") == abroad
    assert abroad[1:] not in str(caught.value)
    assert home[1:] not in str(caught.value)


@pytest.mark.parametrize("text", ["4915123456789", "4915123456789.0"])
def test_what_has_its_own_code_is_no_national_number_whatever_is_said(
    text: str,
) -> None:
    with pytest.raises(AmbiguousPhoneError, match="could be") as caught:
        parse_phone(text, region="DE")

    assert caught.value.readings == ("+4915123456789", "+494915123456789")
    assert parse_phone(text, region="DE", numbers="international") == "+4915123456789"
    with pytest.raises(ValueError, match="code twice"):
        parse_phone(text, region="DE", numbers="national")


REFUSED = [
    pytest.param("4.91512E+12", "DE", "shortened by a spreadsheet", id="scientific"),
    pytest.param("4,91512E+12", "DE", "shortened by a spreadsheet", id="with a comma"),
    pytest.param("030 1234567/68", "DE", "two numbers", id="an alternative"),
    pytest.param("0171 1234567 / 0172 1234567", "DE", "two num", id="two in a cell"),
    pytest.param("0491 123 / 0491 456", "DE", "two numbers", id="two short ones"),
    pytest.param("0491 123 - 0491 456", "DE", "two numbers", id="parted by a dash"),
    pytest.param("0491 123 +49 491 456", "DE", "two numbers", id="the second abroad"),
    pytest.param("030 123456-78", "DE", "must be", id="an extension or another"),
    pytest.param("0664 123532/3532", "AT", "two numbers", id="its last four"),
    pytest.param("+43 664 123532 - 12", "AT", "must be", id="an extension, apart"),
    pytest.param("0664 123532 \u2013 32", "AT", "must be", id="up to another"),
    pytest.param("0664 123532\u202632", "AT", "must be", id="with three dots"),
    pytest.param("0664123532.5", "AT", "must be", id="a fraction"),
    pytest.param("+43 664 123532.12", "AT", "must be", id="digits behind a dot"),
    pytest.param("1. 43664123532", "AT", "must be", id="a place in a list"),
    pytest.param("1) 43664123532", "AT", "must be", id="a place with a bracket"),
    pytest.param("26.11.2024", "DE", "is a date", id="a German date"),
    pytest.param("26.11.2024", "DK", "is a date", id="a Danish date"),
    pytest.param("06.12.2024", "IT", "is a date", id="a date with a 0"),
    pytest.param("21/11/2024", "NO", "is a date", id="a date with slashes"),
    pytest.param("2024-11-26", "SE", "is a date", id="the year first"),
    pytest.param("26.11.24", "GL", "is a date", id="a short year"),
    pytest.param("45622.0", "DE", "must be", id="a short float"),
    pytest.param("45622.50", "DE", "must be", id="a price"),
    pytest.param("-45622.5", "DE", "must be", id="a negative one"),
    pytest.param("+494915123456789", "DE", "code twice", id="its code twice"),
    pytest.param("+49 4915123456789", "US", "code twice", id="twice, abroad"),
    pytest.param("+410041791234567", "CH", "code twice", id="twice with 00"),
    pytest.param("494915123456789", "DE", "code twice", id="twice without a plus"),
    pytest.param("4141791234567", "DE", "code twice", id="twice, without, abroad"),
    pytest.param("0041 0041 791234567", "DE", "code twice", id="twice with 00, abroad"),
    pytest.param("+114155550123", "US", "code twice", id="a 1 twice"),
    pytest.param("0436641234567", "DE", "could be", id="0 for a plus, abroad"),
    pytest.param("+39 (0)331 4788936", "IT", "could be", id="a 0 that belongs or not"),
    pytest.param("033612345678", "AT", "could be", id="0 and the code of France"),
    pytest.param("049 151 23456789", "DE", "could be", id="0 for a plus"),
    pytest.param("0 49 151 23456789", "DE", "could be", id="0 for a plus, apart"),
    pytest.param("447400123456", "US", "write the plus", id="abroad alone"),
    pytest.param("12345", "DE", "must be", id="too short"),
    pytest.param("0151 23456789 ext. 3", "DE", "other text", id="an extension"),
    pytest.param("", "DE", "got nothing", id="empty"),
    pytest.param(" \u200b\u00a0", "DE", "got nothing", id="nothing to be seen"),
    pytest.param("+", "DE", "must be", id="a plus alone"),
    pytest.param(4915123456789, "DE", "a value of type int", id="a number"),
    pytest.param(4915123456789.0, "DE", "a value of type float", id="a float"),
    pytest.param(float("nan"), "DE", "a value of type float", id="not a number"),
    pytest.param(None, "DE", "a value of type NoneType", id="nothing"),
]


@pytest.mark.parametrize(("text", "region", "why"), REFUSED)
def test_what_is_no_number_says_why(text: object, region: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_phone(text, region=region, name="phone")

    assert str(caught.value).startswith("phone ")
    assert "5123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("015123456789", "international"), ("447400123456", "national")],
)
def test_how_numbers_are_meant_can_be_wrong_but_not_bent(
    text: str, numbers: Numbers
) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_phone(text, region="US", numbers=numbers)


def test_digits_behind_a_0_are_national_where_all_are_said_to_be() -> None:
    number = parse_phone("0436641234567", region="DE", numbers="national")

    assert number == "+49436641234567"


@pytest.mark.parametrize("text", ["+494915123456789", "00 49 49 151 23456789"])
def test_a_code_that_is_there_twice_is_no_region_s_matter(text: str) -> None:
    with pytest.raises(ValueError, match=r"code twice; if it is \+4915•••6789"):
        parse_phone(text, region=None)


def test_no_example_of_a_region_has_its_code_twice() -> None:
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)

    examples = [
        e164(number)
        for region, kind in product(REGIONS, kinds)
        if (number := phonenumbers.example_number_for_type(region, kind))
    ]

    assert len(examples) > 400
    assert [parse_phone(number, region=None) for number in examples] == examples


PERSONS = [
    ("+5215512345678", "+525512345678"),
    ("+5491123456789", "+541123456789"),
    ("+5511961231395", "+551161231395"),
]


@pytest.mark.parametrize(("one", "other"), PERSONS)
def test_two_spellings_of_one_person_are_one(one: str, other: str) -> None:
    assert person_of(one) == person_of(other)


def test_other_people_are_themselves() -> None:
    numbers = ["+4915123456789", "+14155550123", "+525512345678", "+551132345678"]

    assert [person_of(number) for number in numbers] == numbers


@MINUTES
def test_no_example_of_any_region_reaches_another_person() -> None:
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    examples = {
        e164(number)
        for region, kind in product(REGIONS, kinds)
        if (number := phonenumbers.example_number_for_type(region, kind))
    }
    found = {
        (number, text, region): read(text, region)
        for number, region in product(sorted(examples), REGIONS[::6])
        for text in (number[1:], f"{number[1:]}.0", f"'{number}")
    }

    taken = [key for key, result in found.items() if result is not None]
    strangers = [key for key in taken if found[key] != key[0]]
    assert strangers == []
    assert len(taken) > 10_000
    assert len(found) - len(taken) > 10_000


def mobiles(region: str, count: int) -> Iterator[PhoneNumber]:
    """Draw valid mobiles of a region, whatever their first digits."""
    rng = random.Random(region)
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert example is not None
    length = len(str(example.national_number))
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    while count:
        digits = rng.randrange(10 ** (length - 1), 10**length)
        number = PhoneNumber(country_code=example.country_code, national_number=digits)
        is_there = phonenumbers.is_valid_number_for_region(number, region)
        if is_there and phonenumbers.number_type(number) in kinds:
            count -= 1
            yield number


@pytest.mark.parametrize(
    "region", ["US", "CA", "GB", "FR", "IT", "ES", "BR", "MX", "IN", "AR", "NL", "DE"]
)
def test_few_numbers_in_their_national_form_are_refused(region: str) -> None:
    texts = {
        phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL): e164(number)
        for number in mobiles(region, 100)
    }

    found = {text: read(text, region) for text in texts}

    refused = [text for text, number in found.items() if number is None]
    assert all(found[text] in {None, number} for text, number in texts.items())
    assert len(refused) <= 3
    assert not any(text.startswith("0") for text in refused)


@given(st.text(max_size=30), st.sampled_from(REGIONS))
def test_any_text_is_a_number_or_refused(text: str, region: str) -> None:
    number = read(text, region)

    assert number is None or number == text or is_valid(number)


def is_valid(number: str) -> bool:
    """Whether there may be somebody behind a number in E.164."""
    return phonenumbers.is_valid_number(phonenumbers.parse(number))


@pytest.mark.parametrize(
    ("text", "region", "numbers"),
    [
        pytest.param("+43 664 1234567\u00b2", "AT", None, id="superscript"),
        pytest.param("0664 1234567 \u2460", "AT", None, id="circled digit"),
        pytest.param("0171 1234567\u00b9", "DE", None, id="superscript in DE"),
        pytest.param("+436641234567.00", "AT", None, id="two decimals"),
        pytest.param("436641234567.00", "AT", "international", id="two without plus"),
        pytest.param("436 641 234 567.0", "AT", "international", id="grouped decimals"),
        pytest.param("0664 1234567\n12", "AT", None, id="line break in a cell"),
        pytest.param("+43 664 1234567\t12", "AT", None, id="tab in a cell"),
    ],
)
def test_what_stands_behind_a_number_is_no_part_of_it(
    text: str, region: str, numbers: Numbers | None
) -> None:
    with pytest.raises(ValueError, match="recipient_phone"):
        parse_phone(text, region=region, numbers=numbers)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(None, "a value of type NoneType", id="nothing"),
        pytest.param(4915123456789, "a value of type int", id="a number"),
        pytest.param(
            "+49 151 23456789\u00b9", "17 characters that are no number", id="a note"
        ),
    ],
)
def test_without_a_region_what_is_no_number_says_why(text: object, told: str) -> None:
    with pytest.raises(ValueError, match="must be E") as caught:
        parse_phone(text, region=None, name="phone")

    assert str(caught.value).startswith("phone must be E.164")
    assert str(caught.value).endswith(f"; got {told}")


def test_without_a_region_a_code_is_not_there_twice_with_00_either() -> None:
    with pytest.raises(ValueError, match="code twice"):
        parse_phone("0041 0041 791234567", region=None)
