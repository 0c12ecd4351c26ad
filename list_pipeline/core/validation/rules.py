"""The rules of the validation before a campaign: whether its list is fit to be sent, with words for its sender.

Belongs here: the facts, the rules, and when a validation is due. Does not belong here: where the facts come from
(``operations.validation.validate``), what a block does (``operations.validation.campaign_block``), the message
(``message``).

A critical result blocks the campaign, a warning only reports. What is not known never passes: where it could hide
somebody who must not be mailed it is critical, else a warning. The advisor's assessment is a warning at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from list_pipeline.core.health.assessment import HealthAssessment, HealthPolicy
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import Sizes, deviation
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
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


class Severity(StrEnum):
    """The result of a rule, from best to worst."""

    PASSED = "passed"
    WARNING = "warning"
    CRITICAL = "critical"


class ValidationRule(StrEnum):
    """The rules, in the order in which they are shown."""

    LIST_EXISTS = "list_exists"
    LIST_SIZE = "list_size"
    NOBODY_SUPPRESSED = "nobody_suppressed"
    NOBODY_WAITING = "nobody_waiting"
    NOBODY_TWICE = "nobody_twice"
    UNSUBSCRIBED_AND_EXCLUDED = "unsubscribed_and_excluded"
    FRESH_DATA = "fresh_data"
    BALANCE = "balance"
    BOUNCE_RATE = "bounce_rate"
    LIST_HEALTH = "list_health"
    SENT_ONCE_A_CYCLE = "sent_once_a_cycle"

    @property
    def question(self) -> str:
        """The question that the rule asks, the same in every deployment: a figure that is a setting goes by its name."""
        return _QUESTIONS[self]


_QUESTIONS: Mapping[ValidationRule, str] = MappingProxyType(
    {
        ValidationRule.LIST_EXISTS: "The list exists at Mailjet and is not deleted.",
        ValidationRule.LIST_SIZE: (
            f"As many contacts would be mailed as expected, give or take {VALIDATION.tolerance_contacts} or "
            f"{limit_text(VALIDATION.tolerance_percent)}, whichever is more."
        ),
        ValidationRule.NOBODY_SUPPRESSED: "Nobody on the list is suppressed and could still be mailed.",
        ValidationRule.NOBODY_WAITING: "Nobody on the list waits for a decision to be suppressed.",
        ValidationRule.NOBODY_TWICE: (
            "Nobody on the list got the open cycle already, and nobody stands on another list that is still to be sent in it."
        ),
        ValidationRule.UNSUBSCRIBED_AND_EXCLUDED: "Nobody would be mailed who unsubscribed on another list.",
        ValidationRule.FRESH_DATA: (
            f"The list was read from Mailjet within {VALIDATION.stale_after // timedelta(hours=1)} hours, and nothing is "
            "changing it right now."
        ),
        ValidationRule.BALANCE: (
            "The three lists deviate from their mean by no more than LIST_BALANCE_THRESHOLD, which a maintenance repairs."
        ),
        ValidationRule.BOUNCE_RATE: (
            f"The list's last campaign did not bounce above {limit_text(HealthPolicy().bounces_concerning)}."
        ),
        ValidationRule.LIST_HEALTH: "The assessment of the list's health is of low or medium urgency.",
        ValidationRule.SENT_ONCE_A_CYCLE: "The list was not sent yet in the open cycle.",
    }
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


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule. ``words``: its finding; ``action``: what to do about it; ``details``: figures and ids."""

    rule: ValidationRule
    severity: Severity
    words: str
    action: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


def validation_due_at(scheduled_at: datetime) -> datetime:
    """When the list of a send is validated (UTC): at 06:00 on its day, and never later than 3.25 h before it."""
    at = scheduled_at.astimezone(UTC)
    return min(at.replace(hour=VALIDATION.hour, minute=0, second=0, microsecond=0), at - VALIDATION.latest_before_send)


