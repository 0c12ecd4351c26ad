"""Reading Mailjet's two bounce sources against each other: one event per contact, and whether the reading is whole.

Belongs here: which rows belong together, which evidence both sources carry, and the comparison with the counters. Does
not belong here: fetching (the client) and what follows for a contact (``core.suppression``).

The two sources know different things. The message log knows how each message ended; its permanence flag is always
false. The bounce log knows permanence; it shows a contact several times, also for attempts that a later retry
overcame. So the message log decides *whether* a message failed, and a hard bounce needs both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from list_pipeline.core.bounces.classes import (
    OPEN_STATUSES,
    BounceClass,
    Classification,
    DecidedBy,
    FailureEvent,
    classify,
)
from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.observations import NOBODY, BounceSeen, MessageSeen, MessageStatus, SendCounters
from list_pipeline.core.wording import count_text

_FAILED = frozenset(
    {
        MessageStatus.BOUNCE,
        MessageStatus.SPAM,
        MessageStatus.BLOCKED,
        MessageStatus.SOFT_BOUNCED,
        MessageStatus.HARD_BOUNCED,
    }
)
_NOT_DELIVERED = _FAILED | OPEN_STATUSES | {MessageStatus.UNKNOWN}

_STATUS_CLASSES: Mapping[MessageStatus, frozenset[BounceClass]] = {
    MessageStatus.HARD_BOUNCED: frozenset({BounceClass.HARD}),
    MessageStatus.SOFT_BOUNCED: frozenset({BounceClass.SOFT}),
    MessageStatus.BOUNCE: frozenset({BounceClass.HARD, BounceClass.SOFT}),
    MessageStatus.BLOCKED: frozenset({BounceClass.BLOCK, BounceClass.CONTENT, BounceClass.NOT_EVIDENCE}),
}
"""What a status supports when the message shows no state."""

_SEVERITY = (
    BounceClass.COMPLAINT,
    BounceClass.HARD,
    BounceClass.SOFT,
    BounceClass.CONTENT,
    BounceClass.BLOCK,
    BounceClass.NOT_EVIDENCE,
    BounceClass.UNKNOWN,
)
"""Worst first."""

_ENDED_HARD = frozenset({MessageStatus.HARD_BOUNCED, MessageStatus.BOUNCE, None})
"""Statuses of a message beside which the bounce log has a hard row, sooner or later; None: no message is shown."""

Row = TypeVar("Row", BounceSeen, MessageSeen)

_NO_TEXTS: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReconciledBounces:
    """A campaign's two bounce sources read together.

    ``events`` has one row a contact, by contact id. ``problems`` make the reading unusable for a decision, ``warnings``
    do not; both are sentences for people, without addresses. ``duplicates`` counts surplus rows per contact. ``late_log``:
    the sentence that one of the sources is late, which of an older campaign is only a warning.
    """

    campaign_id: int
    events: tuple[FailureEvent, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    duplicates: tuple[tuple[int, int], ...]
    rows_read: int
    late_log: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether decisions may rest on this reading. Never decide on an incomplete one."""
        return not self.problems

    @property
    def duplicates_count(self) -> int:
        """Surplus rows of both sources together."""
        return sum(surplus for _, surplus in self.duplicates)

    @property
    def contradictions(self) -> tuple[FailureEvent, ...]:
        """Events that one source claims and the other does not support: kept and reported."""
        return tuple(event for event in self.events if event.is_contradictory)


