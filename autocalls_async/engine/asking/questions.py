"""What can be asked of the service. It is free, and changes nothing."""

import asyncio
from math import inf

from autocalls_async.engine.asking.conversations import Conversations
from autocalls_async.engine.asking.guard import WindowGuard
from autocalls_async.engine.asking.reads import Reads, Unread
from autocalls_async.engine.home import Home
from autocalls_async.http import replies, requests
from autocalls_async.model.answers import Account, ConversationStatus, Sender, Template
from autocalls_async.model.checks import (
    check_id,
    check_phone,
    check_seconds,
    choose_sender,
)
from autocalls_async.model.messages import Pair

PLACE_COUNT = 20
"""Questions under way at once; at 10 a second none holds a connection for long."""


class Questions:
    """The calls of a client that send nothing."""

    def __init__(
        self,
        reads: Reads,
        guard: WindowGuard,
        *,
        sender_id: int | None,
        timeout: float,
        switches: Reads | None = None,
    ) -> None:
        self._reads = reads
        self._switches = switches
        self._guard = guard
        if sender_id is not None:
            check_id("sender_id", sender_id)
        self._sender_id = sender_id
        self._timeout = check_seconds("timeout", timeout)
        self._home = Home()
        # A dashboard's thousand questions must not delay the check of one send.
        self._places = asyncio.Semaphore(PLACE_COUNT)

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
            found = await self._guard.ask(pair, deadline=deadline)
        if isinstance(found, Unread):
            raise found.error
        return found

    async def senders(
        self, *, include_offline: bool = False, timeout: float | None = None
    ) -> tuple[Sender, ...]:
        """List the account's senders that are online, or all of them.

        Raises:
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        request = requests.senders_request(include_offline=include_offline)
        return replies.read_senders(await self._read(request, timeout))

    async def templates(
        self,
        *,
        sender_id: int | None = None,
        include_unapproved: bool = False,
        timeout: float | None = None,
    ) -> tuple[Template, ...]:
        """List a sender's templates that are approved, or all of them.

        Raises:
            ValueError: There is no sender.
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        request = requests.templates_request(
            sender_id=choose_sender(sender_id, self._sender_id),
            include_unapproved=include_unapproved,
        )
        return replies.read_templates(await self._read(request, timeout))

    async def account(self, *, timeout: float | None = None) -> Account:
        """Ask whose key this is, and for the balance.

        Raises:
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer; ask again.
        """
        return replies.read_account(
            await self._read(requests.account_request(), timeout)
        )

    @property
    def conversations(self) -> Conversations:
        """Who talked with a sender, what was said, and who answers."""
        return Conversations(self._read, self._switch)

    async def _switch(
        self, request: requests.Request, seconds: float | None
    ) -> replies.Reply:
        if self._switches is None:
            msg = "there is no automation_key: set AUTOCALLS_AUTOMATION_KEY, or give it"
            raise ValueError(msg)
        return await self._ask(self._switches, request, seconds)

    async def _read(
        self, request: requests.Request, seconds: float | None
    ) -> replies.Reply:
        return await self._ask(self._reads, request, seconds)

    async def _ask(
        self, reads: Reads, request: requests.Request, seconds: float | None
    ) -> replies.Reply:
        self._home.check()
        deadline = self._deadline(seconds)
        async with self._places:
            found = await reads.read(request, deadline=deadline)
        if isinstance(found, Unread):
            raise found.error
        return found

    def _deadline(self, seconds: float | None) -> float | None:
        budget = self._timeout if seconds is None else check_seconds("timeout", seconds)
        return asyncio.get_running_loop().time() + budget if budget < inf else None