def size_tolerance(expected: int) -> int:
    """By how many contacts a size may differ: 10, or 1 % where that is more, rounded down."""
    return max(VALIDATION.tolerance_contacts, expected * VALIDATION.tolerance_percent // 100)


def verdict(results: Iterable[RuleResult]) -> Severity:
    """The worst of the results; without any, critical: nothing was looked at."""
    order = list(Severity)
    return max((result.severity for result in results), key=order.index, default=Severity.CRITICAL)


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


def _passed(rule: ValidationRule, words: str, **details: Any) -> RuleResult:
    return RuleResult(rule, Severity.PASSED, words, "", details)


def _warning(rule: ValidationRule, words: str, action: str, **details: Any) -> RuleResult:
    return RuleResult(rule, Severity.WARNING, words, action, details)


def _critical(rule: ValidationRule, words: str, action: str, **details: Any) -> RuleResult:
    return RuleResult(rule, Severity.CRITICAL, words, action, details)


_READ_AGAIN = "Validate again when the list can be read."


def _list_exists(facts: ValidationFacts) -> RuleResult:
    if facts.presence is Presence.EXISTS:
        return _passed(ValidationRule.LIST_EXISTS, f"{facts.role.label} exists at Mailjet.")
    happened = {"deleted": "was deleted at Mailjet", "missing": "does not exist at Mailjet"}[facts.presence.value]
    return _critical(
        ValidationRule.LIST_EXISTS,
        f"{facts.role.label} {happened}.",
        "Restore the list at Mailjet, or schedule the campaign for the right list, then validate again.",
    )


def _list_size(facts: ValidationFacts) -> RuleResult:
    if facts.state is None:
        return _warning(ValidationRule.LIST_SIZE, "How many contacts would be mailed is not known.", _READ_AGAIN)
    actual, expected = facts.state.mailable, facts.expected
    details: dict[str, Any] = {"actual": actual, "expected": expected, "subscribers": facts.state.raw}
    if actual == 0:
        return _critical(
            ValidationRule.LIST_SIZE,
            "Nobody on the list can be mailed.",
            "Fill the list, or cancel the campaign.",
            **details,
        )
    if expected is None:
        return _warning(
            ValidationRule.LIST_SIZE,
            f"{actual:,} contacts would be mailed; how many were expected is not known.",
            "Compare the number with the last campaign's.",
            **details,
        )
    discrepancy, tolerance = actual - expected, size_tolerance(expected)
    details |= {"discrepancy": discrepancy, "tolerance": tolerance}
    if abs(discrepancy) <= tolerance:
        return _passed(
            ValidationRule.LIST_SIZE, f"{actual:,} contacts would be mailed, {expected:,} were expected.", **details
        )
    words = f"List size mismatch: {actual:,} contacts would be mailed, {expected:,} were expected ({discrepancy:+,})."
    if moved := facts.movement:
        details |= {"joined": moved.joined, "left": moved.left, "unsubscribed_since": moved.unsubscribed}
        words += f" Since then {moved.joined:,} joined, {moved.left:,} left and {moved.unsubscribed:,} unsubscribed."
    return _warning(
        ValidationRule.LIST_SIZE, words, "Find out who was added or removed, or accept the new size.", **details
    )


def _nobody_suppressed(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_SUPPRESSED
    if facts.state is None:
        return _critical(rule, "Whether suppressed contacts would be mailed is not known.", _READ_AGAIN)
    found = facts.state.suppressed
    if not found:
        return _passed(rule, "No suppressed contact would be mailed.", checked=facts.state.raw)
    return _critical(
        rule,
        f"Found {len(found):,} suppressed contact(s) that would be mailed.",
        "Remove before launch: exclude them or take them off the list, then validate again.",
        contacts=len(found),
        contact_ids=_some(found),
    )


def _nobody_waiting(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_WAITING
    if facts.state is None:
        return _critical(rule, "Whether somebody waits to be suppressed is not known.", _READ_AGAIN)
    waiting, held = facts.state.waiting, facts.state.held
    details = {"waiting": len(waiting), "held": len(held), "contact_ids": _some([*waiting, *held])}
    if waiting:
        return _critical(
            rule,
            f"{len(waiting):,} contact(s) that would be mailed wait to be suppressed.",
            "Decide on what waits (`list-pipeline reviews`), then validate again.",
            **details,
        )
    if held:
        words = (
            f"{count_text(len(held), 'contact')} that would be mailed bounced in an incident of their provider: this "
            "mailing shows which of them work."
        )
        return _passed(rule, words, **details)
    return _passed(rule, "Nobody who would be mailed waits to be suppressed.")


def _nobody_twice(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.NOBODY_TWICE
    if facts.state is None:
        return _critical(rule, "Whether anybody would get the mailing twice is not known.", _READ_AGAIN)
    twice = facts.state.twice
    if twice:
        return _critical(
            rule,
            f"{count_text(len(twice), 'contact')} of {facts.role.label} would get this cycle twice: mailed in it already, or "
            "on another list that is still to be sent.",
            "Take them off one of the lists (the reconciliation proposes it), then validate again.",
            contacts=len(twice),
            contact_ids=_some(twice),
        )
    if facts.recipients_unknown:
        names = lists_text(sorted(facts.recipients_unknown))
        return _warning(
            rule,
            f"Who was mailed by the round to {names} is not known yet, so it is not certain that nobody gets it twice.",
            "Validate again in an hour.",
        )
    return _passed(rule, "Nobody would get this cycle twice.")


def _unsubscribed_and_excluded(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.UNSUBSCRIBED_AND_EXCLUDED
    if facts.state is None:
        return _warning(rule, "How many are unsubscribed or excluded is not known.", _READ_AGAIN)
    state = facts.state
    words = f"{state.unsubscribed:,} unsubscribed and {state.excluded:,} excluded contact(s) will not be mailed."
    details: dict[str, Any] = {"unsubscribed": state.unsubscribed, "excluded": state.excluded}
    elsewhere = state.unsubscribed_elsewhere
    if not elsewhere:
        return _passed(rule, words, **details)
    return _warning(
        rule,
        f"{len(elsewhere):,} contact(s) unsubscribed on another list and would be mailed on this one. {words}",
        "Unsubscribe them here too: who unsubscribes once does not want any of these mails.",
        **details,
        unsubscribed_elsewhere=len(elsewhere),
        contact_ids=_some(elsewhere),
    )


def _fresh_data(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.FRESH_DATA
    if facts.last_synced_at is None:
        return _critical(
            rule, "The list was never read from Mailjet.", "Run `list-pipeline sync`, then validate again."
        )
    age = facts.now - facts.last_synced_at
    hours = age / timedelta(hours=1)
    details = {"last_synced_at": facts.last_synced_at.isoformat(), "hours": round(hours, 1)}
    if age > VALIDATION.stale_after:
        return _warning(
            rule,
            f"The list was last read from Mailjet {duration_text(timedelta(hours=round(hours)))} ago.",
            "Consider refreshing: `list-pipeline sync`.",
            **details,
        )
    if facts.state is not None and facts.state.is_being_changed:
        return _warning(
            rule,
            "A maintenance is changing the list right now.",
            "Validate again when it has ended.",
            **details,
            is_being_changed=True,
        )
    return _passed(rule, f"The list was last read from Mailjet at {instant_text(facts.last_synced_at)}.", **details)


def _balance(facts: ValidationFacts, policy: RebalancingPolicy) -> RuleResult:
    rule = ValidationRule.BALANCE
    share = deviation(facts.sizes) if facts.sizes is not None else None
    if facts.sizes is None or share is None:
        return _warning(rule, "How even the three lists are is not known.", _READ_AGAIN)
    percent = float(100 * share)
    details = {"sizes": list(facts.sizes), "deviation_percent": round(percent, 2)}
    shown = f"the three lists deviate by {percent_text(percent)} from their mean"
    if share <= policy.trigger:
        return _passed(rule, f"Even: {shown}.", **details)
    if share > exact_share(LIST_STATES.severe_imbalance_percent):
        return _warning(
            rule,
            f"Very uneven: {shown}. The figures of this round cannot be compared with the others'.",
            "Rebalance before the next cycle, and find out why the last maintenance did not.",
            **details,
        )
    return _warning(rule, f"Uneven: {shown}.", "The next maintenance rebalances the lists.", **details)


def _bounce_rate(facts: ValidationFacts, policy: HealthPolicy) -> RuleResult:
    rule = ValidationRule.BOUNCE_RATE
    rate = facts.last_send.bounce_rate if facts.last_send is not None else None
    if rate is None or rate.percent is None or rate.low is None:
        return _warning(rule, "The bounce rate of the list is not known.", "Watch the first hour of the send closely.")
    details = {"bounces": rate.count, "recipients": rate.of, "rate_percent": round(rate.percent, 2)}
    shown = f"of the list's last campaign {rate_text(rate)} bounced"
    complaints = facts.last_send.complaint_rate if facts.last_send is not None else None
    if complaints is not None:
        # Too many are a concern of the list's health, which has a rule of its own.
        details["complaint_rate_percent"] = round(complaints.percent, 2)
        shown = f"{shown}, {complaints.text} complained"
    if rate.low > policy.bounces_critical:
        return _warning(
            rule,
            f"A great many: {shown}, surely above {limit_text(policy.bounces_critical)}.",
            "Have the list cleaned up before it is sent again.",
            **details,
        )
    if rate.low > policy.bounces_concerning:
        return _warning(
            rule,
            f"Many: {shown}, surely above {limit_text(policy.bounces_concerning)}.",
            "Look at the last maintenance report: were the permanent bounces suppressed?",
            **details,
        )
    return _passed(rule, f"Usual: {shown}.", **details)


def _list_health(facts: ValidationFacts) -> RuleResult:
    rule, health = ValidationRule.LIST_HEALTH, facts.health
    if health is None:
        return _warning(rule, "The health of the list was not assessed.", _READ_AGAIN)
    details = {
        "health_status": health.status.value,
        "urgency": health.urgency.value,
        "concerns": list(health.concerns),
        "ai_assessment": health.rationale,
        "source": health.source.value,
    }
    if health.urgency.pages_people:
        return _warning(
            rule,
            f"List health concerns of {health.urgency.value} urgency: {' '.join(health.concerns)}",
            health.rationale,
            **details,
        )
    return _passed(rule, f"{health.status.value}, {health.urgency.value} urgency. {health.rationale}", **details)


def _sent_once_a_cycle(facts: ValidationFacts) -> RuleResult:
    rule = ValidationRule.SENT_ONCE_A_CYCLE
    if facts.sent_in_open_cycle is None:
        return _warning(rule, "Whether the open cycle was already sent to the list is not known.", _READ_AGAIN)
    if facts.role in facts.sent_in_open_cycle:
        return _warning(
            rule,
            f"{facts.role.label} was already sent in the open cycle: this send opens the next one, and lists that were "
            "not sent yet go without the round.",
            "Check that the campaign is scheduled for the right list.",
            sent=sorted(role.value for role in facts.sent_in_open_cycle),
        )
    return _passed(rule, f"{facts.role.label} was not sent yet in the open cycle.")


_MOST_IDS = 50


def _some(contact_ids: Sequence[int]) -> list[int]:
    return list(contact_ids[:_MOST_IDS])
