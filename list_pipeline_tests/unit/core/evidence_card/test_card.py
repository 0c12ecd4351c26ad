"""The card as people read it: the answer first, then what it rests on; without an address, and without a figure too many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.engagement import Engagement
from list_pipeline.core.erasure import KeptOff
from list_pipeline.core.evidence_card.card import EvidenceCard, answer, headline, sections
from list_pipeline.core.evidence_card.facts import (
    ErasedPerson,
    Known,
    Mailing,
    OnlyTold,
    Outcome,
    PlannedFor,
    Question,
    Reading,
    Record,
    Siblings,
    Suppression,
)
from list_pipeline.core.evidence_card.replay import OtherVerdict
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.suppression.verdicts import AttemptOutcome, VerdictAction
from list_pipeline_tests.unit.core.suppression.suppression_cases import failure

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
LIST_3, MASTER, SUPPRESSED = ListRole.CAMPAIGN_3, ListRole.MASTER, ListRole.SUPPRESSION
ON_A_LIST = Known((MASTER, LIST_3), False, None, False, False, False, (), AT)
OFF = replace(ON_A_LIST, lists=(MASTER, SUPPRESSED), is_excluded=True)


def mailing(number: int, *readings: Reading, is_recipient: bool = True) -> Mailing:
    return Mailing(
        number, f"key-{number}", f"Letter {number}", AT + timedelta(days=10 * number), is_recipient, readings
    )


def reading(number: int, *, fails: bool, complete: bool = True, sweep: Sweep = Sweep.H24) -> Reading:
    at = AT + timedelta(days=10 * number, hours=sweep.hours)
    return Reading(sweep, at, complete, failed_in(number) if fails else None)


def failed_in(number: int) -> FailureEvent:
    return failure(campaign_id=number, at=AT + timedelta(days=10 * number, minutes=5))


def planned(number: int, **more: object) -> PlannedFor:
    made = PlannedFor(
        plan_id=number,
        campaign_id=number,
        campaign=f"key-{number}",
        kind=PlanKind.SUPPRESSION,
        sweep=Sweep.H24,
        status=PlanStatus.EXECUTED,
        policy_version="2026-12b-0",
        created_at=AT + timedelta(days=10 * number + 1),
        as_of=None,
        decided_at=AT,
        decided_by="gate",
        requested_by=None,
        note=None,
        withdrawn_by=None,
        gate=(),
        action=ItemAction.SUPPRESS,
        from_role=None,
        to_role=SUPPRESSED,
        rule="hard_bounce",
        is_held=False,
        confidence=0.99,
        explanation="Suppressed: the address cannot receive mail (user unknown).",
        is_flagged_as_complaining=False,
        outcome=Outcome.DONE,
        done_at=AT,
        is_waiting=False,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def suppressed_by(plan_id: int, **more: object) -> Suppression:
    made = Suppression(AT, "hard_bounce", plan_id, "Suppressed: dead.", None, None, is_redone=False)
    return replace(made, **more)  # type: ignore[arg-type]


FAILED = mailing(1, reading(1, fails=True))
DELIVERED = mailing(2, reading(2, fails=False))


def first_line(known: Known | None = ON_A_LIST, **stored: object) -> str:
    return answer(EvidenceCard(7, record=Record(7, known, **stored)))[0]  # type: ignore[arg-type]


def test_who_never_failed_is_active() -> None:
    assert first_line(mailings=(DELIVERED,)) == "Active: no failure is known."
    assert first_line() == "Active: it was never mailed."
    assert first_line(mailings=(FAILED,)) == "Active: its failures are known, and no maintenance judged them."


def test_who_is_suppressed_reads_since_when_and_why_once() -> None:
    assert first_line(OFF, plans=(planned(1),), suppressions=(suppressed_by(1),)) == (
        "Suppressed since 2026-11-03 09:00 UTC: the address cannot receive mail (user unknown)."
    )


def test_the_history_speaks_where_no_plan_is_kept() -> None:
    assert first_line(OFF, suppressions=(suppressed_by(1),)) == "Suppressed since 2026-11-03 09:00 UTC: dead."


def test_a_redo_carries_out_what_the_first_plan_decided() -> None:
    redo = planned(5, kind=PlanKind.REDO, explanation="Done again.", rule="redo")
    card = EvidenceCard(7, record=Record(7, OFF, plans=(planned(1), redo), suppressions=(suppressed_by(5),)))
    assert "user unknown" in answer(card)[0]


@pytest.mark.parametrize("history", [(), (suppressed_by(1, reinstated_at=AT, reinstated_by="ada"),)])
def test_who_is_suppressed_by_others_is_said_to_be(history: tuple[Suppression, ...]) -> None:
    assert first_line(OFF, plans=(planned(1),), suppressions=history) == (
        "On the suppression list, and not by us: somebody put it there at Mailjet."
    )


def test_an_undo_that_was_taken_back_leaves_a_suppression_by_us() -> None:
    history = (suppressed_by(1, reinstated_at=AT, reinstated_by="ada", is_redone=True),)
    assert first_line(OFF, plans=(planned(1),), suppressions=history).startswith("Suppressed since ")


@pytest.mark.parametrize(
    ("item", "questions", "words"),
    [
        ({"is_waiting": True, "outcome": Outcome.NOT_BEGUN, "gate": ("Too many.",)}, (),
         "To be suppressed, and a person decides: the address cannot receive mail (user unknown). Until then it is mailed as "
         "before. The gate says of its plan: Too many."),
        ({"is_waiting": True, "is_held": True, "outcome": Outcome.NOT_BEGUN, "explanation": "Held: a fault."}, (),
         "Held, and its next mailing or a person decides: a fault."),
        ({"status": PlanStatus.REJECTED, "decided_by": "ada", "outcome": Outcome.NOT_BEGUN}, (),
         "Kept: the plan was rejected by ada on 2026-11-03 09:00 UTC. It would have been suppressed because: the address "
         "cannot receive mail (user unknown)."),
        ({"status": PlanStatus.EXPIRED, "decided_by": "nobody", "outcome": Outcome.NOT_BEGUN}, (),
         "Kept: it lapsed. It would have been suppressed because: the address cannot receive mail (user unknown)."),
        ({"status": PlanStatus.WITHDRAWN, "withdrawn_by": "bob", "outcome": Outcome.NOT_BEGUN}, (),
         "Kept: the plan was withdrawn with an undo by bob. It would have been suppressed because: the address cannot receive "
         "mail (user unknown)."),
        ({"outcome": Outcome.NOT_BEGUN},
         (Question(3, 1, ReviewKind.INCIDENT, ReviewStatus.REJECTED, AT, AT, "ada", None),),
         "Kept: ada rejected its suppression on 2026-11-03 09:00 UTC. It would have been suppressed because: the address "
         "cannot receive mail (user unknown)."),
        ({"outcome": Outcome.NOT_BEGUN}, (),
         "To be suppressed, and nothing was done yet: the address cannot receive mail (user unknown)."),
        ({"outcome": Outcome.FAILED}, (),
         "To be suppressed, Mailjet did not change it: the address cannot receive mail (user unknown)."),
        ({"action": ItemAction.MONITOR, "explanation": "Watched: first report."}, (), "Watched: first report."),
    ],
)  # fmt: skip
def test_who_is_on_its_lists_reads_what_was_decided(
    item: dict[str, object], questions: tuple[Question, ...], words: str
) -> None:
    assert first_line(mailings=(FAILED,), plans=(planned(1, **item),), questions=questions) == words


def test_what_waits_says_more_than_a_later_look() -> None:
    waits = planned(1, is_waiting=True, outcome=Outcome.NOT_BEGUN)
    later = planned(2, action=ItemAction.KEEP, rule="asked_already", explanation="Kept: asked.")
    assert first_line(plans=(waits, later)).startswith("To be suppressed, and a person decides")
    assert first_line(plans=(planned(1, action=ItemAction.KEEP), later)) == "Kept: asked."


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (
            ReviewStatus.RESOLVED,
            ReviewKind.INCIDENT,
            "the question about its incident ended by itself on 2026-11-03 09:00 UTC",
        ),
        (ReviewStatus.EXPIRED, ReviewKind.INCIDENT, "the question about its incident lapsed on 2026-11-03 09:00 UTC"),
        (
            ReviewStatus.WITHDRAWN,
            ReviewKind.INCIDENT,
            "the question about its incident was withdrawn by eve on 2026-11-03 09:00 UTC",
        ),
        (
            ReviewStatus.APPROVED,
            ReviewKind.INCIDENT,
            "the question about its incident was decided by eve on 2026-11-03 09:00 UTC",
        ),
        (ReviewStatus.OPEN, ReviewKind.INCIDENT, "nothing is asked about its incident any more"),
        (ReviewStatus.RESOLVED, ReviewKind.PLAN, "nothing is asked about its incident any more"),
    ],
)
def test_who_was_held_reads_how_the_question_ended_and_not_that_it_will_be_suppressed(
    status: ReviewStatus, kind: ReviewKind, words: str
) -> None:
    held = planned(1, is_held=True, outcome=Outcome.NOT_BEGUN, explanation="Held: a fault.")
    by = "eve" if status in (ReviewStatus.WITHDRAWN, ReviewStatus.APPROVED) else "nobody"
    asked = Question(3, 1, kind, status, AT, AT, by, None)
    later = planned(2, campaign_id=1, action=ItemAction.KEEP, rule="asked_already", explanation="Kept: asked.")
    for plans in ((held,), (held, later)):
        assert first_line(mailings=(FAILED, DELIVERED), plans=plans, questions=(asked,)) == (
            f"Kept: {words}. It had been held because: a fault. "
            "Since then 2026-11-23 “Letter 2” (key-2) reached it, so the address works."
        )
    assert first_line(plans=(held, replace(later, campaign_id=2)), questions=(asked,)) == "Kept: asked."


def test_who_was_reinstated_reads_by_whom() -> None:
    history = (suppressed_by(1, reinstated_at=AT, reinstated_by="ada"),)
    assert first_line(plans=(planned(1, outcome=Outcome.TAKEN_BACK),), suppressions=history).startswith(
        "Active again: its suppression was taken back by ada on 2026-11-03 09:00 UTC."
    )


def test_who_was_reached_after_a_verdict_reads_that_the_address_works() -> None:
    watched = planned(1, action=ItemAction.MONITOR, explanation="Watched: first report.")
    assert first_line(mailings=(FAILED, DELIVERED), plans=(watched,)) == (
        "Watched: first report. Since then 2026-11-23 “Letter 2” (key-2) reached it, so the address works."
    )
    assert "Since then" not in first_line(mailings=(DELIVERED, mailing(3, reading(3, fails=True))), plans=(
        replace(watched, campaign_id=3),
    ))  # fmt: skip


def test_a_person_who_suppressed_is_named_with_the_reason() -> None:
    by_hand = planned(4, campaign_id=None, campaign=None, sweep=None, kind=PlanKind.MANUAL, rule="manual",
                      requested_by="ada", explanation="asked by phone")  # fmt: skip
    assert first_line(OFF, plans=(planned(1), by_hand), suppressions=(suppressed_by(4, reason="manual"),)) == (
        "Suppressed by hand since 2026-11-03 09:00 UTC by ada: asked by phone."
    )


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (replace(ON_A_LIST, unreadable=("the address is no text",)),
         "Left alone: what Mailjet shows of it cannot be read (the address is no text)."),
        (replace(ON_A_LIST, is_anonymised=True), "Erased at Mailjet. The next sync erases it here too."),
        (None, "Not known: Mailjet reported a failure of it, and we have no row of it. The next sync may bring it."),
    ],
)  # fmt: skip
def test_what_forbids_a_change_is_said_before_any_verdict(known: Known | None, words: str) -> None:
    assert first_line(known, plans=(planned(1),)) == words


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (ON_A_LIST, "Gets mail, on List 3."),
        (OFF, "Gets no mail: suppressed."),
        (replace(ON_A_LIST, is_unsubscribed=True, unsubscribed_at=AT), "Gets no mail: unsubscribed on 2026-11-03."),
        (replace(ON_A_LIST, is_unsubscribed=True), "Gets no mail: unsubscribed."),
        (replace(ON_A_LIST, is_excluded=True), "Gets no mail: excluded from campaigns."),
        (replace(ON_A_LIST, lists=(MASTER,)), "Gets no mail: on no campaign list."),
        (replace(ON_A_LIST, other_ids=(8,)), "Gets mail, on List 3. The same address is known as contact 8 too."),
        (
            replace(ON_A_LIST, lists=(MASTER,), kept_off_because=(KeptOff.COMPLAINED,)),
            "Gets no mail: on no campaign list. Somebody with this address was erased. Never put on a campaign list again by "
            "the product: complained.",
        ),
        (None, "Whether it gets mail is not known."),
    ],
)
def test_whether_it_gets_mail_is_said_with_what_keeps_it_from_it(known: Known | None, words: str) -> None:
    assert answer(EvidenceCard(7, record=Record(7, known)))[1] == words


def test_of_the_erased_nothing_is_said_but_that() -> None:
    card = EvidenceCard(None, erased=ErasedPerson(AT, (KeptOff.SUPPRESSED, KeptOff.HARD_BOUNCED)))
    assert headline(card) == "A person who was erased"
    assert answer(card) == (
        "Erased on 2026-11-03 09:00 UTC. What was before is counted, and no longer known of this person.",
        "Never put on a campaign list again by the product: suppressed and hard bounced.",
    )
    assert sections(card, full=True) == ()


# The sections


def told(card: EvidenceCard, title: str, *, full: bool = False) -> tuple[str, ...]:
    return next((one.lines for one in sections(card, full=full) if one.title == title), ())


def test_the_latest_of_each_kind_stand_first_and_the_rest_is_counted() -> None:
    failures = tuple(mailing(number, reading(number, fails=True)) for number in range(1, 6))
    card = EvidenceCard(7, record=Record(7, ON_A_LIST, mailings=failures))
    lines = told(card, "Failures")
    assert [line[:10] for line in lines[:3]] == ["2026-12-23", "2026-12-13", "2026-12-03"]
    assert lines[3:] == ("and 2 earlier",)
    assert len(told(card, "Failures", full=True)) == 5


def test_a_failure_is_told_with_its_class_rule_and_version_and_in_full_with_what_mailjet_showed() -> None:
    record = Record(7, OFF, mailings=(FAILED,), plans=(planned(1),), suppressions=(suppressed_by(1),))
    card = EvidenceCard(7, record=record)
    assert told(card, "Failures") == (
        "2026-11-13 “Letter 1” (key-1): hard, user unknown. Rule: hard bounce, policy 2026-12b-0.",
    )
    assert told(card, "Failures", full=True) == (
        "2026-11-13 “Letter 1” (key-1): hard, user unknown (state 1, permanent; settled by Mailjet's state and its permanence "
        "flag). Rule: hard bounce, policy 2026-12b-0, confidence 0.99. Suppressed: the address cannot receive mail (user "
        "unknown).",
    )


def test_a_failure_that_the_receivers_words_settled_says_so() -> None:
    event = replace(failed_in(1), classification=classify(1, False, None, "550 5.1.1 user unknown"))
    card = EvidenceCard(7, record=Record(7, ON_A_LIST, mailings=(mailing(1, Reading(Sweep.H24, AT, True, event)),)))
    assert "hard, user unknown (the receiver's words say so). Not judged." in told(card, "Failures")[0]
    assert "settled by the receiver's words; the receiver said: " in told(card, "Failures", full=True)[0]


def test_the_last_delivery_is_told_and_that_opens_are_not_known() -> None:
    card = EvidenceCard(7, record=Record(7, ON_A_LIST, mailings=(FAILED, DELIVERED, mailing(3))))
    assert told(card, "Deliveries") == (
        "The last one: 2026-11-23 “Letter 2” (key-2); 1 of 3 campaigns reached it.",
        "Opens and clicks are not known: Mailjet never told of any.",
    )


def test_the_last_open_and_click_are_told() -> None:
    signs = Engagement(opened_at=AT, clicked_at=AT + timedelta(days=1), prefetched_at=AT + timedelta(days=2))
    record = Record(7, ON_A_LIST, mailings=(DELIVERED,), engagement=signs, signs_since=AT)
    assert told(EvidenceCard(7, record=record), "Deliveries")[1] == (
        "Last open 2026-11-03 09:00 UTC; last click 2026-11-04 09:00 UTC; last fetched by its mail program before anybody "
        "looked 2026-11-05 09:00 UTC."
    )
    only_click = replace(record, engagement=Engagement(clicked_at=AT))
    assert told(EvidenceCard(7, record=only_click), "Deliveries")[1] == "Last click 2026-11-03 09:00 UTC."


def test_that_nobody_opened_is_said_only_since_opens_are_told() -> None:
    record = Record(7, ON_A_LIST, mailings=(DELIVERED,), signs_since=AT)
    assert told(EvidenceCard(7, record=record), "Deliveries")[1] == (
        "No open and no click since 2026-11-03, when the first ones were told."
    )


def test_a_failure_that_was_only_told_is_named_with_its_weight() -> None:
    event = replace(failed_in(2), in_bounce_log=False, in_message_log=False, told_at=AT)
    record = Record(7, ON_A_LIST, mailings=(DELIVERED,), only_told=(OnlyTold(2, event),))
    (said,) = told(EvidenceCard(7, record=record), "Failures")
    assert said.startswith("2026-11-23 “Letter 2” (key-2): hard, user unknown")
    assert said.endswith("Mailjet told of it, and its logs do not show it; nothing is decided on it.")


def test_a_complaint_that_was_only_told_counts() -> None:
    spam = failure(None, status=MessageStatus.SPAM)
    event = replace(spam, campaign_id=2, in_bounce_log=False, in_message_log=False, told_at=AT)
    record = Record(7, ON_A_LIST, mailings=(DELIVERED,), only_told=(OnlyTold(2, event),))
    (said,) = told(EvidenceCard(7, record=record), "Failures")
    assert said.endswith("Mailjet told of it, and its logs do not show it; a complaint counts all the same.")


def test_plans_and_questions_stand_in_the_order_in_which_they_came() -> None:
    move = planned(2, kind=PlanKind.REBALANCING, action=ItemAction.MOVE, from_role=LIST_3, to_role=ListRole.CAMPAIGN_1)
    asked = Question(
        3, 1, ReviewKind.INCIDENT, ReviewStatus.APPROVED, AT + timedelta(days=12), AT, "ada", "one provider"
    )
    record = Record(7, ON_A_LIST, plans=(planned(1, is_held=True), move), questions=(asked,))
    assert told(EvidenceCard(7, record=record), "Plans and decisions") == (
        "Plan 2 of 2026-11-24, rebalancing after key-2 (24h). Move from List 3 to List 1, let through by the gate, done on "
        "2026-11-03 09:00 UTC.",
        "Question 3 of 2026-11-15 about an incident: approved by ada on 2026-11-03 09:00 UTC: one provider.",
        "Plan 1 of 2026-11-14, suppression after key-1 (24h). Suppress (held), let through by the gate, done on 2026-11-03 "
        "09:00 UTC.",
    )


@pytest.mark.parametrize(
    ("way", "words"), [(Way.SLACK, "approved by ada in Slack, done on"), (None, "approved by ada, done on")]
)
def test_a_decision_is_told_with_the_way_it_came_by_where_that_is_known(way: Way | None, words: str) -> None:
    record = Record(7, ON_A_LIST, plans=(planned(1, decided_by="ada", decided_via=way),))
    (said,) = told(EvidenceCard(7, record=record), "Plans and decisions")
    assert words in said


def test_what_would_have_changed_it_is_short_unless_all_is_asked_for() -> None:
    changes = tuple(OtherVerdict(f"a delivery since {day}", VerdictAction.MONITOR) for day in range(5))
    card = EvidenceCard(7, record=Record(7, ON_A_LIST, plans=(planned(1),)), changed=changes)
    assert told(card, "What would have changed it")[0] == "A delivery since 0: watched, and not suppressed."
    assert len(told(card, "What would have changed it")) == 3
    assert len(told(card, "What would have changed it", full=True)) == 5


def test_that_nothing_would_have_changed_it_is_said_where_there_is_a_verdict_only() -> None:
    judged = Record(7, ON_A_LIST, plans=(planned(1),))
    assert told(EvidenceCard(7, record=judged), "What would have changed it") == ("No single other fact.",)
    assert told(EvidenceCard(7, record=Record(7, ON_A_LIST)), "What would have changed it") == ()


def test_others_are_counted_without_naming_the_domain() -> None:
    others = (Siblings(GroupKind.DOMAIN, 4, 5), Siblings(GroupKind.OPERATOR, 2, 682, "Google"),
              Siblings(GroupKind.POOL, 3, 19, "other domains"))  # fmt: skip
    assert told(EvidenceCard(7, record=Record(7, ON_A_LIST), siblings=others), "Others in the same campaign") == (
        "At its domain, of all recipients: 4 of 5 (80 %) bounced hard.",
        "At Google, of those that were reached before: 2 of 682 (0.29 %) bounced hard.",
        "At all domains whose operator is not known, of those that were reached before: 3 of 19 (15.8 %) bounced hard.",
    )


# As the rules were told


def test_a_campaign_is_told_as_it_was_known_at_the_moment() -> None:
    one = mailing(1, reading(1, fails=False), reading(1, fails=True, sweep=Sweep.H72))
    sent = one.sent_at
    told_at = [one.attempt_by(sent + timedelta(hours=h), held_by=None, is_rejected=False) for h in (1, 25, 73)]
    assert [each.outcome for each in told_at] == [
        AttemptOutcome.UNKNOWN, AttemptOutcome.DELIVERED, AttemptOutcome.FAILED,
    ]  # fmt: skip
    assert one.failure == failed_in(1)
    assert not one.was_delivered


def test_a_complete_reading_is_believed_before_a_later_one_that_is_not() -> None:
    one = mailing(1, reading(1, fails=True), reading(1, fails=False, complete=False, sweep=Sweep.H72))
    assert one.failure == failed_in(1)
    unread = mailing(1, reading(1, fails=False, complete=False))
    assert not unread.was_delivered
    assert unread.attempt_by(AT + timedelta(days=99), held_by=None, is_rejected=False).outcome is AttemptOutcome.UNKNOWN


def test_who_was_no_recipient_was_not_reached() -> None:
    assert not mailing(1, reading(1, fails=False), is_recipient=False).was_delivered
