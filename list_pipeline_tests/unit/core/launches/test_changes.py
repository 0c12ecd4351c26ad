"""The words of a launch change."""

from __future__ import annotations

from list_pipeline.core.launches.changes import LaunchAction


def test_a_button_says_what_it_does_and_that_a_send_is_now() -> None:
    assert [action.label for action in LaunchAction] == ["Schedule", "Move", "Cancel", "Send now"]


def test_an_error_begins_with_what_was_tried() -> None:
    assert [action.gerund for action in LaunchAction] == ["Scheduling", "Moving", "Cancelling", "Sending"]
