"""Reading bounces: complete or not at all, each contact once, and past campaigns remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import IncompleteDataError, NotFoundError
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.bounces.fetch import (
    FAILED_STATUSES,
    HISTORY_RETRY_AFTER,
    analyse,
    fetch_bounces,
    load_history,
)
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.runs.run import begin
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    SENDER_FAULT,
    SOFT,
    Installation,
    confirm,
    quietly,
)

FAILED = (*HARD, COMPLAINED, SOFT, SENDER_FAULT)


def fetches(made: Installation) -> list[tuple[object, ...]]:
    return made.query(
        "select s.mailjet_campaign_id, f.sweep, f.is_complete from bounce_fetch f"
        " join campaign_schedule s on s.id = f.campaign_id order by s.send_start_at, f.sweep"
    )


def counters(made: Installation) -> list[tuple[object, ...]]:
    return made.query(
        "select contact_id, hard_bounce_count, soft_bounce_count from contact_list_membership"
        " where hard_bounce_count + soft_bounce_count > 0 order by contact_id"
    )


def test_every_failure_is_kept_once_with_its_class(small: Installation) -> None:
    run = small.begin()
    data = fetch_bounces(small.services, run.campaign, run.sweep)
    people = small.account.people
    assert data.fetch.is_complete
    assert {event.contact_id: event.bounce_class.value for event in data.events} == {
        **dict.fromkeys((people[number] for number in HARD), "hard"),
        people[COMPLAINED]: "complaint",
        people[SOFT]: "soft",
        people[SENDER_FAULT]: "block",
    }
    analysis = analyse(data, 20)
    assert analysis.by_class["hard"] == len(HARD)
    assert analysis.complaints == ComplaintRate(1, 20)


def test_reading_again_returns_what_is_stored_without_a_request(small: Installation) -> None:
    run = small.begin()
    first = fetch_bounces(small.services, run.campaign, run.sweep)
    small.control.reset_requests()
    assert fetch_bounces(small.another(), run.campaign, run.sweep) == first
    assert small.control.requests() == {}


def test_the_failures_of_a_real_past_are_exactly_those_that_happened(seeded: Installation) -> None:
    answers = seeded.control.answers()
    run = seeded.begin()
    data = fetch_bounces(seeded.services, run.campaign, run.sweep)
    (entry,) = seeded.control.ledger(answers["last_campaign_id"])
    happened = {failure["contact_id"] for failure in entry["failures"]}
    assert {event.contact_id for event in data.events} == happened | set(answers["complaint"])
    assert len(data.events) == len({event.contact_id for event in data.events})
    assert data.fetch.duplicates == len(answers["duplicate_rows"])
    unknown = [event for event in data.events if event.contact_id in answers["unknown_state"]]
    assert [(event.state_id, event.bounce_class.value) for event in unknown] == [(77, "unknown")]
    contradictory = {event.contact_id for event in data.events if event.is_contradictory}
    # Both sources show the same state that nobody knows: they agree, and it stays unknown.
    assert contradictory == set(answers["contradictions"])
    assert contradictory & set(answers["unknown_state"]) == set()


def test_what_was_stored_is_what_was_read(seeded: Installation) -> None:
    run = seeded.begin()
    read = fetch_bounces(seeded.services, run.campaign, run.sweep)
    stored = bounces.stored_bounces(seeded.services, run.campaign, run.sweep)
    assert stored is not None
    # Which words decided is not stored; everything that a rule looks at is.
    assert [(e.contact_id, e.occurred_at, e.bounce_class, e.reason, e.state_id, e.is_permanent, e.status,
             e.classification.is_disputed, e.is_contradictory) for e in stored.events] == [
        (e.contact_id, e.occurred_at, e.bounce_class, e.reason, e.state_id, e.is_permanent, e.status,
         e.classification.is_disputed, e.is_contradictory) for e in read.events]  # fmt: skip
    assert stored.fetch == read.fetch


def test_a_page_that_is_cut_short_stops_the_run_and_the_next_attempt_succeeds(small: Installation) -> None:
    small.control.add_fault("short_page", path="/message$", rows=1, count=None)
    before = small.control.digest()
    with pytest.raises(IncompleteDataError, match="4 messages bounced hard by the counters, 3 were read"):
        small.maintain()
    assert fetches(small)[-1] == (small.account.campaigns[-1], "24h", False)
    assert small.query("select count(*) from plan") == [(0,)]
    assert small.control.digest() == before
    assert small.changing_requests() == {}
    ((status, errors),) = small.query("select status, errors from list_maintenance_log")
    assert status == "failed"
    assert [entry["stage"] for entry in errors] == ["fetch_bounces"]
    small.control.clear_faults()
    small.clock.advance(timedelta(minutes=15))
    assert small.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
    assert fetches(small)[-1] == (small.account.campaigns[-1], "24h", True)
    assert small.query("select attempt, status from list_maintenance_log order by attempt") == [
        (1, "failed"),
        (2, "success"),
    ]


def test_an_incomplete_reading_counts_nobodys_bounces(small: Installation) -> None:
    before = counters(small)
    run = small.begin()
    small.control.add_fault("short_page", path="/message$", rows=1, count=None)
    with pytest.raises(IncompleteDataError):
        fetch_bounces(small.services, run.campaign, run.sweep)
    assert counters(small) == before
    with pytest.raises(NotFoundError, match="not read completely"):
        suppression.plan_suppression(small.services, run)


def test_failures_that_mailjet_shows_late_are_waited_for(small: Installation) -> None:
    small.control.set_switches(bounce_lag_seconds=40 * 3600.0)
    run = small.begin()
    with pytest.raises(IncompleteDataError):
        fetch_bounces(small.services, run.campaign, run.sweep)
    small.clock.advance(timedelta(hours=30))
    assert len(fetch_bounces(small.services, run.campaign, run.sweep).events) == len(FAILED)


def test_counters_of_fewer_messages_than_people_were_mailed_are_not_believed(small: Installation) -> None:
    run = small.begin()
    small.control.set_switches(stats_lag_seconds=25.5 * 3600)
    with pytest.raises(IncompleteDataError, match="0 messages by the counters, and 20 contacts were mailed"):
        fetch_bounces(small.services, run.campaign, run.sweep)
    with pytest.raises(IncompleteDataError, match="counts 0 messages, and 20 contacts were mailed"):
        discovery.collect_metrics(small.services, run.campaign, run.sweep)
    assert small.query("select count(*) from campaign_metrics") == [(0,)]


def test_one_answer_without_a_row_is_made_good_at_once(small: Installation) -> None:
    small.control.add_fault("short_page", path="/statcounters$", rows=1)
    small.control.add_fault("short_page", path="/message$", rows=3)
    small.maintain()
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_a_bounce_is_counted_once_for_its_contact(small: Installation) -> None:
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    after = counters(small)
    people = small.account.people
    assert [row for row in after if row[1]] == [(people[number], 1, 0) for number in HARD]
    fetch_bounces(small.another(), run.campaign, run.sweep)
    assert counters(small) == after


def test_a_later_sweep_does_not_count_the_same_bounces_again(small: Installation) -> None:
    run = small.begin()
    fetch_bounces(small.services, run.campaign, Sweep.H24)
    once = counters(small)
    small.clock.advance(timedelta(hours=48))
    fetch_bounces(small.services, run.campaign, Sweep.H72)
    assert counters(small) == once


def test_a_late_failure_is_counted_once_over_all_sweeps(small: Installation) -> None:
    late = small.account.people[3]
    small.control.send(
        small.account.lists.campaign_1, "Letter 3", profile="clean", outcomes={late: "user_unknown"}, late_share=1.0
    )
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    counted = []
    for sweep, hours in ((Sweep.H24, 47), (Sweep.H72, 97), (Sweep.D7, 0)):
        run = begin(small.services, small.key, sweep=sweep, run_id="first")
        fetch_bounces(small.services, run.campaign, sweep)
        counted.append([row[1] for row in counters(small) if row[0] == late])
        small.clock.advance(timedelta(hours=hours))
    assert counted == [[], [1], [1]]


def test_what_an_incomplete_sweep_read_is_counted_by_the_sweep_that_is_complete(small: Installation) -> None:
    run = small.begin()
    small.control.add_fault("short_page", path="/message$", rows=1, count=None)
    with pytest.raises(IncompleteDataError):
        fetch_bounces(small.services, run.campaign, Sweep.H24)
    small.control.clear_faults()
    small.clock.advance(timedelta(hours=48))
    fetch_bounces(small.services, run.campaign, Sweep.H72)
    people = small.account.people
    assert [row for row in counters(small) if row[1]] == [(people[number], 1, 0) for number in HARD]


def test_a_later_sweep_sees_what_came_late(small: Installation) -> None:
    small.control.send(
        small.account.lists.campaign_1,
        "Letter 3",
        profile="clean",
        outcomes={small.account.people[number]: "user_unknown" for number in range(8)},
        late_share=1.0,
    )
    small.clock.advance(timedelta(hours=25))
    discovery.discover(small.services)
    record_recipients(small.services, quietly)
    run = begin(small.services, small.key, run_id="first")
    early = fetch_bounces(small.services, run.campaign, Sweep.H24)
    small.clock.advance(timedelta(hours=47))
    late = fetch_bounces(small.services, run.campaign, Sweep.H72)
    assert early.events == ()
    assert {event.contact_id for event in late.events} == small.account.ids(*range(8))


def test_a_contact_who_bounced_and_whom_we_do_not_know_is_read_first(small: Installation) -> None:
    stranger = small.control.sign_up("stranger@example.org", small.account.lists.campaign_1)
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", outcomes={stranger: "user_unknown"})
    small.clock.advance(timedelta(hours=25))
    discovery.discover(small.services)
    run = begin(small.services, small.key, run_id="first")
    data = fetch_bounces(small.services, run.campaign, run.sweep)
    assert [event.contact_id for event in data.events] == [stranger]
    known = small.query("select email from contact_list_membership where contact_id = :id", id=stranger)
    assert known == [("stranger@example.org",)]


def test_past_campaigns_are_loaded_and_the_one_to_be_maintained_is_left_to_its_run(small: Installation) -> None:
    assert fetches(small) == [(number, "7d", True) for number in small.account.campaigns[:-1]]
    past = small.query("select contact_id, bounce_class from bounce_event")
    assert past == [(small.account.people[SOFT], "soft")]
    assert load_history(small.services, quietly) == 0


def test_a_past_campaign_that_was_read_incompletely_is_read_again(new_here: Installation) -> None:
    discovery.discover(new_here.services)
    # The third send is the first with a failure; the soft bounces are the second status that is read.
    nth = 2 * len(FAILED_STATUSES) + FAILED_STATUSES.index(MessageStatus.SOFT_BOUNCED) + 1
    new_here.control.add_fault("short_page", path="/message$", rows=1, nth=nth)
    assert load_history(new_here.services, quietly) == 5
    assert [row[2] for row in fetches(new_here)] == [True, True, False, True, True]
    new_here.clock.advance(HISTORY_RETRY_AFTER - timedelta(seconds=60))
    assert load_history(new_here.services, quietly) == 0
    new_here.clock.advance(timedelta(seconds=60))
    assert load_history(new_here.services, quietly) == 1
    assert [row[2] for row in fetches(new_here)] == [True] * 5


@pytest.mark.parametrize("position", ["zero", "minus_one", "absent"])
def test_who_is_erased_after_the_send_keeps_nobody_else_on_the_lists(small: Installation, position: str) -> None:
    people = small.account.people
    small.control.set_switches(erased_in_logs=position)
    small.control.gdpr_delete(people[HARD[0]])
    small.control.gdpr_delete(people[50])
    synchronise(small.services, progress=quietly)
    assert small.maintain().report.facts.status == "success"
    small.assert_suppressed(small.account.ids(*HARD[1:], COMPLAINED))


def test_a_hard_bounce_after_a_soft_one_counts_where_both_rows_bear_the_id_of_the_message(small: Installation) -> None:
    small.control.set_switches(bounce_ids="message", duplicate_bounce_rows=True)
    dead = small.account.ids(1, 2, 3)
    small.control.send(
        small.account.lists.campaign_1, "Letter 3", profile="clean", outcomes=dict.fromkeys(dead, "user_unknown")
    )
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    small.maintain()
    found = small.query("select contact_id from plan_item where bounce_class = 'hard'")
    assert {contact_id for (contact_id,) in found} == dead


def test_pages_shorter_than_asked_for_change_nothing(new_here: Installation) -> None:
    new_here.control.set_switches(largest_page=12)
    synchronise(new_here.services, progress=quietly)
    confirm(new_here.services)
    new_here.maintain()
    new_here.assert_suppressed(new_here.account.ids(*HARD, COMPLAINED))
