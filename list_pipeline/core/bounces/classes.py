"""The bounce taxonomy over Mailjet's StateIDs: the meaning of a failed message for its contact.

Belongs here: one classification for each of the 21 states, the phrases that people act on, the event that the later
rules work with, and what of it is stored as the evidence of a decision. Does not belong here: reading the two bounce
sources against each other (``sources``) and what follows for the contact (``core.suppression``).

The source of the names is Mailjet's message-state table; the classes are the product's policy. Two of its sentences
shape this module. The permanence flag never makes a hard bounce by itself, because Mailjet sets it on blocks of the
sender too. And whatever is not in the table is unknown, which keeps the contact, unless the receiver's words say what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from list_pipeline.core.bounces.diagnostics import TextEvidence, read_diagnostic
from list_pipeline.core.bounces.smtp_vocabulary import server_words
from list_pipeline.core.observations import MessageStatus


class BounceClass(StrEnum):
    """Whose problem a failure is.

    ``block`` and ``content`` are the sender's: they never count against a contact. ``not_evidence`` means that nothing
    was attempted.
    """

    HARD = "hard"
    SOFT = "soft"
    BLOCK = "block"
    CONTENT = "content"
    COMPLAINT = "complaint"
    NOT_EVIDENCE = "not_evidence"
    UNKNOWN = "unknown"


COUNTING_CLASSES = frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.COMPLAINT})
"""The only classes that can ever lead to a suppression."""

SENDER_CLASSES = frozenset({BounceClass.BLOCK, BounceClass.CONTENT})
"""The sender's fault: something to repair on our side."""


class BounceReason(StrEnum):
    """Why a message failed: Mailjet's states in our words, and three that Mailjet has no state for."""

    USER_UNKNOWN = "user_unknown"
    MAILBOX_INACTIVE = "mailbox_inactive"
    MAILBOX_FULL = "mailbox_full"
    INVALID_DOMAIN = "invalid_domain"
    NO_MAIL_HOST = "no_mail_host"
    ACCESS_DENIED = "access_denied"
    SENDER_BLOCKED = "sender_blocked"
    CONTENT_BLOCKED = "content_blocked"
    POLICY_ISSUE = "policy_issue"
    SYSTEM_ISSUE = "system_issue"
    PROTOCOL_ISSUE = "protocol_issue"
    CONNECTION_ISSUE = "connection_issue"
    GREYLISTED = "greylisted"
    PREBLOCKED = "preblocked"
    DUPLICATE_IN_CAMPAIGN = "duplicate_in_campaign"
    SPAM_PREBLOCKED = "spam_preblocked"
    BAD_TEMPLATE = "bad_template"
    TEMPLATE_ERROR = "template_error"
    TYPOFIX = "typofix"
    BLACKLISTED = "blacklisted"
    SPAM_REPORTER = "spam_reporter"
    SPAM_COMPLAINT = "spam_complaint"
    STILL_TRYING = "still_trying"
    UNCLASSIFIED = "unclassified"


class DecidedBy(StrEnum):
    """What settled what a failure means."""

    STATE = "state"
    """Mailjet's state for the failure alone."""
    PERMANENCE_FLAG = "permanence_flag"
    """The state, and the permanence flag that makes such a hard bounce undisputed."""
    MESSAGE_STATUS = "message_status"
    """How Mailjet says that the message ended, whatever its state: a complaint, or not over yet."""
    RECEIVERS_WORDS = "receivers_words"
    """The receiver's own text: it settled a dispute, or said something else than the state."""


