"""Which template a name means, among those of a sender."""

import pytest

from autocalls_async import Template
from autocalls_async.model.listings import find_template

DE = Template(id=1, name="hello", language="de", status="approved")
EN = Template(id=2, name="hello", language="en", status="approved")
OLD = Template(id=3, name="bill", language="de", status="rejected")
NEW = Template(id=4, name="bill", language="de", status="approved")
UNTOLD = Template(id=5, name="news", language="de", status=None)
PENDING = Template(id=6, name="later", language="de", status="pending")
NAMELESS = Template(id=7)
LISTED = (NAMELESS, DE, EN, OLD, NEW, UNTOLD, PENDING)


@pytest.mark.parametrize(
    ("name", "language", "found"),
    [
        pytest.param("hello", "de", DE, id="of a language"),
        pytest.param("hello", "en", EN, id="of another"),
        pytest.param("bill", None, NEW, id="an approved one goes first"),
        pytest.param("bill", "de", NEW, id="and in its language"),
        pytest.param("news", None, UNTOLD, id="whose status is not told"),
        pytest.param(
            "later", None, PENDING, id="not approved, where there is no other"
        ),
    ],
)
def test_a_name_means_one(name: str, language: str | None, found: Template) -> None:
    assert find_template(LISTED, name, language=language, of="sender 7") is found


@pytest.mark.parametrize(
    ("listed", "name", "language", "told"),
    [
        pytest.param(
            (NAMELESS, DE, NEW),
            "helo",
            None,
            "sender 7 has no template 'helo'; it has 'hello', 'bill'",
            id="no such name",
        ),
        pytest.param(
            (NAMELESS,),
            "a",
            None,
            "sender 7 has no template 'a'; it has none",
            id="none",
        ),
        pytest.param(
            LISTED,
            "hello",
            "fr",
            "template 'hello' is there in 'de' (1), 'en' (2), not in 'fr'",
            id="not in the language",
        ),
        pytest.param(
            LISTED,
            "hello",
            None,
            "template 'hello' is there in 'de' (1), 'en' (2): give its language or its"
            " number",
            id="in several",
        ),
    ],
)
def test_a_name_that_means_none_or_several_is_refused(
    listed: tuple[Template, ...], name: str, language: str | None, told: str
) -> None:
    with pytest.raises(ValueError, match="template") as caught:
        find_template(listed, name, language=language, of="sender 7")

    assert str(caught.value) == told


def test_twenty_names_are_told_at_most() -> None:
    listed = [Template(id=n, name=f"t{n}") for n in range(1, 22)]

    with pytest.raises(ValueError, match="has no template") as caught:
        find_template(listed, "other", language=None, of="sender 7")

    assert str(caught.value).endswith("'t19', 't20'")