def reconcile(
    bounces: Sequence[BounceSeen],
    messages: Sequence[MessageSeen],
    counters: SendCounters,
    *,
    campaign_id: int,
    mailjet_campaign_id: int,
    sent_at: datetime,
    texts: Mapping[int, str] = _NO_TEXTS,
    recipients: int | None = None,
) -> ReconciledBounces:
    """One event per failing contact, with the worst evidence that both sources support.

    Args:
        bounces: all rows of the bounce log for this campaign, in any order, duplicates included.
        messages: the campaign's messages that were not delivered; delivered ones may be among them and are ignored.
        counters: lifetime counters of the campaign, the measure of completeness.
        campaign_id: our number of the campaign, for the events.
        mailjet_campaign_id: Mailjet's number; rows of another campaign make the reading unusable.
        sent_at: when sending started (UTC): the date of a failure that carries none itself.
        texts: the receiver's words by contact id, where they are known.
        recipients: how many contacts were mailed, where that is known: counters of fewer messages are not to be believed.
    """
    own_bounces = [row for row in bounces if row.mailjet_campaign_id == mailjet_campaign_id and row.contact_id > 0]
    failed = [
        row for row in messages if row.mailjet_campaign_id == mailjet_campaign_id and row.status in _NOT_DELIVERED
    ]
    # An erased contact's message is counted like any other, and nobody can be held to it.
    own_messages = [row for row in failed if row.contact_id > 0]
    everything: list[BounceSeen | MessageSeen] = [*bounces, *messages]
    problems, warnings = _compare_with_counters(failed, counters)
    if recipients is not None and counters.total < recipients:
        problems.append(
            f"{count_text(counters.total, 'message')} by the counters, and {count_text(recipients, 'contact')} were mailed: "
            "the counters are not whole."
        )
    elif not counters.total and (failed or own_bounces):
        problems.append("No message by the counters, and messages failed: the counters are not whole.")
    if foreign := sum(row.mailjet_campaign_id != mailjet_campaign_id for row in everything):
        problems.append(
            f"{count_text(foreign, 'row')} of another campaign came with the answer: the filter was not applied."
        )
    if nameless := sum(row.contact_id == NOBODY for row in everything):
        warnings.append(f"{count_text(nameless, 'row')} of erased contacts: nobody can be held to that.")
    if spoilt := sum(bool(row.problem) for row in everything):
        warnings.append(f"{count_text(spoilt, 'row')} cannot be read: what they say of a contact counts for nothing.")
    if not own_bounces and any(row.status is MessageStatus.HARD_BOUNCED for row in own_messages):
        warnings.append("The bounce log shows nothing although messages bounced hard: read it again with its dates.")

    grouped_bounces, grouped_messages = _by_contact(own_bounces), _by_contact(own_messages)
    events = []
    for contact_id in sorted(grouped_bounces.keys() | grouped_messages.keys()):
        rows = _Rows(grouped_bounces.get(contact_id, ()), grouped_messages.get(contact_id, ()), texts.get(contact_id))
        events.append(
            _reduce(contact_id, campaign_id, rows, sent_at)
            if rows.are_read
            else _unread(contact_id, campaign_id, rows, sent_at)
        )
    undated = sum(
        not any(_dates(grouped_bounces.get(event.contact_id, ()), grouped_messages.get(event.contact_id, ())))
        for event in events
    )
    if undated:
        warnings.append(f"{undated} failures carry no date: they are dated by the start of sending.")
    contradictions = sum(event.is_contradictory for event in events)
    if contradictions:
        warnings.append(f"{contradictions} contacts bounced for one source and not for the other: kept.")
    return ReconciledBounces(
        campaign_id,
        tuple(events),
        tuple(problems),
        tuple(warnings),
        _surplus(own_bounces, own_messages),
        len(everything),
        _late_log(events),
    )


def _late_log(events: Sequence[FailureEvent]) -> str:
    """The sentence that one source is late: many hard bounces at once that it does not show. A few contradict it."""
    hard = [event for event in events if event.bounce_class is BounceClass.HARD]
    # A message that ended as something milder is shown: the two sources differ, and none of them is late.
    one_sided = [event for event in hard if event.is_contradictory and event.status in _ENDED_HARD]
    if not BOUNCES.is_late(len(one_sided), len(hard)):
        return ""
    return f"{len(one_sided)} of {len(hard)} hard bounces are shown by one of Mailjet's two sources only: the other is late."


def _by_contact(rows: Iterable[Row]) -> dict[int, tuple[Row, ...]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.contact_id].append(row)
    return {contact_id: tuple(own) for contact_id, own in grouped.items()}


def _surplus(bounces: Iterable[BounceSeen], messages: Iterable[MessageSeen]) -> tuple[tuple[int, int], ...]:
    surplus: Counter[int] = Counter()
    for counted in (Counter(row.contact_id for row in bounces), Counter(row.contact_id for row in messages)):
        surplus.update({contact_id: rows - 1 for contact_id, rows in counted.items() if rows > 1})
    return tuple(sorted(surplus.items()))


