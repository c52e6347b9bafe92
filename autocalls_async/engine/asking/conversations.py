"""Conversations: who talked with a sender, what was said, and who answers."""

from collections.abc import AsyncIterator, Awaitable, Callable

from autocalls_async.http import replies, requests
from autocalls_async.http.reply import Reply
from autocalls_async.model.checks import check_phone, check_uuid
from autocalls_async.model.listings import Conversation, HistoryEntry
from autocalls_async.model.values.masking import forgetful
from autocalls_async.model.values.naming import show_in

Ask = Callable[[requests.Request, float | None], Awaitable[Reply]]
"""Asks something within so many seconds; `None` means the client's."""


class Conversations:
    """What the service knows of conversations.

    The id of one is a secret: whoever has it can read it without a key.

    A bot of yours on a sender whose own assistant is on answers everybody twice:
    switch the assistant off with `disable_ai()` where the bot takes over.
    """

    def __init__(self, ask: Ask, switch: Ask) -> None:
        self._ask = ask
        self._switch = switch

    async def list(
        self,
        *,
        phone: str | None = None,
        sender_phone: str | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[Conversation]:
        """Yield the WhatsApp conversations, page after page.

        Args:
            phone: Only this person's, in E.164.
            sender_phone: Only those with this sender, known by its number.
            timeout: Seconds for each page; `None` means the client's.

        Raises:
            ValueError: An argument breaks its rule.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        _check_phones(phone=phone, sender_phone=sender_phone)
        cursor, seen = None, set[str]()
        while cursor is None or cursor not in seen:
            seen.update(() if cursor is None else {cursor})
            request = requests.conversations_request(
                phone=phone, sender_phone=sender_phone, cursor=cursor
            )
            rows, cursor = replies.read_conversations(await self._ask(request, timeout))
            for row in rows:
                yield row
            if cursor is None:
                return

    async def history(
        self, conversation_id: str, *, timeout: float | None = None
    ) -> tuple[HistoryEntry, ...]:
        """Return what was said in a conversation, in its order.

        Args:
            conversation_id: Its UUID.
            timeout: In seconds; `None` means the client's.

        Raises:
            ValueError: That is no UUID.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        try:
            request = requests.history_request(
                check_uuid("conversation_id", conversation_id)
            )
        finally:
            del conversation_id  # tracers show a failed frame's variables
        return replies.read_history(await self._ask(request, timeout))

    async def disable_ai(
        self, conversation_id: str, *, timeout: float | None = None
    ) -> None:
        """Keep the sender's own assistant from answering in a conversation.

        It takes the client's `automation_key`. Doing it again does no harm.

        Raises:
            ValueError: That is no UUID, or the client has no such key.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; do it again.
        """
        try:
            request = requests.ai_request(
                check_uuid("conversation_id", conversation_id), is_on=False
            )
        finally:
            del conversation_id  # as above
        await self._switch(request, timeout)

    async def enable_ai(
        self, conversation_id: str, *, timeout: float | None = None
    ) -> None:
        """Let the sender's own assistant answer in a conversation again.

        Raises:
            ValueError: That is no UUID, or the client has no `automation_key`.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; do it again.
        """
        try:
            request = requests.ai_request(
                check_uuid("conversation_id", conversation_id), is_on=True
            )
        finally:
            del conversation_id  # as above
        await self._switch(request, timeout)


@forgetful
def _check_phones(**phones: str | None) -> None:
    for name, number in phones.items():
        if number is not None:
            check_phone(name, number)


show_in("autocalls_async", "Conversations", of=globals())
