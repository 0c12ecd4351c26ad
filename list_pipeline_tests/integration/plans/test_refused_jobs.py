"""What Mailjet answers to a bulk job instead of a number: a refusal leaves everything to be done, whoever asked; an answer
that was lost is looked for at the lists.

A refusal is a status. Whatever its body is, or whether it can be read at all, nothing of the job was accepted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest

from list_pipeline.core.errors import AuthenticationError, PermanentError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.plans.single_contacts import suppress as suppress_contact
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import Send, intercept, is_job
from list_pipeline_tests.integration.questions import approve_question, carry_out, hold

SUPPRESSED = (*HARD, COMPLAINED)
HTML = "<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
REASON = {"ErrorMessage": "refused"}

Answer = Callable[[], httpx.Response]


class Cut(httpx.SyncByteStream):
    """A body of which the connection lets only a part through."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"ErrorMess'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


REFUSALS: dict[str, Answer] = {
    **{
        f"{code}": (lambda code=code: httpx.Response(code, json=REASON))
        for code in (400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 422, 423, 451)
    },
    **{
        f"{code}": (lambda code=code: httpx.Response(code, headers={"Location": "https://elsewhere.example.com/"}))
        for code in (301, 302, 303, 307, 308)
    },
    "302 to a page": lambda: httpx.Response(302, headers={"Location": "/login"}, text=HTML),
    "401 html": lambda: httpx.Response(401, text=HTML),
    "403 html": lambda: httpx.Response(403, headers={"Content-Type": "text/html"}, text=HTML),
    "404 html": lambda: httpx.Response(404, text=HTML),
    "403 empty": lambda: httpx.Response(403),
    "400 half of a json": lambda: httpx.Response(400, text='{"ErrorMessage": "ref'),
    "401 json of another type": lambda: httpx.Response(401, json=["refused"]),
    "403 json with a job": lambda: httpx.Response(403, json={"Count": 1, "Data": [{"JobID": 4711}], "Total": 1}),
    "401 cut": lambda: httpx.Response(401, headers={"Content-Length": "900"}, stream=Cut()),
    "413 cut": lambda: httpx.Response(413, headers={"Content-Length": "900"}, stream=Cut()),
    "403 that cannot be unpacked": lambda: httpx.Response(403, headers={"Content-Encoding": "gzip"}, stream=Cut()),
}

UNKNOWN: dict[str, Answer] = {
    **{f"{code}": (lambda code=code: httpx.Response(code, json=REASON)) for code in (408, 500, 502, 503, 504, 520)},
    "502 html": lambda: httpx.Response(502, text=HTML),
    "200 html": lambda: httpx.Response(200, text=HTML),
    "201 empty": lambda: httpx.Response(201),
    "204": lambda: httpx.Response(204),
    "304": lambda: httpx.Response(304),
    "201 half of a json": lambda: httpx.Response(201, text='{"Count": 1, "Data": [{"JobI'),
    "201 cut": lambda: httpx.Response(201, headers={"Content-Length": "900"}, stream=Cut()),
    "201 json of another type": lambda: httpx.Response(201, json=[{"JobID": 4711}]),
    "201 without a job": lambda: httpx.Response(201, json={"Count": 1, "Data": [{"Status": "Pending"}], "Total": 1}),
    "201 with a job of another type": lambda: httpx.Response(
        201, json={"Count": 1, "Data": [{"JobID": "a job"}], "Total": 1}
    ),
    **{
        f"201 with a job of number {number}": (
            lambda number=number: httpx.Response(201, json={"Count": 1, "Data": [{"JobID": number}], "Total": 1})
        )
        for number in (0, -7)
    },
    "200 with the reason of a refusal": lambda: httpx.Response(200, json={"StatusCode": 401, **REASON}),
    "201 with more than one job": lambda: httpx.Response(
        201, json={"Count": 2, "Data": [{"JobID": 4711}, {"JobID": 4712}], "Total": 2}
    ),
    "500 cut": lambda: httpx.Response(500, headers={"Content-Length": "900"}, stream=Cut()),
}


