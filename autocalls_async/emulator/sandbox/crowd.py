"""How many conversations are kept: a campaign of a million must not fill memory."""

from attrs import define, field

from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.state import Tenant
from autocalls_async.emulator.world.history import Chat, History

_SLACK = 1.1
"""Over the bound by so much, before all are looked through."""


@define
class Crowd:
    """Forgets conversations that nobody can miss: closed, and without a message.

    To the service such a recipient is a stranger again, whom it refuses free text
    just as before.
    """

    keep: int
    clock: Clock
    _most: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._most = self.keep * _SLACK

    def forget(self, tenant: Tenant, history: History) -> list[Chat]:
        """Forget the oldest that can be, if there are too many; return them."""
        conversations = tenant.conversations
        if len(conversations) <= self._most:
            return []
        now = self.clock.time()
        gone = [
            chat
            for chat, conversation in conversations.items()
            if not conversation.remaining(now) and history.last(chat) is None
        ][: len(conversations) - self.keep]
        for chat in gone:
            del conversations[chat]
        self._most = max(self.keep, len(conversations)) * _SLACK
        return gone
