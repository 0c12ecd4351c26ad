"""The messages of the stages say what is true of a launch, and no more than there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from list_pipeline.core.campaign_stages.messages import (
    LaunchFacts,
    Standing,
    confirmation_message,
    prelaunch_message,
    warning_message,
)
from list_pipeline.core.messages.slack_blocks import as_text, problems

FACTS = LaunchFacts(
    campaign_key="2026-11-20-r1-d7",
    name="Letter 3",
    list_label="List 1",
    subject="News",
    launch_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC),
    expected=1_958,
    standing=Standing.READY,
    validated_at=datetime(2026, 11, 20, 6, 0, tzinfo=UTC),
    preflight_at=datetime(2026, 11, 20, 6, 0, tzinfo=UTC),
)


def test_the_announcement_names_launch_list_size_and_preflight() -> None:
    said = as_text(prelaunch_message(FACTS))
    assert "Campaign Coming Up" in said
    assert "Letter 3 to List 1: Mailjet sends it at 2026-11-20 09:15 UTC." in said.replace("*", "")
    assert "checked at 2026-11-20 06:00 UTC" in said
    assert "1,958" in said
    assert "News" in said
    assert "decision" not in said


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 plan about this list waits"), (2, "2 plans about this list wait ")]
)
def test_what_waits_for_a_decision_is_named(count: int, words: str) -> None:
    for message in (prelaunch_message, warning_message):
        said = as_text(message(replace(FACTS, waiting_plans=count, standing=Standing.BLOCKED)))
        assert words in said
        assert "list-pipeline reviews" in said


@pytest.mark.parametrize(
    ("standing", "words", "mark"),
    [
        (Standing.READY, "was checked at 2026-11-20 06:00 UTC and is fit to be sent", "⏰"),
        (Standing.READY_WITH_WARNINGS, "fit to be sent, with warnings", "⏰"),
        (Standing.BLOCKED, "Mailjet sends it all the same", "🚨"),
        (Standing.NOT_VALIDATED, "It was not checked.", "⚠️"),
    ],
)
def test_the_warning_says_whether_the_list_is_fit_and_how_to_stop_it(standing: Standing, words: str, mark: str) -> None:
    said = as_text(warning_message(replace(FACTS, standing=standing)))
    assert words in said
    assert f"{mark} Launch at 09:15 UTC" in said
    assert ("take its schedule back" in said) == (standing in (Standing.BLOCKED, Standing.NOT_VALIDATED))


def test_the_confirmation_has_mailjets_number_where_it_is_known() -> None:
    assert "Mailjet campaign 12" in as_text(confirmation_message(replace(FACTS, mailjet_campaign_id=12)))
    said = as_text(confirmation_message(FACTS))
    assert "Mailjet campaign" not in said
    assert "Mailjet began at 2026-11-20 09:15 UTC" in said


def test_a_list_that_was_not_read_is_not_called_empty() -> None:
    assert "not read yet" in as_text(prelaunch_message(replace(FACTS, expected=None, subject="")))
    assert "Subject" not in as_text(prelaunch_message(replace(FACTS, subject="")))
    assert "Can Be Mailed: 0" in as_text(prelaunch_message(replace(FACTS, expected=0)))


def test_slack_takes_them_and_foreign_names_mention_nobody() -> None:
    hostile = replace(FACTS, name="<!channel> " * 40, subject="<!here> *x*", standing=Standing.BLOCKED, waiting_plans=3)
    for message in (prelaunch_message, warning_message, confirmation_message):
        made = message(hostile)
        assert problems(made.text, made.blocks) == ()
        assert "<!" not in str(made)
