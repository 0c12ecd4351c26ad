"""Cycles and their rounds: which send belongs to which cycle, and which lists were already sent in the open one.

Belongs here: the assignment of sends and the closing of cycles. Does not belong here: how sends are discovered and
mapped to lists (an unmapped send never gets here), when a campaign is due (``eligibility``), and what an open cycle
forbids (``core.rebalancing``).

A cycle is one content sent in three rounds, one to each campaign list. It is closed when all three lists were sent, by
a person, or when nothing was sent for some time; a send to a list that was already sent in it opens the next one. What
was once assigned is assigned again only when a person rules on a send: plans were made on it. That decides how a send is
treated that becomes known late, after younger ones: it fills a gap in the cycle of its time, or opens a cycle in a gap
between cycles, or else stands alone with an alert. Cycles found late get the next free number, so numbers name cycles and
do not order them.

A send that does not fit is placed as well as one can guess, and doubted: the same list again while rounds are missing, another
content than the cycle's, the content of the cycle before, or of one that a person closed without it, the same list again at
once. One to a part of a list is placed nowhere: to a segment, it is doubted when it has the content of the open cycle; part of
an A/B test, always, as is a send of a type that nobody documented. Taken for a round, one extra send would shift all later
cycles.
While a doubt stands, nothing moves across rounds (``operations.campaigns.before_changes``): until a person rules, or the cycle
turns out plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.wording import lists_text


class ClosedReason(StrEnum):
    """Why a cycle takes no more rounds."""

    COMPLETE = "complete"
    """All three lists were sent."""
    BY_PERSON = "by_person"
    """Somebody decided that the missing rounds will not come."""
    OVERDUE = "overdue"
    """Nothing was sent for too long. A missing round that is sent after all, before another cycle, still joins it."""
    NEXT_STARTED = "next_started"
    """A list that was already sent in it was sent again."""
    OUT_OF_ORDER = "out_of_order"
    """A send that became known late and fits no cycle of its time; it stands alone."""


class RoundRuling(StrEnum):
    """What a person says a send is."""

    NOT_A_ROUND = "not_a_round"
    """An extra mailing: it belongs to no cycle."""
    JOINS = "joins"
    """A round of the cycle that was begun before it."""
    BEGINS = "begins"
    """The first round of a new cycle, which ends the one before."""
    FITS = "fits"
    """It is where it belongs."""


class RoundDoubt(StrEnum):
    """Why a send does not fit."""

    SAME_LIST = "same_list"
    OTHER_CONTENT = "other_content"
    RESENT = "resent"
    SEGMENT = "segment"
    AB_TEST = "ab_test"
    UNKNOWN_TYPE = "unknown_type"
    AT_ONCE = "at_once"
    CLOSED_CYCLE = "closed_cycle"

    @property
    def words(self) -> str:
        """The doubt for people, as what is said of the send."""
        return _DOUBTS[self]


_DOUBTS = {
    RoundDoubt.SAME_LIST: "its list was sent already in the open cycle, of which rounds are missing",
    RoundDoubt.OTHER_CONTENT: "its subject is another than that of the open cycle",
    RoundDoubt.RESENT: "its list got the same subject before",
    RoundDoubt.SEGMENT: "it went to a segment of its list only, with the subject of the open cycle",
    RoundDoubt.AB_TEST: "it is part of an A/B test, so it went to a part of its list only",
    RoundDoubt.UNKNOWN_TYPE: (
        "Mailjet does not say what it is: its type is neither a campaign's nor a transactional mail's, or its draft, which "
        "tells whether it is part of an A/B test, cannot be read"
    ),
    RoundDoubt.AT_ONCE: "its list was sent shortly before, as with the parts and the winner of an A/B test",
    RoundDoubt.CLOSED_CYCLE: "it has the subject of a cycle that a person closed without this round",
}

NEVER_A_ROUND_BY_ITSELF = frozenset({RoundDoubt.AB_TEST, RoundDoubt.UNKNOWN_TYPE})
"""What Mailjet says of a send itself, for which it is placed in no cycle until a person says so."""


def content_of(subject: str) -> str:
    """What rounds of one cycle have in common, as far as it can be told: the subject, but for spaces and case."""
    return " ".join(subject.casefold().split())


@dataclass(frozen=True, slots=True)
class CampaignSend:
    """One send to one campaign list, as Mailjet reports it. Instants are aware.

    ``content``: by ``content_of``; empty where it is not known. ``ruling``: what a person says it is. ``is_segment``: it went
    to a part of the list, as far as is known, so it is a round only if a person says so; ``oddity`` says why where it is no
    segment (``NEVER_A_ROUND_BY_ITSELF``).

    Raises:
        ValueError: neither a start nor an end (then it was not sent), an instant without timezone, another list, or an oddity
            that is none or stands beside a send to a whole list.
    """

    mailjet_campaign_id: int
    role: ListRole
    send_started_at: datetime | None
    send_ended_at: datetime | None
    content: str = ""
    ruling: RoundRuling | None = None
    is_segment: bool = False
    oddity: RoundDoubt | None = None

    def __post_init__(self) -> None:
        if self.oddity is not None and (self.oddity not in NEVER_A_ROUND_BY_ITSELF or not self.is_segment):
            raise ValueError(
                f"campaign {self.mailjet_campaign_id}: {self.oddity.value} does not say why it is no round"
            )
        if self.role not in CAMPAIGN_LISTS:
            raise ValueError(f"campaign {self.mailjet_campaign_id}: {self.role.value} is not a campaign list")
        if self.at.tzinfo is None:
            raise ValueError(f"campaign {self.mailjet_campaign_id}: the time of sending needs a timezone")

    @property
    def at(self) -> datetime:
        """When the list counts as sent: from the start of sending on, since from then on its contacts get the mail."""
        instant = self.send_started_at or self.send_ended_at
        if instant is None:
            raise ValueError(f"campaign {self.mailjet_campaign_id} was not sent: it has neither start nor end")
        return instant


@dataclass(frozen=True, slots=True)
class SentRound:
    """The send of one round."""

    mailjet_campaign_id: int
    at: datetime
    content: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One content on its way through the three lists. ``closed_at`` is None while rounds are missing."""

    number: int
    sent: Mapping[ListRole, SentRound] = field(hash=False)
    opened_at: datetime
    closed_at: datetime | None = None
    closed_reason: ClosedReason | None = None

    @property
    def last_sent_at(self) -> datetime:
        """The instant of the latest round."""
        return max((sent.at for sent in self.sent.values()), default=self.opened_at)

    def sent_by(self, as_of: datetime) -> frozenset[ListRole]:
        """The lists that were sent by an instant."""
        return frozenset(role for role, sent in self.sent.items() if sent.at <= as_of)

    @property
    def contents(self) -> frozenset[str]:
        """The contents of its rounds, as far as they are known."""
        return frozenset(sent.content for sent in self.sent.values() if sent.content)

    @property
    def missing(self) -> tuple[ListRole, ...]:
        """The lists that were not sent, in the order of the rotation."""
        return tuple(role for role in CAMPAIGN_LISTS if role not in self.sent)


