"""Several bulk jobs are handed in before the first is waited for: the first of a wave goes alone, whatever befalls one of them
is that one's, and the lists end as they do job by job."""

from __future__ import annotations

import contextlib
import itertools
from datetime import timedelta

import httpx
import pytest

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import Send, intercept, is_job, named

JOB = "contact/managemanycontacts$"
SUPPRESSED = (*HARD, COMPLAINED)
IN_A_WAVE = len(SUPPRESSED)
"""Jobs of one contact each: these add and exclude, then as many remove."""


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked for, in order: ``job`` handed in, ``look`` at one, ``sizes``; the rest is left out."""
    seen: list[str] = []

    def handle(request: httpx.Request, send: Send) -> httpx.Response:
        if is_job(request):
            seen.append("job")
        elif "managemanycontacts" in request.url.path:
            seen.append("look")
        elif named(request).endswith("/contactslist"):
            seen.append("sizes")
        return send()

    intercept(monkeypatch, handle)
    return seen


def members(made: Installation) -> list[frozenset[int]]:
    lists = made.account.lists.by_role()
    return [frozenset(made.members(role)) for role in lists] + [frozenset(made.excluded())]


def carry_on(made: Installation) -> None:
    again = made.another()
    suppression.execute_suppressions(again, made.begin(again), quietly)


def test_the_first_job_of_a_wave_goes_alone_and_the_others_are_handed_in_before_one_is_waited_for(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        run = made.decide_suppression()
        seen = watched(monkeypatch)
        suppression.execute_suppressions(made.services, run, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        first = seen.index("job")
        alone, together = ["job", "look"], ["job"] * (IN_A_WAVE - 1)
        asked = [one for one in seen[first:] if one != "sizes"]
        assert asked[:2] == alone
        begin = asked.index("job", 1)
        assert asked[begin : begin + IN_A_WAVE] == [*together, "look"]
        # The lists' sizes are read before and after what is in flight together, not before and after each job.
        posted = [place for place, one in enumerate(seen) if one == "job"]
        between = seen[posted[1] : posted[IN_A_WAVE - 1]]
        assert "sizes" not in between


def test_a_slow_mailjet_is_looked_at_again_before_each_job(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        run = made.decide_suppression()
        slow = EXECUTION.lists_looked_at_again.total_seconds()
        made.control.add_fault("delay", path=JOB, method="POST", seconds=slow, count=None)
        seen = watched(monkeypatch)
        suppression.execute_suppressions(made.services, run, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
    posted = [place for place, one in enumerate(seen) if one == "job"]
    assert len(posted) == 2 * IN_A_WAVE
    for earlier, later in itertools.pairwise(posted):
        assert "sizes" in seen[earlier:later]


FAULTS = ("job_without_effect", "job_error", "job_abort", "drop_after", "drop_before", "rate_limited", "status")


@pytest.mark.parametrize("nth", [3, *(pytest.param(nth, marks=pytest.mark.long) for nth in (1, 4, IN_A_WAVE + 2))])
@pytest.mark.parametrize("effect", FAULTS)
def test_what_befalls_one_job_is_that_ones_and_all_of_it_is_done_in_the_end(
    install_small: Install, effect: str, nth: int
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        run = made.decide_suppression()
        made.control.add_fault(effect, path=JOB, method="POST", nth=nth, status=500)
        with contextlib.suppress(ListPipelineError):
            suppression.execute_suppressions(made.services, run, quietly)
        carry_on(made)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert {step.state for step in made.steps(PlanKind.SUPPRESSION)} <= {"confirmed", "skipped"}
        worst = max(step.attempts for step in made.steps(PlanKind.SUPPRESSION))
        assert worst <= 2


def test_after_a_job_that_did_not_do_its_work_the_next_goes_alone_again(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        run = made.decide_suppression()
        made.control.add_fault("job_without_effect", path=JOB, method="POST", nth=1)
        seen = watched(monkeypatch)
        suppression.execute_suppressions(made.services, run, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
    asked = [one for one in seen if one != "sizes"]
    posted = [place for place, one in enumerate(asked) if one == "job"]
    assert "look" in asked[posted[0] : posted[1]]
    assert "look" in asked[posted[1] : posted[2]]


def test_a_refused_job_ends_the_run_and_those_in_flight_are_settled_first(install_small: Install) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        run = made.decide_suppression()
        made.control.add_fault("status", path=JOB, method="POST", nth=3, status=403)
        with pytest.raises(ListPipelineError, match="403"):
            suppression.execute_suppressions(made.services, run, quietly)
        states = made.query("select state, count(*) from mailjet_job group by state order by state")
        assert states == [("failed", 1), ("finished", 2)]
        assert made.query("select count(*) from change_step where state in ('submitting', 'submitted')") == [(0,)]
        carry_on(made)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_with_several_jobs_in_flight_is_finished_by_the_next(
    install: Install, install_small: Install, when: str
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        made.decide_suppression()
        prepared = made.left_like_this()
    with install(*prepared, mailjet_job_contacts=1) as made:
        suppression.execute_suppressions(made.services, made.begin(), quietly)
        expected = members(made)
    for nth in (2, 3, IN_A_WAVE, IN_A_WAVE + 3):
        with install(*prepared, mailjet_job_contacts=1) as made:
            with pytest.MonkeyPatch.context() as patch:
                Dying(nth, when, counting="POST").install(patch)
                with pytest.raises(Killed):
                    suppression.execute_suppressions(made.services, made.begin(), quietly)
            made.services.close()
            made.clock.advance(timedelta(minutes=1))
            carry_on(made)
            assert members(made) == expected, (nth, when)
            made.assert_suppressed(made.account.ids(*SUPPRESSED))
