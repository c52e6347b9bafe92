"""The people that the client's tests write to."""

from autocalls_async import FreeformMessage
from autocalls_async.emulator import Emulator

SENDER = 12
ANA = "+14155550123"  # has just written, see the fixture `client`
STRANGER = "+14155550999"  # has never written


def people(count: int) -> list[str]:
    """Make up so many recipients."""
    return [f"+4930{1_000_000 + number}" for number in range(count)]


def open_windows(emulator: Emulator, recipients: list[str]) -> None:
    """Let each of them write to the default sender."""
    for recipient in recipients:
        emulator.customer_writes(recipient)


def hello(recipient: str = ANA, message: str = "hello") -> FreeformMessage:
    """Write a free text."""
    return FreeformMessage(recipient_phone=recipient, message=message)


def hellos(recipients: list[str]) -> list[FreeformMessage]:
    """Write a free text to each."""
    return [hello(recipient) for recipient in recipients]
