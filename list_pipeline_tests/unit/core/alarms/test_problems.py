"""What opens an alarm, what closes it, and what is not known and does neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from list_pipeline.core.alarms.problems import (
    SEVERITY,
    WHAT_TO_DO,
    AlarmKind,
    Facts,
    Problem,
    Severity,
    changes,
    problems,
)

WELL = Facts(
    stopped_because="",
    given_up=[],
    failing_jobs={},
    blocked_that_go=[],
    triggers={"latency": "", "failed_runs": ""},
    bouncing_lists=[],
    # None waits, whatever stands beside it.
    waiting=(0, timedelta(hours=1)),
)
WRONG = {
    AlarmKind.CHANGES_STOPPED: replace(WELL, stopped_because="a backup was restored"),
    AlarmKind.GIVEN_UP: replace(WELL, given_up=["k (24h)"]),
    AlarmKind.RUNS_FAIL: replace(WELL, failing_jobs={"weekly": "no database"}),
    AlarmKind.BLOCKED_GOES: replace(WELL, blocked_that_go=["k"]),
    AlarmKind.ROLLBACK_TRIGGER: replace(WELL, triggers={"latency": "P95 is 6 min.", "failed_runs": ""}),
    AlarmKind.LIST_BOUNCES: replace(WELL, bouncing_lists=["List 2"]),
    AlarmKind.MESSAGES_WAIT: replace(WELL, waiting=(2, timedelta(hours=1))),
}
EVERY_KIND = pytest.mark.parametrize("kind", WRONG)


def test_every_kind_has_a_severity_and_something_to_do() -> None:
    assert set(SEVERITY) == set(WHAT_TO_DO) == set(AlarmKind)
    assert {kind for kind, severity in SEVERITY.items() if severity is Severity.CRITICAL} == {
        AlarmKind.BLOCKED_GOES,
        AlarmKind.ROLLBACK_TRIGGER,
    }
    assert set(WRONG) == set(AlarmKind) - {AlarmKind.TEST}


def test_where_all_is_well_there_is_no_problem() -> None:
    assert problems(WELL) == ()
    assert problems(Facts()) == ()


@EVERY_KIND
def test_a_problem_is_raised_once_and_resolved_when_a_look_does_not_find_it(kind: AlarmKind) -> None:
    (problem,) = changes(WRONG[kind], ()).raised
    assert problem.kind is kind
    again = changes(WRONG[kind], [problem.key])
    assert (again.raised, again.resolved) == ((), ())
    over = changes(WELL, [problem.key])
    assert (over.raised, over.resolved) == ((), (problem.key,))


@EVERY_KIND
def test_what_could_not_be_found_out_ends_no_alarm(kind: AlarmKind) -> None:
    (problem,) = problems(WRONG[kind])
    found = changes(Facts(), [problem.key])
    assert (found.raised, found.resolved) == ((), ())


def test_a_trigger_with_too_little_to_judge_ends_no_alarm_and_one_that_is_gone_does() -> None:
    key = (AlarmKind.ROLLBACK_TRIGGER, "latency")
    assert changes(replace(WELL, triggers={"latency": None}), [key]).resolved == ()
    assert problems(replace(WELL, triggers={"latency": None})) == ()
    assert changes(replace(WELL, triggers={"failed_runs": ""}), [key]).resolved == (key,)


def test_one_of_two_that_is_over_leaves_the_other_open() -> None:
    both = replace(WELL, given_up=["b (24h)", "a (7d)"])
    assert [one.reference for one in problems(both)] == ["a (7d)", "b (24h)"]
    keys = [one.key for one in problems(both)]
    found = changes(replace(WELL, given_up=["a (7d)"], bouncing_lists=["List 1"]), keys)
    assert found.resolved == ((AlarmKind.GIVEN_UP, "b (24h)"),)
    assert [one.kind for one in found.raised] == [AlarmKind.LIST_BOUNCES]


def test_a_test_is_ended_by_nobody_else() -> None:
    assert changes(WELL, [(AlarmKind.TEST, "x")]).resolved == ()


def test_the_summaries_say_what_is_wrong() -> None:
    said = {kind: problems(facts)[0].summary for kind, facts in WRONG.items()}
    assert said == {
        AlarmKind.CHANGES_STOPPED: "No list is changed: a backup was restored.",
        AlarmKind.GIVEN_UP: "All attempts at the maintenance of k (24h) failed.",
        AlarmKind.RUNS_FAIL: "The last run of weekly failed: no database",
        AlarmKind.BLOCKED_GOES: "Campaign k is blocked, and Mailjet sends it all the same.",
        AlarmKind.ROLLBACK_TRIGGER: "P95 is 6 min.",
        AlarmKind.LIST_BOUNCES: "List 2 bounced so much that it needs a clean-up.",
        AlarmKind.MESSAGES_WAIT: "2 important messages reached nobody; the oldest waits for 1 h.",
    }
    assert Problem(AlarmKind.TEST, "a", "b").key == (AlarmKind.TEST, "a")
