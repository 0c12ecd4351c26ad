"""The statements that the report of a maintenance is made of, and when each is true.

Belongs here: the closed set of sentences, their conditions on the facts and their figures. Does not belong here: which of them
a report says (``core.statements``, ``agents.reporting``), and the figures and layout of the message (``message``).

It does not repeat what the message shows beside it: concerns and recommendations point there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import BounceTrend, SizeTrend
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.monitoring.complaints import ComplaintRate, ComplaintStanding
from list_pipeline.core.reports.facts import MaintenanceFacts, RebalancingFacts, Standing
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import (
    WAITS,
    count_text,
    instant_text,
    limit_text,
    names_text,
    percent_text,
    share_percent_text,
    share_text,
)

SUMMARY, ACTIONS, CONCERNS = "executive_summary", "actions_taken", "concerns"
RECOMMENDATIONS, NEXT_STEPS = "recommendations", "next_steps"
PARTS = (CONCERNS, RECOMMENDATIONS, NEXT_STEPS, ACTIONS, SUMMARY)
"""The parts of a report that are sentences, by the names of their fields."""

_POLICY = SuppressionPolicy()


class ReportStatement(StrEnum):
    """Everything that a report of a maintenance can say."""

    TAKEN_BACK = "taken_back"
    TAKEN_BACK_IN_PART = "taken_back_in_part"
    RUNNING = "running"
    FAILED = "failed"
    WAITS_FOR_A_PERSON = "waits_for_a_person"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    ROLLED_BACK = "rolled_back"
    PARTLY_ROLLED_BACK = "partly_rolled_back"
    READ_ONLY = "read_only"
    SUPPRESSED = "suppressed"
    NOBODY_SUPPRESSED = "nobody_suppressed"
    SUPPRESSIONS_PLANNED = "suppressions_planned"
    SUPPRESSIONS_LEFT_OUT = "suppressions_left_out"
    SUPPRESSIONS_OPEN = "suppressions_open"
    REBALANCED = "rebalanced"
    REBALANCING_PLANNED = "rebalancing_planned"
    REBALANCING_WOULD_FOLLOW = "rebalancing_would_follow"
    REBALANCING_LEFT_OUT = "rebalancing_left_out"
    REBALANCING_OPEN = "rebalancing_open"
    SUPPRESSIONS_FAILED = "suppressions_failed"
    SENDER_REFUSED = "sender_refused"
    LISTS_COMPARABLE = "lists_comparable"
    ALL_HEALTHY = "all_healthy"
    LISTS_NEED_ATTENTION = "lists_need_attention"
    COMPLAINTS_BELOW_TARGET = "complaints_below_target"
    HELD = "held"
    SUPPRESSED_BECAUSE = "suppressed_because"
    MOVED = "moved"
    ENROLLED = "enrolled"
    MANY_FAILURES = "many_failures"
    REFUSED_BECAUSE_OF_SENDER = "refused_because_of_sender"
    COMPLAINTS_ABOVE_TARGET = "complaints_above_target"
    NEW_CONTACTS_BOUNCED = "new_contacts_bounced"
    STILL_MAILED = "still_mailed"
    NOT_COMPARABLE = "not_comparable"
    LIST_IS_ILL = "list_is_ill"
    LIST_IS_CRITICAL = "list_is_critical"
    LIST_TO_BE_WATCHED = "list_to_be_watched"
    BOUNCES_GO_UP = "bounces_go_up"
    LIST_SHRINKS = "list_shrinks"
    UNCLEAR_FAILURES = "unclear_failures"
    ERRORS = "errors"
    MET_A_SEND = "met_a_send"
    LIST_FROZEN = "list_frozen"
    REPAIR = "repair"
    CHECK_COMPLAINTS = "check_complaints"
    CHECK_NEW_CONTACTS = "check_new_contacts"
    DECIDE_ON_HELD = "decide_on_held"
    CHECK_FAILED = "check_failed"
    FIND_OUT_CRITICAL = "find_out_critical"
    CHECK_LIST = "check_list"
    EVEN_OUT = "even_out"
    PERSON_DECIDES = "person_decides"
    CARRIED_OUT_LATER = "carried_out_later"
    NEXT_ATTEMPT = "next_attempt"
    PERSON_REPAIRS = "person_repairs"
    DEFERRED_MOVES = "deferred_moves"
    LATE_BOUNCES = "late_bounces"


_K = ReportStatement
_FIRST, _ALWAYS, _USUAL = Weight.FIRST, Weight.ALWAYS, Weight.USUAL
FORMS: Mapping[ReportStatement, Form] = {
    # The summary
    _K.TAKEN_BACK: Form(SUMMARY, "A person took the maintenance back.", _FIRST),
    _K.TAKEN_BACK_IN_PART: Form(SUMMARY, "A person took the maintenance back, and {changes} of it {stand}.", _FIRST),
    _K.RUNNING: Form(SUMMARY, "The maintenance is still running.", _FIRST),
    _K.FAILED: Form(SUMMARY, "The maintenance failed and needs attention.", _FIRST),
    _K.WAITS_FOR_A_PERSON: Form(SUMMARY, f"The plan {WAITS}'s decision; until then it changes nothing.", _FIRST),
    _K.REJECTED: Form(SUMMARY, "The plan was rejected by a person.", _FIRST),
    _K.LAPSED: Form(SUMMARY, "Nothing of the plan is done: nobody decided on it in time.", _FIRST),
    _K.ROLLED_BACK: Form(SUMMARY, "The rebalancing was rolled back.", _FIRST),
    _K.PARTLY_ROLLED_BACK: Form(SUMMARY, "Part of the rebalancing was rolled back.", _FIRST),
    _K.READ_ONLY: Form(SUMMARY, "The system only watched in this run; no list was changed.", _FIRST),
    _K.SUPPRESSED: Form(SUMMARY, "{contacts} {were} suppressed after this campaign.", _ALWAYS),
    _K.NOBODY_SUPPRESSED: Form(SUMMARY, "No contact was suppressed after this campaign.", _ALWAYS),
    _K.SUPPRESSIONS_PLANNED: Form(SUMMARY, "{contacts} would be suppressed.", _ALWAYS),
    _K.SUPPRESSIONS_LEFT_OUT: Form(SUMMARY, "{contacts} of the plan {are} not suppressed.", _ALWAYS),
    _K.SUPPRESSIONS_OPEN: Form(SUMMARY, "{contacts} {are} still to be suppressed.", _ALWAYS),
    _K.REBALANCED: Form(SUMMARY, "{contacts} changed or joined a list to keep the lists comparable.", _USUAL),
    _K.REBALANCING_PLANNED: Form(SUMMARY, "{contacts} would change or join a list.", _USUAL),
    _K.REBALANCING_WOULD_FOLLOW: Form(SUMMARY, "{contacts} would then change or join a list.", _USUAL),
    _K.REBALANCING_LEFT_OUT: Form(SUMMARY, "{contacts} of the plan {stay} where they are.", _USUAL),
    _K.REBALANCING_OPEN: Form(SUMMARY, "{contacts} {are} still to change or join a list.", _USUAL),
    _K.SUPPRESSIONS_FAILED: Form(SUMMARY, "{suppressions} failed and {wait} for a person to look at.", _ALWAYS),
    _K.SENDER_REFUSED: Form(SUMMARY, "Some refusals concern us as the sender and need a repair.", _USUAL),
    _K.LISTS_COMPARABLE: Form(
        SUMMARY, "The lists are comparable: the largest distance from their average size is {distance}."
    ),
    _K.ALL_HEALTHY: Form(SUMMARY, "All three lists are healthy."),
    _K.LISTS_NEED_ATTENTION: Form(SUMMARY, "{lists} {need} attention."),
    _K.COMPLAINTS_BELOW_TARGET: Form(SUMMARY, "The complaint rate of {rate} is below the target of {target}."),
    _K.HELD: Form(SUMMARY, "{contacts} {wait} for a person's decision."),
    # What was done
    _K.SUPPRESSED_BECAUSE: Form(ACTIONS, "{contacts} {were} suppressed {because}.", _ALWAYS),
    _K.MOVED: Form(ACTIONS, "{contacts} {were} moved to another list.", _ALWAYS),
    _K.ENROLLED: Form(ACTIONS, "{contacts} {were} added from the master list.", _ALWAYS),
    # Concerns
    _K.MANY_FAILURES: Form(
        CONCERNS,
        "{share} of this campaign's messages failed or brought a complaint; mailbox providers notice that.",
        _ALWAYS,
    ),
    _K.REFUSED_BECAUSE_OF_SENDER: Form(CONCERNS, "{contacts} {were} refused because of the sender.", _ALWAYS),
    _K.COMPLAINTS_ABOVE_TARGET: Form(
        CONCERNS, "The complaint rate of {rate} is above the target of {target}.", _ALWAYS
    ),
    _K.NEW_CONTACTS_BOUNCED: Form(
        CONCERNS,
        "{share} contacts that nothing was delivered to before bounced hard: an import of bad addresses is likely.",
        _ALWAYS,
    ),
    _K.STILL_MAILED: Form(CONCERNS, "{contacts} who should be suppressed can still be mailed.", _ALWAYS),
    _K.NOT_COMPARABLE: Form(
        CONCERNS, "The lists are not comparable: one is {distance} away from the average size.", _ALWAYS
    ),
    _K.LIST_IS_ILL: Form(CONCERNS, "{list} ({status}): {concern}", _ALWAYS),
    _K.LIST_IS_CRITICAL: Form(CONCERNS, "{list} is critical.", _ALWAYS),
    _K.LIST_TO_BE_WATCHED: Form(CONCERNS, "{list} is to be watched.", _ALWAYS),
    _K.BOUNCES_GO_UP: Form(CONCERNS, "Bounces of all three lists together are going up."),
    _K.LIST_SHRINKS: Form(CONCERNS, "{list} is shrinking, so every further loss weighs more."),
    _K.UNCLEAR_FAILURES: Form(CONCERNS, "{contacts} failed for a reason that is not clear, which decides nothing."),
    _K.ERRORS: Form(CONCERNS, "The run met {errors}."),
    _K.MET_A_SEND: Form(CONCERNS, "A send that is near or began meanwhile kept {contacts} on the same list."),
    _K.LIST_FROZEN: Form(CONCERNS, "A list that is frozen for rebalancing kept {contacts} where they were."),
    # Recommendations
    _K.REPAIR: Form(
        RECOMMENDATIONS, "Repair what is named under “To repair on our side” before the next campaign.", _ALWAYS
    ),
    _K.CHECK_COMPLAINTS: Form(
        RECOMMENDATIONS, "Look at who gets these campaigns and why, and at how easily they can unsubscribe.", _ALWAYS
    ),
    _K.CHECK_NEW_CONTACTS: Form(
        RECOMMENDATIONS,
        "Find out where the contacts that are new in this campaign came from, and have the rest of them verified.",
        _ALWAYS,
    ),
    _K.DECIDE_ON_HELD: Form(
        RECOMMENDATIONS, "Decide on the {contacts} that are held, or let their next mailings answer.", _ALWAYS
    ),
    _K.CHECK_FAILED: Form(
        RECOMMENDATIONS, "Look at the failed suppressions in the review queue before the next campaign.", _ALWAYS
    ),
    _K.FIND_OUT_CRITICAL: Form(
        RECOMMENDATIONS, "Find out what made a list critical before it is mailed again.", _ALWAYS
    ),
    _K.CHECK_LIST: Form(RECOMMENDATIONS, "Look at the figures of {list} before its next campaign."),
    _K.EVEN_OUT: Form(RECOMMENDATIONS, "See that the next maintenance evens the lists out."),
    # Next steps
    _K.PERSON_DECIDES: Form(NEXT_STEPS, "A person approves or rejects the plan before the next campaign.", _ALWAYS),
    _K.CARRIED_OUT_LATER: Form(
        NEXT_STEPS, "The plan is carried out, or made anew, when lists may be changed again.", _ALWAYS
    ),
    _K.NEXT_ATTEMPT: Form(NEXT_STEPS, "The next attempt follows by itself at {when}.", _ALWAYS),
    _K.PERSON_REPAIRS: Form(NEXT_STEPS, "A person repairs the cause and continues the maintenance today.", _ALWAYS),
    _K.DEFERRED_MOVES: Form(NEXT_STEPS, "{moves} follow when this cycle has reached all three lists.", _ALWAYS),
    _K.LATE_BOUNCES: Form(
        NEXT_STEPS, "Late bounces are looked at again {days} days after the end of sending.", _ALWAYS
    ),
}
"""The closed set: a sentence for each kind."""

_STATUSES = {
    RunStatus.RUNNING: _K.RUNNING,
    RunStatus.FAILED: _K.FAILED,
    RunStatus.PENDING_REVIEW: _K.WAITS_FOR_A_PERSON,
    RunStatus.REJECTED: _K.REJECTED,
    RunStatus.ROLLED_BACK: _K.ROLLED_BACK,
    RunStatus.PARTLY_ROLLED_BACK: _K.PARTLY_ROLLED_BACK,
    RunStatus.READ_ONLY: _K.READ_ONLY,
}
_REASONS = {
    "hard_bounce": "because the address does not exist",
    "soft_bounce_pattern": "after failing again and again over weeks",
    "second_hit": "after failing for the second time, a week or more apart",
    "complaint": "after a spam complaint",
    "manual": "by hand",
}


def report_statements(facts: MaintenanceFacts, tolerance_percent: float) -> Catalogue:
    """Everything that is true of a maintenance, with its figures; the same for the same facts.

    Args:
        tolerance_percent: the distance from their average size up to which the lists count as comparable.
    """
    distance = facts.deviation_after
    are_uneven = distance is not None and distance > tolerance_percent
    return Catalogue(
        (
            *_summary(facts, are_uneven),
            *_actions(facts),
            *_concerns(facts, are_uneven),
            *_recommendations(facts, are_uneven),
            *_next_steps(facts),
        )
    )


def _say(kind: ReportStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _summary(facts: MaintenanceFacts, are_uneven: bool) -> Iterator[Statement]:
    suppression, taken_back = facts.suppression, facts.taken_back
    if taken_back is not None and taken_back.by_person:
        stands = "stands" if taken_back.left == 1 else "stand"
        yield (
            _say(_K.TAKEN_BACK_IN_PART, changes=count_text(taken_back.left, "change"), stand=stands)
            if taken_back.left
            else _say(_K.TAKEN_BACK)
        )
    elif facts.status is RunStatus.REJECTED and not facts.is_rejected:
        yield _say(_K.LAPSED)
    elif facts.status in _STATUSES:
        yield _say(_STATUSES[facts.status])
    if suppression.confirmed_total:
        yield _counted(_K.SUPPRESSED, suppression.confirmed_total)
    elif not suppression.planned_total:
        yield _say(_K.NOBODY_SUPPRESSED)
    else:
        planned = suppression.planned_total
        yield _not_done(
            suppression.standing, planned, _K.SUPPRESSIONS_PLANNED, _K.SUPPRESSIONS_LEFT_OUT, _K.SUPPRESSIONS_OPEN
        )
    yield from _moved(facts.rebalancing)
    if suppression.failed_total:
        failed = suppression.failed_total
        yield _say(_K.SUPPRESSIONS_FAILED, suppressions=count_text(failed, "suppression"), wait=_wait(failed))
    elif _refused(facts):
        yield _say(_K.SENDER_REFUSED)
    yield from _state(facts, are_uneven)


def _moved(plan: RebalancingFacts) -> Iterator[Statement]:
    if plan.confirmed:
        yield _say(_K.REBALANCED, contacts=_contacts(plan.confirmed))
    elif plan.planned:
        yield _not_done(
            plan.standing, plan.planned, _K.REBALANCING_PLANNED, _K.REBALANCING_LEFT_OUT, _K.REBALANCING_OPEN
        )
    elif plan.forecast is not None and plan.forecast.contacts:
        yield _say(_K.REBALANCING_WOULD_FOLLOW, contacts=_contacts(plan.forecast.contacts))


def _not_done(
    standing: Standing, count: int, would: ReportStatement, left_out: ReportStatement, still_open: ReportStatement
) -> Statement:
    """What is said of a plan of which nothing was done: in the conditional while it waits, never as if it was to come after it
    was turned down."""
    kind = would if standing is Standing.WOULD else left_out if standing.is_turned_down else still_open
    single = count == 1
    return _say(kind, contacts=_contacts(count), are="is" if single else "are", stay="stays" if single else "stay")


def _state(facts: MaintenanceFacts, are_uneven: bool) -> Iterator[Statement]:
    """What else can be said of the whole, where somebody chooses it."""
    distance, held = facts.deviation_after, facts.suppression.held_for_review
    if distance is not None and not are_uneven:
        yield _say(_K.LISTS_COMPARABLE, distance=percent_text(distance))
    ill = [each.role.label for each in facts.assessments if each.status is not HealthStatus.HEALTHY]
    if ill:
        yield _say(_K.LISTS_NEED_ATTENTION, lists=names_text(ill), need="needs" if len(ill) == 1 else "need")
    elif {each.role for each in facts.assessments}.issuperset(CAMPAIGN_LISTS):
        yield _say(_K.ALL_HEALTHY)
    if facts.complaint_rate is not None and _standing(facts.complaint_rate) is ComplaintStanding.BELOW_TARGET:
        yield _complaints(_K.COMPLAINTS_BELOW_TARGET, facts.complaint_rate)
    if held:
        yield _say(_K.HELD, contacts=_contacts(held), wait=_wait(held))


def _actions(facts: MaintenanceFacts) -> Iterator[Statement]:
    confirmed, rebalancing = facts.suppression.confirmed, facts.rebalancing
    by_size = sorted(confirmed.items(), key=lambda pair: (-pair[1], pair[0]))
    for reason, count in by_size:
        if count:
            because = _REASONS.get(reason, "for " + reason.replace("_", " "))
            yield _counted(_K.SUPPRESSED_BECAUSE, count, reason, because=because)
    if rebalancing.moves_confirmed:
        yield _counted(_K.MOVED, rebalancing.moves_confirmed)
    if rebalancing.enrolments_confirmed:
        yield _counted(_K.ENROLLED, rebalancing.enrolments_confirmed)


def _concerns(facts: MaintenanceFacts, are_uneven: bool) -> Iterator[Statement]:
    failures, distance = sum(facts.bounces.values()), facts.deviation_after
    if facts.recipients > 0 and 100 * failures / facts.recipients > LIST_STATES.bounces_cleanup_percent:
        yield _say(_K.MANY_FAILURES, share=share_percent_text(failures, facts.recipients))
    if _refused(facts):
        yield _counted(_K.REFUSED_BECAUSE_OF_SENDER, _refused(facts))
    if _complains(facts) and facts.complaint_rate is not None:
        yield _complaints(_K.COMPLAINTS_ABOVE_TARGET, facts.complaint_rate)
    if facts.new_contacts is not None and facts.new_contacts.look_imported():
        yield _say(_K.NEW_CONTACTS_BOUNCED, share=share_text(facts.new_contacts.hard, facts.new_contacts.attempted))
    if facts.suppression.failed_total:
        yield _say(_K.STILL_MAILED, contacts=_contacts(facts.suppression.failed_total))
    if distance is not None and are_uneven:
        yield _say(_K.NOT_COMPARABLE, distance=percent_text(distance))
    ill = [each for each in facts.assessments if each.status is not HealthStatus.HEALTHY]
    for each in sorted(ill, key=lambda one: -one.status.rank):
        yield _of_list(each)
    yield from _further_concerns(facts)


def _of_list(health: HealthAssessment) -> Statement:
    about, label = health.role.reference, health.role.label
    # Of an assessment by an advisor the status alone is told: its first sentence may be the advisor's choice.
    if health.source is AdviceSource.POLICY and health.concerns:
        return _say(_K.LIST_IS_ILL, about, list=label, status=health.status.value, concern=health.concerns[0])
    kind = _K.LIST_IS_CRITICAL if health.status is HealthStatus.CRITICAL else _K.LIST_TO_BE_WATCHED
    return _say(kind, about, list=label)


def _further_concerns(facts: MaintenanceFacts) -> Iterator[Statement]:
    if any(each.bounce_trend is BounceTrend.DEGRADING for each in facts.list_rates):
        yield _say(_K.BOUNCES_GO_UP)
    for each in facts.list_rates:
        if each.size_trend is SizeTrend.SHRINKING:
            yield _say(_K.LIST_SHRINKS, each.role.reference, list=each.role.label)
    if facts.unknown:
        yield _say(_K.UNCLEAR_FAILURES, contacts=_contacts(facts.unknown))
    errors = sum(each.count for each in facts.errors)
    if errors:
        yield _say(_K.ERRORS, errors=count_text(errors, "error"))
    if facts.rebalancing.met_a_send:
        yield _say(_K.MET_A_SEND, contacts=_contacts(facts.rebalancing.met_a_send))
    if facts.rebalancing.list_frozen:
        yield _say(_K.LIST_FROZEN, contacts=_contacts(facts.rebalancing.list_frozen))


def _recommendations(facts: MaintenanceFacts, are_uneven: bool) -> Iterator[Statement]:
    if _refused(facts):
        yield _say(_K.REPAIR)
    if _complains(facts):
        yield _say(_K.CHECK_COMPLAINTS)
    if facts.new_contacts is not None and facts.new_contacts.look_imported():
        yield _say(_K.CHECK_NEW_CONTACTS)
    if facts.suppression.held_for_review:
        yield _say(_K.DECIDE_ON_HELD, contacts=_contacts(facts.suppression.held_for_review))
    if facts.suppression.failed_total:
        yield _say(_K.CHECK_FAILED)
    if any(each.status is HealthStatus.CRITICAL for each in facts.assessments):
        yield _say(_K.FIND_OUT_CRITICAL)
    for each in facts.assessments:
        if each.status is HealthStatus.WARNING:
            yield _say(_K.CHECK_LIST, each.role.reference, list=each.role.label)
    if are_uneven:
        yield _say(_K.EVEN_OUT)


def _next_steps(facts: MaintenanceFacts) -> Iterator[Statement]:
    attempt = facts.attempt
    if facts.status is RunStatus.PENDING_REVIEW:
        yield _say(_K.PERSON_DECIDES)
    elif facts.status is RunStatus.READ_ONLY:
        yield _say(_K.CARRIED_OUT_LATER)
    elif facts.status is RunStatus.FAILED and attempt is not None and attempt.next_at is not None:
        yield _say(_K.NEXT_ATTEMPT, when=instant_text(attempt.next_at))
    elif attempt is not None and attempt.gave_up:
        yield _say(_K.PERSON_REPAIRS)
    if facts.rebalancing.deferred:
        yield _say(_K.DEFERRED_MOVES, moves=count_text(facts.rebalancing.deferred, "move"))
    if facts.later_looks_days:
        yield _say(_K.LATE_BOUNCES, days=names_text([str(day) for day in facts.later_looks_days]))


def _complains(facts: MaintenanceFacts) -> bool:
    above = (ComplaintStanding.ABOVE_TARGET, ComplaintStanding.ALERT)
    return facts.complaint_rate is not None and _standing(facts.complaint_rate) in above


def _standing(rate: ComplaintRate) -> ComplaintStanding:
    return rate.standing(_POLICY.complaint_target_percent, _POLICY.complaint_alert_percent)


def _complaints(kind: ReportStatement, rate: ComplaintRate) -> Statement:
    return _say(kind, rate=rate.text, target=limit_text(_POLICY.complaint_target_percent))


def _refused(facts: MaintenanceFacts) -> int:
    return sum(fault.contacts for fault in facts.sender_faults)


def _counted(kind: ReportStatement, count: int, about: object = "", **figures: str) -> Statement:
    return _say(kind, about, contacts=_contacts(count), were="was" if count == 1 else "were", **figures)


def _contacts(count: int) -> str:
    return count_text(count, "contact")


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
