"""The rules of the validation before a campaign: whether its list is fit to be sent, with words for its sender.

Belongs here: the facts, the rules, and when a validation is due. Does not belong here: where the facts come from
(``operations.validation.validate``), what a block does (``operations.validation.campaign_block``), the message
(``message``).

How bad a result is stands in ``checklist``. The advisor's assessment is a warning at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from list_pipeline.core.health.assessment import HealthAssessment, HealthPolicy
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import Sizes, deviation
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.validation.checklist import RuleResult, ValidationRule, critical, passed, warning
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.wording import (
    count_text,
    duration_text,
    exact_share,
    instant_text,
    limit_text,
    lists_text,
    percent_text,
    rate_text,
)


class Presence(StrEnum):
    """Mailjet's answer about the list."""

    EXISTS = "exists"
    DELETED = "deleted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Movement:
    """Movement since the expected size was taken: contacts that joined, left, or unsubscribed."""

    joined: int
    left: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class ValidatedList:
    """The list as it was read. ``mailable``: neither unsubscribed there nor excluded: whom Mailjet would write to.

    ``suppressed``, ``waiting``, ``held``, ``twice`` and ``unsubscribed_elsewhere`` are ids of contacts that could still be
    mailed. ``held``: those who bounced in an incident of their provider; their next mailing answers it.
    ``twice``: those who got the open cycle already, or stand on another list that is still to be sent in it.
    """

    raw: int
    mailable: int
    unsubscribed: int
    excluded: int
    suppressed: Sequence[int] = ()
    waiting: Sequence[int] = ()
    held: Sequence[int] = ()
    twice: Sequence[int] = ()
    unsubscribed_elsewhere: Sequence[int] = ()
    is_being_changed: bool = False


@dataclass(frozen=True, slots=True)
class ValidationFacts:
    """Everything the rules look at. None means: not known. Instants are aware.

    Attributes:
        expected: mailable contacts when the send was scheduled or the list last maintained, corrected by what our own
            changes did to it since.
        last_synced_at: when our rows of the list were last read from Mailjet; None: never.
        last_send: what became of the list's last campaign.
        health: the assessment of the list, by the advisor or by the rules.
        sent_in_open_cycle: lists that the open cycle was already sent to. recipients_unknown: those of them of which it is
            not known yet who was mailed.
    """

    role: ListRole
    presence: Presence
    now: datetime
    state: ValidatedList | None = None
    expected: int | None = None
    movement: Movement | None = None
    last_synced_at: datetime | None = None
    sizes: Sizes | None = None
    last_send: SendFigures | None = None
    health: HealthAssessment | None = None
    sent_in_open_cycle: frozenset[ListRole] | None = None
    recipients_unknown: frozenset[ListRole] = frozenset()


def validation_due_at(scheduled_at: datetime) -> datetime:
    """When the list of a send is validated (UTC): at 06:00 on its day, and never later than 3.25 h before it."""
    at = scheduled_at.astimezone(UTC)
    return min(at.replace(hour=VALIDATION.hour, minute=0, second=0, microsecond=0), at - VALIDATION.latest_before_send)


