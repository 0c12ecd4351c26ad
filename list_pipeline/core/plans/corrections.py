"""Taking a change back: which steps restore what was there before, and when that must not be done any more.

Belongs here: the reversal of one change, as a pure function of the journal's entry and of what is true now; the words
for what is refused; whether a contact is back where it was. Does not belong here: carrying it out
(``operations.plans.corrections``).

Only what we did is taken back: a list the contact was on before, and an exclusion that stood before, stay. A contact that
somebody else changed since is left as it is, because restoring an old state would overwrite a newer decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose
from list_pipeline.core.plans.automations import entered_words
from list_pipeline.core.plans.journal import StepAction, StepNote, StepOnList
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.wording import count_text, ids_text

_CAMPAIGN = frozenset(CAMPAIGN_LISTS)
_MOST_NAMED = 5
"""Contacts left as they are that a message names for each reason; `list-pipeline why` tells of each, the ledger of all."""


class Refusal(StrEnum):
    """Why a change is not taken back, or not done again."""

    CONTACT_GONE = "contact_gone"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    CHANGED_SINCE = "changed_since"
    SUPPRESSED_SINCE = "suppressed_since"
    REINSTATED_SINCE = "reinstated_since"
    DELIVERED_SINCE = "delivered_since"
    MUST_STAY = "must_stay"
    UNREADABLE_ROW = "unreadable_row"
    CYCLE_CHANGED = "cycle_changed"
    LIST_BEING_SENT = "list_being_sent"
    LIST_FROZEN = "list_frozen"
    RECIPIENTS_UNKNOWN = "recipients_unknown"
    ALREADY_SO = "already_so"
    NOTHING_WAS_DONE = "nothing_was_done"
    QUARANTINE_OVER = "quarantine_over"

    @property
    def words(self) -> str:
        """The reason for people, as what is said of the contact: ``unsubscribed: nobody but …``."""
        return _REFUSAL_WORDS[self]

    @property
    def note(self) -> StepNote:
        """The journal's word for it, where something was written down and is not done any more."""
        return _REFUSAL_NOTES.get(self, StepNote.MUST_STAY)


_REFUSAL_WORDS: Mapping[Refusal, str] = {
    Refusal.CONTACT_GONE: "erased, or no longer at Mailjet",
    Refusal.COMPLAINT: "complained about spam: a complaint is not taken back without an explicit override",
    Refusal.UNSUBSCRIBED: "unsubscribed: nobody but the contact can undo that",
    Refusal.CHANGED_SINCE: "somebody changed its lists since",
    Refusal.SUPPRESSED_SINCE: "was suppressed since",
    Refusal.REINSTATED_SINCE: "a person reinstated it since",
    Refusal.DELIVERED_SINCE: "a later campaign reached it, so the address works",
    Refusal.MUST_STAY: "is excluded from campaigns, complained about spam, or its address is suppressed",
    Refusal.UNREADABLE_ROW: "what Mailjet shows of it cannot be read (`list-pipeline unreadable`)",
    Refusal.CYCLE_CHANGED: "changed now, it would get the open cycle twice or never",
    Refusal.RECIPIENTS_UNKNOWN: "a round of the open cycle was sent, and who was mailed is not known yet",
    Refusal.LIST_BEING_SENT: "the list was validated for a send, is being sent, or is sent soon",
    Refusal.LIST_FROZEN: "one of its lists is frozen for rebalancing: others changed it at large and nobody decided on that "
    "(`list-pipeline mass-changes`), or an entry of it does not say whose it is (`list-pipeline unreadable`)",
    Refusal.ALREADY_SO: "is as it was before already",
    Refusal.NOTHING_WAS_DONE: "was never changed",
    Refusal.QUARANTINE_OVER: "its time in quarantine was over before that began",
}

_LEFT_BECAUSE: Mapping[StepNote | None, Refusal] = {
    StepNote.CONTACT_GONE: Refusal.CONTACT_GONE,
    StepNote.CYCLE_CHANGED: Refusal.CYCLE_CHANGED,
    StepNote.LIST_BEING_SENT: Refusal.LIST_BEING_SENT,
    StepNote.LIST_FROZEN: Refusal.LIST_FROZEN,
    StepNote.RECIPIENTS_UNKNOWN: Refusal.RECIPIENTS_UNKNOWN,
    StepNote.UNSUBSCRIBED_MEANWHILE: Refusal.UNSUBSCRIBED,
    StepNote.MUST_STAY: Refusal.MUST_STAY,
    StepNote.ALREADY_SUPPRESSED: Refusal.ALREADY_SO,
    StepNote.NOT_A_MEMBER: Refusal.ALREADY_SO,
    StepNote.QUARANTINE_OVER: Refusal.QUARANTINE_OVER,
}