@dataclass(frozen=True, slots=True)
class CycleAlert:
    """Something about a cycle that a person should know. ``sentence`` holds no address."""

    cycle_number: int
    reason: ClosedReason
    sentence: str


@dataclass(frozen=True, slots=True)
class CycleAssignment:
    """The cycles after the sends, oldest first; ``placed`` maps each new send's id to its cycle's number, ``doubts`` those of
    them that do not fit to the reason."""

    cycles: tuple[Cycle, ...]
    placed: Mapping[int, int]
    alerts: tuple[CycleAlert, ...]
    doubts: Mapping[int, RoundDoubt] = field(default_factory=dict, hash=False)


def assign_sends(
    cycles: Sequence[Cycle],
    sends: Iterable[CampaignSend],
    as_of: datetime,
    max_wait: timedelta = CAMPAIGNS.round_wait,
    *,
    closings: Iterable[datetime] = (),
) -> CycleAssignment:
    """Put new sends into cycles and close what is overdue.

    The order in which sends are handed in does not matter: they are taken by start of sending, then id. Sends that
    are already in a cycle are skipped, so that the same sends may be handed in again.

    Args:
        cycles: all cycles known so far.
        sends: sends to the three campaign lists.
        as_of: the instant up to which overdue cycles are closed.
        max_wait: how long a cycle waits for a missing round after its last send.
        closings: the instants at which a person closed the cycle that was open then.
    """
    state = _Assigning(list(cycles), max_wait, as_of, tuple(sorted(closings)))
    known = {sent.mailjet_campaign_id for cycle in cycles for sent in cycle.sent.values()}
    for send in sorted(sends, key=lambda send: (send.at, send.mailjet_campaign_id)):
        if send.mailjet_campaign_id not in known:
            known.add(send.mailjet_campaign_id)
            state.place(send)
    state.close_overdue(as_of)
    return CycleAssignment(_in_order(state.cycles), state.placed, state.alerts(), state.doubts)


