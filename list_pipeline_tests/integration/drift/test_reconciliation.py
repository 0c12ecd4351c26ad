"""Reconciliation against a rehearsed Mailjet: what people do by hand is found, written down, told once, and never undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.drift.reconciliation import Reconciliation, reconcile
from list_pipeline.operations.plans import corrections
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.storage.database import execute
from list_pipeline.storage.lock import mutation_lock
from list_pipeline_tests.integration.accounts import Installation, plain_client, quietly

pytestmark = pytest.mark.long

SUPPRESSED_LONG_AGO = 62


def look(made: Installation, **more: Any) -> Reconciliation:
    return reconcile(made.services, progress=quietly, **more)


def kinds(found: Reconciliation) -> set[tuple[int, str, str | None]]:
    return {(one.contact_id, one.kind.value, one.list_role and one.list_role.value) for one in found.findings}


def open_reviews(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select kind, summary from review_item where status = 'open' order by review_id")


def proposals(made: Installation) -> list[tuple[Any, ...]]:
    return made.query(
        "select p.plan_id, p.status, i.contact_id, i.action, i.from_role, i.rule from plan p join plan_item i using (plan_id)"
        " where p.kind = 'repair' order by p.plan_id, i.contact_id"
    )


def test_lists_that_agree_take_only_reads_and_leave_nothing_to_tell(small: Installation) -> None:
    found = look(small)
    assert found.findings == ()
    assert found.contacts_compared == 64
    assert not found.followed
    assert small.changing_requests() == {}
    assert open_reviews(small) == []
    assert small.cards() == []
    # Five lists counted, read and counted again; the excluded counted and read.
    assert found.requests == 5 * 3 + 2


def test_what_came_and_went_is_written_down_before_our_rows_follow(small: Installation) -> None:
    account = small.account
    new = small.control.sign_up("somebody-new@example.org", account.lists.master)
    gone, quiet = account.people[5], account.people[6]
    small.take_off(ListRole.CAMPAIGN_1, gone)
    small.control.unsubscribe(quiet, account.lists.campaign_1)
    found = look(small)
    assert kinds(found) == {
        (new, "unknown_to_us", "master"),
        (gone, "missing_at_mailjet", "campaign_1"),
        (quiet, "unsubscribed_differs", "campaign_1"),
    }
    assert found.followed
    written = small.query("select contact_id, kind, ours, theirs from reconciliation_finding order by kind")
    assert (gone, "missing_at_mailjet", "on the List 1", "not on the List 1") in written
    assert look(small).findings == ()


def test_an_erased_contact_is_no_alert(small: Installation) -> None:
    suppressed = small.account.people[SUPPRESSED_LONG_AGO]
    small.control.gdpr_delete(suppressed)
    found = look(small)
    assert {one.kind for one in found.findings} == {DriftKind.MISSING_AT_MAILJET}
    assert not any(one.is_like_our_work for one in found.findings)
    assert proposals(small) == []


def test_a_contact_in_two_lists_is_an_alert_with_a_repair_that_waits(small: Installation) -> None:
    twice = small.account.people[3]
    small.put_on(ListRole.CAMPAIGN_2, twice)
    before = small.changing_requests()
    found = look(small)
    ((plan_id, content_hash),) = found.proposals
    assert proposals(small) == [(plan_id, "pending_review", twice, "remove", "campaign_2", "in_two_campaign_lists")]
    assert small.query("select plan_id from reconciliation_finding where kind = 'in_two_campaign_lists'") == [
        (plan_id,)
    ]
    assert {kind for kind, _ in open_reviews(small)} == {"drift", "plan"}
    (message,) = small.cards()
    assert str(twice) in str(message)
    assert content_hash[:12] in str(message)
    assert "@" not in str(message["blocks"])
    assert small.changing_requests() == before
    assert small.places(twice) >= {ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2}


def test_a_drift_is_told_once_while_it_is_open(small: Installation) -> None:
    small.put_on(ListRole.CAMPAIGN_2, small.account.people[3])
    look(small)
    told, proposed = open_reviews(small), proposals(small)
    small.clock.advance(timedelta(hours=20))
    again = look(small)
    assert [one.kind for one in again.findings] == [DriftKind.IN_TWO_CAMPAIGN_LISTS]
    assert (open_reviews(small), proposals(small)) == (told, proposed)
    assert len(small.cards()) == 1


def test_a_repair_that_nobody_needs_any_more_expires(small: Installation) -> None:
    twice = small.account.people[3]
    small.put_on(ListRole.CAMPAIGN_2, twice)
    ((plan_id, _),) = look(small).proposals
    small.take_off(ListRole.CAMPAIGN_2, twice)
    assert look(small).expired == (plan_id,)
    assert small.query("select status, decided_by from plan where plan_id = :id", id=plan_id) == [("expired", "nobody")]
    # What is left is the note that somebody took the contact off a list.
    assert [summary for _, summary in open_reviews(small)] == [f"1 contact left a list at Mailjet: {twice}"]


def test_a_repair_that_a_person_rejected_is_not_proposed_again_until_it_was_fine_in_between(
    small: Installation,
) -> None:
    twice = small.account.people[3]
    small.put_on(ListRole.CAMPAIGN_2, twice)
    ((plan_id, _),) = look(small).proposals
    reviews.reject(small.services, plan_id, by="A. Person")
    assert look(small).proposals == ()
    small.take_off(ListRole.CAMPAIGN_2, twice)
    look(small)
    small.put_on(ListRole.CAMPAIGN_2, twice)
    assert len(look(small).proposals) == 1


def test_an_open_removal_explains_two_lists_only_while_somebody_carries_it_out(small: Installation) -> None:
    twice = small.account.people[3]
    small.put_on(ListRole.CAMPAIGN_2, twice)
    move = """insert into change_step (change_id, ordinal, action, list_role, state, changed_at)
        select change_id, n, action, role, state, now() from change,
        (values (1, 'add', 'campaign_2', 'confirmed'), (2, 'remove', 'campaign_1', 'planned')) as t (n, action, role, state)"""
    small.decide_suppression()
    with small.services.database.begin() as connection:
        execute(
            connection,
            "insert into change (plan_id, contact_id, kind, before, created_at)"
            " select max(plan_id), :contact, 'move', '{}', now() from plan",
            contact=twice,
        )
        execute(connection, move)
    with mutation_lock(small.services.database, small.clock, "the move"):
        assert kinds(look(small)) == set()
    found = look(small)
    assert kinds(found) == {(twice, "in_two_campaign_lists", "campaign_1")}
    assert found.proposals == ()


def test_the_list_that_the_journal_put_a_contact_on_last_is_kept(maintained: Installation) -> None:
    small = maintained
    (moved, *_), role = (
        small.query(
            "select c.contact_id, s.list_role from change c join change_step s using (change_id) join plan p using (plan_id)"
            " where p.kind = 'rebalancing' and s.action = 'add' and s.state = 'confirmed' order by 1 limit 1"
        )[0],
        None,
    )
    ((role,),) = small.query(
        "select s.list_role from change c join change_step s using (change_id) where c.contact_id = :id"
        " and s.action = 'add' order by s.changed_at desc limit 1",
        id=moved,
    )
    other = next(one for one in CAMPAIGN_LISTS if one.value != role)
    small.put_on(other, moved)
    look(small)
    assert [(contact, from_role) for _, _, contact, _, from_role, _ in proposals(small)] == [(moved, other.value)]


def test_a_suppressed_contact_in_a_campaign_list_is_an_alert(small: Installation) -> None:
    suppressed = small.account.people[SUPPRESSED_LONG_AGO]
    small.put_on(ListRole.CAMPAIGN_3, suppressed)
    found = look(small)
    assert (suppressed, "suppressed_and_listed", "campaign_3") in kinds(found)
    assert [row[2:] for row in proposals(small)] == [(suppressed, "remove", "campaign_3", "suppressed_and_listed")]


def test_the_approved_repair_of_a_suppressed_contact_that_was_imported_again_takes_it_off_its_only_list(
    small: Installation,
) -> None:
    suppressed = small.account.people[62]
    small.put_on(ListRole.CAMPAIGN_2, suppressed)
    look(small)
    ((plan_id, hashed),) = small.query("select plan_id, content_hash from plan where kind = 'repair'")
    reviews.approve(small.services, plan_id, by="ada", content_hash=hashed)
    done = corrections.carry_out_correction(small.services, plan_id, quietly)
    assert (done.facts.done, done.facts.planned) == (1, 1)
    small.assert_suppressed({suppressed})
    look(small)
    assert small.query("select count(*) from plan where kind = 'repair'") == [(1,)]


def test_a_suppressed_address_that_was_imported_again_is_recognised_whatever_its_case(maintained: Installation) -> None:
    small = maintained
    (suppressed, *_) = sorted(small.account.ids(41, 42, 43))
    email = small.control.contact(suppressed)["email"]
    small.control.gdpr_delete(suppressed)
    again = small.control.sign_up(email.upper(), small.account.lists.campaign_2)
    assert again != suppressed
    found = look(small)
    assert (again, "suppressed_and_listed", "campaign_2") in kinds(found)
    assert [row[2:] for row in proposals(small)] == [(again, "suppress", None, "suppressed_address_listed")]
    texts = str(small.query("select explanation, ours, theirs from reconciliation_finding")) + str(open_reviews(small))
    assert "@" not in texts


def test_a_suppression_that_somebody_undid_is_proposed_again(maintained: Installation) -> None:
    small = maintained
    (undone, *_) = sorted(small.account.ids(41, 42, 43))
    small.take_off(ListRole.SUPPRESSION, undone)
    assert (undone, "suppression_undone", "suppression") in kinds(look(small))
    assert [row[2:] for row in proposals(small)] == [(undone, "suppress", None, "suppression_undone")]
    # Our rows follow Mailjet; the journal still knows better.
    assert {one.kind for one in look(small).findings} == {DriftKind.SUPPRESSION_UNDONE}
    assert not look(small).followed
    assert len(proposals(small)) == 1


def test_a_repair_that_would_start_an_automation_says_for_how_many(maintained: Installation) -> None:
    small = maintained
    (undone, *_) = sorted(small.account.ids(41, 42, 43))
    small.take_off(ListRole.SUPPRESSION, undone)
    reconcile(small.another(lists_with_automations="suppression"), progress=quietly)
    ((summary,),) = small.query("select summary from review_item where summary like '%a repair is proposed%'")
    assert summary.endswith(
        "a repair is proposed. 1 contact would enter automations at Mailjet, and may be mailed at once: 1 of Suppression list"
    )


def test_somebody_elses_suppression_is_told_and_left_alone(small: Installation) -> None:
    theirs = small.account.people[7]
    small.put_on(ListRole.SUPPRESSION, theirs)
    small.take_off(ListRole.CAMPAIGN_1, theirs)
    small.exclude(theirs)
    found = look(small)
    assert (theirs, "suppressed_by_others", "suppression") in kinds(found)
    assert (theirs, "exclusion_differs", None) in kinds(found)
    assert proposals(small) == []
    assert {kind for kind, _ in open_reviews(small)} == {"drift"}
    assert small.cards() == []


def test_what_our_own_maintenance_did_is_no_drift(maintained: Installation) -> None:
    small = maintained
    assert look(small).findings == ()


def test_a_list_that_is_cut_short_is_never_compared(small: Installation) -> None:
    small.control.add_fault("short_page", path="/listrecipient$", rows=3, count=None)
    with pytest.raises(IncompleteDataError):
        look(small)
    assert small.query("select finished_at from reconciliation") == [(None,)]
    assert small.query("select count(*) from reconciliation_finding") == [(0,)]


def test_an_alert_that_slack_refused_is_sent_by_the_next_reconciliation(small: Installation) -> None:
    small.put_on(ListRole.CAMPAIGN_2, small.account.people[3])
    small.control.slack_scenario("error", error="channel_not_found", times=1)
    assert look(small).alert == "failed"
    look(small)
    assert len(small.cards()) == 1


def test_the_account_with_traps_is_reconciled_within_a_fixed_number_of_requests(seeded: Installation) -> None:
    first = look(seeded)
    # Each list takes its pages and two counts; the excluded theirs. Nothing is asked contact by contact.
    assert first.requests <= 40
    assert {one.kind for one in first.findings} <= {DriftKind.IN_TWO_CAMPAIGN_LISTS, DriftKind.SUPPRESSED_AND_LISTED}
    assert seeded.changing_requests() == {}


def test_nobody_but_the_reading_client_is_used(small: Installation) -> None:
    small.put_on(ListRole.CAMPAIGN_2, small.account.people[3])
    small.control.reset_requests()
    look(small)
    assert {name.partition(" ")[0] for name in small.control.requests() if "api/" not in name} == {"GET"}
    with plain_client(small.server) as http:
        assert http.get("/contact").status_code == 200