class RelatedTo(StrEnum):
    """The party that Mailjet relates a state to; ``unknown`` for a state that its table does not list."""

    RECIPIENT = "recipient"
    DOMAIN = "domain"
    SPAM = "spam"
    SYSTEM = "system"
    MAILJET = "mailjet"
    CONTENT = "content"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Classification:
    """The meaning of one failure.

    ``is_disputed`` marks a hard bounce that taxonomies disagree about: it counts at the second hit only. ``decided_by``
    says what settled it. ``advice`` is
    a phrase for people: what to repair for the sender's faults, how to release what was not attempted, else empty.
    ``server_words`` is what may be kept of the receiver's text (``core.bounces.smtp_vocabulary``), empty where none is
    known; two failures that mean the same are equal whatever was said.

    Raises:
        ValueError: ``server_words`` holds anything but those words: a text must not get in here by mistake.
    """

    bounce_class: BounceClass
    reason: BounceReason
    related_to: RelatedTo
    is_disputed: bool = False
    decided_by: DecidedBy = DecidedBy.STATE
    advice: str = ""
    server_words: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if server_words(self.server_words) != self.server_words:
            raise ValueError("a receiver's text is kept as its known words only")

    @property
    def counts(self) -> bool:
        """Whether this failure can ever count towards a suppression."""
        return self.bounce_class in COUNTING_CLASSES


def _is(bounce_class: BounceClass, reason: BounceReason, related_to: RelatedTo, advice: str = "") -> Classification:
    return Classification(bounce_class, reason, related_to, advice=advice)


_STATES: Mapping[int | None, Classification] = {
    1: _is(BounceClass.HARD, BounceReason.USER_UNKNOWN, RelatedTo.RECIPIENT),
    2: _is(BounceClass.HARD, BounceReason.MAILBOX_INACTIVE, RelatedTo.RECIPIENT),
    3: _is(BounceClass.SOFT, BounceReason.MAILBOX_FULL, RelatedTo.RECIPIENT),
    4: _is(BounceClass.HARD, BounceReason.INVALID_DOMAIN, RelatedTo.DOMAIN),
    5: _is(BounceClass.HARD, BounceReason.NO_MAIL_HOST, RelatedTo.DOMAIN),
    6: _is(
        BounceClass.BLOCK,
        BounceReason.ACCESS_DENIED,
        RelatedTo.DOMAIN,
        "find out why the receiving server refuses our sending domain or address, and ask its postmaster to allow it",
    ),
    7: _is(
        BounceClass.BLOCK,
        BounceReason.SENDER_BLOCKED,
        RelatedTo.SPAM,
        "ask Mailjet which block list names our sending address or domain, and have it removed",
    ),
    8: _is(
        BounceClass.CONTENT,
        BounceReason.CONTENT_BLOCKED,
        RelatedTo.SPAM,
        "look at the wording, links and pictures of this content: a spam filter refused it",
    ),
    9: _is(
        BounceClass.BLOCK,
        BounceReason.POLICY_ISSUE,
        RelatedTo.SPAM,
        "check SPF, DKIM, DMARC and sending speed against the receiver's policy",
    ),
    10: _is(
        BounceClass.BLOCK,
        BounceReason.SYSTEM_ISSUE,
        RelatedTo.SYSTEM,
        "a fault inside Mailjet: report it to their support if it stays",
    ),
    11: _is(
        BounceClass.BLOCK,
        BounceReason.PROTOCOL_ISSUE,
        RelatedTo.SYSTEM,
        "a fault between Mailjet's servers and the receiver's: report it to Mailjet if it stays",
    ),
    12: _is(
        BounceClass.BLOCK,
        BounceReason.CONNECTION_ISSUE,
        RelatedTo.SYSTEM,
        "Mailjet could not connect to the receiver: report it to Mailjet if it stays",
    ),
    13: _is(
        BounceClass.BLOCK,
        BounceReason.GREYLISTED,
        RelatedTo.DOMAIN,
        "the receiver asked a new sender to try again: send at a steady pace from the same addresses",
    ),
    14: _is(
        BounceClass.NOT_EVIDENCE,
        BounceReason.PREBLOCKED,
        RelatedTo.MAILJET,
        "Mailjet did not try because of earlier bounces, maybe at another customer: release it at Mailjet if the "
        "address is known to be good",
    ),
    15: _is(
        BounceClass.NOT_EVIDENCE,
        BounceReason.DUPLICATE_IN_CAMPAIGN,
        RelatedTo.MAILJET,
        "nothing to release: the first message of this campaign went out, the repeated one was left out",
    ),
    16: _is(
        BounceClass.CONTENT,
        BounceReason.SPAM_PREBLOCKED,
        RelatedTo.MAILJET,
        "Mailjet's own scan took this content for spam: change it, or ask Mailjet to review it",
    ),
    17: _is(
        BounceClass.CONTENT,
        BounceReason.BAD_TEMPLATE,
        RelatedTo.CONTENT,
        "repair the template: it is empty or broken",
    ),
    18: _is(
        BounceClass.CONTENT,
        BounceReason.TEMPLATE_ERROR,
        RelatedTo.CONTENT,
        "repair the template's variables: its language has an error",
    ),
    19: _is(BounceClass.HARD, BounceReason.TYPOFIX, RelatedTo.DOMAIN),
    20: _is(
        BounceClass.NOT_EVIDENCE,
        BounceReason.BLACKLISTED,
        RelatedTo.RECIPIENT,
        "Mailjet did not try because the address is on this account's block list: take it off there if that is wrong",
    ),
    21: _is(BounceClass.COMPLAINT, BounceReason.SPAM_REPORTER, RelatedTo.RECIPIENT),
}

