"""Places as other tools write them: stopped where they are surely meant so."""

import pytest

from autocalls_async.cli.texts.foreign import find_foreign
from autocalls_async.cli.texts.places import is_beside_a_sign, parse_text_template

HEADINGS = {"name", "first name", "1"}

PLACES = [
    *("%NAME%", "%%name%%", "%(name)s", "%name", "%first_name%", "[%name%]"),
    *("[name]", "[[name]]", "[ Name ]", "[First-Name]", "[firstname]", "[1]"),
    *("<name>", "<<name>>", "<NAME/>", "<%= name %>", "<% name %>", "<first_name>"),
    *("$name", "$NAME$", "$(name)", "$first_name", "\uff04name", "$$name$$"),
    *("\u00abName\u00bb", "\u2039name\u203a", "\u3010name\u3011", "\uff3bname\uff3d"),
    *("\uff1cname\uff1e", "\uff5bname\uff5d", "\uff05name\uff05"),
    *("#name#", "##name##", "|name|", "||name||", "@@name@@", "==name=="),
    *("^name^", "~~name~~", "~[name]", "&name;", "__name__", "*|NAME|*"),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_names_a_column_is_found(place: str) -> None:
    found = find_foreign(f"100 % for you, {place}!", HEADINGS)

    assert found is not None
    assert found[0] in f"{place} {place.translate(HALF)}"


HALF = str.maketrans("\uff04\uff3b\uff3d\uff1c\uff1e\uff05", "$[]<>%")


@pytest.mark.parametrize(
    "place", ["*|FNAME|*", "<%= user %>", "%(user)s", "##USER##", "@@user@@"]
)
def test_what_is_never_a_text_is_found_whatever_it_names(place: str) -> None:
    assert find_foreign(f"Hi {place}", HEADINGS) is not None


@pytest.mark.parametrize(
    "text",
    [
        "I <3 you, [sic], $5, 100% yours, 5% now, __b__ & name",
        "*name* and _name_ and ~name~ are bold, italic and struck out",
        "(name), name: name; #name at name@name.com",
        "#1 of 2, 1. and 10% 1 20%, <1 hour, 1> 0, a|1 b|",
        "https://shop.example/?a=%20name&name=1#name",
        "Tom & Jerry; R&D; 3 == 3; x ^ y ^ z; ## 1 ##",
    ],
)
def test_texts_are_texts(text: str) -> None:
    assert find_foreign(text, HEADINGS) is None


@pytest.mark.parametrize(
    "place",
    [
        "{{ name | default: 'x' }}",
        "{{name|default('x')}}",
        "{{ name|title }}",
        "{{name|upper|trim}}",
        '{{name|"there"}}',
        "{name|'there'}",
        "{name|\u201cthere\u201d}",
        "{{name || there}}",
    ],
)
def test_a_word_for_blanks_is_no_filter_of_another_tool(place: str) -> None:
    with pytest.raises(ValueError, match=r"is written \{name\|there\}"):
        parse_text_template(f"Hi {place}")


@pytest.mark.parametrize("word", ["there", "you: all of you", "Ma'am", "Default Inc."])
def test_a_word_for_blanks_may_be_any_other(word: str) -> None:
    text = parse_text_template(f"Hi {{name|{word}}}")

    assert text.render({"name": ""}) == f"Hi {word}"


@pytest.mark.parametrize("text", ["Hi ${name}", "Hi #{name}", "Hi %{name}, \\{name}"])
def test_a_sign_beside_a_place_is_seen(text: str) -> None:
    assert is_beside_a_sign(parse_text_template(text))
    assert not is_beside_a_sign(parse_text_template("Hi @{name}, {name}$"))