def size_tolerance(expected: int) -> int:
    """By how many contacts a size may differ: 10, or 1 % where that is more, rounded down."""
    return max(VALIDATION.tolerance_contacts, expected * VALIDATION.tolerance_percent // 100)


def validate_list(
    facts: ValidationFacts, rebalancing: RebalancingPolicy, health: HealthPolicy
) -> tuple[RuleResult, ...]:
    """Every rule, in order. Always all of them.

    Args:
        facts: everything the rules look at.
        rebalancing: the figures by which the maintenances of this deployment rebalance.
        health: the limits by which lists are judged.
    """
    return (
        _list_exists(facts),
        _list_size(facts),
        _nobody_suppressed(facts),
        _nobody_waiting(facts),
        _nobody_twice(facts),
        _unsubscribed_and_excluded(facts),
        _fresh_data(facts),
        _balance(facts, rebalancing),
        _bounce_rate(facts, health),
        _list_health(facts),
        _sent_once_a_cycle(facts),
    )


_READ_AGAIN = "Validate again when the list can be read."


def _list_exists(facts: ValidationFacts) -> RuleResult:
    if facts.presence is Presence.EXISTS:
        return passed(ValidationRule.LIST_EXISTS, f"{facts.role.label} exists at Mailjet.")
    happened = {"deleted": "was deleted at Mailjet", "missing": "does not exist at Mailjet"}[facts.presence.value]
    return critical(
        ValidationRule.LIST_EXISTS,
        f"{facts.role.label} {happened}.",
        "Restore the list at Mailjet, or schedule the campaign for the right list, then validate again.",
    )


def _list_size(facts: ValidationFacts) -> RuleResult:
    if facts.state is None:
        return warning(ValidationRule.LIST_SIZE, "How many contacts would be mailed is not known.", _READ_AGAIN)
    actual, expected = facts.state.mailable, facts.expected
    details: dict[str, Any] = {"actual": actual, "expected": expected, "subscribers": facts.state.raw}
    if actual == 0:
        return critical(
            ValidationRule.LIST_SIZE,
            "Nobody on the list can be mailed.",
            "Fill the list, or cancel the campaign.",
            **details,
        )
    if expected is None:
        return warning(
            ValidationRule.LIST_SIZE,
            f"{actual:,} contacts would be mailed; how many were expected is not known.",
            "Compare the number with the last campaign's.",
            **details,
        )
    discrepancy, tolerance = actual - expected, size_tolerance(expected)
    details |= {"discrepancy": discrepancy, "tolerance": tolerance}
    if abs(discrepancy) <= tolerance:
        return passed(
            ValidationRule.LIST_SIZE, f"{actual:,} contacts would be mailed, {expected:,} were expected.", **details
        )
    words = f"List size mismatch: {actual:,} contacts would be mailed, {expected:,} were expected ({discrepancy:+,})."
    if moved := facts.movement:
        details |= {"joined": moved.joined, "left": moved.left, "unsubscribed_since": moved.unsubscribed}
        words += f" Since then {moved.joined:,} joined, {moved.left:,} left and {moved.unsubscribed:,} unsubscribed."
    return warning(
        ValidationRule.LIST_SIZE, words, "Find out who was added or removed, or accept the new size.", **details
    )


def _nobody_suppressed(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_SUPPRESSED
    if facts.state is None:
        return critical(rule, "Whether suppressed contacts would be mailed is not known.", _READ_AGAIN)
    found = facts.state.suppressed
    if not found:
        return passed(rule, "No suppressed contact would be mailed.", checked=facts.state.raw)
    return critical(
        rule,
        f"Found {count_text(len(found), 'suppressed contact')} that would be mailed.",
        "Remove before launch: exclude them or take them off the list, then validate again.",
        contacts=len(found),
        contact_ids=_some(found),
    )


def _nobody_waiting(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_WAITING
    if facts.state is None:
        return critical(rule, "Whether somebody waits to be suppressed is not known.", _READ_AGAIN)
    waiting, held = facts.state.waiting, facts.state.held
    details = {"waiting": len(waiting), "held": len(held), "contact_ids": _some([*waiting, *held])}
    if waiting:
        return critical(
            rule,
            f"{count_text(len(waiting), 'contact')} to be mailed {'waits' if len(waiting) == 1 else 'wait'} to be suppressed.",
            "Decide on what waits (`list-pipeline reviews`), then validate again.",
            **details,
        )
    if held:
        words = (
            f"{count_text(len(held), 'contact')} that would be mailed bounced in an incident of their provider: this "
            "mailing shows which of them work."
        )
        return passed(rule, words, **details)
    return passed(rule, "Nobody who would be mailed waits to be suppressed.")


def _nobody_twice(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_TWICE
    if facts.state is None:
        return critical(rule, "Whether anybody would get the mailing twice is not known.", _READ_AGAIN)
    twice = facts.state.twice
    if twice:
        return critical(
            rule,
            f"{count_text(len(twice), 'contact')} of {facts.role.label} would get this cycle twice: mailed in it already, or "
            "on another list that is still to be sent.",
            "Take them off one of the lists (the reconciliation proposes it), then validate again.",
            contacts=len(twice),
            contact_ids=_some(twice),
        )
    if facts.recipients_unknown:
        names = lists_text(sorted(facts.recipients_unknown))
        return warning(
            rule,
            f"Who was mailed by the round to {names} is not known yet, so it is not certain that nobody gets it twice.",
            "Validate again in an hour.",
        )
    return passed(rule, "Nobody would get this cycle twice.")


def _unsubscribed_and_excluded(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.UNSUBSCRIBED_AND_EXCLUDED
    if facts.state is None:
        return warning(rule, "How many are unsubscribed or excluded is not known.", _READ_AGAIN)
    state = facts.state
    words = (
        f"{state.unsubscribed:,} unsubscribed and {count_text(state.excluded, 'excluded contact')} will not be mailed."
    )
    details: dict[str, Any] = {"unsubscribed": state.unsubscribed, "excluded": state.excluded}
    elsewhere = state.unsubscribed_elsewhere
    if not elsewhere:
        return passed(rule, words, **details)
    return warning(
        rule,
        f"{count_text(len(elsewhere), 'contact')} unsubscribed on another list and would be mailed on this one. {words}",
        "Unsubscribe them here too: who unsubscribes once does not want any of these mails.",
        **details,
        unsubscribed_elsewhere=len(elsewhere),
        contact_ids=_some(elsewhere),
    )


def _fresh_data(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.FRESH_DATA
    if facts.last_synced_at is None:
        return critical(rule, "The list was never read from Mailjet.", "Run `list-pipeline sync`, then validate again.")
    age = facts.now - facts.last_synced_at
    hours = age / timedelta(hours=1)
    details = {"last_synced_at": facts.last_synced_at.isoformat(), "hours": round(hours, 1)}
    if age > VALIDATION.stale_after:
        return warning(
            rule,
            f"The list was last read from Mailjet {duration_text(timedelta(hours=round(hours)))} ago.",
            "Consider refreshing: `list-pipeline sync`.",
            **details,
        )
    if facts.state is not None and facts.state.is_being_changed:
        return warning(
            rule,
            "A maintenance is changing the list right now.",
            "Validate again when it has ended.",
            **details,
            is_being_changed=True,
        )
    return passed(rule, f"The list was last read from Mailjet at {instant_text(facts.last_synced_at)}.", **details)


def _balance(facts: ValidationFacts, policy: RebalancingPolicy) -> RuleResult:
    rule = ValidationRule.BALANCE
    share = deviation(facts.sizes) if facts.sizes is not None else None
    if facts.sizes is None or share is None:
        return warning(rule, "How even the three lists are is not known.", _READ_AGAIN)
    percent = float(100 * share)
    details = {"sizes": list(facts.sizes), "deviation_percent": round(percent, 2)}
    shown = f"the three lists deviate by {percent_text(percent)} from their mean"
    if share <= policy.trigger:
        return passed(rule, f"Even: {shown}.", **details)
    if share > exact_share(LIST_STATES.severe_imbalance_percent):
        return warning(
            rule,
            f"Very uneven: {shown}. The figures of this round cannot be compared with the others'.",
            "Rebalance before the next cycle, and find out why the last maintenance did not.",
            **details,
        )
    return warning(rule, f"Uneven: {shown}.", "The next maintenance rebalances the lists.", **details)


def _bounce_rate(facts: ValidationFacts, policy: HealthPolicy) -> RuleResult:
    rule = ValidationRule.BOUNCE_RATE
    rate = facts.last_send.bounce_rate if facts.last_send is not None else None
    if rate is None or rate.percent is None or rate.low is None:
        return warning(rule, "The bounce rate of the list is not known.", "Watch the first hour of the send closely.")
    details = {"bounces": rate.count, "recipients": rate.of, "rate_percent": round(rate.percent, 2)}
    shown = f"of the list's last campaign {rate_text(rate)} bounced"
    complaints = facts.last_send.complaint_rate if facts.last_send is not None else None
    if complaints is not None:
        # Too many are a concern of the list's health, which has a rule of its own.
        details["complaint_rate_percent"] = round(complaints.percent, 2)
        shown = f"{shown}, {complaints.text} complained"
    if rate.low > policy.bounces_critical:
        return warning(
            rule,
            f"A great many: {shown}, surely above {limit_text(policy.bounces_critical)}.",
            "Have the list cleaned up before it is sent again.",
            **details,
        )
    if rate.low > policy.bounces_concerning:
        return warning(
            rule,
            f"Many: {shown}, surely above {limit_text(policy.bounces_concerning)}.",
            "Look at the last maintenance report: were the permanent bounces suppressed?",
            **details,
        )
    return passed(rule, f"Usual: {shown}.", **details)


def _list_health(facts: ValidationFacts) -> RuleResult:
    rule, health = ValidationRule.LIST_HEALTH, facts.health
    if health is None:
        return warning(rule, "The health of the list was not assessed.", _READ_AGAIN)
    details = {
        "health_status": health.status.value,
        "urgency": health.urgency.value,
        "concerns": list(health.concerns),
        "ai_assessment": health.rationale,
        "source": health.source.value,
    }
    if health.urgency.pages_people:
        return warning(
            rule,
            f"List health concerns of {health.urgency.value} urgency: {' '.join(health.concerns)}",
            health.rationale,
            **details,
        )
    return passed(rule, f"{health.status.value}, {health.urgency.value} urgency. {health.rationale}", **details)


def _sent_once_a_cycle(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.SENT_ONCE_A_CYCLE
    if facts.sent_in_open_cycle is None:
        return warning(rule, "Whether the open cycle was already sent to the list is not known.", _READ_AGAIN)
    if facts.role in facts.sent_in_open_cycle:
        return warning(
            rule,
            f"{facts.role.label} was already sent in the open cycle: this send opens the next one, and lists that were "
            "not sent yet go without the round.",
            "Check that the campaign is scheduled for the right list.",
            sent=sorted(role.value for role in facts.sent_in_open_cycle),
        )
    return passed(rule, f"{facts.role.label} was not sent yet in the open cycle.")


_MOST_IDS = 50


def _some(contact_ids: Sequence[int]) -> list[int]:
    return list(contact_ids[:_MOST_IDS])
