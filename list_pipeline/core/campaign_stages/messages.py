"""The short messages of the stages. Each says what is true when it is told, in its campaign's thread and in the channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose
from list_pipeline.core.wording import count_text, instant_text


class Standing(StrEnum):
    """What the validation of the list said about a launch, and what Mailjet does."""

    NOT_VALIDATED = "not_validated"
    READY = "ready"
    READY_WITH_WARNINGS = "ready_with_warnings"
    BLOCKED = "blocked"
    """And Mailjet sends it all the same, unless a person takes it back there."""


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """A launch as it stands now.

    Attributes:
        launch_at: when Mailjet is to begin, or began (UTC).
        expected: contacts that can be mailed now; None: the list was not read yet.
        validated_at: when its list was validated for this launch (UTC); None: it was not.
        preflight_at: when it is validated (UTC).
        waiting_plans: plans about its list that wait for a person.
        mailjet_campaign_id: None: Mailjet has not begun.
    """

    campaign_key: str
    name: str
    list_label: str
    subject: str
    launch_at: datetime
    expected: int | None
    standing: Standing
    validated_at: datetime | None
    preflight_at: datetime
    waiting_plans: int = 0
    mailjet_campaign_id: int | None = None


def prelaunch_message(facts: LaunchFacts) -> SlackMessage:
    """The announcement on the day before."""
    lines = [
        _launch(facts),
        compose(
            "List, campaign and sender are checked at {at}; what is wrong is told then.",
            at=instant_text(facts.preflight_at),
        ),
    ]
    return alert(
        "📅 Campaign Coming Up",
        lines,
        facts=_figures(facts),
        what_to_do=_waiting(facts),
        about=facts.campaign_key,
    )


def warning_message(facts: LaunchFacts) -> SlackMessage:
    """The last word before the launch: whether the list is fit, and how to stop it."""
    said, level = _STANDINGS[facts.standing]
    at = instant_text(facts.validated_at) if facts.validated_at is not None else ""
    stop = Mrkdwn("To stop it, take its schedule back at Mailjet now.")
    return alert(
        f"{'⏰ ' if level is None else ''}Launch at {facts.launch_at:%H:%M} UTC",
        [_launch(facts), compose(said, at=at)],
        level=level,
        facts=_figures(facts),
        what_to_do=[stop, *_waiting(facts)] if level is not None else [],
        about=facts.campaign_key,
    )


def confirmation_message(facts: LaunchFacts) -> SlackMessage:
    """Mailjet has begun to send."""
    return alert(
        "🚀 Mailjet Is Sending",
        [
            compose(
                "*{name}* to {label}: Mailjet began at {at}.",
                name=facts.name,
                label=facts.list_label,
                at=instant_text(facts.launch_at),
            )
        ],
        facts=_figures(facts),
        about=facts.campaign_key,
        small_print=[compose("Mailjet campaign {number}", number=facts.mailjet_campaign_id)]
        if facts.mailjet_campaign_id is not None
        else [],
    )


_STANDINGS: dict[Standing, tuple[str, AlertLevel | None]] = {
    Standing.NOT_VALIDATED: ("It was not checked.", AlertLevel.WARNING),
    Standing.READY: ("It was checked at {at} and is fit to be sent.", None),
    Standing.READY_WITH_WARNINGS: (
        "It was checked at {at}: fit to be sent, with warnings that stand in this thread.",
        None,
    ),
    Standing.BLOCKED: (
        "It was checked at {at} and is not fit to be sent: the campaign is blocked, and Mailjet sends it all the same.",
        AlertLevel.CRITICAL,
    ),
}


def _launch(facts: LaunchFacts) -> Mrkdwn:
    return compose(
        "*{name}* to {label}: Mailjet sends it at {at}.",
        name=facts.name,
        label=facts.list_label,
        at=instant_text(facts.launch_at),
    )


def _figures(facts: LaunchFacts) -> list[tuple[str, str]]:
    expected = "not read yet" if facts.expected is None else f"{facts.expected:,}"
    return [("Can Be Mailed", expected), *([("Subject", facts.subject)] if facts.subject else [])]


def _waiting(facts: LaunchFacts) -> list[Mrkdwn]:
    if not facts.waiting_plans:
        return []
    words = "{plans} about this list {verb} for a decision; what is not decided in time is left until after the send."
    verb = "waits" if facts.waiting_plans == 1 else "wait"
    return [
        compose(words, plans=count_text(facts.waiting_plans, "plan"), verb=verb),
        Mrkdwn("See them with `list-pipeline reviews`."),
    ]
