"""The executive report that code writes from the figures, where there is no usable answer of a model.

Belongs here: all its fields, the same for the same facts. Does not belong here: asking a model (``reporting``).

It does not repeat what the message shows beside it (``core.reports.message``): concerns and recommendations point there.
"""

from __future__ import annotations

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.reports.facts import ExecutiveReport, MaintenanceFacts, Metric, key_metrics
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import (
    WAITS,
    count_text,
    instant_text,
    limit_text,
    names_text,
    percent_text,
    share_percent_text,
)

_POLICY = SuppressionPolicy()

_STATUS_WORDS = {
    RunStatus.RUNNING: "The maintenance is still running.",
    RunStatus.FAILED: "The maintenance failed and needs attention.",
    RunStatus.PENDING_REVIEW: f"The plan {WAITS}'s decision; until then it changes nothing.",
    RunStatus.REJECTED: "The plan was rejected by a person.",
    RunStatus.ROLLED_BACK: "The rebalancing was rolled back.",
    RunStatus.PARTLY_ROLLED_BACK: "Part of the rebalancing was rolled back.",
    RunStatus.READ_ONLY: "The system only watched in this run; no list was changed.",
}
_REASONS = {
    "hard_bounce": "because the address does not exist",
    "soft_bounce_pattern": "after failing again and again over weeks",
    "second_hit": "after failing for the second time, a week or more apart",
    "complaint": "after a spam complaint",
    "manual": "by hand",
}
_FIRST = (
    Metric.MAILABLE_CONTACTS,
    Metric.LARGEST_DEVIATION,
    Metric.FAILED_SUPPRESSIONS,
    Metric.REFUSED_BY_OUR_FAULT,
    Metric.NOT_DELIVERED,
)


def policy_report(facts: MaintenanceFacts) -> ExecutiveReport:
    """All fields from the figures alone; always the same for the same facts."""
    metrics = key_metrics(facts)
    order = (Metric.CONTACTS_SUPPRESSED, Metric.CONTACTS_REBALANCED, *_FIRST)
    return ExecutiveReport(
        executive_summary=policy_summary(facts),
        key_metrics=tuple(metrics[name] for name in order if name in metrics)[:5],
        actions_taken=_actions(facts),
        recommendations=_recommendations(facts),
        concerns=_concerns(facts),
        next_steps=_next_steps(facts),
    )


def policy_summary(facts: MaintenanceFacts) -> str:
    """One to three sentences."""
    suppression, rebalancing = facts.suppression, facts.rebalancing
    sentences: list[str] = []
    if facts.taken_back is not None and facts.taken_back.by_person:
        left = facts.taken_back.left
        stands = f", and {count_text(left, 'change')} of it {'stands' if left == 1 else 'stand'}" if left else ""
        sentences.append(f"A person took the maintenance back{stands}.")
    elif facts.status in _STATUS_WORDS:
        sentences.append(_STATUS_WORDS[facts.status])
    if suppression.confirmed_total:
        sentences.append(f"{_were(suppression.confirmed_total)} suppressed after this campaign.")
    elif not suppression.planned_total:
        sentences.append("No contact was suppressed after this campaign.")
    else:
        sentences.append(f"{_are(suppression.planned_total)} planned to be suppressed.")
    if rebalancing.confirmed:
        sentences.append(f"{_contacts(rebalancing.confirmed)} changed or joined a list to keep the lists comparable.")
    elif rebalancing.planned:
        sentences.append(f"{count_text(rebalancing.planned, 'change')} of lists are planned.")
    if suppression.failed_total:
        wait = "waits" if suppression.failed_total == 1 else "wait"
        failed = count_text(suppression.failed_total, "suppression")
        sentences.append(f"{failed} failed and {wait} for a person to look at.")
    elif any(fault.contacts for fault in facts.sender_faults):
        sentences.append("Some refusals concern us as the sender and need a repair.")
    return " ".join(sentences[:3])


def _actions(facts: MaintenanceFacts) -> tuple[str, ...]:
    suppression, rebalancing = facts.suppression, facts.rebalancing
    by_size = sorted(suppression.confirmed.items(), key=lambda pair: (-pair[1], pair[0]))
    found = [
        f"{_were(count)} suppressed {_REASONS.get(reason, 'for ' + reason.replace('_', ' '))}."
        for reason, count in by_size[:3]
        if count
    ]
    if rebalancing.moves_confirmed:
        found.append(f"{_were(rebalancing.moves_confirmed)} moved to another list.")
    if rebalancing.enrolments_confirmed:
        found.append(f"{_were(rebalancing.enrolments_confirmed)} added from the master list.")
    return tuple(found[:5])