_ALWAYS_DISPUTED = frozenset({BounceReason.MAILBOX_INACTIVE, BounceReason.NO_MAIL_HOST})
"""Hard, and disputed whatever the permanence flag says: a mailbox may be reopened, a missing host may be an outage. The other
hard states are disputed without the flag only."""

_UNCLASSIFIED = _is(BounceClass.UNKNOWN, BounceReason.UNCLASSIFIED, RelatedTo.UNKNOWN)
_STILL_TRYING = replace(
    _is(BounceClass.UNKNOWN, BounceReason.STILL_TRYING, RelatedTo.MAILJET), decided_by=DecidedBy.MESSAGE_STATUS
)
_COMPLAINED = replace(
    _is(BounceClass.COMPLAINT, BounceReason.SPAM_COMPLAINT, RelatedTo.RECIPIENT), decided_by=DecidedBy.MESSAGE_STATUS
)
_REFUSED_BY_TEXT = replace(_STATES[7], decided_by=DecidedBy.RECEIVERS_WORDS)
_FULL_BY_TEXT = replace(_STATES[3], decided_by=DecidedBy.RECEIVERS_WORDS)
_ABSENT_BY_TEXT = replace(_STATES[1], decided_by=DecidedBy.RECEIVERS_WORDS)
_MAYBE_ABSENT_BY_TEXT = replace(_ABSENT_BY_TEXT, is_disputed=True)
_INACTIVE_BY_TEXT = replace(_STATES[2], decided_by=DecidedBy.RECEIVERS_WORDS, is_disputed=True)
_NO_DOMAIN_BY_TEXT = replace(_STATES[4], decided_by=DecidedBy.RECEIVERS_WORDS)

_BY_TEXT_ALONE: Mapping[TextEvidence | None, Classification] = {
    TextEvidence.NO_SUCH_USER: _ABSENT_BY_TEXT,
    TextEvidence.NO_SUCH_DOMAIN: _NO_DOMAIN_BY_TEXT,
    TextEvidence.MAILBOX_INACTIVE: _INACTIVE_BY_TEXT,
    TextEvidence.MAYBE_NO_SUCH_USER: _MAYBE_ABSENT_BY_TEXT,
    TextEvidence.MAILBOX_FULL: _FULL_BY_TEXT,
    TextEvidence.SENDER_SIDE: _REFUSED_BY_TEXT,
}
"""What a failure is of which Mailjet gives no state that is known. One that passes says nothing about the mailbox."""

OPEN_STATUSES = frozenset({MessageStatus.DEFERRED, MessageStatus.QUEUED})
"""Mailjet has not given up: neither a failure nor a delivery yet. A later sweep sees the end of it."""


