"""What the service does with a request that was let in and counted.

No HTTP here: fields in, an answer out. A send is checked in this order: fields,
sender, the sender's status, template, its variables (an assumption), phone, balance,
window.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import define

from autocalls_async.emulator import answers
from autocalls_async.emulator.answers import Answer
from autocalls_async.emulator.conversations import Conversations
from autocalls_async.emulator.faults import Endpoint
from autocalls_async.emulator.records import AcceptedMessage, Records
from autocalls_async.emulator.state import Conversation, Sender, Template, Tenant
from autocalls_async.emulator.validation import (
    CONVERSATIONS_RULES,
    FREEFORM_RULES,
    SENDERS_RULES,
    STATUS_RULES,
    TEMPLATE_RULES,
    TEMPLATES_RULES,
    Fields,
    Rule,
    check_fields,
    check_variables,
    is_phone,
    undocumented,
)

RULES: Mapping[Endpoint, Mapping[str, Rule]] = {
    Endpoint.SEND_FREEFORM: FREEFORM_RULES,
    Endpoint.SEND_TEMPLATE: TEMPLATE_RULES,
    Endpoint.SESSION_STATUS: STATUS_RULES,
    Endpoint.SENDERS: SENDERS_RULES,
    Endpoint.TEMPLATES: TEMPLATES_RULES,
    Endpoint.ME: {},
    Endpoint.CONVERSATIONS: CONVERSATIONS_RULES,
    Endpoint.HISTORY: {},
    Endpoint.DISABLE_AI: {},
    Endpoint.ENABLE_AI: {},
}

_OF_CONVERSATIONS = {
    Endpoint.CONVERSATIONS,
    Endpoint.HISTORY,
    Endpoint.DISABLE_AI,
    Endpoint.ENABLE_AI,
}


class _RefusedError(Exception):
    """The service says no, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@define
