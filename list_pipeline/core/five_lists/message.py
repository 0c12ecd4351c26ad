"""The messages about the five lists: that they wait for a person and what looks wrong, and that somebody confirmed them.

Belongs here: what the messages say. Does not belong here: when they are sent (``operations.five_lists``).
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.five_lists.confirmation import CONFIRM, DESPITE, LOOK
from list_pipeline.core.five_lists.plausibility import FiveListsFacts, RuleVerdict, is_plausible
from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose


def waiting_message(facts: FiveListsFacts, verdicts: tuple[RuleVerdict, ...], changed: Sequence[str]) -> SlackMessage:
    """The alert that no list is changed until a person has confirmed the five lists.

    Args:
        changed: how they differ from the confirmed ones, a phrase each.
    """
    fits = is_plausible(verdicts)
    what_happened = [
        compose("No list is changed until a person has confirmed the five lists: {why}.", why="; ".join(changed)),
        compose("Each of them looks like what it is meant to be.")
        if fits
        else compose("*They do not look like what they are meant to be.*"),
    ]
    return alert(
        "The Five Lists Wait for Confirmation" if fits else "The Five Lists Look Wrong, and Wait for a Person",
        what_happened,
        level=AlertLevel.WARNING if fits else AlertLevel.CRITICAL,
        details=[*(_wrong(verdicts)), *_named(facts)],
        what_to_do=[
            compose("Compare ids and names with Mailjet: `{command}`", command=LOOK),
            compose("They are right: `{command}`", command=CONFIRM if fits else DESPITE),
            compose("They are not: correct the five MAILJET_*_LIST_ID settings."),
        ],
        small_print=[compose("What is read, planned and reported goes on.")],
    )


def confirmed_message(
    facts: FiveListsFacts, verdicts: tuple[RuleVerdict, ...], by: str, note: str | None
) -> SlackMessage:
    """The news that a person confirmed the five lists; changes may go on."""
    lines = [compose("{by} confirmed them. {note}", by=by, note=note or "")]
    if not is_plausible(verdicts):
        lines.append(compose("*In spite of what looks wrong.*"))
    return alert(
        "The Five Lists Are Confirmed",
        lines,
        level=None if is_plausible(verdicts) else AlertLevel.WARNING,
        details=[*_wrong(verdicts), *_named(facts)],
    )


def _wrong(verdicts: Sequence[RuleVerdict]) -> list[Mrkdwn]:
    return [compose("⛔ {words}", words=verdict.words) for verdict in verdicts if not verdict.holds]


def _named(facts: FiveListsFacts) -> list[Mrkdwn]:
    return [
        compose(
            "• {label}: {list_id} *{name}*, {raw} contacts, {mailable} mailable",
            label=role.label,
            list_id=facts.lists[role].list_id,
            name=facts.lists[role].name or "name not known",
            raw=f"{facts.lists[role].raw:,}",
            mailable=f"{facts.lists[role].mailable:,}",
        )
        for role in ALL_LISTS
    ]
