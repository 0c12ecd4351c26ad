"""An erasure at Mailjet is followed by itself: at once where it can be, later where something still rests on the id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection

from list_pipeline.core.erasure import Person
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.erasure import rows as erasure_rows
from list_pipeline.operations.erasure.rows import Followed, erase_again, follow_erasures
from list_pipeline.operations.retention.old_records import remove_old_records
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import execute
from list_pipeline.storage.erasure import catalogue, records
from list_pipeline.storage.lock import mutation_lock
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long


def found_of(made: Installation, contact_id: int, address: str) -> dict[str, int]:
    with made.services.database.begin() as connection:
        return dict(catalogue.search(connection, Person(contact_id, -1, address)).rows)


def synced(made: Installation) -> Followed:
    synchronise(made.services, progress=quietly)
    return follow_erasures(made.services)


def test_a_contact_that_mailjet_anonymised_is_erased_here_with_its_history(maintained: Installation) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    address = str(small.control.contact(dead)["email"])
    small.control.gdpr_delete(dead)
    followed = synced(small)
    assert len(followed.reports) == 1
    assert followed.findings == ["erased at Mailjet, and here too: 1 contact"]
    assert found_of(small, dead, address) == {}
    assert small.query("select count(*) from contact_suppression_history where contact_id < 0") == [(1,)]
    assert small.query("select requested_by, reason from erasure") == [(None, "erased at Mailjet")]
    assert synced(small).reports == ()
    # Thirty days later Mailjet forgets the ghost too, and nothing moves here.
    small.clock.advance(timedelta(days=31))
    assert synced(small).reports == ()
    assert small.query("select count(*) from contact_list_membership where is_anonymised") == [(1,)]


def test_a_contact_that_mailjet_no_longer_has_is_erased_here(small: Installation) -> None:
    someone = small.account.people[5]
    address = str(small.control.contact(someone)["email"])
    small.control.gdpr_delete(someone)
    small.clock.advance(timedelta(days=31))
    assert len(synced(small).reports) == 1
    assert found_of(small, someone, address) == {}


def test_whoever_signed_up_again_before_the_sync_keeps_the_address_and_the_history_loses_it(
    maintained: Installation,
) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    address = str(small.control.contact(dead)["email"])
    small.control.gdpr_delete(dead)
    again = small.control.sign_up(address, small.account.lists.master)
    assert len(synced(small).reports) == 1
    assert found_of(small, dead, "") == {}
    assert small.query("select email from contact_list_membership where contact_id = :id", id=again) == [(address,)]
    assert small.query("select distinct email from contact_suppression_history where contact_id < 0") == [("[erased]",)]
    small.maintain()
    assert small.places(again) == {ListRole.MASTER}


def test_a_waiting_plan_is_named(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        made.control.gdpr_delete(made.account.people[HARD[0]])
        plan = made.plan(PlanKind.SUPPRESSION).plan_id
        assert f"plan {plan} waits with items of erased contacts, which it leaves out" in synced(made).findings


def test_while_somebody_changes_lists_the_erasure_waits(small: Installation) -> None:
    someone = small.account.people[5]
    address = str(small.control.contact(someone)["email"])
    small.control.gdpr_delete(someone)
    synchronise(small.services, progress=quietly)
    with mutation_lock(small.another().database, small.clock, "another"):
        assert follow_erasures(small.services).reports == ()
    assert "erasure_due" in found_of(small, someone, address)
    assert len(follow_erasures(small.services).reports) == 1
    assert found_of(small, someone, address) == {}


def test_while_mailjet_shows_the_ghost_on_a_list_the_address_goes_and_the_id_stays(small: Installation) -> None:
    someone = small.account.people[5]
    address = str(small.control.contact(someone)["email"])
    with small.services.database.begin() as connection:
        execute(
            connection,
            "update contact_list_membership set is_anonymised = true, email = 'x@domain.invalid' where contact_id = :id",
            id=someone,
        )
        execute(connection, "insert into mode_change (changed_by, note, changed_at) values ('a', :n, now())", n=address)
    assert len(follow_erasures(small.services).reports) == 1
    assert found_of(small, -7, address) == {}
    assert small.query(
        "select count(*) from list_membership where contact_id = :id and left_at is null", id=someone
    ) != [(0,)]
    assert follow_erasures(small.services).reports == ()
    with small.services.database.begin() as connection:
        execute(connection, "update list_membership set left_at = now() where contact_id = :id", id=someone)
    assert len(follow_erasures(small.services).reports) == 1
    assert found_of(small, someone, address) == {}


def test_an_erasure_that_fails_is_named_and_stays_due_and_the_others_are_done(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted(small.account.people[n] for n in (5, 6))
    address = str(small.control.contact(first)["email"])
    # A column of which nobody knows that it names people, so that nothing rewrites it.
    with small.services.database.begin() as connection:
        execute(connection, "create table later (subscriber bigint)")
        execute(connection, "insert into later values (:id)", id=first)
    for one in (first, second):
        small.control.gdpr_delete(one)
    synchronise(small.services, progress=quietly)
    forgotten: list[object] = []
    monkeypatch.setattr(erasure_rows, "forget_cached", forgotten.append)
    with structlog.testing.capture_logs() as logged:
        followed = follow_erasures(small.services)
    assert [one["contact_id"] for one in logged if one["log_level"] == "error"] == [first]
    assert len(followed.reports) == 1
    assert forgotten == [small.services]
    assert found_of(small, second, "") == {}
    (finding,) = (one for one in followed.findings if "failed" in one)
    assert finding.startswith(f"the erasure of contact {first} failed")
    assert "1 row of later" in finding
    assert found_of(small, first, address)["erasure_due"] == 1
    removed = remove_old_records(small.services)
    assert (removed.erased, removed.failures) == (0, (finding,))
    with small.services.database.begin() as connection:
        execute(connection, "delete from later")
    assert len(follow_erasures(small.services).reports) == 1
    assert found_of(small, first, address) == {}


def test_an_id_that_came_back_and_cannot_be_erased_holds_up_no_other(small: Installation) -> None:
    first, second = sorted(small.account.people[n] for n in (5, 6))
    for one in (first, second):
        small.control.gdpr_delete(one)
    assert len(synced(small).reports) == 2
    with small.services.database.begin() as connection:
        execute(connection, "create table later (subscriber bigint, contact_id bigint)")
        execute(connection, "insert into later values (:f, :f), (null, :s)", f=first, s=second)
    again = erase_again(small.services)
    assert ([one.contact_id for one in again.failed], len(again.reports)) == ([first], 1)
    assert found_of(small, second, "") == {}


def test_a_lock_that_is_lost_midway_leaves_the_rest_for_later(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (5, 6):
        small.control.gdpr_delete(small.account.people[number])
    synchronise(small.services, progress=quietly)
    real = erasure_rows.erase_rows

    def erase_and_lose(connection: Connection, *args: Any, **how: Any) -> Any:
        report = real(connection, *args, **how)
        execute(connection, "select nextval('mutation_fence')")
        return report

    with monkeypatch.context() as patch:
        patch.setattr(erasure_rows, "erase_rows", erase_and_lose)
        followed = follow_erasures(small.services)
    assert (len(followed.reports), followed.failed) == (1, ())
    assert len(follow_erasures(small.services).reports) == 1


def test_an_id_that_an_older_log_wrote_again_is_erased_again_and_counts_once(maintained: Installation) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    small.control.gdpr_delete(dead)
    synced(small)
    with small.services.database.begin() as connection:
        number = records.pseudonym_of(connection, dead)
        execute(
            connection,
            "insert into campaign_recipient select campaign_id, :id from campaign_recipient where contact_id = :number",
            id=dead,
            number=number,
        )
        before = connection.exec_driver_sql("select count(*) from campaign_recipient").scalar()
    reports = erase_again(small.services).reports
    assert sum(one.removed for one in reports[0].tables) > 0
    assert found_of(small, dead, "") == {}
    ((after,),) = small.query("select count(*) from campaign_recipient")
    assert 0 < after < before
    assert erase_again(small.services) == Followed()


def test_whoever_was_erased_at_mailjet_and_complained_is_not_enrolled_again(small: Installation) -> None:
    new = small.account.people[60]
    address = str(small.control.contact(new)["email"])
    small.control.complain(new)
    synchronise(small.services, full=True, progress=quietly)
    with small.services.database.begin() as connection:
        execute(connection, "update contact_list_membership set is_complaining = true where contact_id = :id", id=new)
    small.control.gdpr_delete(new)
    synced(small)
    again = small.control.sign_up(address, small.account.lists.master)
    small.maintain()
    assert small.places(again) == {ListRole.MASTER}
