"""Where a long text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import split_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
WAVE = "\U0001f44b\U0001f3fd"
FLAG = "\U0001f1e9\U0001f1ea"


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        pytest.param("short", 10, ("short",), id="short"),
        pytest.param("  short \n", 10, ("short",), id="white space around"),
        pytest.param("one two three", 8, ("one two", "three"), id="words"),
        pytest.param("One. Two. Three.", 10, ("One. Two.", "Three."), id="sentences"),
        pytest.param("One two\nthree four", 12, ("One two", "three four"), id="lines"),
        pytest.param("A b.\n\nC d e. F", 11, ("A b.", "C d e. F"), id="paragraphs"),
        pytest.param('He said "no." Yes', 14, ('He said "no."', "Yes"), id="quotes"),
        pytest.param("abcdefgh", 3, ("abc", "def", "gh"), id="one word"),
        pytest.param("好的。再见。谢谢", 5, ("好的。", "再见。谢谢"), id="no spaces"),
        pytest.param("abe\u0301", 3, ("ab", "e\u0301"), id="a mark"),
        pytest.param("ae\u0301", 2, ("a", "e\u0301"), id="behind the first letter"),
        pytest.param(f"abcd{FAMILY}", 6, ("abcd", FAMILY), id="joined"),
        pytest.param(f"ab{WAVE}", 3, ("ab", WAVE), id="a modifier"),
        pytest.param(f"a{FLAG}{FLAG}", 4, (f"a{FLAG}", FLAG), id="a flag"),
    ],
)
def test_it_is_cut_where_a_reader_would(
    text: str, limit: int, parts: tuple[str, ...]
) -> None:
    assert split_text(text, limit=limit) == parts


def test_a_message_holds_a_part() -> None:
    text = "Word after word. " * 1000

    parts = split_text(text)

    assert all(len(part) <= 4096 for part in parts)
    assert len(parts) == 5
    assert " ".join(parts) == text.strip()


@given(
    st.text(alphabet="ab .\n\u0301\u200d\U0001f44b\U0001f3fd\U0001f1e9", min_size=1),
    st.integers(1, 12),
)
def test_no_part_is_empty_or_too_long_and_nothing_is_lost(
    text: str, limit: int
) -> None:
    if not text.strip():
        return

    parts = split_text(text, limit=limit)

    assert all(part.strip() and len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(
    st.lists(st.sampled_from(["a", " ", ". ", "e\u0301", WAVE, FAMILY]), min_size=1),
    st.integers(6, 12),
)
def test_no_letter_is_cut(letters: list[str], limit: int) -> None:
    text = "".join(letters)
    if not text.strip():
        return

    parts = split_text(text, limit=limit)

    assert all(part.count("e") == part.count("\u0301") for part in parts)
    assert all(part.count(WAVE[0]) == part.count(WAVE) for part in parts)
    assert sum(part.count(FAMILY) for part in parts) == text.count(FAMILY)


@pytest.mark.parametrize("text", ["", "  \n", None, "\ud800"])
def test_what_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="text must"):
        split_text(text)


def test_a_run_of_marks_without_end_is_cut_all_the_same() -> None:
    parts = split_text("a" + "\u0301" * 500, limit=100)

    assert len(parts) == 6


@pytest.mark.parametrize(
    ("text", "limit", "told"),
    [
        pytest.param("  ", 5, "text must not be blank", id="blank"),
        pytest.param("a", 0, "limit must be a whole number above 0; got 0", id="limit"),
    ],
)
def test_what_cannot_be_cut_is_refused(text: str, limit: int, told: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        split_text(text, limit=limit)

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        pytest.param("ab cdefgh", 6, ("ab cde", "fgh"), id="a word ends too early"),
        pytest.param("abc defgh", 6, ("abc", "defgh"), id="a word ends past the half"),
        pytest.param("abcd efgh", 4, ("abcd", "efgh"), id="a word ends at the limit"),
        pytest.param("ab cdefghi", 7, ("ab cdef", "ghi"), id="short of an odd half"),
        pytest.param("abc cdefghi", 7, ("abc", "cdefghi"), id="past an odd half"),
        pytest.param("a  b", 2, ("a", "b"), id="white space at the cut"),
        pytest.param(
            "abc\U000e0067\U000e007fd", 4, ("ab", "c\U000e0067\U000e007fd"), id="tags"
        ),
        pytest.param(
            "e" + "\u0301" * 3, 2, ("e\u0301", "\u0301\u0301"), id="marks alone"
        ),
        pytest.param(f"{FLAG}{FLAG}", 3, (FLAG, FLAG), id="a flag behind a flag"),
        pytest.param(
            'He said "no." Yes', 12, ("He said", '"no." Yes'), id="no room for a quote"
        ),
        pytest.param(
            "a a.\n\nb b.\n\nc", 10, ("a a.\n\nb b.", "c"), id="a paragraph that fits"
        ),
        pytest.param(
            "a\nb b \nc", 5, ("a\nb b", "c"), id="a line and a blank that fit"
        ),
        pytest.param(
            "好。的。再见", 4, ("好。的。", "再见"), id="a sentence that fits"
        ),
        pytest.param("a bcde", 3, ("a", "bcd", "e"), id="a word of one letter"),
        pytest.param(
            "a " + "\u0301" * 4, 4, ("a", "\u0301" * 4), id="white space with marks"
        ),
        pytest.param(f"ab{FLAG}", 2, ("ab", FLAG), id="a flag at the limit"),
    ],
)
def test_a_cut_is_neither_too_early_nor_within_a_letter(
    text: str, limit: int, parts: tuple[str, ...]
) -> None:
    assert split_text(text, limit=limit) == parts