def _compare_with_counters(messages: Iterable[MessageSeen], counters: SendCounters) -> tuple[list[str], list[str]]:
    """Problems and warnings from comparing distinct failed messages per status with the lifetime counters.

    Messages are told apart by their id: the counters count messages, and a contact who is twice in a campaign has two.
    A page that was read twice adds nothing.
    """
    seen: dict[MessageStatus, set[int]] = defaultdict(set)
    for row in messages:
        seen[row.status].add(row.message_id)
    found = {status: len(ids) for status, ids in seen.items()}
    comparisons = [
        ("blocked", found.get(MessageStatus.BLOCKED, 0), counters.blocked),
        ("reported as spam", found.get(MessageStatus.SPAM, 0), counters.spam),
    ]
    hard, soft = found.get(MessageStatus.HARD_BOUNCED, 0), found.get(MessageStatus.SOFT_BOUNCED, 0)
    if either := found.get(MessageStatus.BOUNCE, 0):
        # The status "bounce" does not say which: only the sum of both can be compared.
        comparisons.append(("bounced", hard + soft + either, counters.hard_bounced + counters.soft_bounced))
    else:
        comparisons.append(("bounced hard", hard, counters.hard_bounced))
        comparisons.append(("bounced softly", soft, counters.soft_bounced))
    problems, warnings = [], []
    for words, read, counted in comparisons:
        if read < counted:
            problems.append(f"{counted} messages {words} by the counters, {read} were read: the reading is incomplete.")
        elif read > counted:
            warnings.append(f"{read} messages {words}, the counters show {counted}: they are late.")
    if counters.deferred:
        warnings.append(f"{counters.deferred} messages are still being tried: a later sweep sees how they end.")
    return problems, warnings


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of one contact."""

    bounces: tuple[BounceSeen, ...]
    messages: tuple[MessageSeen, ...]
    text: str | None

    @property
    def are_read(self) -> bool:
        """False where a row of the contact cannot be read: then nobody can say what the others mean together with it."""
        return not (any(row.problem for row in self.bounces) or any(row.problem for row in self.messages))


def _unread(contact_id: int, campaign_id: int, rows: _Rows, sent_at: datetime) -> FailureEvent:
    """The event of a contact one of whose rows cannot be read: no delivery, and no failure that counts."""
    return FailureEvent(
        contact_id=contact_id,
        campaign_id=campaign_id,
        occurred_at=min(_dates(rows.bounces, rows.messages), default=sent_at),
        state_id=None,
        is_permanent=None,
        status=MessageStatus.UNKNOWN,
        classification=classify(None, None, MessageStatus.UNKNOWN),
        in_bounce_log=bool(rows.bounces),
        in_message_log=bool(rows.messages),
    )


def _reduce(contact_id: int, campaign_id: int, rows: _Rows, sent_at: datetime) -> FailureEvent:
    """The contact's one event."""
    logged = [(row, classify(row.state_id, row.is_permanent, None, rows.text)) for row in rows.bounces]
    ended = [(row, classify(row.state_id, None, row.status, rows.text)) for row in rows.messages]
    chosen, contradictory = _choose(logged, ended)
    bounce = _matching(logged, chosen)
    message = _matching(ended, chosen)
    dates = sorted(_dates(rows.bounces, rows.messages))
    dated = [row.bounced_at for row in rows.bounces if row is bounce and row.bounced_at is not None]
    shown = bounce or message
    return FailureEvent(
        contact_id=contact_id,
        campaign_id=campaign_id,
        occurred_at=(dated or dates or [sent_at])[0],
        state_id=shown.state_id if shown else None,
        is_permanent=bounce.is_permanent if bounce else None,
        status=_status(message, rows.messages),
        classification=chosen,
        in_bounce_log=bool(rows.bounces),
        in_message_log=bool(rows.messages),
        is_contradictory=contradictory,
    )


def _dates(bounces: Iterable[BounceSeen], messages: Iterable[MessageSeen]) -> Iterable[datetime]:
    """Every date that a contact's rows carry."""
    instants = (*(row.bounced_at for row in bounces), *(row.arrived_at for row in messages))
    return [instant for instant in instants if instant is not None]


