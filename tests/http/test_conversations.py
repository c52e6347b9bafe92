"""Answers about conversations: read whole, or not at all."""

import json

import pytest

from autocalls_async import Conversation, HistoryEntry, UnavailableError
from autocalls_async.http.replies import read_conversations, read_history
from autocalls_async.http.reply import Reply

_ID = "9b2f5a3e-1c4d-4e5f-8a6b-0123456789af"
_ROW = {"id": _ID, "type": "whatsapp", "created_at": "2026-05-01T09:00:00Z"}


def _reply(content: object) -> Reply:
    return Reply(status=200, body=json.dumps(content).encode(), host="api.test")


def test_a_page_tells_its_rows_and_the_next_ones_cursor() -> None:
    rows, cursor = read_conversations(_reply({"data": [_ROW], "next_cursor": "b"}))

    assert [type(row) for row in rows] == [Conversation]
    assert rows[0].id == _ID
    assert cursor == "b"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"data": []}, id="none told"),
        pytest.param({"data": [], "next_cursor": None}, id="null"),
    ],
)
def test_the_last_page_has_no_cursor(content: object) -> None:
    assert read_conversations(_reply(content)) == ((), None)


def test_a_history_is_in_its_order() -> None:
    told = [{"role": "user", "content": "Hi"}, {"role": "bot", "content": "Hello"}]

    entries = read_history(_reply({"history": told}))

    assert [type(entry) for entry in entries] == [HistoryEntry] * 2
    assert len(entries) == 2


@pytest.mark.parametrize("read", [read_conversations, read_history])
@pytest.mark.parametrize("content", [5, {}, {"data": 5, "history": 5}, None])
def test_what_cannot_be_read_says_whose_answer_it_was(
    read: object, content: object
) -> None:
    assert callable(read)
    with pytest.raises(UnavailableError) as caught:
        read(_reply(content))

    assert (caught.value.status, caught.value.host) == (200, "api.test")
    assert "not what the API documents" in str(caught.value)