def by_refusal(found: Iterable[tuple[Refusal | None, int]]) -> dict[Refusal, list[int]]:
    """Why contacts are left as they are, to their ids; those that nothing refuses are left out."""
    refused: dict[Refusal, list[int]] = {}
    for reason, contact_id in found:
        if reason is not None:
            refused.setdefault(reason, []).append(contact_id)
    return refused


def left_because(note: StepNote | None) -> Refusal:
    """Why a change of a correction was left out when it was to be carried out, from the note of its steps."""
    return _LEFT_BECAUSE.get(note, Refusal.CHANGED_SINCE)


_REFUSAL_NOTES = {
    Refusal.CONTACT_GONE: StepNote.CONTACT_GONE,
    Refusal.UNSUBSCRIBED: StepNote.UNSUBSCRIBED_MEANWHILE,
    Refusal.CHANGED_SINCE: StepNote.NO_LONGER_THERE,
    Refusal.REINSTATED_SINCE: StepNote.NO_LONGER_THERE,
    Refusal.DELIVERED_SINCE: StepNote.NO_LONGER_THERE,
    Refusal.SUPPRESSED_SINCE: StepNote.ALREADY_SUPPRESSED,
    Refusal.CYCLE_CHANGED: StepNote.CYCLE_CHANGED,
    Refusal.RECIPIENTS_UNKNOWN: StepNote.RECIPIENTS_UNKNOWN,
    Refusal.LIST_BEING_SENT: StepNote.LIST_BEING_SENT,
    Refusal.LIST_FROZEN: StepNote.LIST_FROZEN,
}


class Left(StrEnum):
    """Why a change stands after an undo, where nothing refused to take it back."""

    NOT_TAKEN_BACK = "not_taken_back"
    DONE_AGAIN = "done_again"

    @property
    def words(self) -> str:
        """The reason for people."""
        return "done again by a redo" if self is Left.DONE_AGAIN else "could not be taken back, or not yet"


def why_left_words(reason: str) -> str:
    """The words of a reason as the ledger keeps it: a ``Refusal`` or a ``Left``."""
    return Refusal(reason).words if reason in tuple(Refusal) else Left(reason).words


@dataclass(frozen=True, slots=True)
class DoneChange:
    """A change as the journal has it. ``done``: its confirmed steps, those left out that found what they wanted already.

    ``before``: the lists the contact was on before; ``was_excluded`` likewise. ``is_complaint``: suppressed for a complaint.
    """

    change_id: int
    contact_id: int
    kind: ItemAction
    done: frozenset[StepOnList]
    before: frozenset[ListRole]
    was_excluded: bool
    is_complaint: bool = False


@dataclass(frozen=True, slots=True)
class ContactNow:
    """The present state of a contact. ``is_unreadable``: what Mailjet shows of it cannot be read. ``is_quarantined``: it is
    excluded by a quarantine of ours that goes on."""

    lists: frozenset[ListRole]
    is_unsubscribed: bool = False
    is_excluded: bool = False
    is_complaining: bool = False
    is_gone: bool = False
    is_unreadable: bool = False
    is_quarantined: bool = False

    @property
    def is_excluded_otherwise(self) -> bool:
        """Whether it is excluded, and not by our own quarantine: such an exclusion is not ours to lift."""
        return self.is_excluded and not self.is_quarantined

    @property
    def campaign_lists(self) -> frozenset[ListRole]:
        """The campaign lists it is on."""
        return self.lists & _CAMPAIGN


@dataclass(frozen=True, slots=True)
class Reversal:
    """The steps that take a change back, or why it stays."""

    change: DoneChange
    steps: tuple[StepOnList, ...] = ()
    refused: Refusal | None = None


