"""The alert about drift: from findings to the Slack message. Contact ids only, never an address.

Belongs here: what the message says. Does not belong here: what counts as an alert (``core.drift.findings``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from list_pipeline.core.drift.findings import DriftKind, Finding
from list_pipeline.core.messages.slack_blocks import (
    Block,
    Mrkdwn,
    SlackMessage,
    compose,
    context,
    header,
    section,
    untrusted,
)

_MOST_LINES = 12
_SECTION_LIMIT = 2_500
_TITLE = "⚠️ Drift Between Mailjet and the Database"
_STOPPED = "🛑 Changes Are Stopped: Mailjet Shows Work That the Journal Does Not Know"


def drift_message(
    findings: Sequence[Finding], proposals: Sequence[tuple[int, str]], stopped_because: str | None
) -> SlackMessage:
    """The message about what one reconciliation found and did not tell before.

    Args:
        findings: those that people are to know of.
        proposals: number and content hash of each plan that now waits.
        stopped_because: why no list is changed until a person accepts, or None.
    """
    title = _STOPPED if stopped_because else _TITLE
    counts = Counter(finding.kind for finding in findings)
    summary = "; ".join(f"{counts[kind]:,} {kind.words}" for kind in DriftKind if counts[kind])
    blocks: list[Block] = [header(title)]
    if stopped_because:
        blocks.append(
            section(
                [
                    compose("{why}", why=stopped_because),
                    compose(
                        "Look at the findings, then accept: {command}",
                        command="list-pipeline reconcile --accept --by NAME",
                    ),
                ]
            )
        )
    if findings:
        blocks.append(section([untrusted(summary, 1_000)]))
        blocks.append(section([compose("*Contacts*"), *_lines(findings)], _SECTION_LIMIT))
    if proposals:
        blocks.append(section([compose("*Proposed repairs, waiting for a decision*"), *_commands(proposals)]))
    blocks.append(context([compose("Nothing was changed at Mailjet. Our rows follow what Mailjet shows.")]))
    return SlackMessage(untrusted(f"{title}. {summary}".rstrip(". ") + ".", 1_500), blocks)


def _lines(findings: Sequence[Finding]) -> list[Mrkdwn]:
    ordered = sorted(findings, key=lambda one: (not one.kind.is_alert, one.kind, one.contact_id))
    lines = [
        compose("• Contact {contact}: {words}", contact=one.contact_id, words=one.explanation)
        for one in ordered[:_MOST_LINES]
    ]
    if len(ordered) > _MOST_LINES:
        lines.append(compose("… and {rest} more", rest=len(ordered) - _MOST_LINES))
    return lines


def _commands(proposals: Sequence[tuple[int, str]]) -> list[Mrkdwn]:
    return [
        compose("• {command}", command=f"list-pipeline approve {plan_id} {content_hash[:12]} --by NAME")
        for plan_id, content_hash in proposals
    ]