def classify(
    state_id: int | None,
    is_permanent: bool | None,
    status: MessageStatus | None = None,
    text: str | None = None,
) -> Classification:
    """Classify one failure by the state and flags that Mailjet shows for it.

    Args:
        state_id: Mailjet's StateID; None, zero and numbers outside its table give ``unknown``.
        is_permanent: the permanence flag of the bounce log; None where it was not seen, which counts as not set.
        status: the message's status; ``spam`` is a complaint whatever the state, ``deferred`` and ``queued`` are open.
        text: the receiver's own words, where we have them. They can settle a dispute, can show that a refusal was meant
            for the sender or passes, and stand in for a state that is not known. Its known words are kept, it is not.
    """
    return replace(_classified(state_id, is_permanent, status, text), server_words=server_words(text or ""))


def _classified(
    state_id: int | None, is_permanent: bool | None, status: MessageStatus | None, text: str | None
) -> Classification:
    if status is MessageStatus.SPAM:
        return _COMPLAINED
    if status in OPEN_STATUSES:
        return _STILL_TRYING
    found = _STATES.get(state_id)
    said = read_diagnostic(text)
    if found is None:
        return _without_state(state_id, is_permanent, said)
    if found.reason is BounceReason.ACCESS_DENIED:
        return _BY_TEXT_ALONE[said] if said in _ABOUT_THE_MAILBOX else found
    if found.bounce_class is not BounceClass.HARD:
        return found
    return _hard(found, is_permanent, said)


def _without_state(state_id: int | None, is_permanent: bool | None, said: TextEvidence | None) -> Classification:
    found = _BY_TEXT_ALONE.get(said, _UNCLASSIFIED)
    # Words beside the flag count like any other. Without the flag nothing but a stranger's sentence speaks for it, and a number
    # that is new may stand for anything: these take a second hit.
    is_settled = not state_id and is_permanent is True
    return found if is_settled or found.bounce_class is not BounceClass.HARD else replace(found, is_disputed=True)


def _hard(found: Classification, is_permanent: bool | None, said: TextEvidence | None) -> Classification:
    # A text beats the code, towards keeping the contact: reputation blocks have been coded as "user unknown".
    if said is TextEvidence.SENDER_SIDE:
        return _REFUSED_BY_TEXT
    if said is TextEvidence.MAILBOX_FULL:
        return _FULL_BY_TEXT
    if said is TextEvidence.MAILBOX_INACTIVE and found.reason is not BounceReason.MAILBOX_INACTIVE:
        return _INACTIVE_BY_TEXT
    if found.reason not in _ALWAYS_DISPUTED and is_permanent is True:
        if said is TextEvidence.TEMPORARY:
            return replace(found, decided_by=DecidedBy.RECEIVERS_WORDS, is_disputed=True)
        return replace(found, decided_by=DecidedBy.PERMANENCE_FLAG)
    if _settles(said, found.reason):
        return replace(found, decided_by=DecidedBy.RECEIVERS_WORDS)
    return replace(found, is_disputed=True)


_ABOUT_THE_MAILBOX = frozenset(
    {TextEvidence.NO_SUCH_USER, TextEvidence.MAYBE_NO_SUCH_USER, TextEvidence.MAILBOX_INACTIVE}
)
"""Words that show that a refused access was the recipient's."""


def _settles(said: TextEvidence | None, reason: BounceReason) -> bool:
    """Whether a text says plainly what the state only suggests."""
    about_domain = _STATES_BY_REASON[reason].related_to is RelatedTo.DOMAIN
    return said is (TextEvidence.NO_SUCH_DOMAIN if about_domain else TextEvidence.NO_SUCH_USER)


_STATES_BY_REASON: Mapping[BounceReason, Classification] = {
    known.reason: known for known in (*_STATES.values(), _STILL_TRYING, _COMPLAINED)
}


def advice_for(reason: BounceReason) -> str:
    """A phrase for people about the repair or release that a failure asks for, empty where there is none."""
    known = _STATES_BY_REASON.get(reason)
    return known.advice if known else ""