def assign_again(
    cycles: Sequence[Cycle],
    sends: Iterable[CampaignSend],
    ruled: CampaignSend,
    as_of: datetime,
    *,
    closings: Iterable[datetime] = (),
) -> tuple[CycleAssignment, frozenset[int]]:
    """Put the sends into cycles anew from the cycle on in whose time a person ruled on a send.

    Args:
        sends: all sends since then at least, with what was ruled on them. ruled: the one that is ruled on now.
        closings: the instants at which a person closed the cycle that was open then.

    Returns:
        All cycles, and the numbers of those of them that stayed as they were.

    Raises:
        RefusedError: a send is to join a cycle in which its list was sent already, or there is none to join.
    """
    before = [cycle for cycle in cycles if cycle.opened_at < ruled.at]
    since = max((cycle.opened_at for cycle in before), default=ruled.at)
    kept = [cycle for cycle in cycles if cycle.opened_at < since]
    later = [send for send in sends if send.at >= since]
    return assign_sends(kept, later, as_of, closings=closings), frozenset(cycle.number for cycle in kept)


def open_cycle(cycles: Iterable[Cycle], as_of: datetime) -> Cycle | None:
    """The cycle that was open at an instant, or None.

    A cycle is open from its first send until it is closed, both as of that instant: replaying a past campaign sees
    the cycle as it was.
    """
    opened = [c for c in cycles if c.opened_at <= as_of and (c.closed_at is None or as_of < c.closed_at)]
    return max(opened, key=_by_time, default=None)


def closed_without(cycles: Iterable[Cycle], role: ListRole, content: str) -> Cycle | None:
    """The cycle that a person closed without a round to a list, if that round, of its content, is sent after all; else None.
    Contacts that got it may stand on that list by now. Only of the latest cycle: a send is placed by that one."""
    regular = [cycle for cycle in cycles if cycle.closed_reason is not ClosedReason.OUT_OF_ORDER]
    latest = max(regular, key=_by_time, default=None)
    if latest is None or latest.closed_reason is not ClosedReason.BY_PERSON:
        return None
    return latest if role not in latest.sent and content in latest.contents else None


def segment_doubt(
    cycles: Iterable[Cycle], send: CampaignSend, as_of: datetime, max_wait: timedelta = CAMPAIGNS.round_wait
) -> RoundDoubt | None:
    """Whether a send to a part of a list has to be asked about: for what Mailjet says of it, or it has the content of the cycle
    that is open, so that a part of the list got it. Any other one is an extra mailing."""
    if send.ruling is not None or as_of - send.at >= max_wait:
        return None
    if send.oddity is not None:
        return send.oddity
    cycle = open_cycle(cycles, as_of)
    return RoundDoubt.SEGMENT if cycle is not None and send.content in cycle.contents else None


def lists_already_sent(cycles: Iterable[Cycle], as_of: datetime) -> frozenset[ListRole]:
    """The lists that were already sent in the cycle that was open at an instant; empty when none was open."""
    cycle = open_cycle(cycles, as_of)
    return frozenset() if cycle is None else cycle.sent_by(as_of)


def _in_order(cycles: Iterable[Cycle]) -> tuple[Cycle, ...]:
    return tuple(sorted(cycles, key=_by_time))


def _by_time(cycle: Cycle) -> tuple[datetime, int]:
    return cycle.opened_at, cycle.number


