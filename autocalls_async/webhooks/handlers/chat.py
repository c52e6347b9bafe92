"""The other side of an inbound message: somebody to write to."""

from typing import Protocol

from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import FreeformMessage, Message
from autocalls_async.model.outcomes import Accepted, Outcome, Unsent, outcome_of
from autocalls_async.model.splitting import split_text
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in


class CanSend(Protocol):
    """Whoever can send a message: a client."""

    async def send(self, message: Message) -> SentMessage:
        """Send one message, and wait until the service has accepted it."""


class Chat:
    """One person who has written, and how to answer.

    Attributes:
        phone: Their number, in E.164.
    """

    def __init__(self, client: CanSend, phone: str, sender_id: int | None) -> None:
        self.phone = phone
        self._client = client
        self._sender_id = sender_id

    def __repr__(self) -> str:
        return f"<Chat with {mask_phone(self.phone)}>"

    async def send(self, text: str) -> SentMessage:
        """Send free text, as `AutocallsClient.send_freeform()` does.

        Args:
            text: 1 to 4096 characters, not blank.

        Raises:
            ValueError: The text breaks its rule.
            AutocallsError: As a send does.
        """
        return await self._client.send(self._message(text))

    async def send_long(self, text: str) -> tuple[Outcome, ...]:
        """Send a text of any length in parts, one after another.

        After a part that was not accepted the others are not sent: nobody should
        read an answer without its middle.

        Returns:
            One outcome a part, in their order.

        Raises:
            ValueError: The text is blank.
        """
        outcomes: list[Outcome] = []
        is_whole = True
        for index, part in enumerate(split_text(text)):
            message = self._message(part)
            if is_whole:
                outcomes.append(await self._try(message, index))
                is_whole = isinstance(outcomes[-1], Accepted)
            else:
                detail = "a part before it was not accepted"
                error = UnsentError(detail=detail, recipient_phone=self.phone)
                outcomes.append(Unsent(message=message, error=error, index=index))
        return tuple(outcomes)

    def _message(self, text: str) -> FreeformMessage:
        return FreeformMessage(
            recipient_phone=self.phone, message=text, sender_id=self._sender_id
        )

    async def _try(self, message: Message, index: int) -> Outcome:
        try:
            sent = await self._client.send(message)
        except (RejectedError, UnsentError, UnknownOutcomeError) as error:
            return outcome_of(message, error, index=index)
        return Accepted(message=message, sent=sent, index=index)


show_in("autocalls_async.webhooks", "Chat", of=globals())
