"""How long to wait before another attempt.

Pure: no I/O, no clock, no asyncio. Randomness comes in as an argument.
"""

from attrs import field, frozen

from autocalls_async.model.checks import check_count, check_pause
from autocalls_async.model.values.naming import show_in


@frozen(kw_only=True)
class RetryPolicy:
    """When a call makes another attempt, within its time.

    A send is tried again only where it surely did nothing: no connection came
    about, or the service answered 429. A read is tried again on any trouble
    that may pass. After a 429 to a send the pause is not the one below: all
    sends of the account wait for it together, at the pace.

    Args:
        max_attempts: Attempts of one call, 1 or more; 1 turns retries off.
        base_seconds: The longest pause before the second attempt. It doubles
            with each further one; the pause is drawn evenly from 0 to that
            (full jitter), so that many clients do not come back together.
        max_pause_seconds: The pause grows no longer than this. What the
            service itself asks for (`Retry-After`) is honoured, up to an hour.
        max_outage_seconds: So long, instead of `max_attempts` times, a message of
            `send_many` is tried while no connection comes about (one probe at a
            time) or each answer is a 429 (at the pace); then the run stops.

    Raises:
        ValueError: An argument is out of its range.
    """

    max_attempts: int = field(default=8, validator=check_count.on_field)
    base_seconds: float = field(default=0.5, validator=check_pause.on_field)
    max_pause_seconds: float = field(default=30.0, validator=check_pause.on_field)
    max_outage_seconds: float = field(default=600.0, validator=check_pause.on_field)

    def pause_seconds(
        self, *, attempt: int, draw: float, retry_after: float | None = None
    ) -> float:
        """Return how long to wait after this attempt.

        Args:
            attempt: The attempt that just failed; the first is 1.
            draw: A random number from 0 to 1.
            retry_after: Seconds that the service asked for; waited in full, and
                the jitter comes on top.
        """
        doublings = min(attempt - 1, 63)  # a float holds no more, nor a life
        ceiling = min(self.max_pause_seconds, self.base_seconds * 2.0**doublings)
        return (retry_after or 0.0) + draw * ceiling


class RetryQuota:
    """What all calls of a client together may repeat.

    A call's own attempts cannot see the others': if each of a thousand repeated
    itself eight times, an outage would be multiplied by eight. Each repetition
    takes one from the quota, and each success gives a part back.
    """

    def __init__(self, *, most: int = 50, back_each: float = 0.5) -> None:
        self._most = most
        self._back_each = back_each
        self._left = float(most)

    def take(self) -> bool:
        """Take one repetition; `False` if none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """Note a success."""
        if self._left < self._most:
            self._left = min(self._most, self._left + self._back_each)


show_in("autocalls_async", "RetryPolicy", of=globals())
