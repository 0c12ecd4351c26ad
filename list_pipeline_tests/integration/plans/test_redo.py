"""Taking an undo back: compared contact by contact with the state before the undo, whatever happened in between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from list_pipeline.cli import corrections as cli
from list_pipeline.cli.main import app
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError, UnavailableError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.plans import corrections, waiting_repairs
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate, suppress
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews import mass_changes
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import earlier_looks
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Dying,
    Installation,
    Killed,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install, PlayedOnce
from list_pipeline_tests.integration.plans.test_corrections import JOB, State, messages, state, statuses

POSTED = "POST /v3/REST/contact/managemanycontacts"

Undone = tuple[Installation, State, State]


def undo(made: Installation, key: str | None = None, **parts: object) -> list[corrections.Correction]:
    return undo_maintenance(made.services, key or made.key, by="bob", note="a mistake", progress=quietly, **parts)  # type: ignore[arg-type]


def redo(made: Installation, key: str | None = None) -> list[corrections.Correction]:
    return redo_maintenance(made.services, key or made.key, by="ada", note="it was right", progress=quietly)


def undone_again(made: Installation) -> tuple[State, State]:
    """A maintenance that was carried out and undone: the state before the undo, and after it."""
    made.maintain()
    before = state(made)
    undo(made, despite_complaint=True)
    return before, state(made)


@pytest.fixture
def undone(install: Install, played_once: PlayedOnce) -> Iterator[Undone]:
    """The small installation after that, and the two states."""
    played = played_once(undone_again)
    before, after = played.result
    with install(played.account, played.template) as small:
        yield small, before, after


def moved(made: Installation) -> dict[int, ListRole]:
    """Whom the rebalancing moves or enrols, and where to."""
    rows = made.query(
        "select contact_id, to_role from plan_item join plan using (plan_id) where kind = 'rebalancing' and to_role is not null"
    )
    return {int(contact): ListRole(role) for contact, role in rows}


def refused(done: list[corrections.Correction]) -> dict[str, tuple[int, ...]]:
    """Whom the corrections left as they are, by the reason."""
    found: dict[str, tuple[int, ...]] = {}
    for one in done:
        for reason, ids in one.refused.items():
            found[reason.value] = (*found.get(reason.value, ()), *ids)
    return found


def test_a_redo_brings_every_contact_back_to_where_the_undo_found_it(undone: Undone) -> None:
    small, before, after = undone
    assert after != before
    assert statuses(small) == ["rolled_back"]
    done = redo(small)
    assert state(small) == before
    assert all(one.facts.is_complete for one in done)
    assert [(one.facts.planned, dict(one.refused)) for one in done] == [(4, {}), (len(moved(small)), {})]
    assert statuses(small) == ["success"]
    assert small.query("select changes_left, left_because, status_before_undo from list_maintenance_log") == [
        (None,) * 3
    ]
    told = messages(small, "taken back")
    assert len(told) == 2
    assert "4 of 4 changes" in told[0]
    assert "example.com" not in "".join(told)


def test_the_history_keeps_every_suppression_and_nothing_protects_from_the_next_judgement(
    undone: Undone,
) -> None:
    small, _, _ = undone
    redo(small)
    rows = small.query(
        "select contact_id, reason, reinstated_by from contact_suppression_history where change_id is not null order by id"
    )
    suppressed = small.account.ids(*HARD, COMPLAINED)
    assert {row[0] for row in rows if row[2] == "bob"} == suppressed
    assert {row[0] for row in rows if row[2] is None} == suppressed
    assert {row[1] for row in rows} == {"hard_bounce", "complaint"}
    with small.services.database.begin() as connection:
        assert corrections.outcome_rows.reinstated_since(connection, sorted(suppressed)) == {}
        campaign = small.query("select id from campaign_schedule where campaign_key = :key", key=small.key)[0][0]
        assert earlier_looks.taken_back_contacts(connection, campaign) == frozenset()


def test_a_second_redo_changes_nothing_and_tells_nobody(undone: Undone) -> None:
    small, before, _ = undone
    redo(small)
    told, plans = len(messages(small, "taken back")), small.query("select count(*) from plan")
    small.control.reset_requests()
    assert redo(small) == []
    assert small.changing_requests() == {}
    assert (state(small), len(messages(small, "taken back"))) == (before, told)
    assert small.query("select count(*) from plan") == plans


@pytest.mark.long
def test_what_was_done_again_can_be_undone_and_done_again(undone: Undone) -> None:
    small, before, after = undone
    redo(small)
    undo(small, despite_complaint=True)
    assert (state(small), statuses(small)) == (after, ["rolled_back"])
    redo(small)
    assert (state(small), statuses(small)) == (before, ["success"])


@pytest.mark.long
def test_dead_addresses_that_an_undo_put_back_get_off_the_lists_though_they_are_blocked_by_now(
    undone: Undone,
) -> None:
    small, _, _ = undone
    key, dead = small.key, small.account.ids(*HARD)
    for role in CAMPAIGN_LISTS:
        small.control.send(small.account.lists[role], "Letter 3", profile="clean")
        small.clock.advance(timedelta(hours=25))
        synchronise(small.services, progress=quietly)
        small.maintain(run_id=role.value)
    assert dead <= small.members(ListRole.CAMPAIGN_3), "nobody but a person takes them off again"
    redo(small, key)
    small.assert_suppressed(dead)


def test_who_left_or_was_changed_by_hand_since_stays_as_it_is_and_is_named(
    undone: Undone,
) -> None:
    small, _, _ = undone
    first, second, third = sorted(small.account.ids(*HARD))
    small.control.unsubscribe(first)
    small.take_off(ListRole.CAMPAIGN_3, second)
    small.take_off(ListRole.CAMPAIGN_3, third)
    small.put_on(ListRole.CAMPAIGN_1, third)
    (by_hand, *_), gone = sorted(moved(small)), small.account.people[COMPLAINED]
    for role in small.places(by_hand) - {ListRole.MASTER}:
        small.take_off(role, by_hand)
    small.put_on(ListRole.CAMPAIGN_2, by_hand)
    small.control.gdpr_delete(gone)
    places = {contact: small.places(contact) for contact in (first, second, third, by_hand)}
    found = refused(redo(small))
    assert found["unsubscribed"] == (first,)
    assert {*found["changed_since"]} == {second, third, by_hand}
    assert found["contact_gone"] == (gone,)
    assert {contact: small.places(contact) for contact in places} == places
    assert statuses(small) == ["partly_rolled_back"]
    ((left, because),) = small.query("select changes_left, left_because from list_maintenance_log")
    assert because == {"done_again": left}


@pytest.mark.long
def test_whom_a_later_campaign_reached_stays_on_its_list(undone: Undone) -> None:
    small, _, _ = undone
    key, dead = small.key, small.account.people[HARD[0]]
    # Mailjet lifted the block, and the letter arrived.
    small.control.send(small.account.lists.campaign_3, "Letter 3", profile="clean", outcomes={dead: "delivered"})
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    small.maintain(run_id="reads who was reached")
    assert refused(redo(small, key))["delivered_since"] == (dead,)
    assert ListRole.CAMPAIGN_3 in small.places(dead)


@pytest.mark.long
def test_nobody_who_was_moved_back_gets_the_open_cycle_twice_or_never(
    undone: Undone,
) -> None:
    small, _, _ = undone
    key = small.key
    chosen = moved(small)
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    redo(small, key)
    for role in (ListRole.CAMPAIGN_2, ListRole.CAMPAIGN_3):
        small.control.send(small.account.lists[role], "Letter 3", profile="clean")
        small.clock.advance(timedelta(hours=25))
    mails: Counter[int] = Counter()
    for one in small.control.ledger():
        if one["subject"] == "Letter 3":
            mails.update(one["contact_ids"])
    was_listed = {int(i) for (i,) in small.query("select contact_id from plan_item where action = 'move'")}
    assert {mails[i] for i in was_listed} == {1}
    assert all(mails[i] <= 1 for i in chosen)


@pytest.mark.long
def test_a_list_that_others_changed_at_large_is_not_refilled_by_a_redo_until_somebody_decided(
    undone: Undone,
) -> None:
    small, _, _ = undone
    wanted = moved(small)
    role = next(iter(wanted.values()))
    off = sorted(small.members(role) - wanted.keys() - small.account.ids(*HARD))[:12]
    for contact_id in off:
        small.take_off(role, contact_id)
    synchronise(small.services, progress=quietly)
    bound = set(refused(redo(small)).get("list_frozen", ()))
    assert bound >= {contact for contact, to in wanted.items() if to is role}
    assert all(role not in small.places(contact) for contact, to in wanted.items() if to is role)
    assert small.excluded() >= small.account.ids(*HARD)  # suppressions are not bound
    ((matter,),) = small.query("select distinct matter from mass_change where status = 'open'")
    mass_changes.accept(small.services, matter, by="ada", note="they moved")
    done = redo(small)
    assert refused(done).get("list_frozen") is None
    assert all(role in small.places(contact) for contact, to in wanted.items() if to is role)


def test_whom_a_person_reinstated_since_stays(undone: Undone) -> None:
    small, _, _ = undone
    key, contact = small.key, small.account.people[HARD[0]]
    suppress(small.services, contact, by="eve", note="asked us", progress=quietly)
    reinstate(small.services, contact, by="eve", note="asked us again", progress=quietly)
    assert refused(redo(small, key)) == {"reinstated_since": (contact,)}
    assert ListRole.CAMPAIGN_3 in small.places(contact)


@pytest.mark.parametrize("nth", [1, pytest.param(3, marks=pytest.mark.long)])
def test_a_redo_that_was_killed_is_continued_by_the_sensors_run_to_the_same_end(
    undone: Undone, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    small, before, _ = undone
    with monkeypatch.context() as patch:
        Dying(nth, "after", POSTED).install(patch)
        with pytest.raises(Killed):
            redo(small)
    small.clock.advance(timedelta(minutes=6))
    (waiting,) = waiting_repairs.to_carry_out(small.services)
    corrections.carry_out_correction(small.services, waiting.plan_id, quietly)
    redo(small)
    assert (state(small), statuses(small)) == (before, ["success"])


@pytest.mark.long
@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_redo_killed_around_any_of_its_jobs_loses_nobody_and_ends_the_same(
    undone: Undone, monkeypatch: pytest.MonkeyPatch, nth: int, when: str
) -> None:
    small, before, _ = undone
    with monkeypatch.context() as patch:
        Dying(nth, when, POSTED).install(patch)
        try:
            redo(small)
        except Killed:
            listed = set().union(*(small.members(role) for role in CAMPAIGN_LISTS))
            assert small.members(ListRole.SUPPRESSION) & listed <= small.excluded()
    redo(small)
    assert (state(small), statuses(small)) == (before, ["success"])


@pytest.mark.long
def test_what_a_dead_redo_had_not_begun_is_judged_anew_before_it_goes_on(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        undone_again(made)
        with monkeypatch.context() as patch:
            Dying(1, "before", POSTED).install(patch)
            with pytest.raises(Killed):
                redo(made)
        contact = made.account.people[HARD[2]]
        made.take_off(ListRole.CAMPAIGN_3, contact)
        made.put_on(ListRole.CAMPAIGN_1, contact)
        redo(made)
        assert made.places(contact) == {ListRole.MASTER, ListRole.CAMPAIGN_1}


@pytest.mark.long
def test_an_undo_of_a_redo_that_died_midway_ends_where_the_first_undo_did(
    undone: Undone, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, _, after = undone
    with monkeypatch.context() as patch:
        Dying(3, "after", POSTED).install(patch)
        with pytest.raises(Killed):
            redo(small)
    undo(small, despite_complaint=True)
    assert (state(small), statuses(small)) == (after, ["rolled_back"])


def test_a_redo_is_refused_while_the_undo_is_not_finished(
    maintained: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        Dying(1, "before", POSTED).install(patch)
        with pytest.raises(Killed):
            undo(maintained)
    with pytest.raises(RefusedError, match="not finished"):
        redo(maintained)
    undo(maintained)
    assert redo(maintained)


def test_a_redo_needs_a_person_an_undo_and_permission(maintained: Installation) -> None:
    with pytest.raises(NotFoundError, match="not undone"):
        redo(maintained)
    undo(maintained)
    with pytest.raises(RefusedError, match="person"):
        redo_maintenance(maintained.services, maintained.key, by="gate", progress=quietly)
    stopped = maintained.another(list_management_enabled=False)
    with pytest.raises(ChangesStoppedError, match="LIST_MANAGEMENT_ENABLED"):
        redo_maintenance(stopped, maintained.key, by="ada", progress=quietly)


def test_what_an_undo_only_withdrew_is_left_to_the_next_judgement_by_a_redo(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        undo(made)
        campaign = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)[0][0]
        dead = made.account.ids(*HARD)
        with made.services.database.begin() as connection:
            assert dead <= earlier_looks.rejected_contacts(connection, campaign)
        assert redo(made) == []
        with made.services.database.begin() as connection:
            assert not earlier_looks.rejected_contacts(connection, campaign)
        assert made.query("select kind, requested_by, status from plan where kind = 'redo'") == [
            ("redo", "ada", "executed")
        ]
        assert redo(made) == []
        assert made.query("select count(*) from plan where kind = 'redo'") == [(1,)]


@pytest.mark.long
def test_a_service_that_is_away_leaves_a_redo_to_be_continued(undone: Undone) -> None:
    small, before, _ = undone
    small.control.add_fault("status", path=JOB, method="POST", count=None, status=503)
    with pytest.raises(UnavailableError):
        redo(small)
    small.control.clear_faults()
    redo(small)
    assert state(small) == before


def test_the_commands_say_how_the_maintenance_stands_to_people_and_to_machines(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened() -> Iterator[Services]:
        yield small.services

    monkeypatch.setattr(cli, "opened_services", opened)

    def say(*arguments: str) -> str:
        answer = CliRunner().invoke(app, list(arguments))
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    small.maintain()
    told = say("undo", small.key, "--by", "bob", "--yes")
    assert "The maintenance is partly rolled back" in told
    assert "- 1 stand: complained about spam" in told
    found = json.loads(say("redo", small.key, "--by", "ada", "--yes", "--json"))
    assert found["maintenance"] == {"status": "success", "taken_back": None, "left_because": {}}
    assert [one["planned"] for one in found["corrections"]] == [3, len(moved(small))]
    ((content_hash,),) = small.query("select content_hash from plan where kind = 'redo' order by plan_id limit 1")
    assert found["corrections"][0]["content_hash"] == content_hash
    assert "There is nothing to do again." in say("redo", small.key, "--by", "ada", "--yes")
