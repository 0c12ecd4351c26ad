"""The safety gate: whether a plan may run by itself, waits for a person, or must not run at all.

Belongs here: the checks on suppressions, each with the figures it saw. Does not belong here: making plans, asking people,
the operating mode (``core.safety.modes``), and the checks on moves and enrolments (``core.rebalancing.gate``).

Three outcomes, and who waits:

* A broken invariant (an incomplete reading, an item without evidence, a contact who was no recipient) refuses the plan.
  No person can approve it, because it should not exist.
* The cap, a confidence below the review band, automations on the suppression list, and the mode make the *whole* plan wait.
* An incident's contacts and items inside the review band wait *by themselves*: the rest of the plan may run. Rejected:
  letting an incident at one provider stop the certain suppressions everywhere else.

Complaints are exempt from cap and confidence: in automatic mode they run also while the rest of their plan waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.gate import (
    CAP_CHECK,
    CheckSeverity,
    GateCheck,
    GateDecision,
    GateOutcome,
    flag_check,
    mode_check,
)
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.core.wording import (
    WAIT,
    WAITS,
    confidence_text,
    count_text,
    exceeds_percent,
    limit_text,
    share_percent_text,
)


@dataclass(frozen=True, slots=True)
class GateItem:
    """One planned suppression, as far as the gate cares. ``group`` is its domain or operator, where known."""

    contact_id: int
    is_complaint: bool
    confidence: float
    is_permanent_hard: bool
    is_held: bool
    has_evidence: bool
    was_recipient: bool
    reason: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class SuppressionGateFacts:
    """The facts about a suppression plan that its gate judges.

    ``executed_before``: suppressions already executed in this campaign's other sweeps, complaints not counted.
    ``softened``: contacts that the policy would suppress and an advisor would rather watch. They count towards the cap:
    an opinion that takes some contacts out must not let the rest of a plan through that would wait without it.
    ``asked_before``: contacts about whom people were asked after another look at this campaign and have not decided, complaints
    and held ones not counted; they are not in this plan, and count towards the cap like those that are.
    ``untimely``: why the campaign is outside the age at which it is maintained by itself; None: it is not.
    ``automations``: the lists where being added may start one. ``tested``: contacts that the policy would suppress and that a
    mailing tests first; they count towards the cap likewise.
    """

    recipients: int
    executed_before: int
    items: tuple[GateItem, ...]
    fetch_complete: bool
    mode: Mode
    flag_enabled: bool
    softened: int = 0
    untimely: str | None = None
    asked_before: int = 0
    automations: Automations = field(default_factory=Automations)
    tested: int = 0


def gate_items(
    items: Iterable[PlanItem], recipients: Collection[int], domain_of: Mapping[int, str]
) -> tuple[GateItem, ...]:
    """The planned suppressions among a plan's items, held ones included, by contact id.

    Args:
        items: the plan as it was written, so that the gate judges what would be executed.
        recipients: those of the plan's contacts whom the campaign was sent to, asked again: that is what a gate is for.
        domain_of: contact id to its domain or operator, for the verdict on concentration.
    """
    planned = [item for item in items if item.action is ItemAction.SUPPRESS]
    return tuple(
        GateItem(
            contact_id=item.contact_id,
            is_complaint=item.rule == SuppressionRule.COMPLAINT.value,
            confidence=item.confidence if item.confidence is not None else 0.0,
            is_permanent_hard=item.is_permanent_hard,
            is_held=item.is_held,
            has_evidence=item.has_evidence,
            was_recipient=item.contact_id in recipients,
            reason=item.bounce_type or item.rule,
            group=domain_of.get(item.contact_id),
        )
        for item in sorted(planned, key=lambda one: one.contact_id)
    )


def judge_suppression(facts: SuppressionGateFacts, policy: SuppressionPolicy) -> GateDecision:
    """Whether a suppression plan may run, with every check, also those that no longer matter for the outcome."""
    free = [item for item in facts.items if not item.is_held]
    ordinary = [item for item in free if not item.is_complaint]
    doubtful = [item for item in ordinary if item.confidence < policy.review_confidence]
    in_band = [
        item
        for item in ordinary
        if policy.review_confidence <= item.confidence < policy.automatic_confidence and not item.is_permanent_hard
    ]
    mode = mode_check(facts.mode, facts.untimely, bool(facts.items))
    checks = (
        flag_check(facts.flag_enabled),
        mode,
        _fetch_check(facts.fetch_complete),
        _everyone_check(
            "evidence", "rest on evidence", facts.items, [one for one in facts.items if not one.has_evidence]
        ),
        _everyone_check(
            "recipients", "were recipients", facts.items, [one for one in facts.items if not one.was_recipient]
        ),
        _cap_check(facts, ordinary, policy),
        _confidence_check(ordinary, doubtful, policy),
        _band_check(in_band, policy),
        _held_check([item for item in facts.items if item.is_held]),
        facts.automations.check(ListRole.SUPPRESSION for _ in facts.items),
    )
    failed = {check.name for check in checks if not check.passed}
    everybody = sorted(item.contact_id for item in facts.items)
    broken = failed & {"fetch", "evidence", "recipients"}
    if broken or "flag" in failed:
        return GateDecision(GateOutcome.REFUSED, checks, (), (), alert=bool(broken))
    if facts.mode is Mode.READ_ONLY:
        return GateDecision(GateOutcome.READ_ONLY, checks, (), (), alert=bool(failed & {"cap", "confidence"}))
    if not mode.passed:
        alert = bool(failed & {"cap", "confidence"})
        return GateDecision(GateOutcome.NEEDS_REVIEW, checks, (), tuple(everybody), alert)
    if failed & {"cap", "confidence", "automations"}:
        complaints = sorted(item.contact_id for item in free if item.is_complaint)
        rest = tuple(contact_id for contact_id in everybody if contact_id not in set(complaints))
        alert = bool(failed & {"cap", "confidence"})
        return GateDecision(GateOutcome.NEEDS_REVIEW, checks, tuple(complaints), rest, alert)
    alone = {item.contact_id for item in (*in_band, *(item for item in facts.items if item.is_held))}
    return GateDecision(
        GateOutcome.APPROVED,
        checks,
        tuple(contact_id for contact_id in everybody if contact_id not in alone),
        tuple(contact_id for contact_id in everybody if contact_id in alone),
        alert=False,
    )


def _fetch_check(complete: bool) -> GateCheck:
    words = "The bounces were read completely." if complete else "The bounces were not read completely: decide nothing."
    return GateCheck("fetch", complete, CheckSeverity.ERROR, words)


def _everyone_check(name: str, words: str, items: Iterable[GateItem], failing: list[GateItem]) -> GateCheck:
    total = len(tuple(items))
    return GateCheck(
        name, not failing, CheckSeverity.ERROR, f"{total - len(failing)} of {total} planned suppressions {words}."
    )


def _cap_check(facts: SuppressionGateFacts, ordinary: list[GateItem], policy: SuppressionPolicy) -> GateCheck:
    """At most 10 percent of the recipients over all sweeps. Held items do not run by themselves and are not counted."""
    together = len(ordinary) + facts.softened + facts.tested + facts.executed_before + facts.asked_before
    # Without a new suppression there is nothing to stop, whatever earlier sweeps and approvals did.
    passed = not ordinary or not exceeds_percent(together, facts.recipients, policy.cap_percent)
    share = share_percent_text(together, facts.recipients)
    watched = f", {facts.softened} watched instead on the advisor's word" if facts.softened else ""
    if facts.tested:
        watched += f", {facts.tested} tested by a mailing first"
    if facts.asked_before:
        watched += f", {facts.asked_before} waiting after another look"
    words = (
        f"{len(ordinary)} planned{watched} and {facts.executed_before} executed before are {share} of {facts.recipients:,} "
        f"recipients; the cap is {limit_text(policy.cap_percent)}."
    )
    return GateCheck(
        CAP_CHECK, passed, CheckSeverity.WARNING, words if passed else f"{words} {concentration(ordinary)}"
    )


def concentration(items: Iterable[GateItem]) -> str:
    """Where the planned suppressions are concentrated, as a sentence: one domain or class points to one cause."""
    counted = tuple(items)
    parts = []
    for kind, names in (("domain", [one.group for one in counted]), ("reason", [one.reason for one in counted])):
        known = Counter(name for name in names if name)
        if not known:
            continue
        name, largest = min(known.items(), key=lambda pair: (-pair[1], pair[0]))
        one_cause = 2 * largest > len(counted)
        verdict = "one cause is likely" if one_cause else "no single cause"
        parts.append(f"largest {kind}: {name} with {largest} of {len(counted)} ({verdict})")
    return f"Concentration: {'; '.join(parts)}." if parts else "Concentration: not known."


def _confidence_check(ordinary: list[GateItem], doubtful: list[GateItem], policy: SuppressionPolicy) -> GateCheck:
    lowest = (
        f"the lowest confidence is {confidence_text(min(one.confidence for one in ordinary))}"
        if ordinary
        else "none to judge"
    )
    words = f"{len(doubtful)} of {len(ordinary)} are below {confidence_text(policy.review_confidence)}; {lowest}."
    return GateCheck("confidence", not doubtful, CheckSeverity.WARNING, words)


def _band_check(in_band: list[GateItem], policy: SuppressionPolicy) -> GateCheck:
    low, high = confidence_text(policy.review_confidence), confidence_text(policy.automatic_confidence)
    are, wait = ("is", WAITS) if len(in_band) == 1 else ("are", WAIT)
    words = f"{count_text(len(in_band), 'contact')} {are} less certain ({low} to {high}) and {wait}."
    return GateCheck("review_band", not in_band, CheckSeverity.WARNING, words)


def _held_check(held: list[GateItem]) -> GateCheck:
    domains = count_text(len({one.group for one in held if one.group}), "domain")
    are = "is" if len(held) == 1 else "are"
    words = f"{count_text(len(held), 'contact')} at {domains} {are} held because of an incident; their next mailings answer it."
    return GateCheck("incidents", not held, CheckSeverity.WARNING, words)