def _concerns(facts: MaintenanceFacts) -> tuple[str, ...]:
    found: list[str] = []
    failures = sum(facts.bounces.values())
    if facts.recipients > 0 and 100 * failures / facts.recipients > LIST_STATES.bounces_cleanup_percent:
        found.append(
            f"{share_percent_text(failures, facts.recipients)} of this campaign's messages failed or brought a complaint; "
            "mailbox providers notice that."
        )
    if _refused(facts):
        found.append(f"{_were(_refused(facts))} refused because of the sender.")
    if facts.complaint_rate is not None and facts.complaint_rate >= _POLICY.complaint_target_percent:
        found.append(
            f"The complaint rate of {percent_text(facts.complaint_rate)} is not below the target of "
            f"{limit_text(_POLICY.complaint_target_percent)}."
        )
    if facts.suppression.failed_total:
        failed = facts.suppression.failed_total
        found.append(f"{_contacts(failed)} who should be suppressed can still be mailed.")
    if facts.deviation_after is not None and facts.deviation_after > RebalancingPolicy().trigger_percent:
        found.append(
            f"The lists are not comparable: one is {percent_text(facts.deviation_after)} away from the average size."
        )
    ill = [each for each in facts.assessments if each.status is not HealthStatus.HEALTHY]
    for each in sorted(ill, key=lambda one: -one.status.rank):
        found.append(_of_list(each))
    return tuple(found[:5])


def _of_list(assessment: HealthAssessment) -> str:
    # The assessment's own sentences may be a model's: then what code writes names the status alone.
    if assessment.source is AdviceSource.POLICY and assessment.concerns:
        return f"{assessment.role.label} ({assessment.status.value}): {assessment.concerns[0]}"
    return (
        f"{assessment.role.label} is {'critical' if assessment.status is HealthStatus.CRITICAL else 'to be watched'}."
    )


def _recommendations(facts: MaintenanceFacts) -> tuple[str, ...]:
    found: list[str] = []
    if _refused(facts):
        found.append("Repair what is named under “To repair on our side” before the next campaign.")
    if facts.complaint_rate is not None and facts.complaint_rate >= _POLICY.complaint_target_percent:
        found.append("Look at who gets these campaigns and why, and at how easily they can unsubscribe.")
    if facts.suppression.held_for_review:
        held = facts.suppression.held_for_review
        found.append(f"Decide on the {_contacts(held)} that the policy holds for a person.")
    if facts.suppression.failed_total:
        found.append("Look at the failed suppressions in the review queue before the next campaign.")
    if any(each.status is HealthStatus.CRITICAL for each in facts.assessments):
        found.append("Find out what made a list critical before it is mailed again.")
    return tuple(found[:5])


def _next_steps(facts: MaintenanceFacts) -> tuple[str, ...]:
    found: list[str] = []
    attempt = facts.attempt
    if facts.status is RunStatus.PENDING_REVIEW:
        found.append("A person approves or rejects the plan before the next campaign.")
    elif facts.status is RunStatus.READ_ONLY:
        found.append("The plan is carried out, or made anew, when lists may be changed again.")
    elif facts.status is RunStatus.FAILED and attempt is not None and attempt.next_at is not None:
        found.append(f"The next attempt follows by itself at {instant_text(attempt.next_at)}.")
    elif attempt is not None and attempt.gave_up:
        found.append("A person repairs the cause and continues the maintenance today.")
    if facts.rebalancing.deferred:
        deferred = count_text(facts.rebalancing.deferred, "move")
        found.append(f"{deferred} follow when this cycle has reached all three lists.")
    if facts.later_looks_days:
        days = names_text([str(day) for day in facts.later_looks_days])
        found.append(f"Late bounces are looked at again {days} days after the end of sending.")
    return tuple(found[:5])


def _refused(facts: MaintenanceFacts) -> int:
    return sum(fault.contacts for fault in facts.sender_faults)


def _contacts(count: int) -> str:
    return count_text(count, "contact")


def _were(count: int) -> str:
    return f"{_contacts(count)} {'was' if count == 1 else 'were'}"


def _are(count: int) -> str:
    return f"{_contacts(count)} {'is' if count == 1 else 'are'}"