class Service:
    """The operations of one account."""

    account: Tenant
    records: Records
    elapsed: Callable[[], float]
    """The event loop's clock."""

    wall: Callable[[], datetime]
    """The date, now."""

    conversations: Conversations

    def act(self, endpoint: Endpoint, fields: Fields, *, path_id: str | None) -> Answer:
        """Do what a request asks.

        Args:
            endpoint: What it asks for.
            fields: The fields of its body or its query.
            path_id: The id in the path, where there is one.
        """
        rules = RULES[endpoint]
        unknown = undocumented(fields, rules)
        if unknown:
            self.records.note_undocumented(endpoint, unknown)
        errors = check_fields(fields, rules)
        if errors:
            return answers.validation_failed(errors)
        if endpoint in _OF_CONVERSATIONS:
            return self.conversations.act(endpoint, fields, uuid=path_id)
        try:
            return self._operate(endpoint, fields, path_id=path_id)
        except _RefusedError as refused:
            return refused.answer

    def _operate(
        self, endpoint: Endpoint, fields: Fields, *, path_id: str | None
    ) -> Answer:
        match endpoint:
            case Endpoint.SEND_FREEFORM:
                return self._send_freeform(fields)
            case Endpoint.SEND_TEMPLATE:
                return self._send_template(fields)
            case Endpoint.SESSION_STATUS:
                return self._session_status(fields)
            case Endpoint.SENDERS:
                return self._senders(fields)
            case Endpoint.TEMPLATES:
                return self._templates(fields, path_id)
            case _:
                return answers.me(self.account)

    def _send_freeform(self, fields: Fields) -> Answer:
        sender = self._online_sender(fields, offline_status=503)
        phone = _phone(fields)
        self._check_balance()
        now = self.elapsed()
        conversation = self.account.conversation(sender.id, phone, now=now)
        status = answers.session_status(conversation, now=now, wall=self.wall())
        if conversation is None or not conversation.remaining(now):
            raise _RefusedError(answers.window_closed(status))
        number = self._charge()
        self.records.note_accepted(
            AcceptedMessage(
                kind="freeform",
                sender_id=sender.id,
                recipient_phone=phone,
                message=str(fields["message"]),
                whatsapp_message_id=answers.whatsapp_message_id(number),
                at=now,
            )
        )
        return answers.sent(
            conversation_id=conversation.id, number=number, session_status=status
        )

    def _send_template(self, fields: Fields) -> Answer:
        sender = self._online_sender(fields, offline_status=422)
        template = self._approved_template(sender, fields)
        name, variables = fields.get("recipient_name"), fields.get("variables")
        errors = check_variables(template.variables, template.body_text, variables)
        if errors:
            return answers.validation_failed(errors)
        phone = _phone(fields)
        self._check_balance()
        recipient_name = name if isinstance(name, str) else None
        now = self.elapsed()
        number = self._charge()
        conversation = self._conversation_with(sender, phone, recipient_name, now=now)
        self.records.note_accepted(
            AcceptedMessage(
                kind="template",
                sender_id=sender.id,
                recipient_phone=phone,
                template_id=template.id,
                recipient_name=recipient_name,
                variables=variables if isinstance(variables, dict) else {},
                whatsapp_message_id=answers.whatsapp_message_id(number),
                at=now,
            )
        )
        return answers.sent(
            conversation_id=conversation.id, number=number, status="queued"
        )

    def _conversation_with(
        self, sender: Sender, phone: str, name: str | None, *, now: float
    ) -> Conversation:
        """Return the conversation that a template begins; its window stays shut."""
        found = self.account.conversation(sender.id, phone, now=now)
        if found is not None:
            return found
        return self.account.open_conversation(sender.id, phone, name=name)

    def _session_status(self, fields: Fields) -> Answer:
        sender = self.account.senders.get(_number(fields["sender_id"]))
        if sender is None:
            return answers.SENDER_NOT_FOUND
        now = self.elapsed()
        conversation = self.account.conversation(sender.id, _phone(fields), now=now)
        return answers.conversation_status(conversation, now=now, wall=self.wall())

    def _senders(self, fields: Fields) -> Answer:
        everyone = list(self.account.senders.values())
        if fields.get("status") == "all":
            return answers.senders(everyone)
        return answers.senders([s for s in everyone if s.status == "online"])

    def _templates(self, fields: Fields, path_id: str | None) -> Answer:
        digits = path_id or ""
        sender_id = int(digits) if digits.isdecimal() else 0
        if sender_id not in self.account.senders:
            return answers.SENDER_NOT_FOUND
        listed = self.account.templates_of(sender_id)
        if fields.get("status") == "all":
            return answers.templates(listed)
        return answers.templates([t for t in listed if t.status == "approved"])

    def _online_sender(self, fields: Fields, *, offline_status: int) -> Sender:
        sender = self.account.senders.get(_number(fields["sender_id"]))
        if sender is None:
            raise _RefusedError(answers.NOT_YOUR_SENDER)
        if sender.status != "online":
            raise _RefusedError(answers.sender_offline(offline_status, sender))
        return sender

    def _approved_template(self, sender: Sender, fields: Fields) -> Template:
        template = self.account.template_of(sender.id, _number(fields["template_id"]))
        if template is None:
            raise _RefusedError(answers.TEMPLATE_NOT_FOUND)
        if template.status != "approved":
            raise _RefusedError(answers.template_not_approved(template))
        return template

    def _check_balance(self) -> None:
        if self.account.balance < self.account.cost:
            raise _RefusedError(answers.INSUFFICIENT_BALANCE)

    def _charge(self) -> int:
        """Take the price of one message and return the message's number, from 1."""
        self.account.balance -= self.account.cost
        return self.records.accepted_count + 1


def _phone(fields: Fields) -> str:
    phone = str(fields["recipient_phone"])
    if not is_phone(phone):
        raise _RefusedError(answers.INVALID_PHONE)
    return phone


def _number(value: object) -> int:
    """Return a field that was checked to be an integer, as one."""
    return value if isinstance(value, int) else 0
