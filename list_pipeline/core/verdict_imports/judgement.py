"""What becomes of each row of a file of verdicts, and whether the plan made of them may run.

Belongs here: why a contact stays although it is listed, and the gate of an import. Does not belong here: what a word of the
file means (``files``), and what is known of a contact (``operations.verdict_imports``).

A verifier asks a mail host, and mail hosts give wrong answers to strangers. What we saw ourselves counts more: a contact that a
campaign reached within the days of grace stays. A person who lists contacts without any verdict means these contacts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.corrections import ContactNow
from list_pipeline.core.plans.gate import (
    CAP_CHECK,
    CheckSeverity,
    GateCheck,
    GateDecision,
    GateOutcome,
    flag_check,
    mode_check,
)
from list_pipeline.core.plans.plan import BY_HAND, IMPORTED, ItemAction, PlanItem
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.verdict_imports.files import ImportRow, Said
from list_pipeline.core.wording import count_text, date_text, exceeds_percent, limit_text, share_percent_text

CONFIDENCE_OF_A_VERIFIER = 0.9
"""Our own figure: above what needs a person, below what we saw ourselves."""


_MOST_LINES = 10


class LeftRow(StrEnum):
    """Why a row leads to nothing."""

    DELIVERABLE = "deliverable"
    UNCLEAR = "unclear"
    DISAGREES = "disagrees"
    NO_CONTACT = "no_contact"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    TWO_CONTACTS = "two_contacts"
    GONE = "gone"
    UNREADABLE = "unreadable"
    ALREADY = "already"
    NOT_MAILED = "not_mailed"
    REACHED = "reached"

    @property
    def words(self) -> str:
        """The reason for people, as what is said of a row's contact."""
        return _WORDS[self]


_WORDS: Mapping[LeftRow, str] = {
    LeftRow.DELIVERABLE: "called deliverable",
    LeftRow.UNCLEAR: "the verdict is not clear: a catch-all domain, a risk, an unknown word or none",
    LeftRow.DISAGREES: "rows of the file disagree about it",
    LeftRow.NO_CONTACT: "neither an id nor an address",
    LeftRow.UNKNOWN: "no contact of ours has this id or address",
    LeftRow.AMBIGUOUS: "several contacts have this address: give the id",
    LeftRow.TWO_CONTACTS: "the contact of its id has another address than the one beside it",
    LeftRow.GONE: "erased, or no longer at Mailjet",
    LeftRow.UNREADABLE: "what Mailjet shows of it cannot be read (`list-pipeline unreadable`)",
    LeftRow.ALREADY: "suppressed already",
    LeftRow.NOT_MAILED: "on no list, so it is not mailed",
    LeftRow.REACHED: "a campaign reached it lately, which counts more than a verifier's word",
}


@dataclass(frozen=True, slots=True)
class KnownContacts:
    """What is known of the contacts of a file.

    Attributes:
        by_address: an address, in lower case, to the contacts that have it.
        now: contact id to its present state; a contact without a row of ours is missing.
        reached_at: contact id to the send of the last campaign that reached it (UTC).
    """

    by_address: Mapping[str, Sequence[int]]
    now: Mapping[int, ContactNow]
    reached_at: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Judged:
    """The items of the plan by contact id, and why the other rows lead to nothing: to the lines of the file."""

    items: tuple[PlanItem, ...]
    left: Mapping[LeftRow, tuple[int, ...]]


def judge(rows: Sequence[ImportRow], known: KnownContacts, as_of: datetime, policy: SuppressionPolicy) -> Judged:
    """What becomes of each row.

    Args:
        as_of: the moment of judging (UTC).
    """
    left: dict[LeftRow, list[int]] = defaultdict(list)
    by_contact: dict[int, list[ImportRow]] = defaultdict(list)
    for row in rows:
        found = _contact_of(row, known)
        if isinstance(found, LeftRow):
            left[found].append(row.line)
        else:
            by_contact[found].append(row)
    items = []
    for contact_id, own in sorted(by_contact.items()):
        said = {row.said for row in own}
        why = LeftRow.DISAGREES if len(said) > 1 else _why_left(contact_id, own[0].said, known, as_of, policy)
        if why is not None:
            left[why] += [row.line for row in own]
        else:
            items.append(_item(contact_id, own[0].said))
    return Judged(tuple(items), {why: tuple(sorted(left[why])) for why in LeftRow if left[why]})


def left_words(left: Mapping[LeftRow, Sequence[int]]) -> list[str]:
    """Why rows lead to nothing, a sentence for each reason, with the first lines of the file that it is true of."""
    return [
        f"{count_text(len(lines), 'row')} left out, {why.words}: {lines_text(lines)}" for why, lines in left.items()
    ]


