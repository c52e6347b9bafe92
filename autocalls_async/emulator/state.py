"""The account that the emulator serves: senders, templates, windows, balance.

Pure: no I/O, no clock, no asyncio. Instants are seconds on whatever clock the
caller uses throughout.
"""

from decimal import Decimal
from uuid import UUID, uuid5

from attrs import define, evolve, field, frozen

_UUIDS = UUID("5d1d1c4e-3b0a-4a55-9a3f-6f0c9b0f7f11")

WINDOW_SECONDS = 24 * 60 * 60.0


@frozen(kw_only=True)
class Sender:
    """One WhatsApp line of the account."""

    id: int
    phone_number: str
    display_name: str
    status: str = "online"
    quality_rating: str = "GREEN"
    messaging_limit: int | None = None


@frozen(kw_only=True)
class Template:
    """One message template."""

    id: int
    name: str
    language: str = "en"
    category: str = "utility"
    status: str = "approved"
    body_text: str
    variables: tuple[str, ...] = ()
    sender_id: int | None = None
    """The one sender that has it; None for a template of every sender."""


@define(kw_only=True)
class Conversation:
    """What one sender and one recipient have with each other."""

    id: int
    customer_name: str | None = None
    last_inbound: float | None = None
    """When the customer wrote last; None if never."""

    ai_enabled: bool = True
    """Whether the sender's own assistant answers, too."""

    @property
    def uuid(self) -> str:
        """The other id, which the webhooks and the listing have."""
        return str(uuid5(_UUIDS, str(self.id)))

    def remaining(self, now: float) -> float:
        """Return how many seconds the window stays open; 0 if it is closed."""
        if self.last_inbound is None:
            return 0.0
        return max(0.0, self.last_inbound + WINDOW_SECONDS - now)


@define(kw_only=True)
class Tenant:
    """Everything the service knows about one customer of its own."""

    name: str = "Your Name"
    email: str = "example@example.com"
    balance: Decimal
    cost: Decimal
    everyone_is_open: bool = False
    """Treat recipients without a conversation as having just written."""

    senders: dict[int, Sender] = field(factory=dict)
    templates: dict[int, Template] = field(factory=dict)
    conversations: dict[tuple[int, str], Conversation] = field(factory=dict)
    next_conversation_id: int = 1234
    touched: set[tuple[int, str]] | None = None
    """Which conversations were begun or changed, where somebody wants to know."""

    def add_sender(self, sender: Sender) -> None:
        """Add a sender, or put it in place of the one with its id."""
        self.senders[sender.id] = sender

    def add_template(self, template: Template) -> None:
        """Add a template, or put it in place of the one with its id."""
        self.templates[template.id] = template

    def set_sender_status(self, sender_id: int, status: str) -> None:
        """Let a sender go offline, online, or whatever the status says."""
        self.senders[sender_id] = evolve(self.senders[sender_id], status=status)

    def template_of(self, sender_id: int, template_id: int) -> Template | None:
        """Return a template if this sender has it."""
        template = self.templates.get(template_id)
        if template is None or template.sender_id not in {None, sender_id}:
            return None
        return template

    def templates_of(self, sender_id: int) -> list[Template]:
        """Return all templates that a sender has."""
        ids = list(self.templates)
        return [t for i in ids if (t := self.template_of(sender_id, i)) is not None]

    def conversation(
        self, sender_id: int, phone: str, *, now: float
    ) -> Conversation | None:
        """Return the conversation of a sender and a recipient, if there is one."""
        found = self.conversations.get((sender_id, phone))
        if found is None and self.everyone_is_open:
            # Not kept: a campaign of a million recipients must not fill memory.
            return Conversation(id=1, customer_name="Customer", last_inbound=now)
        return found

    def open_conversation(
        self, sender_id: int, phone: str, *, name: str | None = None
    ) -> Conversation:
        """Return the conversation of a sender and a recipient, begun if need be."""
        key = (sender_id, phone)
        if self.touched is not None:
            self.touched.add(key)
        conversation = self.conversations.get(key)
        if conversation is None:
            conversation = Conversation(id=self.next_conversation_id)
            self.next_conversation_id += 1
            self.conversations[key] = conversation
        if name is not None:
            conversation.customer_name = name
        return conversation

    def write(
        self, sender_id: int, phone: str, *, at: float, name: str | None = None
    ) -> Conversation:
        """Let a customer have written at an instant.

        Args:
            sender_id: To whom.
            phone: The customer.
            at: When.
            name: What they are called; by default as before.
        """
        conversation = self.open_conversation(sender_id, phone, name=name)
        conversation.last_inbound = at
        if conversation.customer_name is None:
            conversation.customer_name = "Customer"
        return conversation


_SENDERS = (
    Sender(
        id=12,
        phone_number="+14155551234",
        display_name="Acme Corp Support",
        messaging_limit=10_000,
    ),
    Sender(id=15, phone_number="+442071234567", display_name="Acme Corp Sales"),
)

_TEMPLATES = (
    Template(
        id=45,
        name="appointment_reminder",
        body_text=(
            "Hi {{1}}, this is a reminder for your appointment on {{2}} at {{3}}."
            " Reply YES to confirm or NO to reschedule."
        ),
        variables=("customer_name", "date", "time"),
    ),
    Template(
        id=46,
        name="welcome_message",
        category="marketing",
        body_text=(
            "Welcome to Acme Corp! We're excited to have you. How can we help you"
            " today?"
        ),
    ),
    Template(
        id=47,
        name="season_sale",
        category="marketing",
        status="pending",
        body_text="Hi {{1}}, our sale has begun.",
        variables=("customer_name",),
    ),
)


def ready_made(
    balance: Decimal, cost: Decimal, *, everyone_is_open: bool = False
) -> Tenant:
    """Return the account of a customer with two senders and three templates."""
    return Tenant(
        balance=balance,
        cost=cost,
        everyone_is_open=everyone_is_open,
        senders={sender.id: sender for sender in _SENDERS},
        templates={template.id: template for template in _TEMPLATES},
    )