def _choose(
    logged: Sequence[tuple[BounceSeen, Classification]], ended: Sequence[tuple[MessageSeen, Classification]]
) -> tuple[Classification, bool]:
    """The classification of one contact's rows, and whether the two sources contradict each other.

    A complaint needs one source. A hard bounce needs both; claimed by one only, it is a contradiction, and the event
    carries what is left when both agree on something milder, else the claim itself. Everything milder follows the
    message log, because a soft row of the bounce log may belong to an attempt that a retry overcame; a contact whom
    only the bounce log knows keeps a block, and a soft bounce there is a contradiction.
    """
    everything = [found for _, found in (*logged, *ended)]
    complaints = [found for found in everything if found.bounce_class is BounceClass.COMPLAINT]
    if complaints:
        return _worst(complaints), False
    supported = [
        _agreed(found, row, claim)
        for _, claim in logged
        if claim.bounce_class is BounceClass.HARD
        for row, found in ended
        if _supports(row, found, BounceClass.HARD)
    ]
    if supported:
        return _worst(supported), False
    if logged and all(found.bounce_class is BounceClass.UNKNOWN for found in everything):
        # Nobody knows the state that is shown, so it stays unknown; what the message log alone says is judged below.
        return _worst(everything), False
    claimed = any(found.bounce_class is BounceClass.HARD for found in everything) or any(
        row.status is MessageStatus.HARD_BOUNCED and found.bounce_class is BounceClass.UNKNOWN for row, found in ended
    )
    endings = [_ending(row, found, logged) for row, found in ended]
    if claimed:
        # Not hard, or both sources would have said so.
        kinds = {found.bounce_class for _, found in logged}
        agreed = [found for found in endings if found.bounce_class in kinds]
        return _worst(agreed or everything), True
    if endings:
        return _worst(endings), False
    only_logged = _worst([found for _, found in logged])
    return only_logged, only_logged.bounce_class is BounceClass.SOFT


def _supports(row: MessageSeen, found: Classification, bounce_class: BounceClass) -> bool:
    """Whether a message carries evidence of this class; without a state its status speaks."""
    if row.state_id is None:
        return bounce_class in _STATUS_CLASSES.get(row.status, frozenset())
    return found.bounce_class is bounce_class


def _agreed(found: Classification, row: MessageSeen, claim: Classification) -> Classification:
    """The claim of the bounce log, disputed unless the message ended as a bounce for the same reason."""
    same_reason = row.state_id is None or found.reason is claim.reason
    as_bounce = row.status in (MessageStatus.HARD_BOUNCED, MessageStatus.BOUNCE)
    return claim if same_reason and as_bounce else replace(claim, is_disputed=True, decided_by=DecidedBy.STATE)


def _ending(
    row: MessageSeen, found: Classification, logged: Sequence[tuple[BounceSeen, Classification]]
) -> Classification:
    """The end of a message; one without a state takes its reason from a row of the bounce log that fits its status."""
    if row.state_id is None and row.status in _STATUS_CLASSES:
        fitting = [claim for _, claim in logged if claim.bounce_class in _STATUS_CLASSES[row.status]]
        if fitting:
            return _worst(fitting)
    return found


def _worst(found: Sequence[Classification]) -> Classification:
    """The worst of several, the undisputed before the disputed; ties fall to the reason's name, not to the order."""
    return min(
        found,
        key=lambda one: (
            _SEVERITY.index(one.bounce_class),
            one.is_disputed,
            one.reason.value,
            one.decided_by is DecidedBy.RECEIVERS_WORDS,
        ),
    )


def _matching(rows: Sequence[tuple[Row, Classification]], chosen: Classification) -> Row | None:
    """The earliest row that carries the chosen reason, so that its state, flag and date are shown."""
    fitting = [row for row, found in rows if found.reason is chosen.reason]
    return min(fitting, key=_order) if fitting else None


def _order(row: BounceSeen | MessageSeen) -> tuple[bool, bool, float, int, int, str]:
    """Permanent rows first, then the earliest, rows without a date last; every other field only breaks ties."""
    if isinstance(row, BounceSeen):
        permanent, instant, number, words = row.is_permanent, row.bounced_at, row.row_id, ""
    else:
        permanent, instant, number, words = False, row.arrived_at, row.message_id, row.status.value
    state = -1 if row.state_id is None else row.state_id
    return (not permanent, instant is None, instant.timestamp() if instant else 0.0, number, state, words)


def _status(message: MessageSeen | None, messages: Sequence[MessageSeen]) -> MessageStatus | None:
    """The status of the row that was chosen, else of the contact's first message."""
    if message is not None:
        return message.status
    return min(messages, key=_order).status if messages else None


def counted_by_status(counters: SendCounters) -> Mapping[MessageStatus | None, int]:
    """How many messages of each status there are by the counters, where they tell."""
    return {
        None: counters.total,
        MessageStatus.HARD_BOUNCED: counters.hard_bounced,
        MessageStatus.SOFT_BOUNCED: counters.soft_bounced,
        MessageStatus.BLOCKED: counters.blocked,
        MessageStatus.SPAM: counters.spam,
        MessageStatus.DEFERRED: counters.deferred,
        MessageStatus.QUEUED: counters.queued,
    }