def reverse(
    change: DoneChange,
    now: ContactNow,
    *,
    cycle: OpenCycle = OpenCycle(),
    received: bool = False,
    frozen: Collection[ListRole] = (),
    despite_complaint: bool = False,
) -> Reversal:
    """The reversal of a change, judged on the contact's present state.

    Args:
        cycle: the open cycle; ``received``: whether the contact was a recipient of one of its rounds.
        frozen: lists that are being sent right now.
        despite_complaint: a person said explicitly that a complaint is to be taken back.
    """
    refused = _refusal(change, now, frozenset(frozen), despite_complaint)
    if refused:
        return Reversal(change, refused=refused)
    steps = _steps(change, now)
    if not steps:
        return Reversal(change, refused=Refusal.ALREADY_SO if change.done else Refusal.NOTHING_WAS_DONE)
    if change.kind is ItemAction.QUARANTINE:
        # It stays on its list: whether it was mailed by a round makes no difference to who is owed one.
        return Reversal(change, steps)
    refused = _refusal_by_cycle(steps, now, cycle, received=received)
    return Reversal(change, refused=refused) if refused else Reversal(change, steps)


def _refusal(
    change: DoneChange,
    now: ContactNow,
    frozen: frozenset[ListRole],
    despite_complaint: bool,
) -> Refusal | None:
    if now.is_gone:
        return Refusal.CONTACT_GONE
    if now.is_unreadable:
        return Refusal.UNREADABLE_ROW
    if (change.is_complaint or now.is_complaining) and not despite_complaint:
        return Refusal.COMPLAINT
    if change.kind is ItemAction.QUARANTINE:
        return _refusal_to_release(now, frozen)
    if now.is_unsubscribed:
        return Refusal.UNSUBSCRIBED
    if frozen & {role for _, role in change.done}:
        return Refusal.LIST_BEING_SENT
    added = frozenset(role for action, role in change.done if action is StepAction.ADD and role in _CAMPAIGN)
    if change.kind is ItemAction.SUPPRESS:
        # Another list than those it was taken off is somebody's newer decision; so is an exclusion that is lifted while
        # the entry stands, and going back onto a list first would make a suppressed contact mailable.
        lifted = (StepAction.EXCLUDE, None) in change.done and not now.is_excluded and ListRole.SUPPRESSION in now.lists
        return Refusal.CHANGED_SINCE if lifted or now.campaign_lists - change.before else None
    if ListRole.SUPPRESSION in now.lists:
        return Refusal.SUPPRESSED_SINCE
    if not added <= now.campaign_lists or now.campaign_lists - added - change.before:
        return Refusal.CHANGED_SINCE
    if change.kind is ItemAction.ENROL and ListRole.MASTER not in now.lists:
        return Refusal.CHANGED_SINCE
    return None


def _refusal_to_release(now: ContactNow, frozen: frozenset[ListRole]) -> Refusal | None:
    """Why a quarantine goes on. An unsubscription stands at Mailjet whatever is lifted here; an exclusion that stayed behind
    would keep whoever subscribes again from mail for ever."""
    if ListRole.SUPPRESSION in now.lists:
        return Refusal.SUPPRESSED_SINCE
    if not now.is_quarantined:
        # Somebody lifted it, and whoever excluded the contact anew is not us.
        return Refusal.CHANGED_SINCE
    return Refusal.LIST_BEING_SENT if frozen & now.campaign_lists else None


def _refusal_by_cycle(
    steps: tuple[StepOnList, ...], now: ContactNow, cycle: OpenCycle, *, received: bool
) -> Refusal | None:
    """Going back must leave the contact with one mail of the open cycle, or no worse off than it is now."""
    put_on = {role for role in ListRole if (StepAction.ADD, role) in steps}
    taken_off = {role for role in ListRole if (StepAction.REMOVE, role) in steps}
    after = (now.lists - taken_off) | put_on
    if not after & _CAMPAIGN:
        # Off its lists, as somebody asked for: nothing is owed to it there.
        return None
    if cycle.unrecorded:
        return Refusal.RECIPIENTS_UNKNOWN
    return None if cycle.allows(now.lists, after, received=received) else Refusal.CYCLE_CHANGED


def _steps(change: DoneChange, now: ContactNow) -> tuple[StepOnList, ...]:
    """Back on the lists it was taken off, then off those it was put on, then mailable again."""
    gone, there = [r for r in ListRole if r not in now.lists], [r for r in ListRole if r in now.lists]
    back = [(StepAction.ADD, role) for role in gone if (StepAction.REMOVE, role) in change.done]
    off = [(StepAction.REMOVE, role) for role in there if (StepAction.ADD, role) in change.done]
    include = (StepAction.EXCLUDE, None) in change.done and not change.was_excluded and now.is_excluded
    return (*back, *off, (StepAction.INCLUDE, None)) if include else (*back, *off)


