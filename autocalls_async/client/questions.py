"""What can be asked of the service. It is free, and changes nothing."""

import asyncio
from math import inf
from typing import TYPE_CHECKING

from autocalls_async.client.home import Home
from autocalls_async.clock import loop_time
from autocalls_async.model.answers import ConversationStatus
from autocalls_async.model.checks import (
    check_id,
    check_phone,
    check_seconds,
    choose_sender,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Pair

if TYPE_CHECKING:
    from autocalls_async.client import wiring as _wirings
    from autocalls_async.engine.asking import conversations as _conversations
    from autocalls_async.engine.asking import reads as _reads
    from autocalls_async.http import replies as _replies
    from autocalls_async.http import reply as _reply
    from autocalls_async.http import requests as _requests
    from autocalls_async.model import listings as _listings
else:
    # these come with the first client
    _wirings = Later("autocalls_async.client.wiring")
    _reads = Later("autocalls_async.engine.asking.reads")
    _reply = Later("autocalls_async.http.reply")
    _requests = Later("autocalls_async.http.requests")
    _replies = Later("autocalls_async.http.replies")
    # most programs list nothing
    _conversations = Later("autocalls_async.engine.asking.conversations")
    _listings = Later("autocalls_async.model.listings")

PLACE_COUNT = 20
"""Questions under way at once; at 10 a second none holds a connection for long."""


class Questions:
    """The calls of a client that send nothing."""

    def __init__(
        self, wiring: "_wirings.Wiring", *, sender_id: int | None, timeout: float
    ) -> None:
        if sender_id is not None:
            check_id("sender_id", sender_id)
        self._sender_id = sender_id
        self._timeout = check_seconds("timeout", timeout)
        self._home = Home()
        # A dashboard's thousand questions must not delay the check of one send.
        self._places = asyncio.Semaphore(PLACE_COUNT)
        self._wiring = wiring  # the last: whoever has it is made

    async def session_status(
        self,
        recipient_phone: str,
        *,
        sender_id: int | None = None,
        timeout: float | None = None,
    ) -> ConversationStatus:
        """Ask whether free text may be sent to this recipient now. It is free.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        try:
            check_phone("recipient_phone", recipient_phone)
            sender = choose_sender(sender_id, self._sender_id)
            pair = Pair(sender_id=sender, recipient_phone=recipient_phone)
        finally:
            del recipient_phone  # tracers show a failed frame's variables
        self._home.check()
        deadline = self._deadline(timeout)
        async with self._places:
            found = await self._wiring.guard.ask(pair, deadline=deadline)
        if isinstance(found, _reads.Unread):
            raise found.error
        return found

    async def senders(
        self, *, include_offline: bool = False, timeout: float | None = None
    ) -> "tuple[_listings.Sender, ...]":
        """List the account's senders that are online, or all of them.

        Raises:
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        request = _requests.senders_request(include_offline=include_offline)
        return _replies.read_senders(await self._read(request, timeout))

    async def templates(
        self,
        *,
        sender_id: int | None = None,
        include_unapproved: bool = False,
        timeout: float | None = None,
    ) -> "tuple[_listings.Template, ...]":
        """List a sender's templates that are approved, or all of them.

        Raises:
            ValueError: There is no sender.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        request = _requests.templates_request(
            sender_id=choose_sender(sender_id, self._sender_id),
            include_unapproved=include_unapproved,
        )
        return _replies.read_templates(await self._read(request, timeout))

    async def account(self, *, timeout: float | None = None) -> "_listings.Account":
        """Ask whose key this is, and for the balance.

        Raises:
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        return _replies.read_account(
            await self._read(_requests.account_request(), timeout)
        )

    @property
    def conversations(self) -> "_conversations.Conversations":
        """Who talked with a sender, what was said, and who answers."""
        return _conversations.Conversations(self._read, self._switch)

    async def _switch(
        self, request: "_requests.Request", seconds: float | None
    ) -> "_reply.Reply":
        switches = self._wiring.switches
        if switches is None:
            msg = "there is no automation_key: set AUTOCALLS_AUTOMATION_KEY, or give it"
            raise ValueError(msg)
        return await self._ask(switches, request, seconds)

    async def _read(
        self, request: "_requests.Request", seconds: float | None
    ) -> "_reply.Reply":
        return await self._ask(self._wiring.reads, request, seconds)

    async def _ask(
        self, reads: "_reads.Reads", request: "_requests.Request", seconds: float | None
    ) -> "_reply.Reply":
        self._home.check()
        deadline = self._deadline(seconds)
        async with self._places:
            found = await reads.read(request, deadline=deadline)
        if isinstance(found, _reads.Unread):
            raise found.error
        return found

    def _deadline(self, seconds: float | None) -> float | None:
        budget = self._timeout if seconds is None else check_seconds("timeout", seconds)
        return loop_time() + budget if budget < inf else None