def long_but(table: Mapping[str, object], *short: str) -> list[Any]:
    """The names of a table as parameters; those that are not named are played by the long tests only."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in table]


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], httpx.Response | None], *, is_done: bool = False
) -> list[int]:
    """Bulk jobs get this answer instead of Mailjet's, by their number of contacts; None: Mailjet's own. Returns the sizes.

    ``is_done``: Mailjet carries them out all the same.
    """
    posted: list[int] = []

    def handle(request: httpx.Request, send: Send) -> httpx.Response:
        if not is_job(request):
            return send()
        posted.append(len(json.loads(request.content)["Contacts"]))
        if (other := answer(posted[-1])) is None:
            return send()
        if is_done:
            send().close()
        return other

    intercept(monkeypatch, handle)
    return posted


def journal(made: Installation) -> list[tuple[object, ...]]:
    """Steps that are not at their end."""
    return made.query(
        """select distinct state, attempts, job_id from change_step join change using (change_id)
           where state not in ('confirmed', 'skipped', 'compensated')"""
    )


def nothing_is_lost(made: Installation, status: str) -> None:
    """Everything refused is planned as if it had never been posted, and the job says with which status it was refused."""
    assert journal(made) == [("planned", 0, None)]
    jobs = made.query("select state, error, mailjet_job_id from mailjet_job order by job_id desc limit 1")
    ((state, error, number),) = jobs
    assert (state, number) == ("failed", None)
    assert status in str(error)


# Each refusal, at a maintenance


@pytest.mark.parametrize("refusal", long_but(REFUSALS, "302 to a page", "401", "401 cut", "413"))
def test_what_was_refused_is_done_by_the_next_run_after_the_repair(small: Installation, refusal: str) -> None:
    run = small.decide_suppression()
    with pytest.MonkeyPatch.context() as patch:
        posted = answering(patch, lambda _: REFUSALS[refusal]())
        for number in range(4):
            before = len(posted)
            with pytest.raises(PermanentError) as caught:
                suppression.execute_suppressions(small.another(), run, quietly)
            assert refusal[:3] in str(caught.value)
            # The first refusal ends the run, but for a job that is too large, which is halved.
            assert len(posted) - before == (3 if refusal.startswith("413") else 1), f"run {number}"
            nothing_is_lost(small, refusal[:3])
        assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.APPROVED
    suppression.execute_suppressions(small.another(), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert journal(small) == []


def test_a_maintenance_that_was_refused_goes_on_to_its_end_after_the_repair(small: Installation) -> None:
    with pytest.MonkeyPatch.context() as patch:
        posted = answering(patch, lambda _: REFUSALS["401"]())
        for number in range(4):
            with suppress(PermanentError):
                small.maintain(run_id=f"refused-{number}")
        assert len(posted) <= 4
        nothing_is_lost(small, "401")
    assert small.maintain(small.another(), run_id="repaired").report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


# Everything else that changes lists


def _rebalance(made: Installation) -> Callable[[], object]:
    run = made.decide_rebalancing()
    return lambda: rebalancing.execute_rebalancing(made.another(), run, quietly)


def _undo(made: Installation) -> Callable[[], object]:
    made.maintain()
    return lambda: undo_maintenance(made.another(), made.key, by="ada", note="a test", progress=quietly)


def _redo(made: Installation) -> Callable[[], object]:
    _undo(made)()
    return lambda: redo_maintenance(made.another(), made.key, by="ada", note="a test", progress=quietly)


def _repair(made: Installation) -> Callable[[], object]:
    made.put_on(ListRole.CAMPAIGN_2, made.account.people[62])
    reconcile(made.services, progress=quietly)
    ((plan_id, hashed),) = made.query("select plan_id, content_hash from plan where kind = 'repair'")
    decisions.approve(made.services, plan_id, by="ada", content_hash=hashed)
    return lambda: carry_out_correction(made.another(), plan_id, quietly)


def _suppress_one(made: Installation) -> Callable[[], object]:
    """Asked for once; what was refused then is taken up by whoever goes on with corrections that were begun."""
    contact = made.account.people[1]

    def ask() -> object:
        known = made.query("select plan_id from plan where kind = 'manual'")
        if known:
            return carry_out_correction(made.another(), int(known[0][0]), quietly)
        return suppress_contact(made.another(), contact, by="ada", note="asked us", progress=quietly)

    return ask


def _reinstate(made: Installation) -> Callable[[], object]:
    made.maintain()
    contact = made.account.people[HARD[0]]

    def ask() -> object:
        known = made.query("select plan_id from plan where kind = 'manual'")
        if known:
            return carry_out_correction(made.another(), int(known[0][0]), quietly)
        return reinstate(made.another(), contact, by="ada", note="wrote to us", progress=quietly)

    return ask


def _approved_items(made: Installation) -> Callable[[], object]:
    hold(made, *HARD[:2])
    made.maintain()
    approve_question(made, "incident")
    return lambda: carry_out(made)


WAYS = {
    "rebalancing": _rebalance,
    "undo": _undo,
    "redo": _redo,
    "repair": _repair,
    "one suppressed by hand": _suppress_one,
    "one reinstated": _reinstate,
    "approved one by one": _approved_items,
}


def undisturbed(install_small: Install, way: str) -> tuple[dict[ListRole, set[int]], set[int]]:
    with install_small() as made:
        WAYS[way](made)()
        return {role: made.members(role) for role in ListRole}, made.excluded()


@pytest.mark.parametrize(
    ("way", "refusal"),
    [
        *((way, "401") for way in WAYS),
        *(
            pytest.param(way, refusal, marks=pytest.mark.long)
            for way in ("rebalancing", "undo", "repair", "one suppressed by hand")
            for refusal in ("403 html", "302 to a page", "401 cut", "422")
        ),
    ],
)
def test_whoever_changes_lists_is_refused_once_and_carries_all_of_it_out_after_the_repair(
    install_small: Install, way: str, refusal: str
) -> None:
    wanted = undisturbed(install_small, way)
    with install_small() as made:
        go = WAYS[way](made)
        before = {role: made.members(role) for role in ListRole}, made.excluded()
        with pytest.MonkeyPatch.context() as patch:
            posted = answering(patch, lambda _: REFUSALS[refusal]())
            for number in range(1, 4):
                with pytest.raises(PermanentError) as caught:
                    go()
                assert isinstance(caught.value, AuthenticationError) is refusal.startswith("40")
                assert len(posted) == number, "more was posted after a refusal"
                nothing_is_lost(made, refusal[:3])
        assert ({role: made.members(role) for role in ListRole}, made.excluded()) == before
        go()
        assert ({role: made.members(role) for role in ListRole}, made.excluded()) == wanted
        assert journal(made) == []


# Each answer that says nothing


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("unknown", long_but(UNKNOWN, "502 html", "200 html", "201 cut"))
def test_an_answer_that_says_nothing_is_settled_by_reading_the_lists(
    small: Installation, unknown: str, is_done: bool
) -> None:
    run = small.decide_suppression()
    with pytest.MonkeyPatch.context() as patch:
        once = iter([UNKNOWN[unknown]])
        posted = answering(patch, lambda _: make() if (make := next(once, None)) else None, is_done=is_done)
        suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert journal(small) == []
    # Two jobs carry a suppression out; the first is posted again only if nothing of it is there.
    assert len(posted) == (2 if is_done else 3)
    assert {step.attempts for step in small.steps(PlanKind.SUPPRESSION) if step.state == "confirmed"} == {1}


# Too large


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
