"""Sending one message, and waiting for what became of it."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from attrs import evolve

from autocalls_async.client.named import TemplateNames, choose_number, left_of
from autocalls_async.client.questions import Questions
from autocalls_async.client.settings import LaneName, WindowCheckName
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import choose, choose_sender
from autocalls_async.model.errors import TemplateNotFoundError, TemplateUnusableError
from autocalls_async.model.later import Later
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateMessage,
    check_message,
)
from autocalls_async.model.outcomes import Accepted
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.windows import WindowCheck

if TYPE_CHECKING:
    from autocalls_async.campaign.rules import exclusions as _exclusions
    from autocalls_async.client import wiring as _wirings
    from autocalls_async.engine import shipment as _shipments
else:
    # these come with the first client
    _wirings = Later("autocalls_async.client.wiring")
    _shipments = Later("autocalls_async.engine.shipment")
    _exclusions = Later("autocalls_async.campaign.rules.exclusions")


class SingleSends(Questions):
    """The calls of a client that send one message."""

    def __init__(
        self,
        wiring: "_wirings.Wiring",
        *,
        sender_id: int | None,
        window_check: WindowCheckName,
        timeout: float,
    ) -> None:
        super().__init__(wiring, sender_id=sender_id, timeout=timeout)
        self._window_check = choose(WindowCheck, "window_check", window_check)

    @cached_property
    def _names(self) -> TemplateNames:
        return TemplateNames()

    async def send_freeform(
        self,
        recipient_phone: str,
        message: str,
        *,
        sender_id: int | None = None,
        timeout: float | None = None,
        lane: LaneName = "interactive",
        window_check: WindowCheckName | None = None,
        exclude: "_exclusions.Exclude | None" = None,
    ) -> SentMessage:
        """Send free text, and wait until the service has accepted it.

        If the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end, but never leaves a second time. What
        came of it an observer is told, and nobody else.

        Args:
            recipient_phone: Whom it is for, in E.164, such as `+14155550123`.
            message: 1 to 4096 characters, not blank.
            sender_id: Which sender it is from; `None` means the client's.
            timeout: Seconds for all of it, from the queue to the last attempt;
                `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.
            window_check: Whether to ask first if the messaging window is open:
                `"auto"` unless an open one is known, `"always"` or `"never"`;
                `None` means the client's.
            exclude: Numbers in E.164, such as a set, or a function of one that returns
                a bool: asked at once, and again just before the message leaves.

        Returns:
            What the service said. Accepted is not delivered: webhooks tell later,
            by `whatsapp_message_id`.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            TemplateRequiredError: The window is closed: send a template.
            RejectedError: The service said no for another reason; the subclass
                says why. Nothing was sent.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already, an `ExcludedError`
                where the recipient is excluded.
            UnknownOutcomeError: It may have been delivered: do not send it again
                blindly.
            RuntimeError: The client is closed, or belongs to another event loop.
        """
        try:
            content = FreeformMessage(
                recipient_phone=recipient_phone, message=message, sender_id=sender_id
            )
        finally:
            del recipient_phone, message  # tracers show a failed frame's variables
        return await self.send(
            content,
            timeout=timeout,
            lane=lane,
            window_check=window_check,
            exclude=exclude,
        )

    async def send_template(  # noqa: PLR0913  # each has a default
        self,
        recipient_phone: str,
        *,
        template_id: int | None = None,
        template: int | str | None = None,
        language: str | None = None,
        variables: Mapping[str, str] | None = None,
        recipient_name: str | None = None,
        sender_id: int | None = None,
        timeout: float | None = None,
        lane: LaneName = "interactive",
        exclude: "_exclusions.Exclude | None" = None,
    ) -> SentMessage:
        """Send an approved template, and wait until the service has accepted it.

        It is allowed at any time, whether the messaging window is open or not. If
        the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end, but never leaves a second time.

        Args:
            recipient_phone: Whom it is for, in E.164, such as `+14155550123`.
            template_id: One of the sender's templates; `templates()` lists them.
            template: The same by its name, or by its number. A name is looked up in
                one listing of the sender's templates, which is remembered.
            language: Of the template, such as `de`, where its name has several.
            variables: Texts by `"1"`, `"2"`, … or by the template's variable names.
            recipient_name: At most 255 characters.
            sender_id: Which sender it is from; `None` means the client's.
            timeout: Seconds for all of it, from the queue to the last attempt;
                `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.
            exclude: Numbers in E.164, such as a set, or a function of one that returns
                a bool: asked at once, and again just before the message leaves.

        Returns:
            What the service said. Accepted is not delivered: webhooks tell later,
            by `whatsapp_message_id`.

        Raises:
            ValueError: An argument breaks its rule, there is no sender, or the sender
                has no template of this name, or several.
            TemplateNotFoundError: This sender has no such template.
            TemplateUnusableError: It is not approved, or does not fit the sender.
            RejectedError: The service said no for another reason; the subclass
                says why. Nothing was sent.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already, an `ExcludedError`
                where the recipient is excluded.
            UnknownOutcomeError: It may have been delivered: do not send it again
                blindly.
            RuntimeError: The client is closed, or belongs to another event loop.
        """
        try:
            name = template if isinstance(template, str) else None
            content = TemplateMessage(
                recipient_phone=recipient_phone,
                template_id=choose_number(template_id, template),
                variables=variables or {},
                recipient_name=recipient_name,
                sender_id=sender_id,
            )
        finally:
            del recipient_phone, variables, recipient_name  # as above
        if name is None:
            return await self.send(content, timeout=timeout, lane=lane, exclude=exclude)
        return await self._send_by_name(
            content, name, language, timeout=timeout, lane=lane, exclude=exclude
        )

    async def _send_by_name(
        self,
        content: TemplateMessage,
        name: str,
        language: str | None,
        *,
        timeout: float | None,
        lane: LaneName,
        exclude: "_exclusions.Exclude | None",
    ) -> SentMessage:
        """Find a template's number within the call's time, and send it."""
        deadline = self._deadline(timeout)
        sender_id = choose_sender(content.sender_id, self._sender_id)
        found = await self._names.find(
            name,
            language,
            sender_id=sender_id,
            seconds=left_of(deadline),
            recipient_phone=content.recipient_phone,
            ask=self.templates,
        )
        try:
            return await self.send(
                evolve(content, template_id=found),
                timeout=left_of(deadline),
                lane=lane,
                exclude=exclude,
            )
        except (TemplateNotFoundError, TemplateUnusableError):
            self._names.forget(sender_id)  # another may have the name now
            raise

    async def send(
        self,
        message: Message,
        *,
        timeout: float | None = None,
        lane: LaneName = "interactive",
        window_check: WindowCheckName | None = None,
        exclude: "_exclusions.Exclude | None" = None,
    ) -> SentMessage:
        """Send one message and wait until the service has accepted it.

        If the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end, but never leaves a second time.

        Args:
            message: What to send.
            timeout: Seconds for all of it; `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.
            window_check: `None` means the client's.
            exclude: Numbers in E.164, such as a set, or a function of one that returns
                a bool: asked at once, and again just before the message leaves.

        Raises:
            ValueError: No sender, or an argument breaks its rule.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already, an `ExcludedError`
                where the recipient is excluded.
            RejectedError: The service said no; the subclass says why.
            UnknownOutcomeError: It may have been delivered.
        """
        try:
            content = check_message(message)
        finally:
            del message  # it may be anything; tracers show a failed frame's variables
        self._home.check()
        in_lane = choose(Lane, "lane", lane)
        bar = None if exclude is None else _bar(exclude, content.recipient_phone)
        make = partial(
            self._make_shipment,
            content,
            lane=in_lane,
            window_check=window_check,
            deadline=self._deadline(timeout),
            is_single=True,
            takes_spare=self._wiring.has_spares and in_lane is Lane.INTERACTIVE,
        )
        make = make if bar is None else partial(_bind, bar, make)
        outcome = await self._wiring.dispatcher.send(make)
        if isinstance(outcome, Accepted):
            return outcome.sent
        raise outcome.error

    def _make_shipment(
        self,
        message: object,
        on_settled: "_shipments.OnSettled",
        *,
        lane: Lane,
        window_check: WindowCheckName | None,
        deadline: float | None = None,
        flow: object = None,
        is_single: bool = False,
        takes_spare: bool = False,
    ) -> "_shipments.Shipment":
        try:
            content = check_message(message)
        finally:
            del message  # tracers show a failed frame's variables
        check = (
            self._window_check
            if window_check is None
            else choose(WindowCheck, "window_check", window_check)
        )
        return _shipments.Shipment(
            message=content,
            sender_id=choose_sender(content.sender_id, self._sender_id),
            lane=lane,
            window_check=check,
            on_settled=on_settled,
            deadline=deadline,
            flow=flow,
            is_single=is_single,
            takes_spare=takes_spare,
        )


def _bar(exclude: "_exclusions.Exclude", recipient_phone: str) -> "_shipments.Rule":
    """Return what bars a message whose recipient is excluded; it is asked at once.

    Raises:
        UnsentError: They are, or nobody can tell.
        ValueError: It cannot be asked.
    """
    bar = _exclusions.Bar(exclude, recipient_phone)
    if (error := bar.look(is_outside=False)) is not None:
        raise error
    return bar


def _bind(
    rule: "_shipments.Rule",
    make: "Callable[[_shipments.OnSettled], _shipments.Shipment]",
    on_settled: "_shipments.OnSettled",
) -> "_shipments.Shipment":
    shipment = make(on_settled)
    shipment.hold_against(rule)
    return shipment