def is_back(change: DoneChange, now: ContactNow) -> bool:
    """Whether a contact is where it was before a change: its campaign lists, the suppression list, the exclusion."""
    watched = _CAMPAIGN | {ListRole.SUPPRESSION}
    if change.kind is ItemAction.QUARANTINE:
        return now.is_excluded == change.was_excluded
    return now.lists & watched == change.before & watched and now.is_excluded_otherwise == change.was_excluded


@dataclass(frozen=True, slots=True)
class CorrectionSummary:
    """What a correction is about, as it is stored with its plan. ``what``: its title.

    ``refused``: why contacts are left as they are, to these contacts. ``despite_complaint``: a person said explicitly that
    complaints are taken back too; of what was stored before that was kept, it is not known, and so not assumed.
    """

    what: str = ""
    refused: Mapping[Refusal, tuple[int, ...]] = field(default_factory=dict)
    despite_complaint: bool = False


@dataclass(frozen=True, slots=True)
class CorrectionFacts:
    """The results of a correction, for people. ``refused``: why contacts are left as they are, to how many.

    ``differs``: contacts that are not where they were before although their change was taken back. ``open``: not settled.
    ``waits``: left as they are for now, and changed by itself when that is possible. ``content_hash``: the identity of the plan
    that was carried out, empty where there was none. ``entered``: contacts that were added where automations begin, by list.
    """

    what: str
    requested_by: str
    note: str
    planned: int
    done: int
    failed: int
    open: int
    differs: tuple[int, ...]
    refused: Mapping[Refusal, int]
    waits: int = 0
    content_hash: str = ""
    entered: Mapping[ListRole, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was to be done is done and was found to be so."""
        return self.done == self.planned and not self.differs and not self.open

    @property
    def is_empty_handed(self) -> bool:
        """Whether nothing was done, since everybody concerned has to be left as they are."""
        return not self.planned and any(self.refused.values())


def _named(left: Mapping[Refusal, Sequence[int]] | None, reason: Refusal) -> str:
    ids = (left or {}).get(reason, ())
    return f" (contacts {ids_text(ids, most=_MOST_NAMED)})" if ids else ""


def correction_message(
    facts: CorrectionFacts,
    links: Sequence[Mrkdwn] = (),
    *,
    automatic: bool,
    left: Mapping[Refusal, Sequence[int]] | None = None,
) -> SlackMessage:
    """The Slack message about a correction; one that did not end well is a critical alert.

    Args:
        automatic: nobody asked for it: a rebalancing that failed was taken back by itself, and somebody has to look.
        left: the contacts that are left as they are, by why; some of each are named.
    """
    counts = compose(
        "*{done} of {changes}* carried out and read back.",
        done=f"{facts.done:,}",
        changes=count_text(facts.planned, "change"),
    )
    lines = [counts if facts.planned else compose("Nothing was to be changed any more.")]
    if facts.failed or facts.open:
        lines.append(
            compose("{failed} failed, {open} not settled.", failed=f"{facts.failed:,}", open=f"{facts.open:,}")
        )
    if facts.entered:
        lines.append(compose("{words}", words=entered_words(facts.entered)))
    if facts.differs:
        lines.append(compose("Not where they were before: contacts {shown}.", shown=ids_text(facts.differs, most=10)))
    lines += [
        compose("{count} left as they are: {why}.", count=count, why=f"{reason.words}{_named(left, reason)}")
        for reason, count in sorted(facts.refused.items())
    ]
    what_to_do = ""
    # Nobody asked for a rollback: that it could do nothing is no answer, but something that somebody has to mend.
    is_complete = facts.is_complete and not (automatic and facts.is_empty_handed)
    if automatic and is_complete:
        what_to_do = "Manual review needed: see why the rebalancing failed before the next send."
    elif automatic:
        what_to_do = "Manual fix required: compare the lists at Mailjet with the journal."
    elif facts.waits:
        what_to_do = "Nothing: what waits follows by itself when the list is not being sent any more."
    elif not is_complete:
        what_to_do = "Manual fix required: look at what is open, and run it again."
    return alert(
        f"↩️ {facts.what}"
        if is_complete
        else f"↩️ {facts.what} waits"
        if facts.waits
        else f"Critical: {facts.what} is not complete",
        lines,
        level=None if is_complete or facts.waits else AlertLevel.CRITICAL,
        what_to_do=[compose(what_to_do)] if what_to_do else (),
        small_print=[
            compose("Asked for by {by}. {note}", by=facts.requested_by, note=facts.note),
            *([compose("Content hash {hash}.", hash=facts.content_hash[:12])] if facts.content_hash else []),
            *links,
        ],
    )
