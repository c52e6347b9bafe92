"""What the answers so far say about the path and the service.

Pure: no I/O, no clock, no asyncio. Durations are seconds.
"""

import math

# Two directions that each spread evenly make no round trip longer than twice the
# mean; one that was longer tells of a heavy tail. Then only answers count.
_ODD_FACTOR = 2.0
_ODD_SINCE = 5
# Answers until a tail would have shown itself: of paths with a lognormal or
# exponential tail up to 1 in 10 is taken for an even one, and costs one 429.
_TRUSTED_SINCE = 25
# Sooner where all answers came this quickly: there the cap is at its least.
_QUICK_SINCE = 15
_QUICK_SECONDS = 0.13
# Answers that the mean looks back on; the slowest is that of 250 to 500.
_MEMORY = 100
_SLOWEST_MEMORY = 250
# No uplink is slower than 0.9 mean round trips if both directions spread alike
# between a and b: 0.9 (a + b) covers b - a, the spread, as long as a > b / 19.
# The mean of few answers is unsure: 3 / n more of it.
_CAP_SHARE = 0.9
_CAP_DOUBT = 3.0
# 5 to 60 ms each way spread by 55 ms.
_CAP_LEAST = 0.06
# No path takes 0.3 s for four answers in five, but a busy service does, and its
# work after counting says nothing about the uplink. 0.08 covers 5 to 60 ms.
_BUSY_SECONDS = 0.3
_BUSY_SHARE = 0.8
_BUSY_SINCE = 4
_BUSY_MEMORY = 32
_BUSY_CAP = 0.08
# A packet that was lost twice or three times is sent again within 4 s.
_SILENT_SECONDS = 5.0
# Four times the slowest of hundreds: of 100,000 sends over a path with a lognormal
# tail (1 % over 0.5 s each way) none that arrived later met a 429; two did after 6 s.
_PATIENCE_FACTOR = 4.0
_PATIENCE_LEAST = 0.5
_PATIENCE_MOST = 10.0


class RoundTrips:
    """What the answers so far say about the path and the service."""

    def __init__(self) -> None:
        self.mean: float = 0.0
        self.is_busy: bool = False
        """Whether answers take so long that it is the service that works."""
        self.odd: float = math.inf
        """Round trips over this many seconds are out of the ordinary."""
        self.cap: float = math.inf
        """Seconds after which a send with an ordinary answer was surely counted.

        `math.inf` where too little is known, or the tail is heavy.
        """
        self._count = 0
        self._slowest = 0.0
        self._slowest_before = 0.0
        self._busy_share = 0.0

    def learn(self, seconds: float) -> None:
        """Learn the round trip of one answered send."""
        # Clipped: one answer of 10 s must not pass for a slower path.
        ordinary = min(seconds, self.odd)
        self._count += 1
        self.mean += (ordinary - self.mean) / min(self._count, _MEMORY)
        is_busy = float(seconds > _BUSY_SECONDS)
        self._busy_share += (is_busy - self._busy_share) / min(
            self._count, _BUSY_MEMORY
        )
        if self._count % _SLOWEST_MEMORY == 0:
            self._slowest_before, self._slowest = self._slowest, 0.0
        self._slowest = max(self._slowest, seconds)
        self.is_busy = self._count >= _BUSY_SINCE and self._busy_share > _BUSY_SHARE
        self.odd = math.inf if self._count < _ODD_SINCE else _ODD_FACTOR * self.mean
        self.cap = self._find_cap()

    @property
    def silence(self) -> float:
        """Seconds without any answer after which the service has fallen silent."""
        return (
            _SILENT_SECONDS if self.odd == math.inf else max(_SILENT_SECONDS, self.odd)
        )

    @property
    def patience(self) -> float:
        """Seconds after which a send hangs, if a later one was answered."""
        if not self._count:
            return _SILENT_SECONDS
        has_no_tail = self.cap < math.inf and not self.is_busy
        least = _PATIENCE_LEAST if has_no_tail else self.silence
        long = _PATIENCE_FACTOR * max(self._slowest, self._slowest_before)
        return max(least, min(long, _PATIENCE_MOST))

    def _find_cap(self) -> float:
        if self.is_busy:
            return _BUSY_CAP
        slowest = max(self._slowest, self._slowest_before)
        since = _QUICK_SINCE if slowest <= _QUICK_SECONDS else _TRUSTED_SINCE
        if self._count < since or slowest > self.odd:
            return math.inf
        doubt = _CAP_DOUBT / min(self._count, _MEMORY)
        return max(_CAP_LEAST, self.mean * (_CAP_SHARE + doubt))