def lines_text(lines: Sequence[int]) -> str:
    """Lines of a file: ``line 4``, ``lines 4, 7, 9 and 12 more``."""
    shown = ", ".join(f"{line}" for line in lines[:_MOST_LINES])
    more = f" and {len(lines) - _MOST_LINES:,} more" if len(lines) > _MOST_LINES else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"


def _contact_of(row: ImportRow, known: KnownContacts) -> int | LeftRow:
    """The contact of a row. An id beside an address may be the verifier's own number, or that of another system: what it names
    has to have the address, and where it names nobody the address counts."""
    address = row.contact if row.contact_id is None else row.address
    found = known.by_address.get(address.lower(), ())
    if row.contact_id is not None and row.contact_id in known.now:
        return row.contact_id if not address or row.contact_id in found else LeftRow.TWO_CONTACTS
    if row.contact_id is None and "@" not in address:
        return LeftRow.NO_CONTACT
    if not found:
        return LeftRow.UNKNOWN
    return found[0] if len(found) == 1 else LeftRow.AMBIGUOUS


def _why_left(
    contact_id: int, said: Said, known: KnownContacts, as_of: datetime, policy: SuppressionPolicy
) -> LeftRow | None:
    if said is Said.DELIVERABLE:
        return LeftRow.DELIVERABLE
    if said is Said.UNCLEAR:
        return LeftRow.UNCLEAR
    now = known.now[contact_id]
    if now.is_gone:
        return LeftRow.GONE
    if now.is_unreadable:
        return LeftRow.UNREADABLE
    if ListRole.SUPPRESSION in now.lists and now.is_excluded and not now.campaign_lists:
        return LeftRow.ALREADY
    if not now.lists:
        return LeftRow.NOT_MAILED
    reached = known.reached_at.get(contact_id)
    is_recent = reached is not None and as_of - reached <= timedelta(days=policy.grace_days)
    return LeftRow.REACHED if said is Said.UNDELIVERABLE and is_recent else None


def _item(contact_id: int, said: Said) -> PlanItem:
    is_verdict = said is Said.UNDELIVERABLE
    words = (
        "An address verifier says that it cannot be delivered to."
        if is_verdict
        else "Named by a person, alone or in a list."
    )
    return PlanItem(
        contact_id,
        ItemAction.SUPPRESS,
        rule=IMPORTED,
        to_role=ListRole.SUPPRESSION,
        reason=BY_HAND,
        confidence=CONFIDENCE_OF_A_VERIFIER if is_verdict else 1.0,
        has_evidence=True,
        explanation=words,
    )


@dataclass(frozen=True, slots=True)
class ImportGateFacts:
    """The facts about an import that its gate judges.

    ``mailable``: contacts on the campaign lists that would be mailed. ``suppressed_before``: by other imports within the days
    that ``since`` begins (UTC), or waiting in one: many small files are one large one.
    """

    items: int
    mailable: int
    suppressed_before: int
    since: datetime
    mode: Mode
    flag_enabled: bool
    automations: Automations = field(default_factory=Automations)


IMPORT_DAYS = 7
"""Imports within so many days count together towards the cap."""


def judge_gate(items: Sequence[PlanItem], facts: ImportGateFacts, policy: SuppressionPolicy) -> GateDecision:
    """Whether an import may run by itself: as a plan of the same size after a campaign, with the campaign lists as its base."""
    everybody = tuple(item.contact_id for item in items)
    mode = mode_check(facts.mode, None, bool(items))
    cap = _cap_check(facts, policy)
    automations = facts.automations.check(item.to_role for item in items)
    checks = (flag_check(facts.flag_enabled), mode, cap, automations)
    if not facts.flag_enabled:
        return GateDecision(GateOutcome.REFUSED, checks, (), (), alert=False)
    if facts.mode is Mode.READ_ONLY:
        return GateDecision(GateOutcome.READ_ONLY, checks, (), (), alert=not cap.passed)
    if not (mode.passed and cap.passed and automations.passed):
        return GateDecision(GateOutcome.NEEDS_REVIEW, checks, (), everybody, alert=not cap.passed)
    return GateDecision(GateOutcome.APPROVED, checks, everybody, (), alert=False)


def _cap_check(facts: ImportGateFacts, policy: SuppressionPolicy) -> GateCheck:
    together = facts.items + facts.suppressed_before
    # An empty base with something to suppress is above every cap.
    passed = not facts.items or not exceeds_percent(together, facts.mailable, policy.cap_percent)
    before = (
        f" and {facts.suppressed_before:,} of other imports since {date_text(facts.since)}"
        if facts.suppressed_before
        else ""
    )
    words = (
        f"{facts.items:,} planned{before} are {share_percent_text(together, facts.mailable)} of the {facts.mailable:,} "
        f"contacts on the campaign lists; the cap is {limit_text(policy.cap_percent)}."
    )
    return GateCheck(CAP_CHECK, passed, CheckSeverity.WARNING, words)
