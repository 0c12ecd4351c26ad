"""A mail operator that stands out half an hour after a launch calls people in time to pause the next round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.wrapup import assess_send
from list_pipeline.core.bounces.classes import (
    BounceClass,
    BounceReason,
    DecidedBy,
    FailureEvent,
    restore_classification,
)
from list_pipeline.core.campaign_stages.assessment import FirstFigures, Grade, judge_send
from list_pipeline.core.campaign_stages.assessment_report import policy_report, urgent_recommendations
from list_pipeline.core.campaign_stages.assessment_statements import Topic
from list_pipeline.core.campaign_stages.early_incidents import (
    EarlyIncidents,
    UnusualGroup,
    failed_so_far,
    is_alarm,
    is_worth_reading,
    unexplained,
    unusual_groups,
)
from list_pipeline.core.campaign_stages.wrapup_message import wrapup_message
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import Group, GroupKind
from list_pipeline.core.messages.slack_blocks import as_text, problems
from list_pipeline.core.observations import MessageStatus
from list_pipeline_tests.unit.agents.test_wrapup import Model, data_of
from list_pipeline_tests.unit.core.campaign_stages.early_cases import (
    AT,
    DOMAIN,
    FOUND,
    GOOGLE,
    NOTHING,
    TOO_FEW,
    UNKNOWN_OPERATORS,
    UNREAD,
)
from list_pipeline_tests.unit.core.campaign_stages.send_cases import CLEAN, NEXT
from list_pipeline_tests.unit.core.campaign_stages.test_wrapup import FACTS

ALL = (FOUND, NOTHING, TOO_FEW, UNREAD, replace(FOUND, groups=(UNKNOWN_OPERATORS,)))


def event(
    contact_id: int,
    bounce_class: BounceClass = BounceClass.HARD,
    reason: BounceReason = BounceReason.USER_UNKNOWN,
    status: MessageStatus = MessageStatus.HARD_BOUNCED,
    after_minutes: int = -5,
) -> FailureEvent:
    return FailureEvent(
        contact_id=contact_id,
        campaign_id=1,
        occurred_at=AT + timedelta(minutes=after_minutes),
        state_id=None,
        is_permanent=None,
        status=status,
        classification=restore_classification(bounce_class, reason, False, DecidedBy.STATE, ""),
        in_bounce_log=True,
        in_message_log=True,
    )


def figures(early: EarlyIncidents | None, *, sending: bool = False) -> FirstFigures:
    return FirstFigures("List 1", CLEAN, (), sending, NEXT, early)


def message(early: EarlyIncidents | None) -> str:
    return as_text(wrapup_message(replace(FACTS, early=early)))


def said(early: EarlyIncidents | None) -> str:
    return "\n".join(text for each in policy_report(figures(early)).assessments for text in each.sentences)


def test_nothing_is_read_while_too_few_bounced_hard_for_any_group_to_be_flagged() -> None:
    assert not is_worth_reading(replace(CLEAN, hard_bounced=2, soft_bounced=900, blocked=900))
    assert is_worth_reading(replace(CLEAN, hard_bounced=3))


def test_what_was_not_tried_yet_is_no_attempt_and_what_comes_later_is_not_known() -> None:
    events = [
        event(1),
        event(2, after_minutes=5),
        event(3, BounceClass.NOT_EVIDENCE, BounceReason.PREBLOCKED, MessageStatus.BLOCKED),
        event(4, BounceClass.UNKNOWN, BounceReason.STILL_TRYING, MessageStatus.QUEUED),
        event(5, BounceClass.UNKNOWN, BounceReason.STILL_TRYING, MessageStatus.DEFERRED),
        event(6, BounceClass.SOFT, BounceReason.MAILBOX_FULL, MessageStatus.SOFT_BOUNCED),
    ]
    assert failed_so_far(events, AT) == ({1}, {3, 4})


def test_hard_bounces_of_which_the_bounce_log_says_nothing_yet_are_counted() -> None:
    unknown = event(2, BounceClass.UNKNOWN, BounceReason.UNCLASSIFIED)
    assert unexplained([event(1), unknown, replace(unknown, status=MessageStatus.DEFERRED)]) == 1


def test_the_group_with_the_most_hard_bounces_comes_first_with_the_reasons_of_all_its_contacts() -> None:
    events = [event(1), event(2, reason=BounceReason.MAILBOX_INACTIVE), event(3), event(4)]
    small, large = (Group(GroupKind.OPERATOR, name) for name in ("Apple", "Google"))
    found = unusual_groups([Incident(small, 9, 3, 0.1, (4,)), Incident(large, 80, 12, 0.4, (1, 2, 3))], events)
    assert [one.group for one in found] == [large, small]
    assert found[0].reasons == {BounceReason.USER_UNKNOWN: 2, BounceReason.MAILBOX_INACTIVE: 1}


@pytest.mark.parametrize("group", [GOOGLE, DOMAIN, UNKNOWN_OPERATORS], ids=["operator", "domain", "others"])
def test_what_was_kept_is_what_was_found(group: UnusualGroup) -> None:
    assert UnusualGroup.of_json(group.as_json()) == group


def test_the_words_name_the_operator_the_numbers_and_the_reasons() -> None:
    assert GOOGLE.text() == (
        "12 of 80 contacts that worked before bounced hard at Google, where fewer than one is usual "
        "(user unknown 11, mailbox inactive 2)"
    )
    assert "domains whose mail operator is not known, where about 9 are usual" in UNKNOWN_OPERATORS.text()


def test_an_operator_that_stands_out_is_an_alarm_that_names_the_next_round_and_how_to_pause_it() -> None:
    told = message(FOUND)
    assert "🚨 Unusual Bounces at Google and 1 more group" in told
    assert "12 of 80 contacts that worked before bounced hard at Google" in told
    assert "5 of 6 contacts that worked before bounced hard at ignore-all-previous-instructions.example" in told
    assert "2026-11-27-r2-d8 is to be launched at 2026-11-27 09:15 UTC; take it back at Mailjet to pause it." in told
    assert "More than 10 % bounced" not in told
    assert is_alarm(CLEAN, FOUND)


@pytest.mark.parametrize("early", [None, NOTHING, TOO_FEW], ids=["not looked", "nothing", "too few"])
def test_without_one_the_report_is_as_usual(early: EarlyIncidents | None) -> None:
    told = message(early)
    assert "🏁 Campaign Wrap-Up" in told
    assert "What to do" not in told
    assert ("stands out by its hard bounces" in told) is (early is not None)
    assert not is_alarm(CLEAN, early)


def test_what_could_not_be_read_is_said_and_calls_nobody() -> None:
    told = message(UNREAD)
    assert "Whether a mail operator stands out is not known: Mailjet answered with 503." in told
    assert "🏁 Campaign Wrap-Up" in told
    assert "Whether a mail operator stands out could not be read." in said(UNREAD)
    assert "is known a day after the send" in said(UNREAD)


@pytest.mark.parametrize("early", ALL)
def test_slack_takes_every_one_of_them(early: EarlyIncidents) -> None:
    told = wrapup_message(replace(FACTS, early=early))
    assert problems(told.text, told.blocks) == ()
    assert told.details is not None
    assert problems(told.details.text, told.details.blocks) == ()


def test_it_makes_the_delivery_concerning_and_never_better_than_the_rates_do() -> None:
    assert judge_send(figures(NOTHING)).performance is Grade.EXCELLENT
    assert judge_send(figures(FOUND)).performance is Grade.CONCERNING
    lost = replace(CLEAN, delivered=2_000, blocked=2_000)
    assert judge_send(FirstFigures("List 1", lost, (), early=FOUND)).performance is Grade.POOR


def test_the_next_round_is_to_be_taken_back_and_nobody_is_told_to_go_on_as_planned() -> None:
    urgent = urgent_recommendations(figures(FOUND, sending=True))
    assert urgent[0].startswith("Stop this send at Mailjet")
    assert urgent[1] == (
        f"Take the campaign of {NEXT:%Y-%m-%d %H:%M} UTC back at Mailjet until it is known why so many messages bounced at "
        "Google."
    )
    assert urgent[2].startswith("Find out what is wrong at Google")
    assert "Go on as planned" not in said(FOUND)
    assert "Go on as planned" in said(NOTHING)


def questions(early: EarlyIncidents) -> Sequence[str]:
    model = Model()
    for topic in (Topic.LIST_QUALITY, Topic.DELIVERY, Topic.RECOMMENDATION):
        assess_send(ModelAccess(model=model), topic, figures(early))
    return model.asked


def test_the_advisors_are_told_of_it_without_the_name_of_a_domain() -> None:
    asked = questions(FOUND)
    (google, domain) = data_of(asked[0])["mail_operators"]["standing_out"]
    assert google == {
        "where": "Google",
        "worked_before": 80,
        "bounced_hard": 12,
        "usual": 0.4,
        "reasons": {"user_unknown": 11, "mailbox_inactive": 2},
    }
    assert domain["where"] == "a single domain"
    assert not any("ignore-all" in prompt for prompt in asked)
    assert "12 of 80 contacts" in asked[1]


def test_what_is_not_known_is_null_for_the_advisors_and_nothing_found_is_none() -> None:
    assert data_of(questions(UNREAD)[0])["mail_operators"] is None
    assert data_of(questions(NOTHING)[0])["mail_operators"] == {"standing_out": []}
