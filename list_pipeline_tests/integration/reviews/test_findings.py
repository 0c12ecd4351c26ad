"""Findings are closed by a person with a reason, or by their own end, which is said once; none stays in the queue for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.single_contacts import suppress
from list_pipeline.operations.reviews.closed_cycles import close_cycle
from list_pipeline.operations.reviews.findings import close_ended, close_finding
from list_pipeline.operations.validation.validate import validate
from list_pipeline.storage import mass_changes
from list_pipeline.storage.database import execute, to_json
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.campaigns.test_sends_gone_wrong import at_work, change_draft, look, planned
from list_pipeline_tests.integration.drafts import schedule, unschedule

ONE, TWO, THREE = CAMPAIGN_LISTS
HOURS = timedelta(hours=1)


def told(made: Installation, headline: str) -> Sequence[str]:
    found = [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]
    return [words for words in found if headline in words]


def opened(made: Installation) -> dict[int, str]:
    """Number of each open question with what it is about."""
    found = made.query(
        "select review_id, coalesce(details ->> 'about', details ->> 'kind', kind) from review_item where status = 'open'"
        " order by review_id"
    )
    return {int(number): str(about) for number, about in found}


def only(made: Installation, about: str) -> int:
    (number,) = [number for number, other in opened(made).items() if other == about]
    return number


def is_over(made: Installation, number: int, why: str) -> bool:
    """Whether a question closes by itself now, and says so once."""
    assert number in opened(made)
    assert close_ended(made.services) == [number]
    assert close_ended(made.services) == []
    ((status, by, note),) = made.query(
        "select status, decided_by, note from review_item where review_id = :id", id=number
    )
    (words,) = told(made, f"Question {number} is closed by itself")
    return (status, by) == ("resolved", "nobody") and why in note and note in words


def send(made: Installation, role: ListRole, subject: str = "Letter 3") -> None:
    made.control.send(made.account.lists[role], subject, profile="clean")
    made.clock.advance(25 * HOURS)
    look(made)


def test_a_person_closes_a_finding_with_a_reason_and_it_is_told(small: Installation) -> None:
    draft, _ = planned(small)
    unschedule(small, draft)
    look(small)
    number = only(small, "taken_back")
    with pytest.raises(RefusedError, match="no reason is given"):
        close_finding(small.services, number, by="ada", note="")
    with pytest.raises(RefusedError, match="a person has to be named"):
        close_finding(small.services, number, by="", note="we did that")
    with pytest.raises(NotAReviewerError):
        close_finding(small.another(list_reviewers="bea"), number, by="ada", note="we did that")
    assert number in opened(small)
    item = close_finding(small.services, number, by="ada", note="we did that, see ada@example.com")
    assert (item.status, item.decided_by) == (ReviewStatus.RESOLVED, "ada")
    assert small.query("select note from review_item where review_id = :id", id=number) == [
        ("we did that, see [address]",)
    ]
    (words,) = told(small, "Finding Closed")
    assert f"ada closed question {number}: we did that, see [address]" in words
    with pytest.raises(RefusedError, match="it is resolved"):
        close_finding(small.services, number, by="ada", note="again")
    with pytest.raises(NotFoundError):
        close_finding(small.services, 999, by="ada", note="what")
    look(small)
    assert opened(small) == {}


def test_what_asks_for_another_answer_is_not_closed_as_a_finding(small: Installation) -> None:
    send(small, ONE)
    send(small, ONE, "Summer sale")
    number = only(small, "round_doubt")
    with pytest.raises(RefusedError, match="nobody moves until somebody says"):
        close_finding(small.services, number, by="ada", note="never mind")
    with small.services.database.begin() as connection:
        mass_changes.ask(connection, 1, "much of List 2 was taken off", small.clock.now())
    with pytest.raises(RefusedError, match="whether that was meant"):
        close_finding(small.services, only(small, "mass_change"), by="ada", note="never mind")
    small.maintain()
    ids = [number for number, about in opened(small).items() if about in ("plan", "incident", "failed_item")]
    for number in ids:
        with pytest.raises(RefusedError, match="asks for a decision"):
            close_finding(small.services, number, by="ada", note="never mind")


def test_a_doubt_is_over_when_a_person_ruled(small: Installation) -> None:
    send(small, ONE)
    send(small, ONE, "Summer sale")
    number = only(small, "round_doubt")
    assert close_ended(small.services) == []
    rule_on_round(small.services, small.key, RoundRuling.NOT_A_ROUND, by="ada")
    assert is_over(small, number, "somebody said what the send is")


@pytest.mark.parametrize("end", ["round", "closing"])
def test_a_missing_round_is_over_when_it_comes_or_the_cycle_is_closed(small: Installation, end: str) -> None:
    send(small, ONE)
    send(small, THREE)
    number = only(small, "missing_round")
    assert close_ended(small.services) == []
    if end == "closing":
        # Who was mailed is known by then.
        record_recipients(small.services, quietly)
        close_cycle(small.services, by="ada", note="no more rounds")
    else:
        send(small, TWO)
    assert is_over(small, number, "another round of its cycle was sent, or the cycle ended")


def test_a_missing_round_is_over_when_it_had_begun_before_the_question_and_is_shown_after_it(
    small: Installation,
) -> None:
    send(small, ONE)
    hidden = small.control.send(small.account.lists[TWO], "Letter 3", profile="clean")
    small.control.add_fault("poisoned_row", path="/campaign$", field="Status", value={}, row=hidden, count=None)
    for _ in range(4):
        small.clock.advance(24 * HOURS)
        look(small)
    number = only(small, "missing_round")
    assert close_ended(small.services) == []
    small.control.clear_faults()
    look(small)
    assert is_over(small, number, "another round of its cycle was sent, or the cycle ended")
    # The last one becomes late, too.
    small.clock.advance(24 * HOURS)
    look(small)
    assert only(small, "missing_round") > number
    look(small)
    assert [words for words in told(small, "A Round Is Missing") if "waits for List 3" in words] != []
    assert len(told(small, "A Round Is Missing")) == 2


def test_what_did_not_start_is_over_when_it_is_scheduled_anew(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    change_draft(small, draft, "status = ?", 3)
    small.clock.set(at + HOURS)
    look(small)
    number = only(small, "not_started")
    assert close_ended(small.services) == []
    schedule(small, at + 48 * HOURS, draft=draft)
    small.clock.advance(HOURS)
    discover_upcoming(small.services)
    assert is_over(small, number, "Mailjet sends it, or it was scheduled anew")


def test_what_was_taken_back_is_over_when_it_is_scheduled_again_and_what_was_moved_when_it_is_validated(
    small: Installation,
) -> None:
    at = at_work(small)
    draft, key = planned(small, at)
    unschedule(small, draft)
    look(small)
    number = only(small, "taken_back")
    assert close_ended(small.services) == []
    small.clock.advance(timedelta(minutes=5))
    schedule(small, at + HOURS, draft=draft)
    look(small)
    moved = only(small, "rescheduled")
    assert is_over(small, number, "it is scheduled again")
    small.clock.advance(timedelta(minutes=5))
    validate(small.services, key)
    assert is_over(small, moved, "its list was validated anew")


def test_what_was_taken_back_and_is_sent_all_the_same_is_over_and_not_told_as_scheduled(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    unschedule(small, draft)
    look(small)
    number = only(small, "taken_back")
    schedule(small, at, draft=draft)
    small.clock.set(at + timedelta(minutes=1))
    look(small)
    assert is_over(small, number, "Mailjet sends it after all")


def test_a_failed_contact_is_over_when_it_is_suppressed_otherwise(small: Installation) -> None:
    run = small.decide_suppression()
    plan, contact_id = small.plan(PlanKind.SUPPRESSION), small.account.people[HARD[0]]
    with small.services.database.begin() as connection:
        plan_rows.add_review_item(
            connection,
            campaign_id=run.campaign.campaign_id,
            plan_id=plan.plan_id,
            kind=ReviewKind.FAILED_ITEM,
            contact_id=contact_id,
            summary=f"Contact {contact_id} could not be changed",
            details={},
            now=small.clock.now(),
        )
    number = only(small, "failed_item")
    assert close_ended(small.services) == []
    suppress(small.services, contact_id, note="by hand", by="ada", progress=quietly)
    assert is_over(small, number, "nothing is left to suppress of its contacts")


def test_a_failed_move_is_over_when_the_contact_stands_where_it_was_to_go(small: Installation) -> None:
    run = small.decide_rebalancing()
    plan = small.plan(PlanKind.REBALANCING)
    with small.services.database.begin() as connection:
        move = plan_rows.plan_items(connection, plan.plan_id, {ItemAction.MOVE})[0]
        plan_rows.add_review_item(
            connection,
            campaign_id=run.campaign.campaign_id,
            plan_id=plan.plan_id,
            kind=ReviewKind.FAILED_ITEM,
            summary="1 contact could not be changed",
            details={"contact_ids": [move.contact_id]},
            now=small.clock.now(),
        )
    number = only(small, "failed_item")
    assert move.from_role is not None
    assert move.to_role is not None
    small.put_on(move.to_role, move.contact_id)
    sync(small.services)
    assert close_ended(small.services) == []
    small.take_off(move.from_role, move.contact_id)
    sync(small.services, full=True)
    assert is_over(small, number, "its contacts stand where they were to go")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("suppressed_by_others", "nobody of them is on the suppression list any more"),
        ("missing_at_mailjet", "all of them are back on their lists"),
        ("exclusion_differs", "their exclusion was changed back"),
    ],
)
def test_a_note_about_drift_is_over_when_somebody_takes_it_back(small: Installation, kind: str, why: str) -> None:
    contact_id = small.account.people[0]

    def change(back: bool) -> None:
        if kind == "exclusion_differs":
            small.exclude(contact_id, not back)
        elif (kind == "missing_at_mailjet") == back:
            small.put_on(ONE if kind == "missing_at_mailjet" else ListRole.SUPPRESSION, contact_id)
        else:
            small.take_off(ONE if kind == "missing_at_mailjet" else ListRole.SUPPRESSION, contact_id)

    change(back=False)
    reconcile(small.services, progress=quietly)
    number = only(small, kind)
    assert close_ended(small.services) == []
    change(back=True)
    sync(small.services, full=True)
    assert is_over(small, number, why)


def test_a_contact_that_was_created_again_is_over_when_it_is_erased_again(small: Installation) -> None:
    contact_id = small.account.people[0]
    with small.services.database.begin() as connection:
        plan_rows.add_finding(connection, "An erased contact was created again", small.clock.now())
        execute(
            connection,
            "update review_item set details = cast(:details as jsonb)",
            details=to_json({"created_again": contact_id}),
        )
    (number,) = opened(small)
    assert close_ended(small.services) == []
    with small.services.database.begin() as connection:
        execute(
            connection,
            "update contact_list_membership set is_anonymised = true where contact_id = :id",
            id=contact_id,
        )
    assert is_over(small, number, "the contact was erased again")


def test_a_note_about_drift_is_closed_by_a_person_and_comes_only_once(small: Installation) -> None:
    small.put_on(ListRole.SUPPRESSION, small.account.people[0])
    reconcile(small.services, progress=quietly)
    number = only(small, "suppressed_by_others")
    close_finding(small.services, number, by="ada", note="the person asked us")
    discover(small.services)
    reconcile(small.services, progress=quietly)
    assert number not in opened(small)
    assert "suppressed_by_others" not in opened(small).values()


def test_a_repair_that_nobody_needs_any_more_and_the_note_about_it_are_told_once(small: Installation) -> None:
    contact_id = small.account.people[0]
    small.put_on(TWO, contact_id)
    reconcile(small.services, progress=quietly)
    ((number,),) = small.query("select review_id from review_item where kind = 'drift'")
    ((plan_id,),) = small.query("select plan_id from plan where kind = 'repair'")
    small.take_off(TWO, contact_id)
    for _ in range(2):
        reconcile(small.services, progress=quietly)
    assert "in_two_campaign_lists" not in opened(small).values()
    (expired,) = told(small, f"Expired: repair {plan_id}")
    assert "Nobody needs it any more." in expired
    (over,) = told(small, f"Question {number} is closed by itself")
    assert "it is no longer so at Mailjet" in over
