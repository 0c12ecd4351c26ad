"""Contacts of an incident are kept from mail, stay on their lists, and are mailed again by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.evidence_card.card import answer, sections
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.quarantine.life import QuarantineReason, QuarantineState
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.membership.sync import count_sizes
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate, suppress
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.quarantine.release import due_now, quarantined, release_by_hand, release_due
from list_pipeline.operations.reviews.approved_items import execute_approved_items
from list_pipeline.operations.reviews.decisions import approve, approve_item
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.views.cached_reads import list_contacts, membership
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.database import execute
from list_pipeline.storage.membership import data_versions, members, queue
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.suppression.test_outages import World

STRUCK = 4
"""People of the operator who bounce on the evening of the incident: below the cap of a quarantine."""


def struck_world(small: Installation, count: int) -> World:
    """The small account, with an incident in its last send, a day ago, in which so many people bounced."""
    world = World(small)
    world.settle()
    world.cycle()
    world.letters += 1
    small.control.send(
        small.account.lists[ListRole.CAMPAIGN_1],
        f"Letter {world.letters}",
        profile="clean",
        outcomes=dict.fromkeys(world.google[ListRole.CAMPAIGN_1][:count], "user_unknown"),
    )
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    return world


@pytest.fixture
def struck(small: Installation) -> World:
    return struck_world(small, STRUCK)


def mailed(made: Installation, campaign_id: int) -> set[int]:
    """Whom the sandbox sent a campaign to."""
    return set(made.control.ledger(campaign_id)[0]["contact_ids"])


def pass_days(made: Installation, days: int) -> None:
    """Days with a synchronisation each, as its schedule does many times."""
    for _ in range(days):
        made.clock.advance(timedelta(days=1))
        synchronise(made.services, progress=quietly)


def good_of(world: World) -> set[int]:
    return set(world.google[ListRole.CAMPAIGN_1][:STRUCK])


def states(made: Installation) -> dict[str, int]:
    return {str(state): int(count) for state, count in made.query("select state, count(*) from quarantine group by 1")}


def test_who_is_held_in_an_incident_is_kept_from_mail_and_mailed_again_in_time(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    before = {role: made.members(role) for role in ListRole}
    made.maintain()
    assert good <= made.excluded()
    assert {one.contact_id for one in quarantined(made.services)} == good
    assert {one.reason for one in quarantined(made.services)} == {QuarantineReason.INCIDENT}
    assert {role: made.members(role) for role in CAMPAIGN_LISTS}[ListRole.CAMPAIGN_1] == before[ListRole.CAMPAIGN_1]
    assert struck.questions()[-1][0] == "open", "the next mailing answers it, and it was not sent"

    requests = made.control.requests()
    assert due_now(made.services).contacts == ()
    assert release_due(made.services, quietly) is None
    assert made.control.requests() == requests

    pass_days(made, 6)
    assert set(due_now(made.services).contacts) == good
    done = release_due(made.services, quietly)
    assert done is not None
    assert done.facts.is_complete
    assert not good & made.excluded()
    assert states(made) == {QuarantineState.RELEASED: len(good)}
    assert release_due(made.services, quietly) is None


def test_who_is_in_quarantine_is_not_mailed_and_the_next_send_answers(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    made.maintain()
    campaign = made.control.send(made.account.lists[ListRole.CAMPAIGN_1], "Between", profile="clean")
    assert not good & mailed(made, campaign)
    pass_days(made, 1)
    recorded = made.query(
        """select count(*) from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
           where s.mailjet_campaign_id = :id and r.contact_id = any(:good)""",
        id=campaign,
        good=sorted(good),
    )
    assert recorded == [(0,)], "what was not mailed is no delivery"

    pass_days(made, 5)
    assert release_due(made.services, quietly) is not None
    answer = made.control.send(made.account.lists[ListRole.CAMPAIGN_1], "The answer", profile="clean")
    assert good <= mailed(made, answer)
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)
    made.maintain(run_id="second")
    close_ended(made.services)
    assert {status for status, _ in struck.questions()} == {"resolved"}
    assert not good & made.members(ListRole.SUPPRESSION)


def test_nothing_is_counted_as_gone_and_nobody_is_moved(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    with made.services.database.begin() as connection:
        sizes, balance = members.stored_sizes(connection), queue.balance_sizes(connection)
        by_rows = recipient_rows.recipients_by_membership(connection, ListRole.CAMPAIGN_1, made.clock.now())
    counted = count_sizes(made.services)
    made.maintain()
    suppressed = made.members(ListRole.SUPPRESSION)
    assert not good & suppressed
    with made.services.database.begin() as connection:
        after = members.stored_sizes(connection)
        assert after[ListRole.CAMPAIGN_1].mailable == sizes[ListRole.CAMPAIGN_1].mailable
        assert after[ListRole.CAMPAIGN_1].excluded == sizes[ListRole.CAMPAIGN_1].excluded
        assert queue.balance_sizes(connection) == balance
        now = recipient_rows.recipients_by_membership(connection, ListRole.CAMPAIGN_1, made.clock.now())
        assert by_rows - now == good, "they would not be mailed now"
        movable = {one.contact_id for one in queue.queue_ends(connection, ListRole.CAMPAIGN_1, 100, 100)}
        assert not good & movable
        shown = data_versions.list_rows(connection)[ListRole.CAMPAIGN_1]
        assert shown["mailable"] == sizes[ListRole.CAMPAIGN_1].mailable
    assert count_sizes(made.services) == counted
    assert made.query("select count(*) from plan_item where action in ('move', 'enrol')") == [(0,)] or not good & {
        int(row[0]) for row in made.query("select contact_id from plan_item where action = 'move'")
    }
    reconcile(made.services, progress=quietly)
    assert made.query("select contact_id from reconciliation_finding where kind = 'exclusion_differs'") == []


def test_a_quiet_maintenance_makes_no_request_for_it(install_small: Install) -> None:
    counts = []
    for reasons in ("off", "incident"):
        with install_small(quarantine_reasons=reasons) as made:
            made.maintain()
            counts.append(made.control.requests())
            assert made.query("select * from quarantine") == []
    assert counts[0] == counts[1]


def test_an_undo_takes_it_back_and_a_redo_does_not_begin_it_anew(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    made.maintain()
    undo_maintenance(made.services, made.key, by="ada", note="a mistake", progress=quietly)
    assert not good & made.excluded()
    assert states(made) == {QuarantineState.RELEASED: len(good)}
    card = evidence_card(made.services, str(min(good)))
    assert answer(card)[0].startswith("Kept: the question about its incident was withdrawn by ada on 20")
    assert "withdrawn by ada on 20" in str(sections(card, full=True))
    redo_maintenance(made.services, made.key, by="ada", progress=quietly)
    assert not good & made.excluded()
    assert quarantined(made.services) == ()


def test_a_suppression_takes_the_exclusion_over_and_its_undo_lifts_it(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    made.maintain()
    one, other = sorted(good)[:2]
    suppress(made.services, one, by="ada", note="asked for it", progress=quietly)
    assert {each.contact_id for each in quarantined(made.services)} == good - {one}
    assert states(made)[QuarantineState.CONFIRMED] == 1
    reinstate(made.services, one, by="ada", note="a mistake", progress=quietly)
    assert one not in made.excluded()
    assert ListRole.CAMPAIGN_1 in made.places(one)
    assert other in made.excluded()


def test_a_person_s_answer_to_the_incident_suppresses_out_of_quarantine(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    made.maintain()
    ((review, plan_id, content_hash),) = made.query(
        """select r.review_id, r.plan_id, p.content_hash from review_item r join plan p using (plan_id)
           where r.kind = 'incident' and r.status = 'open'"""
    )
    approve_item(made.services, review, by="ada", content_hash=content_hash)
    execute_approved_items(made.services, plan_id, quietly)
    made.assert_suppressed(good)
    quarantined(made.services)
    assert states(made) == {QuarantineState.CONFIRMED: len(good)}
    made.clock.advance(timedelta(hours=1))
    undo_maintenance(made.services, made.key, by="bob", note="they work", progress=quietly)
    assert not good & made.excluded()
    assert good <= made.members(ListRole.CAMPAIGN_1)


def test_what_somebody_else_did_meanwhile_stands(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    lifted, again, complaining, left = sorted(good)
    made.maintain()
    made.exclude(lifted, value=False)
    made.exclude(again, value=False)
    synchronise(made.services, progress=quietly)
    assert {one.contact_id for one in quarantined(made.services)} == {complaining, left}
    made.exclude(again)
    made.control.complain(complaining)
    pass_days(made, 6)
    with made.services.database.begin() as connection:
        execute(
            connection,
            "update contact_list_membership set is_complaining = true where contact_id = :id",
            id=complaining,
        )
    assert release_due(made.services, quietly) is not None
    assert again in made.excluded(), "a person excluded it, and only a person includes it"
    assert complaining in made.excluded()
    assert not {lifted, left} & made.excluded()
    with pytest.raises(NotFoundError, match="not in quarantine"):
        release_by_hand(made.services, again, by="ada", note="why not", progress=quietly)
    with pytest.raises(RefusedError, match="complained"):
        release_by_hand(made.services, complaining, by="ada", note="why not", progress=quietly)


def test_who_was_excluded_before_is_left_alone_for_ever(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    theirs = min(good)
    made.exclude(theirs)
    synchronise(made.services, progress=quietly)
    made.maintain()
    assert {one.contact_id for one in quarantined(made.services)} == good - {theirs}
    assert states(made)[QuarantineState.DROPPED] == 1
    pass_days(made, 6)
    release_due(made.services, quietly)
    assert made.excluded() & good == {theirs}


@pytest.mark.parametrize("mode", ["read_only", "approval_required"])
def test_each_mode_keeps_its_promise(struck: World, mode: str) -> None:
    made, good = struck.made, good_of(struck)
    careful = made.another(list_management_mode=mode)
    told = made.maintain(careful).report
    assert not good & made.excluded()
    assert told.facts.quarantine.would == len(good)
    if mode == "read_only":
        return
    ((summary,),) = made.query("select summary from review_item where kind = 'plan' and contact_id is null")
    assert f"{len(good)} contacts of it are kept from mail until" in str(summary)
    plan = made.plan(PlanKind.SUPPRESSION)
    approve(careful, plan.plan_id, by="ada", content_hash=plan.content_hash)
    made.maintain(careful, run_id="second")
    assert good <= made.excluded()
    assert made.query("select decided_by from plan where kind = 'quarantine'") == [("ada",)]
    # The end was part of what was let through.
    pass_days(made, 6)
    assert release_due(careful, quietly) is not None
    assert not good & made.excluded()


def test_above_the_cap_a_person_is_asked_and_the_sensor_carries_it_out(small: Installation) -> None:
    world = struck_world(small, STRUCK + 2)
    good = set(world.google[ListRole.CAMPAIGN_1][: STRUCK + 2])
    small.maintain()
    assert not good & small.excluded()
    ((plan_id, content_hash, status),) = small.query(
        "select plan_id, content_hash, status from plan where kind = 'quarantine'"
    )
    assert status == "pending_review"
    assert to_carry_out(small.services) == []
    approve(small.services, plan_id, by="ada", content_hash=content_hash)
    (run,) = to_carry_out(small.services)
    assert carry_out_correction(small.services, run.plan_id, quietly).facts.is_complete
    assert good <= small.excluded()


def test_what_is_approved_too_late_is_not_begun(small: Installation) -> None:
    world = struck_world(small, STRUCK + 2)
    good = set(world.google[ListRole.CAMPAIGN_1][: STRUCK + 2])
    small.maintain()
    ((plan_id, content_hash),) = small.query("select plan_id, content_hash from plan where kind = 'quarantine'")
    approve(small.services, plan_id, by="ada", content_hash=content_hash)
    pass_days(small, 6)
    done = carry_out_correction(small.services, plan_id, quietly)
    assert done.refused == {Refusal.QUARANTINE_OVER: tuple(sorted(good))}
    assert not good & small.excluded()
    assert states(small) == {QuarantineState.DROPPED: len(good)}


@pytest.mark.parametrize("point", ["before", "after"])
def test_killed_midway_it_goes_on(struck: World, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    made, good = struck.made, good_of(struck)
    with monkeypatch.context() as patched:
        Dying(1, point, "managemanycontacts").install(patched)
        with pytest.raises(Killed):
            made.maintain()
    made.clock.advance(timedelta(hours=2))
    for one in to_carry_out(made.services):
        carry_out_correction(made.services, one.plan_id, quietly)
    made.maintain(run_id="second")
    assert good <= made.excluded()
    assert {one.contact_id for one in quarantined(made.services)} == good

    pass_days(made, 6)
    with monkeypatch.context() as patched:
        Dying(1, point, "managemanycontacts").install(patched)
        with pytest.raises(Killed):
            release_due(made.services, quietly)
    made.clock.advance(timedelta(hours=2))
    for one in to_carry_out(made.services):
        carry_out_correction(made.services, one.plan_id, quietly)
    release_due(made.services, quietly)
    assert not good & made.excluded()
    assert states(made) == {QuarantineState.RELEASED: len(good)}


def test_a_list_that_is_near_its_send_is_left_alone(struck: World) -> None:
    made, good = struck.made, good_of(struck)
    made.maintain()
    pass_days(made, 6)
    schedule(made, made.clock.now() + timedelta(hours=1))
    discover_upcoming(made.services)
    assert {why: set(ids) for why, ids in due_now(made.services).refused.items()} == {Refusal.LIST_BEING_SENT: good}
    assert release_due(made.services, quietly) is None
    assert good <= made.excluded()


def test_a_person_keeps_one_contact_from_mail_and_ends_it(small: Installation) -> None:
    one = small.account.people[5]
    with pytest.raises(RefusedError, match="no reason"):
        quarantine_by_hand(small.services, [one], days=3, by="ada", note=" ", progress=quietly)
    with pytest.raises(RefusedError, match="between 1 and 60"):
        quarantine_by_hand(small.services, [one], days=61, by="ada", note="a dispute", progress=quietly)
    done = quarantine_by_hand(small.services, [one], days=3, by="ada", note="a dispute", progress=quietly)
    assert done.facts.is_complete
    assert one in small.excluded()
    assert ListRole.CAMPAIGN_1 in small.places(one)
    with pytest.raises(RefusedError, match="in quarantine already"):
        quarantine_by_hand(small.services, [one], days=3, by="ada", note="a dispute", progress=quietly)
    card = evidence_card(small.services, str(one))
    assert "in quarantine until" in answer(card)[1]
    assert "because a person asked for it" in answer(card)[1]
    shown = membership(small.services, one)
    assert shown is not None
    assert shown.value.quarantined_until == quarantined(small.services)[0].ends_at
    (member,) = (each for each in list_contacts(small.services, ListRole.CAMPAIGN_1).value if each.contact_id == one)
    assert member.is_quarantined

    release_by_hand(small.services, one, by="bob", note="it is settled", progress=quietly)
    assert one not in small.excluded()
    again = membership(small.services, one)
    assert again is not None
    assert again.value.quarantined_until is None


def test_disputed_first_hits_are_kept_from_mail_where_the_setting_says_so(small: Installation) -> None:
    watched = small.account.people[25]
    small.control.send(
        small.account.lists[ListRole.CAMPAIGN_2], "Letter 9", profile="clean", outcomes={watched: "mailbox_inactive"}
    )
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    small.maintain(small.another(quarantine_reasons="incident,disputed_first_hit"))
    assert small.query("select contact_id from plan_item where rule = 'first_disputed_hit'") == [(watched,)]
    (kept,) = quarantined(small.services)
    assert (kept.contact_id, kept.reason) == (watched, QuarantineReason.DISPUTED_FIRST_HIT)
    assert watched in small.excluded()
