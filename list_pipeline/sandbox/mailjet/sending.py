"""A send: who gets it and how each message ends.

Belongs here: choosing recipients, drawing outcomes, writing messages, bounces and what they do to the contacts. Does
not belong here: who asked for the send (``campaigns``, ``sandbox.world``) and the history that a seed writes
(``sandbox.seed``).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.mailjet.states import DELIVERED, FAILED, OUTCOMES, MessageEnd, Status

HOUR = 3600

PROFILES: dict[str, dict[str, float]] = {
    "clean": {},
    "normal": {
        "user_unknown": 0.010,
        "invalid_domain": 0.002,
        "mailbox_inactive": 0.002,
        "quota_exceeded": 0.005,
        "greylisted": 0.003,
        "connection_issue": 0.002,
        "sender_blocked": 0.002,
        "preblocked": 0.001,
        "unsubscribed": 0.002,
        "complained": 0.0004,
    },
    "bad": {
        "user_unknown": 0.070,
        "invalid_domain": 0.010,
        "quota_exceeded": 0.020,
        "sender_blocked": 0.010,
        "complained": 0.004,
        "unsubscribed": 0.005,
    },
    "blocked_sender": {"sender_blocked": 0.15, "policy_issue": 0.08, "content_blocked": 0.03, "user_unknown": 0.005},
}
"""Shares of failures by profile; the rest is delivered, of which 28 % is opened and 10 % clicked."""

_AFTER_BLOCK = {14: "preblocked", 20: "blacklisted", 21: "spam_reporter"}
_DEAD_STATES = frozenset({1, 4, 19})
_SOFTER_STATE = 13


@dataclass(frozen=True, slots=True)
class SendRequest:
    """The parts of a send.

    ``outcomes`` maps contact ids to names of outcomes and comes before everything else; ``incident_domain`` lets every
    recipient at that domain bounce as unknown; ``late_share`` of the failures become known only 30 to 60 hours later.

    ``only``: the contact ids that it goes to among the members; None for all. ``workflow_id``: it is a mail of this
    automation. ``ab_test``: it is a part of this A/B test, or its winner, and its draft says so (``ab_part`` A, B, ...);
    ``ab_percent`` of the list. ``campaign_type``: 1 transactional, 2 marketing.
    """

    list_id: int
    subject: str
    from_name: str = "Traction"
    from_email: str = "news@sender.example"
    profile: str = "normal"
    outcomes: Mapping[int, str] = field(default_factory=dict)
    incident_domain: str | None = None
    late_share: float = 0.0
    duration_seconds: int = 600
    draft_id: int | None = None
    custom_value: str | None = None
    only: Collection[int] | None = None
    workflow_id: int | None = None
    ab_test: int | None = None
    ab_part: str = ""
    ab_percent: float = 0.0
    campaign_type: int = 2

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"no such profile: {self.profile}; there are {', '.join(PROFILES)}")
        unknown = sorted(set(self.outcomes.values()) - set(OUTCOMES))
        if unknown:
            raise ValueError(f"no such outcome: {', '.join(unknown)}")
        if not 0.0 <= self.late_share <= 1.0 or self.duration_seconds < 0:
            raise ValueError("late_share is a share, duration_seconds at least 0")


@dataclass(slots=True)
class _Writer:
    """Rows of one send, gathered before they are written at once."""

    messages: list[tuple[int, int, int, int, int, int | None, int, int]] = field(default_factory=list)
    bounces: list[tuple[int, int, int, int | None, int, int, int, int]] = field(default_factory=list)
    delivered: list[tuple[int, int]] = field(default_factory=list)
    dead: list[tuple[int]] = field(default_factory=list)
    complained: list[tuple[int]] = field(default_factory=list)
    unsubscribed: list[tuple[int, int, int]] = field(default_factory=list)


def send(account: Account, wanted: SendRequest, at: int) -> int:
    """Send to everybody mailable on the list at a time; the campaign's id.

    Mailable is who is neither unsubscribed there nor excluded from campaigns nor anonymised.
    """
    store = account.store
    with store.transaction():
        recipients = store.rows(
            "SELECT c.id, c.email, c.condition, c.block_state FROM member m CROSS JOIN contact c ON c.id = m.contact_id"
            " WHERE m.list_id = ? AND m.unsubscribed = 0 AND c.excluded = 0 AND c.anonymised_at = 0 ORDER BY m.id",
            (wanted.list_id,),
        )
        if wanted.only is not None:
            recipients = [row for row in recipients if row["id"] in wanted.only]
        campaign_id = store.next_number("campaign")
        draft_id = wanted.draft_id or store.next_number("draft")
        first_message = store.next_number("message", max(len(recipients), 1))
        store.execute(
            "INSERT INTO campaign (id, custom_value, list_id, draft_id, from_email, from_name, subject, created_at,"
            " send_start_at, send_end_at, first_message_id, workflow_id, campaign_type)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                campaign_id,
                wanted.custom_value or f"mj.nl={draft_id}",
                wanted.list_id,
                draft_id,
                wanted.from_email,
                wanted.from_name,
                wanted.subject,
                at,
                at,
                at + wanted.duration_seconds,
                first_message if recipients else 0,
                wanted.workflow_id,
                wanted.campaign_type,
            ),
        )
        if wanted.ab_test is not None:
            store.execute(
                "INSERT INTO draft (id, list_id, sender, sender_email, sender_name, subject, title, locale, status,"
                " created_at, delivered_at, campaign_id, ax_testing_id, ax_fraction, ax_fraction_name)"
                " VALUES (?, ?, '46935', ?, ?, ?, ?, 'en_US', 2, ?, ?, ?, ?, ?, ?)",
                (
                    *(draft_id, wanted.list_id, wanted.from_email, wanted.from_name, wanted.subject, wanted.subject),
                    *(at, at, campaign_id, wanted.ab_test, wanted.ab_percent, wanted.ab_part),
                ),
            )
        chance = random.Random(f"{store.note('seed', {}).get('seed', 0)}:{campaign_id}")
        writer = _Writer()
        for index, row in enumerate(recipients):
            outcome = OUTCOMES[
                _outcome_name(wanted, row["id"], row["email"], row["condition"], row["block_state"], chance)
            ]
            arrived = at + wanted.duration_seconds * index // max(len(recipients), 1)
            _write(account, writer, campaign_id, first_message + index, row["id"], arrived, outcome, wanted, chance)
        _store(account, writer, wanted.list_id)
    return campaign_id


def _outcome_name(
    wanted: SendRequest, contact_id: int, email: str, condition: str | None, block: int | None, chance: random.Random
) -> str:
    """The end of one message: the requested one, else the one of this kind of contact, else one drawn from the profile."""
    drawn = chance.random()
    named = wanted.outcomes.get(contact_id)
    if named is not None:
        return named
    if block is not None:
        return _AFTER_BLOCK.get(block, "preblocked")
    if wanted.incident_domain is not None and email.lower().endswith("@" + wanted.incident_domain.lower()):
        return "user_unknown"
    if condition is not None:
        return condition
    for name, share in PROFILES[wanted.profile].items():
        if drawn < share:
            return name
        drawn -= share
    return "opened" if drawn < 0.28 else "clicked" if drawn < 0.38 else "delivered"


def _write(
    account: Account,
    writer: _Writer,
    campaign_id: int,
    message_id: int,
    contact_id: int,
    arrived: int,
    outcome: MessageEnd,
    wanted: SendRequest,
    chance: random.Random,
) -> None:
    delay, early = 0, Status.SENT
    if outcome.status in (Status.OPENED, Status.CLICKED):
        delay = chance.randint(60, 20 * HOUR)
    elif outcome.status == Status.SOFT:
        delay, early = chance.randint(60, 12 * HOUR), Status.DEFERRED
    elif outcome.status == Status.HARD:
        delay = chance.randint(1, 600)
    if outcome.status in (Status.SOFT, Status.HARD) and chance.random() < wanted.late_share:
        delay = chance.randint(30 * HOUR, 60 * HOUR)
    state, event_at = outcome.state_id, arrived + delay
    if outcome.status in FAILED:
        every = account.switches.count("unknown_state_every")
        if every and (len(writer.bounces) + 1) % every == 0:
            state = 77
        own = int(outcome.status == Status.BLOCKED)
        flags = (int(outcome.permanent), int(outcome.blocked), event_at, own)
        writer.bounces.append((message_id, campaign_id, contact_id, state, *flags))
        if account.switches.flag("duplicate_bounce_rows") and len(writer.bounces) % 2 == 1 and not own:
            extra = account.store.next_number("message")
            writer.bounces.append((extra, campaign_id, contact_id, _SOFTER_STATE, 0, 0, max(event_at - 60, arrived), 0))
    row = (message_id, campaign_id, contact_id, arrived, int(outcome.status), state, event_at, int(early))
    writer.messages.append(row)
    if outcome.status in DELIVERED:
        writer.delivered.append((arrived, contact_id))
    if outcome.status == Status.SPAM:
        writer.complained.append((contact_id,))
    if outcome.status == Status.UNSUB:
        writer.unsubscribed.append((arrived, wanted.list_id, contact_id))
    if outcome.permanent and state in _DEAD_STATES and account.switches.flag("preblock_after_hard_bounce"):
        writer.dead.append((contact_id,))


def _store(account: Account, writer: _Writer, list_id: int) -> None:
    store = account.store
    store.insert_many(
        "INSERT INTO message (id, campaign_id, contact_id, arrived_at, status, state_id, event_at, early)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        writer.messages,
    )
    store.insert_many(
        "INSERT INTO bounce (id, campaign_id, contact_id, state_id, permanent, blocked, bounced_at, own_block)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        writer.bounces,
    )
    store.insert_many("UPDATE contact SET delivered = delivered + 1, active_at = ? WHERE id = ?", writer.delivered)
    store.insert_many("UPDATE contact SET block_state = 14 WHERE id = ? AND block_state IS NULL", writer.dead)
    store.insert_many("UPDATE contact SET complaining = 1, block_state = 21 WHERE id = ?", writer.complained)
    store.insert_many(
        "UPDATE member SET unsubscribed = 1, unsubscribed_at = ? WHERE list_id = ? AND contact_id = ?",
        writer.unsubscribed,
    )
