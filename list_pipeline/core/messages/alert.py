"""The one shape of all short messages: what happened, figures, what to do, single findings, and where to look.

Belongs here: the order of the parts, the mark at the head and the text for notifications. Does not belong here: the words,
which stand with their noun, and the two reports, which have sections of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from list_pipeline.core.messages.slack_blocks import (
    Block,
    Mrkdwn,
    SlackMessage,
    compose,
    context,
    fields,
    header,
    section,
    untrusted,
    whole_lines,
)

WHAT_TO_DO = "*What to do*"
"""How the section begins that says what somebody has to do."""
_TEXT_LENGTH = 1_500
_DETAILS_LENGTH = 2_500


class AlertLevel(StrEnum):
    """The mark at the head of a message that asks for somebody. News has a mark of its own, or none."""

    CRITICAL = "🚨"
    """Somebody has to act now."""
    WARNING = "⚠️"
    """Somebody should look before the next campaign."""


def alert(
    headline: str,
    what_happened: Sequence[Mrkdwn],
    *,
    level: AlertLevel | None = None,
    facts: Sequence[tuple[str, str]] = (),
    details: Sequence[Mrkdwn] = (),
    what_to_do: Sequence[Mrkdwn] = (),
    about: str = "",
    small_print: Sequence[Mrkdwn] = (),
    summary: str = "",
    below: Sequence[Mrkdwn] = (),
) -> SlackMessage:
    """A short message within Slack's limits: lines that do not fit are counted instead of shown.

    Args:
        facts: label and value of at most ten figures.
        details: single findings, one a line.
        about: key of the campaign that the message is about, for the small print and the notification.
        small_print: further remarks and links.
        summary: the notification behind the headline, where what happened and what to do are not the best words for it.
        below: what only whoever looks closer reads, one finding a line: in the thread of the message.
    """
    title = f"{level.value} {headline}" if level else headline
    small = [*([untrusted(about)] if about else []), *small_print]
    blocks: list[Block] = [header(title), section(what_happened)]
    if facts:
        blocks.append(fields(facts))
    if what_to_do:
        blocks.append(section([Mrkdwn(WHAT_TO_DO), *what_to_do]))
    if details:
        blocks.append(section(details, _DETAILS_LENGTH))
    if small:
        blocks.append(context(small))
    head = compose("{title}:", title=f"{title} ({about})" if about else title)
    said = [untrusted(summary, _TEXT_LENGTH - len(head) - 1)] if summary else [*what_happened, *what_to_do]
    text = whole_lines([head, *said], _TEXT_LENGTH).replace("\n", " ")
    return SlackMessage(text, blocks, _below(headline, below) if below else None)


def _below(headline: str, lines: Sequence[Mrkdwn]) -> SlackMessage:
    title = f"Details: {headline}"
    return SlackMessage(untrusted(title, 300), [header(title), section(lines, _DETAILS_LENGTH)])
