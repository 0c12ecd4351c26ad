"""The Slack message of a validation: short, what is wrong, what to do, and whether Mailjet will send the campaign.

Belongs here: what the message says. Does not belong here: the rules (``rules``) and posting
(``operations.messages.outbox``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose
from list_pipeline.core.validation.checklist import Part, RuleResult, Severity
from list_pipeline.core.wording import ids_text, instant_text

_SHOWN = 4
"""Findings that the message shows, the critical ones first; the others stand in its thread."""
_MOST_NAMED = 10
"""Contacts that a finding names; the validation itself names more."""
_MARKS = {Severity.CRITICAL: "⛔", Severity.WARNING: "⚠️", Severity.PASSED: "✅"}


@dataclass(frozen=True, slots=True)
class ValidationNews:
    """The facts of the message. ``fate``: Mailjet's behaviour at the scheduled time, in a sentence."""

    campaign_key: str
    campaign_name: str
    list_label: str
    scheduled_at: datetime
    results: Sequence[RuleResult]
    is_blocking: bool
    fate: str
    log_id: int | None = None


def validation_message(facts: ValidationNews) -> SlackMessage:
    """The message about one validation."""
    wrong = [result for result in facts.results if result.severity is not Severity.PASSED]
    wrong.sort(key=lambda result: result.severity is not Severity.CRITICAL)
    what_to_do = []
    if facts.is_blocking:
        key = facts.campaign_key
        again, unblock = f"list-pipeline validate {key}", f'list-pipeline unblock {key} --by NAME --note "WHY"'
        what_to_do = [
            compose("Repaired? `{command}`", command=again),
            compose("Let it go as it is: `{command}`", command=unblock),
        ]
    small_print = [compose("Passed: {parts}", parts=_parts(facts.results))]
    if facts.log_id is not None:
        small_print.append(compose("Maintenance log {number}", number=facts.log_id))
    words = " ".join(result.words for result in wrong[:3])
    return alert(
        _headline(facts.is_blocking, wrong[0].severity if wrong else Severity.PASSED),
        [
            compose(
                "*{name}* to {label}, scheduled for {at}",
                name=facts.campaign_name,
                label=facts.list_label,
                at=instant_text(facts.scheduled_at),
            ),
            compose("{fate}", fate=facts.fate),
            *[line for result in wrong[:_SHOWN] for line in _lines(result)],
        ],
        below=[line for result in wrong[_SHOWN:] for line in _lines(result)],
        what_to_do=what_to_do,
        about=facts.campaign_key,
        small_print=small_print,
        summary=f"{facts.campaign_name}. {words} {facts.fate}",
    )


def _headline(is_blocking: bool, worst: Severity) -> str:
    if is_blocking:
        return "⛔ Campaign Blocked: Not Fit to Be Sent"
    return {
        Severity.CRITICAL: "⛔ Pre-Campaign Validation: Let Go in Spite of Critical Findings",
        Severity.WARNING: "⚠️ Pre-Campaign Validation: Ready, With Warnings",
        Severity.PASSED: "✅ Pre-Campaign Validation: Ready to Send",
    }[worst]


def _parts(results: Sequence[RuleResult]) -> str:
    """How many rules of each part of the check-list hold."""
    counted = []
    for part in Part:
        own = [each.severity for each in results if each.rule.part is part]
        if own:
            counted.append(f"{part.label} {own.count(Severity.PASSED)} of {len(own)}")
    return ", ".join(counted)


def _lines(result: RuleResult) -> list[Mrkdwn]:
    lines = [compose("{mark} {words}", mark=_MARKS[result.severity], words=result.words)]
    if result.action:
        lines.append(compose("     → {action}", action=result.action))
    named = [int(each) for each in result.details.get("contact_ids", ())]
    if named:
        # How many there are stands in the words of the finding; it does not keep the numbers of all.
        shown = ids_text(named[:_MOST_NAMED], most=_MOST_NAMED) + (" and others" if len(named) > _MOST_NAMED else "")
        lines.append(compose("     Contacts {shown}; what is known of each: `list-pipeline why ID`", shown=shown))
    return lines


def override_message(campaign_key: str, campaign_name: str, by: str, note: str, fate: str) -> SlackMessage:
    """The message about a blocked campaign that a person let go."""
    lines = [
        compose("*{name}* was let go by {by}. {note}", name=campaign_name, by=by, note=note),
        compose("{fate}", fate=fate),
    ]
    return alert("🔓 Blocked Campaign Let Go", lines, about=campaign_key)


def failed_message(campaign_key: str, campaign_name: str, scheduled_at: datetime, why: str) -> SlackMessage:
    """The alert that a validation could not be made: nobody looked, and Mailjet will send."""
    lines = [
        compose("*{name}*: {why}", name=campaign_name, why=why),
        compose(
            "The list was not validated. It is tried again until {at}, when Mailjet sends the campaign unless it is "
            "taken back there.",
            at=instant_text(scheduled_at),
        ),
    ]
    return alert("Critical: Pre-Campaign Validation Failed", lines, level=AlertLevel.CRITICAL, about=campaign_key)
