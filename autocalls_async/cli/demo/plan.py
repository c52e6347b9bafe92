"""What the demo does, to whom: invented people, and what goes wrong on purpose."""

from attrs import frozen

from autocalls_async.emulator import Emulator
from autocalls_async.model.messages import FreeformMessage, Message, TemplateMessage

SENDER_ID = 12
_TEMPLATE_ID = 46
# Of twenty recipients, two have a window that has closed and one never wrote.
_CLOSED = {4, 11}
_STRANGER = {17}

ASKING = "+14155550099"
"""Who writes in the midst of the campaign, and is answered at once."""


@frozen(kw_only=True)
class Script:
    """What the demo does.

    Args:
        recipient_count: How many people the campaign is for.
        killed_count: How many people the campaign is for whose process is killed;
            0 kills none.
        rate: Sends a second, for both sides.
    """

    recipient_count: int = 28
    killed_count: int = 10
    rate: int = 5

    @property
    def recipients(self) -> list[str]:
        """Numbers that belong to nobody."""
        return [f"+1415555{i:04d}" for i in range(100, 100 + self.recipient_count)]

    @property
    def killed(self) -> list[str]:
        """Other such numbers."""
        return [f"+1415555{i:04d}" for i in range(5000, 5000 + self.killed_count)]

    def prepare(self, emulator: Emulator) -> None:
        """Make most recipients have written, some too long ago, and some never."""
        for index, phone in enumerate(self.recipients):
            if index % 20 in _CLOSED:
                emulator.expire_window(phone)
            elif index % 20 not in _STRANGER:
                emulator.customer_writes(phone)
        for phone in self.killed:
            emulator.customer_writes(phone)

    def messages(self) -> list[Message]:
        """Free text to all, and a template, which may go at any time, to a quarter."""
        texts: list[Message] = [
            FreeformMessage(
                recipient_phone=phone, message=f"Table {number} is ready for you."
            )
            for number, phone in enumerate(self.recipients, start=1)
        ]
        templates: list[Message] = [
            TemplateMessage(recipient_phone=phone, template_id=_TEMPLATE_ID)
            for phone in self.recipients[1::4]
        ]
        return texts + templates