def restore_classification(
    bounce_class: BounceClass,
    reason: BounceReason,
    is_disputed: bool,
    decided_by: DecidedBy,
    words: str = "",
) -> Classification:
    """The classification of an event that was stored, with the advice as it is today.

    The class is taken as stored, also where today's table would give another: history is not judged twice.
    """
    known = _STATES_BY_REASON.get(reason, _UNCLASSIFIED)
    return Classification(bounce_class, reason, known.related_to, is_disputed, decided_by, known.advice, words)


@dataclass(frozen=True, slots=True)
class FailureEvent:
    """The failure of one contact's message in one campaign.

    ``campaign_id`` is ours, ``occurred_at`` an aware instant in UTC. ``is_contradictory``: one source claims a hard
    bounce that the other does not support; such an event never counts. ``told_at``: when Mailjet's Event API told of it; None:
    it did not.
    """

    contact_id: int
    campaign_id: int
    occurred_at: datetime
    state_id: int | None
    is_permanent: bool | None
    status: MessageStatus | None
    classification: Classification
    in_bounce_log: bool
    in_message_log: bool
    is_contradictory: bool = False
    told_at: datetime | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise ValueError("an event's instant must be timezone-aware")
        if not (self.in_bounce_log or self.in_message_log or self.told_at):
            raise ValueError("an event was seen in at least one of the two sources, or told")

    @property
    def bounce_class(self) -> BounceClass:
        """Shorthand for the classification's class."""
        return self.classification.bounce_class

    @property
    def reason(self) -> BounceReason:
        """Shorthand for the classification's reason."""
        return self.classification.reason

    @property
    def server_words(self) -> str:
        """Shorthand for what was kept of the receiver's words."""
        return self.classification.server_words

    @property
    def counts(self) -> bool:
        """Whether this event can count against the contact at all."""
        return self.classification.counts and not self.is_contradictory

    @property
    def is_permanent_hard(self) -> bool:
        """Whether it is a hard bounce that counts and that Mailjet calls permanent or the receiver's words settle."""
        found = self.classification
        is_settled = found.decided_by is DecidedBy.RECEIVERS_WORDS and not found.is_disputed
        return (self.is_permanent is True or is_settled) and self.counts and self.bounce_class is BounceClass.HARD


def count_by_class(events: Iterable[FailureEvent]) -> dict[BounceClass, int]:
    """Failures per class, every class named; contradictory events are left out."""
    counted = Counter(event.bounce_class for event in events if not event.is_contradictory)
    return {bounce_class: counted[bounce_class] for bounce_class in BounceClass}


@dataclass(frozen=True, slots=True)
class FailureEvidence:
    """One failure that a decision rests on, as it was when it was decided.

    Attributes:
        campaign_id: ours.
        occurred_at: an aware instant in UTC.
        decided_by: what settled its class; None where that was not kept when it was written.
        counts: it could count against the contact.
        server_words: known words of the receiver (``core.bounces.smtp_vocabulary``); empty where none is known.
    """

    campaign_id: int
    occurred_at: datetime
    bounce_class: BounceClass
    reason: BounceReason
    state_id: int | None
    is_permanent: bool | None
    status: MessageStatus | None
    is_disputed: bool
    in_bounce_log: bool
    in_message_log: bool
    is_contradictory: bool
    counts: bool
    server_words: str = ""
    decided_by: DecidedBy | None = None
    kind: Literal["failure"] = "failure"


def failure_evidence(event: FailureEvent) -> FailureEvidence:
    """An event as evidence."""
    return FailureEvidence(
        campaign_id=event.campaign_id,
        occurred_at=event.occurred_at,
        bounce_class=event.bounce_class,
        reason=event.reason,
        state_id=event.state_id,
        is_permanent=event.is_permanent,
        status=event.status,
        is_disputed=event.classification.is_disputed,
        decided_by=event.classification.decided_by,
        in_bounce_log=event.in_bounce_log,
        in_message_log=event.in_message_log,
        is_contradictory=event.is_contradictory,
        counts=event.counts,
        server_words=event.server_words,
    )
