"""Which events follow from what is stored about a maintenance: in order, once, and the same however often one looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.list_states.events import AttemptSeen, Happened, MaintenanceSeen, PlanSeen, events_of
from list_pipeline.core.list_states.machines import MACHINES, ListEvent, advance
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.runs.status import RunStatus as R

E, P = ListEvent, PlanStatus
OWN = ListRole.CAMPAIGN_1
SENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(minutes: int) -> datetime:
    """Minutes after the look at T+24h."""
    return SENT + timedelta(hours=24, minutes=minutes)


CLEANED = PlanSeen(at(2), True, P.EXECUTED, begun_at=at(3), executed_at=at(5), confirmed=4)
EVEN = PlanSeen(
    at(6), True, P.EXECUTED, begun_at=at(7), executed_at=at(9), confirmed=3, deviation_percent=14.0,
    roles=frozenset({OWN, ListRole.CAMPAIGN_2}),
)  # fmt: skip
WHOLE = MaintenanceSeen(
    7,
    "24h",
    OWN,
    SENT,
    [AttemptSeen(1, at(0), R.SUCCESS, at(10))],
    at(1),
    100,
    5,
    suppression=CLEANED,
    rebalancing=EVEN,
)


def names(seen: MaintenanceSeen, role: ListRole = OWN) -> list[str]:
    return [each.event.value for each in events_of(seen) if each.role is role]


def states(seen: MaintenanceSeen, role: ListRole = OWN) -> dict[str, str]:
    """Where a list ends that begins as populated and monitored; fails where anything was unexpected."""
    found = {"health": "monitored", "lifecycle": "populated"}
    for each in events_of(seen):
        for machine in MACHINES.values():
            if each.role is role and each.event in machine.events:
                step = advance(machine.name, found[machine.name], each.event)
                assert not step.reason, step.reason
                found[machine.name] = step.to_state
    return found


def test_a_whole_maintenance_leads_from_the_send_to_a_list_that_is_ready() -> None:
    assert names(WHOLE) == [
        "sent", "begun", "bounces_elevated", "cleanup_needed", "cleaning_begun", "cleaned", "imbalance_found",
        "rebalancing_begun", "rebalanced", "completed", "cache_updated",
    ]  # fmt: skip
    assert states(WHOLE) == {"health": "monitored", "lifecycle": "ready"}


def test_the_lists_that_were_rebalanced_with_it_know_that() -> None:
    assert names(WHOLE, ListRole.CAMPAIGN_2) == ["rebalanced_along"]
    assert names(WHOLE, ListRole.CAMPAIGN_3) == []


def test_newcomers_who_join_balanced_lists_are_no_imbalance() -> None:
    joined = replace(EVEN, is_needed=False, deviation_percent=1.0)
    assert "rebalanced_along" in names(replace(WHOLE, rebalancing=joined))
    assert "imbalance_found" not in names(replace(WHOLE, rebalancing=joined))


def test_a_failed_attempt_is_seen_until_one_succeeds() -> None:
    failed = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.FAILED, at(4))])
    assert states(replace(failed, rebalancing=None)) == {"health": "needs_attention", "lifecycle": "needs_attention"}
    twice = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.FAILED, at(4)), AttemptSeen(2, at(5), R.SUCCESS, at(10))])
    assert names(twice)[5:8] == ["failed", "begun", "cleaned"]
    assert states(twice) == {"health": "monitored", "lifecycle": "ready"}


def test_a_last_attempt_that_gave_up_is_a_failed_one_although_something_was_done() -> None:
    gave_up = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.PARTIAL_SUCCESS, at(10), gave_up=True)])
    assert states(gave_up)["health"] == "needs_attention"


def test_what_waits_for_a_person_leaves_the_list_where_it_is() -> None:
    waits = PlanSeen(at(2), True, P.PENDING_REVIEW, waited=True)
    pending = replace(
        WHOLE, attempts=[AttemptSeen(1, at(0), R.PENDING_REVIEW, at(3))], suppression=waits, rebalancing=None
    )
    assert states(pending) == {"health": "needs_cleanup", "lifecycle": "needs_cleanup"}


def test_a_rejected_plan_lets_the_rebalancing_go_on() -> None:
    rejected = PlanSeen(at(2), True, P.REJECTED, waited=True, decided_at=at(5))
    assert states(replace(WHOLE, suppression=rejected)) == {"health": "monitored", "lifecycle": "ready"}


def test_a_deadline_that_passed_before_the_rebalancing_ends_the_maintenance_in_part() -> None:
    late = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.PARTIAL_SUCCESS, at(10))], rebalancing=None)
    assert names(late)[-2:] == ["completed_in_part", "cache_updated"]
    assert states(late) == {"health": "monitored", "lifecycle": "ready"}


def test_each_stop_in_read_only_is_one_event() -> None:
    stopped = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.READ_ONLY, at(3))], suppression=None, rebalancing=None)
    again = replace(stopped, attempts=[AttemptSeen(1, at(0), R.READ_ONLY, at(8))])
    assert states(stopped)["lifecycle"] == "analyzing"
    assert {each.key for each in events_of(stopped)} != {each.key for each in events_of(again)}


def test_a_rebalancing_that_was_rolled_back_needs_attention_and_one_that_a_person_undid_does_not() -> None:
    back = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.ROLLED_BACK, at(10))], rolled_back_at=at(9))
    assert "rebalanced" not in names(back)
    assert names(back, ListRole.CAMPAIGN_2) == []
    assert states(back)["health"] == "needs_attention"
    undone = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.ROLLED_BACK, at(10))], undone_at=at(60))
    assert states(undone) == {"health": "monitored", "lifecycle": "ready"}


def test_bounces_that_were_read_before_the_first_attempt_count_from_its_begin() -> None:
    early = replace(WHOLE, fetched_at=at(-600))
    assert names(early) == names(WHOLE)
    assert [each.at for each in events_of(early)] == sorted(each.at for each in events_of(early))


def test_single_contacts_that_people_decide_on_later_change_nothing_that_was_noted() -> None:
    waiting = replace(CLEANED, begun_at=None, confirmed=0)
    first = events_of(replace(WHOLE, suppression=waiting))
    later = events_of(replace(WHOLE, suppression=replace(waiting, begun_at=at(90), confirmed=2)))
    assert E.CLEANED_IN_PART in [each.event for each in first]
    assert {each.key for each in first} == {each.key for each in later}


def test_what_is_not_said_of_a_maintenance_did_not_happen() -> None:
    bare = MaintenanceSeen(7, "24h", OWN, SENT, [])
    assert (bare.recipients, bare.bounced) == (0, 0)
    planned = PlanSeen(at(2), True, P.EXECUTED)
    assert (planned.confirmed, planned.failed, planned.skipped) == (0, 0, 0)


def test_a_campaign_that_nobody_looked_at_yet_was_only_sent() -> None:
    assert names(replace(WHOLE, attempts=[])) == ["sent"]


def when(seen: MaintenanceSeen, event: ListEvent) -> datetime:
    (found,) = [each.at for each in events_of(seen) if each.event is event]
    return found


def test_a_plan_that_changes_nothing_is_nothing_to_clean() -> None:
    found = names(replace(WHOLE, suppression=replace(CLEANED, is_needed=False), rebalancing=None))
    assert found[3:] == ["nothing_to_clean", "completed", "cache_updated"]


def test_a_plan_that_waited_says_so_before_it_began() -> None:
    waited = replace(WHOLE, suppression=replace(CLEANED, waited=True), rebalancing=replace(EVEN, waited=True))
    assert names(waited)[3:10] == [
        "cleanup_needed", "cleanup_waits", "cleaning_begun", "cleaned", "imbalance_found", "rebalancing_waits",
        "rebalancing_begun",
    ]  # fmt: skip


@pytest.mark.parametrize(("minutes", "was_begun"), [(5, True), (6, False)])
def test_changes_that_begin_as_the_plan_is_closed_are_of_the_plan_and_later_ones_are_not(
    minutes: int, was_begun: bool
) -> None:
    found = names(replace(WHOLE, suppression=replace(CLEANED, begun_at=at(minutes))))
    assert ("cleaning_begun" in found) is was_begun


def test_each_step_bears_the_time_at_which_it_was_stored() -> None:
    assert [when(WHOLE, event) for event in (E.CLEANUP_NEEDED, E.CLEANING_BEGUN, E.CLEANED)] == [at(2), at(3), at(5)]
    assert [when(WHOLE, event) for event in (E.REBALANCING_BEGUN, E.REBALANCED)] == [at(7), at(9)]


@pytest.mark.parametrize(("decided_at", "expected"), [(at(6), at(6)), (None, at(2))])
def test_a_refusal_bears_the_time_of_the_decision_or_of_the_plan(
    decided_at: datetime | None, expected: datetime
) -> None:
    refused = PlanSeen(at(2), True, P.EXPIRED, waited=True, decided_at=decided_at, deviation_percent=14.0)
    assert when(replace(WHOLE, suppression=refused, rebalancing=None), E.CLEANUP_REFUSED) == expected
    both = replace(WHOLE, suppression=replace(CLEANED, is_needed=False, made_at=at(1)), rebalancing=refused)
    assert when(both, E.REBALANCING_REFUSED) == expected


@pytest.mark.parametrize(
    ("confirmed", "failed", "skipped", "event"),
    [(2, 0, 0, E.CLEANED), (0, 0, 2, E.CLEANED), (2, 1, 0, E.CLEANED_IN_PART), (0, 0, 0, E.CLEANED_IN_PART)],
)
def test_a_list_is_clean_when_something_was_done_and_nothing_failed(
    confirmed: int, failed: int, skipped: int, event: ListEvent
) -> None:
    plan = replace(CLEANED, confirmed=confirmed, failed=failed, skipped=skipped)
    assert event.value in names(replace(WHOLE, suppression=plan))


@pytest.mark.parametrize(
    ("failed", "is_repaired", "event"),
    [(0, True, E.REBALANCED), (1, True, E.REBALANCED_IN_PART), (0, False, E.REBALANCED_IN_PART)],
)
def test_the_lists_are_rebalanced_when_the_goal_was_reached_and_nothing_failed(
    failed: int, is_repaired: bool, event: ListEvent
) -> None:
    assert event.value in names(replace(WHOLE, rebalancing=replace(EVEN, failed=failed, is_repaired=is_repaired)))


def test_a_rebalancing_of_which_nothing_was_confirmed_changed_no_other_list() -> None:
    assert names(replace(WHOLE, rebalancing=replace(EVEN, confirmed=0)), ListRole.CAMPAIGN_2) == []


def test_an_end_that_was_stored_before_the_last_step_counts_after_it() -> None:
    early = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.SUCCESS, at(8))])
    assert names(early) == names(WHOLE)
    assert when(early, E.COMPLETED) == at(9)


def test_an_attempt_without_an_end_did_not_end() -> None:
    assert names(replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.SUCCESS)]))[-1] == "rebalanced"


def test_an_attempt_that_was_stopped_did_not_fail_though_it_is_the_last() -> None:
    stopped = replace(WHOLE, attempts=[AttemptSeen(1, at(0), R.READ_ONLY, at(10), gave_up=True)])
    assert names(stopped)[-1] == "only_looked_at"


def test_only_the_last_attempt_is_told_to_be_taken_back_and_when_that_was() -> None:
    attempts = [AttemptSeen(1, at(0), R.ROLLED_BACK, at(4)), AttemptSeen(2, at(5), R.ROLLED_BACK, at(10))]
    for rolled_back_at, expected in ((None, at(10)), (at(8), at(10)), (at(12), at(12))):
        seen = replace(WHOLE, attempts=attempts, rolled_back_at=rolled_back_at)
        assert when(seen, E.ROLLED_BACK) == expected


# Whatever a maintenance went through


@st.composite
def plans(draw: st.DrawFn, begin: int, *, must_be_settled: bool) -> PlanSeen:
    settled = [P.EXECUTED, P.REJECTED, P.EXPIRED]
    status = draw(st.sampled_from(settled if must_be_settled else [*settled, P.APPROVED, P.PENDING_REVIEW, P.PLANNED]))
    waited = status in (P.REJECTED, P.EXPIRED, P.PENDING_REVIEW) or draw(st.booleans())
    needed = draw(st.booleans()) or status not in (P.EXECUTED, P.APPROVED)
    begun = needed and status in (P.EXECUTED, P.APPROVED) and draw(st.booleans())
    return PlanSeen(
        made_at=at(begin),
        is_needed=needed,
        status=status,
        waited=waited and needed,
        decided_at=at(begin + 1) if status not in (P.PLANNED, P.PENDING_REVIEW) else None,
        begun_at=at(begin + 2) if begun else None,
        executed_at=at(begin + 3) if status is P.EXECUTED else None,
        confirmed=draw(st.integers(0, 3)) if begun else 0,
        failed=draw(st.integers(0, 1)) if begun else 0,
        deviation_percent=draw(st.sampled_from([6.0, 20.0])),
        is_repaired=draw(st.booleans()),
        roles=frozenset({OWN, ListRole.CAMPAIGN_2}),
    )


@st.composite
def maintenances(draw: st.DrawFn) -> MaintenanceSeen:
    ended = draw(st.sampled_from([R.SUCCESS, R.REJECTED, R.PARTIAL_SUCCESS, R.FAILED, R.RUNNING, R.READ_ONLY]))
    is_settled = ended in (R.SUCCESS, R.REJECTED)
    # Without a suppression plan nothing can have been done, not even in part.
    stage = draw(st.integers(2 if is_settled or ended is R.PARTIAL_SUCCESS else 0, 3))
    suppression = draw(plans(10, must_be_settled=is_settled or stage == 3)) if stage >= 2 else None
    rebalancing = draw(plans(20, must_be_settled=is_settled)) if stage == 3 else None
    cuts = draw(st.lists(st.integers(1, 29), unique=True, max_size=2).map(sorted))
    attempts = [
        AttemptSeen(number, at(begin), R.FAILED, at(end))
        for number, (begin, end) in enumerate(zip([0, *(cut + 1 for cut in cuts)], cuts, strict=False), start=1)
    ]
    last = AttemptSeen(
        len(cuts) + 1, at(cuts[-1] + 1) if cuts else at(0), ended, None if ended is R.RUNNING else at(40)
    )
    return MaintenanceSeen(
        7, "24h", OWN, SENT, [*attempts, last], at(5) if stage >= 1 else None, draw(st.sampled_from([0, 100])),
        draw(st.integers(0, 100)), suppression, rebalancing,
    )  # fmt: skip


def known_at(seen: MaintenanceSeen, now: datetime) -> MaintenanceSeen:
    """What was stored at an earlier instant."""

    def plan(one: PlanSeen | None) -> PlanSeen | None:
        if one is None or one.made_at > now:
            return None
        is_decided = one.decided_at is not None and one.decided_at <= now
        is_executed = one.executed_at is not None and one.executed_at <= now
        status = one.status if is_executed or (is_decided and one.executed_at is None) else P.PLANNED
        return replace(
            one,
            status=status,
            begun_at=one.begun_at if one.begun_at is not None and one.begun_at <= now else None,
            executed_at=one.executed_at if is_executed else None,
        )

    attempts = [
        each if each.ended_at is not None and each.ended_at <= now else replace(each, status="running", ended_at=None)
        for each in seen.attempts
        if each.begun_at <= now
    ]
    fetched_at = seen.fetched_at if seen.fetched_at is not None and seen.fetched_at <= now else None
    return replace(
        seen,
        attempts=attempts,
        fetched_at=fetched_at,
        suppression=plan(seen.suppression),
        rebalancing=plan(seen.rebalancing),
    )


def noted(looks: Iterator[MaintenanceSeen]) -> list[Happened]:
    """What is noted when somebody looks at these instants."""
    keys, found = set(), []
    for seen in looks:
        for each in events_of(seen):
            if (each.role, each.key) not in keys:
                keys.add((each.role, each.key))
                found.append(each)
    return found


@given(maintenances(), st.sets(st.integers(0, 45)))
def test_whoever_looks_rarely_notes_the_same_history_as_whoever_looks_after_every_stage(
    seen: MaintenanceSeen, looks: set[int]
) -> None:
    always = noted(known_at(seen, at(minute)) for minute in range(46))
    rarely = noted(known_at(seen, at(minute)) for minute in sorted(looks | {45}))
    assert rarely == always == events_of(seen)


@given(maintenances())
def test_no_maintenance_leads_anywhere_unexpected_and_a_successful_one_always_back(seen: MaintenanceSeen) -> None:
    ends = states(seen)
    if seen.attempts[-1].status in ("success", "rejected"):
        assert ends == {"health": "monitored", "lifecycle": "ready"}
    if seen.attempts[-1].status == "failed":
        assert set(ends.values()) == {"needs_attention"}