@dataclass(slots=True)
class _Assigning:
    """The cycles while sends are put into them, oldest send first."""

    cycles: list[Cycle]
    max_wait: timedelta
    as_of: datetime
    closings: tuple[datetime, ...] = ()
    placed: dict[int, int] = field(default_factory=dict)
    doubts: dict[int, RoundDoubt] = field(default_factory=dict)
    late_joins: list[CycleAlert] = field(default_factory=list)
    _before: dict[int, Cycle] = field(init=False)

    def __post_init__(self) -> None:
        self._before = {cycle.number: cycle for cycle in self.cycles}

    def place(self, send: CampaignSend) -> None:
        self.close_overdue(send.at)
        # What was recorded out of order stands beside the sequence and never decides anything.
        regular = sorted((c for c in self.cycles if c.closed_reason is not ClosedReason.OUT_OF_ORDER), key=_by_time)
        current = next((cycle for cycle in reversed(regular) if cycle.opened_at <= send.at), None)
        following = next((cycle for cycle in regular if cycle.opened_at > send.at), None)
        if send.ruling is RoundRuling.NOT_A_ROUND:
            return
        if send.ruling is RoundRuling.JOINS:
            if current is None or send.role in current.sent:
                raise RefusedError(
                    f"Taking campaign {send.mailjet_campaign_id} for a round of the cycle before it",
                    f"{send.role.label} was sent in that cycle already" if current else "there is no cycle before it",
                    "Say that it is no round (not_a_round), or that it begins a cycle (begins)",
                )
            self._join(current, send, following)
            return
        if send.ruling is RoundRuling.BEGINS:
            if current is not None and current.closed_at is None:
                self._replace(current, replace(current, closed_at=send.at, closed_reason=ClosedReason.NEXT_STARTED))
            self._start(send, following)
            return
        if send.is_segment:
            return
        if send.ruling is None and (doubt := self._doubt(send, current, regular)) is not None:
            self.doubts[send.mailjet_campaign_id] = doubt
        if current is not None and _takes(current, send):
            self._join(current, send, following)
        elif current is None or (current.closed_at is not None and current.closed_at <= send.at):
            self._start(send, following)
        elif current.closed_at is None and current.last_sent_at <= send.at:
            self._replace(current, replace(current, closed_at=send.at, closed_reason=ClosedReason.NEXT_STARTED))
            self._start(send, following)
        else:
            self._append(send, closed_at=send.at, reason=ClosedReason.OUT_OF_ORDER)

    def _doubt(self, send: CampaignSend, current: Cycle | None, regular: Sequence[Cycle]) -> RoundDoubt | None:
        """Why a send does not fit; nobody is asked about what is older than a cycle waits, it decides nothing any more."""
        if self.as_of - send.at >= self.max_wait:
            return None
        last = next(
            (c.sent[send.role] for c in reversed(regular) if c.opened_at <= send.at and send.role in c.sent), None
        )
        if send.content and last is not None and last.content == send.content:
            return RoundDoubt.RESENT
        is_again = last is not None and send.at - last.at < CAMPAIGNS.same_list_again_after
        at_once = RoundDoubt.AT_ONCE if is_again else None
        if current is None:
            return at_once
        if current.closed_at is not None:
            is_left_out = current.closed_reason is ClosedReason.BY_PERSON and not _takes(current, send)
            return RoundDoubt.CLOSED_CYCLE if is_left_out and send.content in current.contents else at_once
        if send.role in current.sent:
            return RoundDoubt.SAME_LIST
        is_other = send.content and current.contents and send.content not in current.contents
        return RoundDoubt.OTHER_CONTENT if is_other else None

    def close_overdue(self, as_of: datetime) -> None:
        """Close what a person closed, or what waited too long, by that instant, whichever came first."""
        for cycle in [cycle for cycle in self.cycles if cycle.closed_at is None]:
            over_at = cycle.last_sent_at + self.max_wait
            decided_at = next((at for at in self.closings if cycle.last_sent_at < at), None)
            if decided_at is not None and decided_at <= min(as_of, over_at):
                self._replace(cycle, replace(cycle, closed_at=decided_at, closed_reason=ClosedReason.BY_PERSON))
            elif over_at <= as_of:
                self._replace(cycle, replace(cycle, closed_at=over_at, closed_reason=ClosedReason.OVERDUE))

    def alerts(self) -> tuple[CycleAlert, ...]:
        """Alerts for people about the cycles that changed."""
        found = []
        for cycle in sorted(self.cycles, key=_by_time):
            before = self._before.get(cycle.number)
            if cycle.closed_reason is not None and (before is None or before.closed_reason is not cycle.closed_reason):
                sentence = self._sentence(cycle)
                if sentence is not None:
                    found.append(CycleAlert(cycle.number, cycle.closed_reason, sentence))
        return (*found, *self.late_joins)

    def _sentence(self, cycle: Cycle) -> str | None:
        missing = lists_text(cycle.missing)
        match cycle.closed_reason:
            case ClosedReason.OVERDUE:
                days = self.max_wait.days
                return f"cycle {cycle.number} was closed: {days} days passed without the round to {missing}"
            case ClosedReason.NEXT_STARTED:
                return f"cycle {cycle.number} was closed without the round to {missing}: the next one was started"
            case ClosedReason.OUT_OF_ORDER:
                return (
                    f"campaign {next(iter(cycle.sent.values())).mailjet_campaign_id} to {lists_text(cycle.sent)} "
                    f"became known after younger sends and fits no cycle of its time; it stands alone as cycle "
                    f"{cycle.number}"
                )
            case _:
                return None

    def _join(self, cycle: Cycle, send: CampaignSend, following: Cycle | None) -> None:
        sent = {**cycle.sent, send.role: SentRound(send.mailjet_campaign_id, send.at, send.content)}
        joined = replace(cycle, sent={role: sent[role] for role in CAMPAIGN_LISTS if role in sent})
        if not joined.missing:
            joined = replace(joined, closed_at=joined.last_sent_at, closed_reason=ClosedReason.COMPLETE)
        elif cycle.closed_reason is ClosedReason.OVERDUE:
            joined = self._ended_by(following, replace(joined, closed_at=None, closed_reason=None))
        self._replace(cycle, joined)
        self.placed[send.mailjet_campaign_id] = cycle.number
        if cycle.closed_reason is not None and cycle.number in self._before:
            sentence = (
                f"campaign {send.mailjet_campaign_id} to {send.role.label} joined cycle {cycle.number}, which had been "
                f"closed ({cycle.closed_reason.value}) without it"
            )
            self.late_joins.append(CycleAlert(cycle.number, cycle.closed_reason, sentence))

    def _start(self, send: CampaignSend, following: Cycle | None) -> None:
        started = self._append(send, closed_at=None, reason=None)
        self._replace(started, self._ended_by(following, started))

    def _ended_by(self, following: Cycle | None, cycle: Cycle) -> Cycle:
        """The cycle, closed by the one that follows it, unless it was overdue before that (``close_overdue`` sees)."""
        if following is None or cycle.last_sent_at + self.max_wait <= following.opened_at:
            return cycle
        return replace(cycle, closed_at=following.opened_at, closed_reason=ClosedReason.NEXT_STARTED)

    def _append(self, send: CampaignSend, closed_at: datetime | None, reason: ClosedReason | None) -> Cycle:
        number = max((cycle.number for cycle in self.cycles), default=0) + 1
        sent = {send.role: SentRound(send.mailjet_campaign_id, send.at, send.content)}
        cycle = Cycle(number, sent, send.at, closed_at, reason)
        self.cycles.append(cycle)
        self.placed[send.mailjet_campaign_id] = number
        return cycle

    def _replace(self, old: Cycle, new: Cycle) -> None:
        self.cycles[self.cycles.index(old)] = new


def _takes(cycle: Cycle, send: CampaignSend) -> bool:
    """Whether the cycle, the latest that was opened before the send, still misses it.

    Closed for being overdue or by a younger cycle, it does; closed by a person, only if the send was before that.
    """
    if send.role in cycle.sent:
        return False
    if cycle.closed_reason is ClosedReason.BY_PERSON:
        return cycle.closed_at is not None and send.at < cycle.closed_at
    return True
