"""Mailjet refuses a bulk job: nothing of it was accepted, so everything of it is still to be done when that is repaired."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import httpx
import pytest

from list_pipeline.core.errors import PermanentError
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.interception import Send, intercept, is_job

SUPPRESSED = (*HARD, COMPLAINED)


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], httpx.Response | None]) -> list[int]:
    """Bulk jobs get this answer instead of Mailjet's, by their number of contacts; None: Mailjet's own. Returns the sizes."""
    posted: list[int] = []

    def handle(request: httpx.Request, send: Send) -> httpx.Response:
        if not is_job(request):
            return send()
        posted.append(len(json.loads(request.content)["Contacts"]))
        return answer(posted[-1]) or send()

    intercept(monkeypatch, handle)
    return posted


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405])
def test_what_was_refused_is_done_by_the_next_run_after_the_repair(small: Installation, status: int) -> None:
    headers = {"Location": "https://elsewhere.example.com/"} if status == 301 else {}
    with pytest.MonkeyPatch.context() as patch:
        answering(patch, lambda _: httpx.Response(status, headers=headers, json={"ErrorMessage": "refused"}))
        for number in range(4):
            with contextlib.suppress(PermanentError):
                small.maintain(run_id=f"refused-{number}")
        planned = [step for step in small.steps(PlanKind.SUPPRESSION) if step.action != "remove"]
        assert {(step.state, step.attempts, step.job_id) for step in planned} == {("planned", 0, None)}
        assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.APPROVED
        error = str(small.query("select error from mailjet_job order by job_id limit 1")[0][0])
        assert str(status) in error
    assert small.maintain(small.another(), run_id="repaired").report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_a_job_that_is_too_large_is_posted_in_smaller_ones(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    posted = answering(monkeypatch, lambda contacts: httpx.Response(413) if contacts > 1 else None)
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert posted[:3] == [4, 2, 1]
    assert {step.attempts for step in small.steps(PlanKind.SUPPRESSION) if step.state == "confirmed"} == {1}


def test_a_job_that_is_refused_for_its_many_contacts_is_posted_in_smaller_ones(small: Installation) -> None:
    run = small.decide_suppression()
    small.control.set_switches(job_max_contacts=2, job_above_max="refused")
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.query("select contact_count, state from mailjet_job order by job_id limit 2") == [
        (4, "failed"),
        (2, "finished"),
    ]


def test_a_job_of_one_contact_that_is_too_large_is_refused_and_its_contact_still_to_be_done(
    small: Installation,
) -> None:
    run = small.decide_suppression()
    with pytest.MonkeyPatch.context() as patch:
        answering(patch, lambda _: httpx.Response(413))
        with pytest.raises(PermanentError, match="413"):
            suppression.execute_suppressions(small.services, run, quietly)
    suppression.execute_suppressions(small.another(), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
