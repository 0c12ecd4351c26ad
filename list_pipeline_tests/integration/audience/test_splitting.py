"""A new audience is divided over the lists: planned for approval in every mode, carried out, recorded, told, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.audience.audience import NotTaken
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.operations.audience.splitting import (
    Wanted,
    audience_now,
    look_first,
    propose,
    split,
    splits,
    take_back,
)
from list_pipeline.operations.maintenance.edits import edit_plan
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.reviews.mass_changes import accept
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.audience.audiences import (
    WAITING_BEFORE,
    batches,
    let_through,
    on_lists,
    plan,
    sign_up,
)
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.rebalancing.test_open_cycle import send

ONE, TWO, THREE = CAMPAIGN_LISTS


def test_the_audience_is_counted_with_why_others_are_not_taken(small: Installation) -> None:
    stays, unsubscribed, excluded = sign_up(small, 3)
    small.control.unsubscribe(unsubscribed)
    small.exclude(excluded)
    small.take_off(ONE, small.account.people[1])
    look_first(small.services)
    found = audience_now(small.services)
    assert found.contacts == 1 + len(WAITING_BEFORE)
    # 62 and 63 were suppressed long ago.
    assert found.left == {
        NotTaken.SUPPRESSED: 2,
        NotTaken.UNSUBSCRIBED: 1,
        NotTaken.EXCLUDED: 1,
        NotTaken.WAS_LISTED: 1,
    }
    assert found.oldest_at is not None
    assert found.newest_at is not None
    assert found.oldest_at < found.newest_at
    lines = list(found.lines)
    assert lines[0].startswith("The new audience has 3 contacts, known since ")
    assert "1 contact not taken: was on a campaign list before, and taken off it by somebody" in lines
    assert {item.contact_id for item in propose(small.services).items} == {stays, *small.account.ids(*WAITING_BEFORE)}


def test_an_audience_is_divided_oldest_first_once_a_person_approved_it(small: Installation) -> None:
    new = [*(small.account.people[number] for number in WAITING_BEFORE), *sign_up(small, 7)]
    before = small.changing_requests()
    one = plan(small)
    # In automatic mode too nothing happens before a person decides.
    assert small.changing_requests() == before
    assert to_carry_out(small.services) == []
    assert batches(small, one.plan_id) == [
        ("campaign_1", 1, 3, 3, None),
        ("campaign_2", 4, 6, 3, None),
        ("campaign_3", 7, 9, 3, None),
    ]
    approve(small.services, one.plan_id, by="bob", content_hash=one.content_hash)
    assert [run.plan_id for run in to_carry_out(small.services)] == [one.plan_id]
    done = carry_out_correction(small.services, one.plan_id, quietly)
    assert done.facts.is_complete
    assert (done.facts.what, done.facts.done) == ("New audience divided over the lists", 9)
    assert on_lists(small, *new) == [{ONE}] * 3 + [{TWO}] * 3 + [{THREE}] * 3
    assert [row[-1] for row in batches(small, one.plan_id)] == [3, 3, 3]
    assert small.query("select status, requested_by, note, decided_by from plan where kind = 'split'") == [
        ("executed", "ada", "the fair in Lyon", "bob")
    ]
    assert to_carry_out(small.services) == []
    assert audience_now(small.services).contacts == 0
    with pytest.raises(RefusedError, match="there is nobody to divide"):
        split(small.services, Wanted(), by="ada", note="again")


def test_the_question_names_ranges_lists_and_days(small: Installation) -> None:
    sign_up(small, 4)
    one = plan(small)
    (message,) = [said for said in small.cards() if "Division of a new audience" in said["text"]]
    shown = str(message)
    tomorrow = small.clock.now().date() + timedelta(days=1)
    for words in (
        "ada asks to divide a new audience of 6 contacts over the campaign lists: the fair in Lyon",
        f"1-2 (2 contacts) join List 1, first mail proposed for {tomorrow}",
        "3-4 (2 contacts) join List 2, first mail proposed for",
        "The lists go from 20 / 20 / 20 (deviation 0 %) to 22 / 22 / 22 (deviation 0 %)",
        f"list-pipeline approve {one.plan_id} {one.content_hash[:12]}",
        "Look at the ranges, the lists and the days before you decide.",
    ):
        assert words in shown, words
    ((summary,),) = small.query("select summary from review_item where plan_id = :plan", plan=one.plan_id)
    assert summary.startswith("A new audience of 6 contacts would be divided over the lists: 1-2 (2 contacts)")


def test_only_the_oldest_join_where_fewer_are_asked_for(small: Installation) -> None:
    sign_up(small, 3)
    one = plan(small, Wanted(total=2))
    let_through(small, one)
    assert on_lists(small, *(small.account.people[number] for number in WAITING_BEFORE)) == [{ONE}, {TWO}]
    assert audience_now(small.services).contacts == 3


def test_days_are_those_of_scheduled_campaigns_or_proposed_by_the_usual_pause(small: Installation) -> None:
    sign_up(small, 1)
    at = small.clock.now() + timedelta(days=4)
    schedule(small, at, TWO)
    look_first(small.services)
    # Cycles with a round every third day.
    mails = {one.range.role: one.first_mail for one in propose(small.services).batches}
    today = small.clock.now().date()
    assert mails[ONE].on == today + timedelta(days=1)
    assert mails[ONE].campaign is None
    assert mails[TWO].campaign is not None
    assert mails[TWO].campaign.at == at.replace(microsecond=0)
    assert mails[THREE].on == at.date() + timedelta(days=3)
    assert propose(small.services).summary.is_usual_pause
    later = propose(small.services, Wanted(start=today + timedelta(days=30))).batches
    assert later[0].first_mail.on == today + timedelta(days=30)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [(Wanted(total=0), "0 contacts are asked for"), (Wanted(total=-3), "-3 contacts"), (None, "is past")],
)
def test_what_makes_no_sense_is_refused(small: Installation, wanted: Wanted | None, why: str) -> None:
    yesterday = small.clock.now().date() - timedelta(days=1)
    with pytest.raises(RefusedError, match=why):
        split(small.services, wanted or Wanted(start=yesterday), by="ada", note="why not")
    assert small.query("select 1 from plan where kind = 'split'") == []


def test_a_person_a_reason_and_what_was_shown_are_asked_for(small: Installation, install_small: Install) -> None:
    look_first(small.services)
    with pytest.raises(RefusedError, match="a person has to be named"):
        split(small.services, Wanted(), by="", note="why")
    with pytest.raises(RefusedError, match="no reason"):
        split(small.services, Wanted(), by="ada", note=" ")
    shown = propose(small.services).shown
    sign_up(small, 1)
    look_first(small.services)
    with pytest.raises(RefusedError, match="divided otherwise by now"):
        split(small.services, Wanted(), by="ada", note="why", shown=shown)
    split(small.services, Wanted(), by="ada", note="why", shown=propose(small.services).shown)
    with install_small(list_reviewers="bob") as closed, pytest.raises(NotAReviewerError):
        split(closed.services, Wanted(), by="ada", note="why")


def test_the_same_request_twice_makes_one_plan(small: Installation) -> None:
    one = plan(small)
    with pytest.raises(RefusedError, match=f"plan {one.plan_id} divides an audience already"):
        plan(small)
    approve(small.services, one.plan_id, by="bob", content_hash=one.content_hash)
    with pytest.raises(RefusedError, match=f"plan {one.plan_id} divides an audience already"):
        plan(small)


def test_a_rejected_division_changes_nothing_and_can_be_asked_for_again(small: Installation) -> None:
    one = plan(small)
    reject(small.services, one.plan_id, by="bob", note="not this week")
    assert audience_now(small.services).contacts == len(WAITING_BEFORE)
    again = plan(small)
    assert again.plan_id != one.plan_id
    assert again.content_hash != one.content_hash
    assert [shown.plan.plan_id for shown in splits(small.services)] == [again.plan_id, one.plan_id]


def test_whoever_changed_meanwhile_is_left_and_named_by_count(small: Installation) -> None:
    new = sign_up(small, 7)
    one = plan(small)
    small.control.unsubscribe(new[0])
    small.put_on(THREE, new[1])
    small.exclude(new[2])
    small.put_on(ListRole.SUPPRESSION, new[3])
    small.control.gdpr_delete(new[4])
    done = let_through(small, one)
    assert done.facts.is_complete
    assert {why: len(ids) for why, ids in done.refused.items()} == {
        Refusal.MUST_STAY: 3,
        Refusal.CHANGED_SINCE: 1,
        Refusal.CONTACT_GONE: 1,
    }
    assert on_lists(small, new[0], new[1], new[2], new[3]) == [set(), {THREE}, set(), {ListRole.SUPPRESSION}]
    assert sum(row[-1] for row in batches(small, one.plan_id)) == 4  # type: ignore[misc]
    assert "1 left as they are: somebody changed its lists since" in str(small.cards()[-1])


def test_a_person_leaves_contacts_out_and_ranges_are_counted_anew(small: Installation) -> None:
    new = sign_up(small, 7)
    one = plan(small)
    made = edit_plan(
        small.services, one.plan_id, by="bob", note="a colleague", content_hash=one.content_hash, without=[new[0]]
    )
    assert batches(small, made.plan.plan_id) == [
        ("campaign_1", 1, 2, 2, None),
        ("campaign_2", 3, 5, 3, None),
        ("campaign_3", 6, 8, 3, None),
    ]
    assert made.plan.split_summary.target_sizes == (22, 23, 23)
    assert made.plan.status.value == "pending_review"
    approve(small.services, made.plan.plan_id, by="bob", content_hash=made.plan.content_hash)
    assert carry_out_correction(small.services, made.plan.plan_id, quietly).facts.done == 8
    assert on_lists(small, new[0]) == [set()]


@pytest.mark.parametrize("mode", ["read_only", "approval_required", "auto"])
def test_in_every_mode_a_division_waits(install_small: Install, mode: str) -> None:
    with install_small(list_management_mode=mode) as small:
        one = plan(small)
        assert small.query("select status from plan where plan_id = :plan", plan=one.plan_id) == [("pending_review",)]
        approve(small.services, one.plan_id, by="bob", content_hash=one.content_hash)
        if mode == "read_only":
            # Approved, it waits until lists may be changed.
            assert to_carry_out(small.services) == []
            with pytest.raises(RefusedError):
                carry_out_correction(small.services, one.plan_id, quietly)
            assert on_lists(small, small.account.people[60]) == [set()]


def test_while_list_management_is_off_nothing_is_planned(install_small: Install) -> None:
    with install_small(list_management_enabled=False) as small:
        with pytest.raises(RefusedError, match="LIST_MANAGEMENT_ENABLED"):
            plan(small)
        assert small.query("select 1 from plan where kind = 'split'") == []


def test_in_an_open_cycle_newcomers_join_only_lists_still_to_be_sent(small: Installation) -> None:
    send(small, ONE)
    for number in (21, 22, 41, 42):
        small.control.unsubscribe(small.account.people[number])
    sign_up(small, 9)
    one = plan(small)
    # Lists 2 and 3 have 18 each: they grow to the size of list 1, and one contact further.
    assert [(row[0], row[3]) for row in batches(small, one.plan_id)] == [("campaign_2", 3), ("campaign_3", 3)]
    summary = one.proposal.summary
    assert summary.waiting == 5
    assert "the open cycle was sent to List 1 already" in summary.restriction
    assert any("5 contacts of the audience cannot join now" in said for said in summary.remarks)
    done = let_through(small, one)
    assert done.facts.is_complete
    assert len(small.members(ONE)) == 20


def test_a_round_that_was_sent_since_the_plan_leaves_its_range_out(small: Installation) -> None:
    sign_up(small, 1)
    one = plan(small)
    send(small, ONE)
    done = let_through(small, one)
    assert {why: len(ids) for why, ids in done.refused.items()} == {Refusal.CYCLE_CHANGED: 1}
    assert [row[-1] for row in batches(small, one.plan_id)] == [0, 1, 1]
    assert audience_now(small.services).contacts == 1


def test_a_list_that_is_sent_soon_is_left_out_of_the_plan(small: Installation) -> None:
    sign_up(small, 1)
    schedule(small, small.clock.now() + timedelta(hours=1), TWO)
    found = plan(small)
    assert TWO not in {one.range.role for one in found.proposal.batches}
    assert "List 2 is being sent or sent soon" in found.proposal.summary.restriction


def test_a_list_that_is_sent_soon_by_now_waits_and_follows(small: Installation) -> None:
    sign_up(small, 1)
    one = plan(small)
    schedule(small, small.clock.now() + timedelta(hours=1), TWO)
    waiting = let_through(small, one)
    assert (waiting.facts.waits, waiting.facts.done) == (1, 2)
    assert [row[-1] for row in batches(small, one.plan_id)] == [1, 0, 1]
    assert small.query("select status from plan where kind = 'split'") == [("approved",)]
    assert to_carry_out(small.services) == []
    assert "New audience divided over the lists waits" in small.cards()[-1]["text"]


def test_while_the_master_list_is_frozen_a_division_waits_and_follows_once_a_person_decided(
    small: Installation,
) -> None:
    one = plan(small)
    # Somebody imports at large: nobody is enrolled before it is said that this was meant.
    late = sign_up(small, 10)
    waiting = let_through(small, one)
    assert (waiting.facts.waits, waiting.facts.done) == (2, 0)
    assert {why: len(ids) for why, ids in waiting.refused.items()} == {Refusal.LIST_FROZEN: 2}
    assert to_carry_out(small.services) == []
    with pytest.raises(RefusedError, match="divides an audience already"):
        plan(small)
    ((matter,),) = small.query("select distinct matter from mass_change")
    accept(small.services, int(matter), by="bob", note="our import")
    assert [run.plan_id for run in to_carry_out(small.services)] == [one.plan_id]
    assert carry_out_correction(small.services, one.plan_id, quietly).facts.done == 2
    assert len(plan(small).proposal.items) == len(late)


def test_killed_midway_it_is_continued(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up(small, 4)
    one = plan(small)
    approve(small.services, one.plan_id, by="bob", content_hash=one.content_hash)
    with monkeypatch.context() as dying:
        Dying(nth=2, when="after", counting="managemanycontacts").install(dying)
        with pytest.raises(Killed):
            carry_out_correction(small.another(), one.plan_id, quietly)
    small.clock.advance(timedelta(minutes=10))
    done = carry_out_correction(small.another(), one.plan_id, quietly)
    assert done.facts.is_complete
    assert [row[-1] for row in batches(small, one.plan_id)] == [2, 2, 2]


def test_a_division_is_taken_back_and_its_people_are_new_again_to_the_next_one(small: Installation) -> None:
    new = sign_up(small, 4)
    one = plan(small)
    with pytest.raises(RefusedError, match="it still waits"):
        take_back(small.services, one.plan_id, by="bob", note="a mistake", progress=quietly)
    let_through(small, one)
    back = take_back(small.services, one.plan_id, by="bob", note="a mistake", progress=quietly)
    assert back.facts.is_complete
    assert back.facts.done == 6
    assert on_lists(small, *new) == [set()] * 4
    assert [row[-1] for row in batches(small, one.plan_id)] == [0, 0, 0]
    with pytest.raises(NotFoundError, match="all of it was taken back"):
        take_back(small.services, one.plan_id, by="bob", note="again", progress=quietly)
    with pytest.raises(NotFoundError, match="no plan with this number"):
        take_back(small.services, 999, by="bob", note="again", progress=quietly)
    # A maintenance leaves alone whom a person took off a list; whoever divides the audience anew means them.
    again = plan(small)
    assert len(again.proposal.items) == 6
    assert let_through(small, again).facts.done == 6


def test_people_who_were_mailed_before_it_was_taken_back_are_no_new_audience(small: Installation) -> None:
    one = plan(small)
    let_through(small, one)
    for role in CAMPAIGN_LISTS:
        send(small, role)
    take_back(small.services, one.plan_id, by="bob", note="a mistake", progress=quietly)
    look_first(small.services)
    found = audience_now(small.services)
    assert (found.contacts, found.left[NotTaken.WAS_LISTED]) == (0, 2)


def test_the_expectation_and_range_of_a_scheduled_campaign_follow(small: Installation) -> None:
    for days, role in zip((3, 6, 9), CAMPAIGN_LISTS, strict=True):
        schedule(small, small.clock.now() + timedelta(days=days), role)
    look_first(small.services)
    ranges = (
        "select expected_recipients, recipient_range from campaign_schedule where mailjet_campaign_id is null"
        " order by round_number"
    )
    assert small.query(ranges) == [(20, "1-20"), (20, "21-40"), (20, "41-60")]
    sign_up(small, 4)
    one = plan(small)
    let_through(small, one)
    assert small.query(ranges) == [(22, "1-22"), (22, "23-44"), (22, "45-66")]
    small.clock.sleep(60)
    take_back(small.services, one.plan_id, by="bob", note="a mistake", progress=quietly)
    assert small.query(ranges) == [(20, "1-20"), (20, "21-40"), (20, "41-60")]
