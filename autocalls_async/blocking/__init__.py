"""The client for programs that block: scripts, Flask, Celery, Django, notebooks.

The names are those of `AutocallsClient`, without `await`. All clients of a process
share one event loop in a thread of its own, which begins with the first call and
ends with the last client; any thread may use any of them.
"""

from autocalls_async.blocking.after import BlockingConversations, BlockingDeliveries
from autocalls_async.blocking.client import BlockingClient, BlockingWindows
from autocalls_async.blocking.run import BlockingRun
from autocalls_async.blocking.webhooks import BlockingChat, BlockingWebhooks

__all__ = [
    "BlockingChat",
    "BlockingClient",
    "BlockingConversations",
    "BlockingDeliveries",
    "BlockingRun",
    "BlockingWebhooks",
    "BlockingWindows",
]
