"""What a client can be told, as types: a checker finds a misspelt setting."""

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

import aiohttp

from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.model.later import Later
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy
from autocalls_async.policy.windows import WindowCheck

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records as _telemetry
    from autocalls_async.webhooks import deliveries as _deliveries
else:
    _deliveries = Later("autocalls_async.webhooks.deliveries")
    _telemetry = Later("autocalls_async.engine.telemetry.records")

LaneName: TypeAlias = Lane | Literal["interactive", "bulk"]
"""A lane, or its name."""

WindowCheckName: TypeAlias = WindowCheck | Literal["auto", "always", "never"]
"""When to ask for the messaging window first, or its name."""


class ClientSettings(TypedDict, total=False):
    """The keyword arguments of `AutocallsClient`, for whoever passes them on.

    ```python
    def open_client(**settings: Unpack[ClientSettings]) -> AutocallsClient:
        return AutocallsClient.from_env(**settings)
    ```
    """

    base_url: str
    sender_id: int | None
    session: aiohttp.ClientSession | None
    send_limit: SendLimit
    limiter: Limiter | None
    retry: RetryPolicy
    window_check: WindowCheckName
    timeout: float
    max_queued: int | None
    drain_timeout: float
    trust_env: bool
    observer: "_telemetry.Observer | None"
    connect_ahead: bool
    deliveries: "_deliveries.Deliveries | None"
    automation_key: str | None


show_in("autocalls_async", "ClientSettings", of=globals())
