"""Carrying out a journal against a Mailjet that fails: order, resumption, what had no effect, and who is left alone."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from list_pipeline.core.errors import RefusedError, TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import safety
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Dying,
    Installation,
    Killed,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import Send, intercept, is_job

JOB = "contact/managemanycontacts$"
SUPPRESSED = (*HARD, COMPLAINED)
LISTED = (*CAMPAIGN_LISTS, ListRole.SUPPRESSION)


@dataclass
class Watched:
    """Every bulk job as it was posted, and who was on which list at that moment."""

    installation: Installation
    jobs: list[dict[str, Any]] = field(default_factory=list)
    members: list[dict[ListRole, set[int]]] = field(default_factory=list)
    excluded: list[set[int]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def handle(request: httpx.Request, send: Send) -> httpx.Response:
            if is_job(request):
                self.jobs.append(json.loads(request.content))
                self.members.append({role: self.installation.members(role) for role in ListRole})
                self.excluded.append(self.installation.excluded())
            return send()

        intercept(monkeypatch, handle)

    def actions(self, number: int) -> dict[ListRole | None, str]:
        """List to action of a job."""
        lists = self.installation.account.lists
        return {lists.role_of(one["ListID"]): one["Action"] for one in self.jobs[number].get("ContactsLists", ())}

    def contacts(self, number: int) -> set[int]:
        """Contact ids of a job."""
        found = (self.installation.control.contact(one["Email"])["id"] for one in self.jobs[number]["Contacts"])
        return set(found)


def everybody(made: Installation) -> dict[ListRole, set[int]]:
    return {role: made.members(role) for role in ListRole}


def history(made: Installation) -> list[int]:
    return [row[0] for row in made.query("select contact_id from contact_suppression_history order by contact_id")]


def states(made: Installation, kind: PlanKind) -> set[str]:
    return {step.state for step in made.steps(kind)}


def assert_all_done(made: Installation, kind: PlanKind, where: str = "") -> None:
    """Every step is confirmed; of a suppression's three removals exactly those from lists that the contact was not on are
    skipped, with the reason."""
    steps = made.query(
        "select c.contact_id, s.action, s.list_role, s.state, s.note, c.before -> 'places' from change_step s"
        " join change c using (change_id) join plan p using (plan_id) where p.kind = :kind",
        kind=kind.value,
    )
    assert steps
    for contact_id, action, role, state, note, places in steps:
        was_there = kind is PlanKind.REBALANCING or action != "remove" or role in {place["list"] for place in places}
        expected = "confirmed" if was_there else "skipped"
        assert state == expected, (where, contact_id, action, role, note)
        assert was_there or note == "not_a_member", (where, contact_id, action, role, note)
    if kind is PlanKind.SUPPRESSION:
        removed = {step[2] for step in steps if step[1] == "remove"}
        assert removed == {role.value for role in CAMPAIGN_LISTS}


def test_nobody_is_removed_before_being_seen_where_they_were_added(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(small)
    watched.install(monkeypatch)
    small.maintain()
    removals = [number for number in range(len(watched.jobs)) if "remove" in watched.actions(number).values()]
    assert len(removals) == 3  # the suppressed ones off all lists, and a move from list 1 and one from list 2
    for number in removals:
        assert set(watched.actions(number).values()) == {"remove"}
        contacts, then = watched.contacts(number), watched.members[number]
        others = [then[role] for role in LISTED if role not in watched.actions(number)]
        assert contacts <= set().union(*others)
    first = removals[0]
    assert watched.contacts(first) == small.account.ids(*SUPPRESSED)
    assert small.account.ids(*SUPPRESSED) <= watched.members[first][ListRole.SUPPRESSION] & watched.excluded[first]


def test_at_no_moment_is_a_listed_contact_on_no_list(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(small)
    watched.install(monkeypatch)
    before = set().union(*(small.members(role) for role in LISTED))
    small.maintain()
    for then in (*watched.members, everybody(small)):
        assert before <= set().union(*(then[role] for role in LISTED))


def test_a_job_sends_addresses_and_the_exclusion_flag_and_nothing_else(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(small)
    watched.install(monkeypatch)
    small.maintain()
    assert watched.jobs
    for job in watched.jobs:
        assert set(job) <= {"Contacts", "ContactsLists"}
        assert all(set(one) <= {"Email", "IsExcludedFromCampaigns"} for one in job["Contacts"])
        assert all(one["Action"] in ("addnoforce", "remove") for one in job["ContactsLists"])
        assert all(one.get("IsExcludedFromCampaigns") in (True, None) for one in job["Contacts"])


def test_jobs_are_cut_to_the_size_that_the_setting_allows(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=2) as made:
        watched = Watched(made)
        watched.install(monkeypatch)
        assert made.maintain().report.facts.status is RunStatus.SUCCESS
        assert max(len(job["Contacts"]) for job in watched.jobs) == 2
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


@dataclass(frozen=True)
class Phase:
    """One phase that changes lists: how it is prepared, and how it is carried out."""

    kind: PlanKind
    prepare: Callable[[Installation], Maintenance]
    execute: Callable[..., object]


SUPPRESSION_PHASE = Phase(PlanKind.SUPPRESSION, Installation.decide_suppression, suppression.execute_suppressions)
REBALANCING_PHASE = Phase(PlanKind.REBALANCING, Installation.decide_rebalancing, rebalancing.execute_rebalancing)


def _killed(made: Installation, phase: Phase, run: Maintenance, nth: int, when: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Dying(nth, when).install(patch)
        with pytest.raises(Killed):
            phase.execute(made.services, run, quietly)
    made.services.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "phase", [pytest.param(SUPPRESSION_PHASE, id="suppression"), pytest.param(REBALANCING_PHASE, id="rebalancing")]
)
def test_a_run_that_dies_at_a_request_of_any_kind_is_finished_by_the_next_one(
    install: Install, install_small: Install, phase: Phase
) -> None:
    with install_small() as made:
        phase.prepare(made)
        prepared = made.left_like_this()
    with install(*prepared) as made, pytest.MonkeyPatch.context() as patch:
        undisturbed = Dying()
        undisturbed.install(patch)
        phase.execute(made.services, made.begin(), quietly)
        requests, expected = undisturbed.seen, everybody(made)
    assert sum(one.startswith("POST") for one in requests) >= 2
    posts = [nth for nth, one in enumerate(requests, start=1) if one.startswith("POST")]
    # The first and the last request of each kind stand for all of that kind (`make chaos` dies at every one), and every job
    # dies twice: never posted, and posted without an answer.
    kinds = [re.sub(r"\d+", "{id}", one) for one in requests]
    ends = {kinds.index(kind) + 1 for kind in kinds} | {len(kinds) - kinds[::-1].index(kind) for kind in kinds}
    before = {*ends, *posts, posts[0] + 1} if phase.kind is PlanKind.SUPPRESSION else {posts[0], posts[-1] + 1}
    deaths = [*((nth, "before") for nth in sorted(before)), *((nth, "after") for nth in posts)]
    for nth, when in deaths:
        where = f"died {when} request {nth}: {requests[nth - 1]}"
        with install(*prepared) as made:
            _killed(made, phase, made.begin(), nth, when)
            again = made.another()
            phase.execute(again, made.begin(again), quietly)
            assert everybody(made) == expected, where
            assert_all_done(made, phase.kind, where)
            assert history(made) == sorted(made.account.ids(*SUPPRESSED)), where
            assert made.plan(phase.kind).status is PlanStatus.EXECUTED, where


def test_a_maintenance_that_died_is_finished_reported_and_keeps_one_row_in_the_ledger(small: Installation) -> None:
    _killed(small, SUPPRESSION_PHASE, small.decide_suppression(), 4, "after")
    assert small.query("select status from list_maintenance_log") == [("running",)]
    done = small.maintain(small.another(), run_id="second")
    assert done.report.facts.status is RunStatus.SUCCESS
    assert small.query("select status, attempt from list_maintenance_log") == [("success", 1)]
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_a_job_whose_answer_was_lost_is_found_again_and_not_posted_twice(small: Installation) -> None:
    small.control.add_fault("drop_after", path=JOB, method="POST")
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.control.requests()["POST contact/managemanycontacts"] == 2
    lost = small.query("select state, mailjet_job_id, error from mailjet_job order by job_id")[0]
    assert lost == ("failed", None, "the answer to its submission was lost")


def test_a_job_that_was_lost_on_the_way_is_posted_again(small: Installation) -> None:
    small.control.add_fault("drop_before", path=JOB, method="POST")
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.control.requests()["POST contact/managemanycontacts"] == 3


def test_a_job_that_timed_out_and_takes_effect_later_is_found_again(small: Installation) -> None:
    small.control.set_switches(job_latency_seconds=30.0)
    small.control.add_fault("drop_after", path=JOB, method="POST")
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.control.requests()["POST contact/managemanycontacts"] == 2


def test_a_job_that_was_refused_by_a_rate_limit_is_posted_again_by_itself(small: Installation) -> None:
    small.control.add_fault("rate_limited", path=JOB, method="POST", retry_after=3)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS


@pytest.mark.parametrize("effect", ["job_without_effect", "job_half_applied", "job_error", "job_abort"])
def test_what_one_job_left_undone_is_done_by_another(small: Installation, effect: str) -> None:
    small.control.add_fault(effect, path=JOB, method="POST")
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert_all_done(small, PlanKind.SUPPRESSION)
    assert small.query("select contact_count from mailjet_job order by job_id")[0][0] == len(SUPPRESSED)
    again = small.query("select contact_count from mailjet_job order by job_id")[1][0]
    assert again == (len(SUPPRESSED) // 2 if effect == "job_half_applied" else len(SUPPRESSED))
    assert len(history(small)) == len(SUPPRESSED)


def test_a_job_that_ended_in_error_keeps_its_error_without_an_address(small: Installation) -> None:
    small.control.add_fault("job_error", path=JOB, method="POST")
    small.maintain()
    state, error = small.query("select state, error from mailjet_job order by job_id")[0]
    assert state == "failed"
    assert "Import failed" in error
    assert "@" not in error


def test_jobs_that_never_take_effect_are_tried_three_times_and_then_given_to_a_person(small: Installation) -> None:
    small.control.set_switches(jobs_without_effect=True)
    before = small.control.digest()
    done = small.maintain()
    assert done.report.facts.status is RunStatus.FAILED
    assert small.control.digest() == before
    assert {step.attempts for step in small.steps(PlanKind.SUPPRESSION) if step.action != "remove"} == {3}
    assert {step.state for step in small.steps(PlanKind.SUPPRESSION) if step.action == "remove"} == {"skipped"}
    asked = small.query("select contact_id from review_item where kind = 'failed_item' and status = 'open'")
    assert small.account.ids(*SUPPRESSED) <= {row[0] for row in asked}
    assert history(small) == []
    ((errors,),) = small.query("select errors from list_maintenance_log")
    assert {entry["stage"]: entry["count"] for entry in errors}["suppression"] == len(SUPPRESSED)


def test_running_a_finished_maintenance_again_changes_nothing(small: Installation) -> None:
    small.maintain()
    before, rows = small.control.digest(), history(small)
    small.control.reset_requests()
    small.maintain(small.another(), run_id="second")
    assert small.control.digest() == before
    assert history(small) == rows
    assert small.changing_requests() == {}


def test_mailjet_going_down_in_the_middle_fails_the_attempt_and_the_next_one_goes_on(small: Installation) -> None:
    run = small.decide_suppression()
    rule = small.control.add_fault("status", path="contact/managemanycontacts/", status=503, count=None)
    assert rule
    with pytest.raises(TransientError):
        suppression.execute_suppressions(small.services, run, quietly)
    assert "submitted" in states(small, PlanKind.SUPPRESSION)
    small.control.clear_faults()
    assert small.maintain(small.another(), run_id="second").report.facts.status is RunStatus.SUCCESS
    assert small.control.requests()["POST contact/managemanycontacts"] == 5


def test_a_mode_set_to_read_only_stops_a_run_before_its_next_change(small: Installation) -> None:
    told: list[str] = []

    def progress(words: str) -> None:
        told.append(words)
        if len(told) == 2:
            with small.services.database.begin() as connection:
                safety.set_mode(connection, "read_only", "a person", small.clock.now())

    run = small.decide_suppression()
    with pytest.raises(RefusedError, match="read_only"):
        suppression.execute_suppressions(small.services, run, progress)
    assert small.control.requests()["POST contact/managemanycontacts"] == 1
    of_list_3 = [step for step in small.steps(PlanKind.SUPPRESSION) if step.list_role is ListRole.CAMPAIGN_3]
    assert {step.state for step in of_list_3} == {"planned"}
    assert {step.attempts for step in of_list_3} == {0}
    with small.services.database.begin() as connection:
        safety.set_mode(connection, None, "a person", small.clock.now())
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def _die_before_removing(words: str) -> None:
    if "remove" in words:
        raise Killed


def test_the_flag_stops_what_another_process_began_and_lets_it_be_finished_later(small: Installation) -> None:
    run = small.decide_suppression()
    with pytest.raises(Killed):
        suppression.execute_suppressions(small.services, run, _die_before_removing)
    off = small.another(list_management_enabled=False)
    with pytest.raises(RefusedError, match="LIST_MANAGEMENT_ENABLED"):
        suppression.execute_suppressions(off, run, quietly)
    assert small.control.requests()["POST contact/managemanycontacts"] == 1
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_a_half_done_maintenance_that_met_the_switched_off_flag_is_finished_when_it_is_on_again(
    small: Installation,
) -> None:
    run = small.decide_suppression()
    with pytest.raises(Killed):
        suppression.execute_suppressions(small.services, run, _die_before_removing)
    with contextlib.suppress(RefusedError):
        small.maintain(small.another(list_management_enabled=False), run_id="second")
    small.maintain(small.another(), run_id="third")
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_a_contact_that_a_sync_saw_erased_is_skipped(small: Installation) -> None:
    run = small.decide_suppression()
    erased = small.account.people[HARD[0]]
    small.control.gdpr_delete(erased)
    membership_sync.sync(small.services, full=True)
    before = len(small.control.lists()), small.control.lists()[small.account.lists.master]["raw"]
    suppression.execute_suppressions(small.services, run, quietly)
    assert (len(small.control.lists()), small.control.lists()[small.account.lists.master]["raw"]) == before
    assert {step.state for step in small.steps(PlanKind.SUPPRESSION) if step.contact_id == erased} == {"skipped"}
    assert erased not in history(small)
    small.assert_suppressed(small.account.ids(*HARD[1:], COMPLAINED))


def test_a_contact_that_was_erased_since_the_last_look_is_not_created_again(small: Installation) -> None:
    run = small.decide_suppression()
    erased = small.account.people[HARD[0]]
    email = small.control.contact(erased)["email"]
    small.control.gdpr_delete(erased)
    suppression.execute_suppressions(small.services, run, quietly)
    assert small.server.account.store.rows("SELECT id FROM contact WHERE email = ?", (email,)) == []
    small.assert_suppressed(small.account.ids(*HARD[1:], COMPLAINED))


def _moved(made: Installation) -> int:
    return next(step.contact_id for step in made.steps(PlanKind.REBALANCING) if step.kind == "move")


def _planned_move(made: Installation) -> int:
    ((contact_id,),) = made.query("select contact_id from plan_item where action = 'move' order by contact_id limit 1")
    return int(contact_id)


def test_a_planned_move_of_somebody_whom_a_sync_saw_unsubscribed_is_skipped(small: Installation) -> None:
    run = small.decide_rebalancing()
    contact_id = _planned_move(small)
    before = small.places(contact_id)
    small.control.unsubscribe(contact_id)
    membership_sync.sync(small.services)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.places(contact_id) == before
    mine = [step for step in small.steps(PlanKind.REBALANCING) if step.contact_id == contact_id]
    assert {step.state for step in mine} == {"skipped"}


def test_somebody_who_unsubscribed_since_the_last_look_is_not_made_mailable_by_a_move(small: Installation) -> None:
    run = small.decide_rebalancing()
    contact_id = _planned_move(small)
    small.control.unsubscribe(contact_id)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    places = small.control.contact(contact_id)["lists"]
    assert all(place["unsubscribed"] for place in places if place["list_id"] != small.account.lists.master)


def test_a_planned_move_of_somebody_who_left_the_list_is_skipped(small: Installation) -> None:
    run = small.decide_rebalancing()
    contact_id = _planned_move(small)
    role = next(iter(small.places(contact_id) & set(CAMPAIGN_LISTS)))
    small.take_off(role, contact_id)
    membership_sync.sync(small.services)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert not small.places(contact_id) & set(CAMPAIGN_LISTS)
    assert {step.state for step in small.steps(PlanKind.REBALANCING) if step.contact_id == contact_id} == {"skipped"}


def test_a_change_by_somebody_else_during_a_job_does_not_hide_what_the_job_did(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = small.account.people[20]

    def progress(words: str) -> None:
        if words.startswith("bulk job") and ListRole.SUPPRESSION not in small.places(stranger):
            small.put_on(ListRole.SUPPRESSION, stranger)

    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, progress)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert_all_done(small, PlanKind.SUPPRESSION)
    assert stranger not in history(small)
