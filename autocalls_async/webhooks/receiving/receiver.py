"""Bytes and headers in, an event out."""

import os
from collections.abc import Mapping
from typing import Self

from autocalls_async.http.reply import read_json
from autocalls_async.http.settings import SECRETS_VARIABLE
from autocalls_async.model.values.masking import forgetful
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.receiving.events import (
    MessageStatus,
    OtherEvent,
    WebhookError,
)
from autocalls_async.webhooks.receiving.reading import named_sender, read_receipt
from autocalls_async.webhooks.receiving.signatures import (
    Given,
    Headers,
    Secrets,
    find_problem,
    is_signed,
    read_digest,
)

MOST_BYTES = 64 * 1024
"""Of a receipt; a documented one has 900."""

RETRY_SECONDS = 30
"""The service tries again so soon, and then after 60 and 120 seconds."""


class Receiver:
    """Reads receipts, and believes only those that are signed.

    Args:
        secrets: The senders' signing secrets, from the panel: by the sender's id, or
            one text for all senders. Several for one sender, the new one and the old,
            let both in while it is rotated. White space around one is cut.

    Raises:
        ValueError: There is no secret, or one is empty.
    """

    def __init__(self, secrets: Given) -> None:
        self._secrets = Secrets(secrets)
        del secrets  # tracers show a failed frame's variables

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make one from `AUTOCALLS_WEBHOOK_SECRETS`.

        It holds one secret for all senders, or those of each:
        `12=new,old;15=secret`.

        Raises:
            ValueError: It is not set, or cannot be read.
        """
        given = (os.environ if environ is None else environ).get(SECRETS_VARIABLE, "")
        return cls(_read_variable(given))

    def __repr__(self) -> str:
        return f"Receiver({self._secrets!r})"

    @forgetful
    def parse(self, raw: bytes, headers: Headers) -> MessageStatus | OtherEvent:
        """Return the event of a receipt; it is pure, and does not wait.

        Args:
            raw: The body as it came: parsed and written anew it has other bytes,
                and the signature does not fit.
            headers: All of the request's, with names in any case.

        Returns:
            A `MessageStatus`; an `OtherEvent` where the body is signed, and not
            readable or of another kind.

        Raises:
            WebhookError: It is not to be believed, or too large. Its `status` is the
                answer that it deserves.
            ValueError: That is no body, or no headers.
        """
        if problem := find_problem(raw, headers):
            raise ValueError(problem)
        found = self._parse(bytes(raw), headers)
        del raw, headers  # tracers show a failed frame's variables
        if isinstance(found, WebhookError):
            raise found
        return found

    def _parse(
        self, raw: bytes, headers: Headers
    ) -> MessageStatus | OtherEvent | WebhookError:
        if len(raw) > MOST_BYTES:
            return WebhookError(413, "the body is too large for a receipt")
        digest = read_digest(headers)
        if digest is None:
            return WebhookError(401, "there is no signature, or it is none")
        body = read_json(raw)
        if not is_signed(raw, digest, self._secrets.of(named_sender(body))):
            reason = "the signature fits no secret of this sender"
            return WebhookError(429, reason, retry_after=RETRY_SECONDS)
        return read_receipt(body, raw)


@forgetful
def _read_variable(given: str) -> Given:
    if not given.strip():
        msg = f"{SECRETS_VARIABLE} is not set: the senders' secrets, from the panel"
        raise ValueError(msg)
    rows = [row.strip() for row in given.split(";") if row.strip()]
    pairs = [row.partition("=") for row in rows]
    if not all(sign and name.strip().isdecimal() for name, sign, _ in pairs):
        if len(rows) > 1:
            msg = f"{SECRETS_VARIABLE} must be one secret, or '12=new,old;15=secret'"
            raise ValueError(msg)
        return given.strip()
    found = {int(name): secrets.split(",") for name, _, secrets in pairs}
    if len(found) < len(pairs):
        msg = f"{SECRETS_VARIABLE} names a sender twice: write '12=new,old'"
        raise ValueError(msg)
    return found


show_in("autocalls_async.webhooks", "Receiver", of=globals())
