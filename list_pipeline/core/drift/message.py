"""The alert about drift: from findings to the Slack message. Contact ids only, never an address.

Belongs here: what the message says. Does not belong here: what counts as an alert (``core.drift.findings``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from list_pipeline.core.campaigns.odd_sends import OddSend
from list_pipeline.core.campaigns.odd_sends import what_to_do as to_do_about
from list_pipeline.core.drift.findings import DriftKind, Finding
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose, untrusted
from list_pipeline.core.wording import count_text

_SHOWN_LINES = 3
"""Findings that the message shows; more of them stand in its thread."""
_MOST_LINES = 30


def drift_message(
    findings: Sequence[Finding], proposals: Sequence[tuple[int, str]], stopped_because: str | None
) -> SlackMessage:
    """The message about what one reconciliation found and did not tell before.

    Args:
        findings: those that people are to know of.
        proposals: number and content hash of each plan that now waits.
        stopped_because: why no list is changed until a person accepts, or None.
    """
    counts = Counter(finding.kind for finding in findings)
    what_happened = [compose("{why}", why=stopped_because)] if stopped_because else []
    if findings:
        words = "; ".join(f"{counts[kind]:,} {kind.words}" for kind in DriftKind if counts[kind])
        what_happened.append(untrusted(f"{words}.", 1_000))
    what_to_do = _commands(proposals)
    if stopped_because:
        accept = "list-pipeline reconcile --accept --by NAME"
        what_to_do.insert(0, compose("Look at the findings, then accept: `{command}`", command=accept))
    return alert(
        "Changes Are Stopped: Mailjet Shows Work That the Journal Does Not Know"
        if stopped_because
        else "Drift Between Mailjet and the Database",
        what_happened or [compose("Proposed repairs wait for a decision.")],
        level=AlertLevel.CRITICAL if stopped_because else AlertLevel.WARNING,
        details=[compose("*Contacts*"), *_lines(findings, _SHOWN_LINES)] if findings else (),
        below=_lines(findings, _MOST_LINES) if len(findings) > _SHOWN_LINES else (),
        what_to_do=what_to_do,
        small_print=[compose("Nothing was changed at Mailjet. Our rows follow what Mailjet shows.")],
    )


def _lines(findings: Sequence[Finding], most: int) -> list[Mrkdwn]:
    ordered = sorted(findings, key=lambda one: (not one.kind.is_alert, one.kind, one.contact_id))
    lines = [
        compose("• Contact {contact}: {words}", contact=one.contact_id, words=one.explanation) for one in ordered[:most]
    ]
    if len(ordered) > most:
        lines.append(compose("… and {rest} more", rest=len(ordered) - most))
    return lines


def _commands(proposals: Sequence[tuple[int, str]]) -> list[Mrkdwn]:
    lines = [
        compose("• `{command}`", command=f"list-pipeline approve {plan_id} {content_hash[:12]} --by NAME")
        for plan_id, content_hash in proposals
    ]
    return [compose("Proposed repairs, waiting for a decision:"), *lines] if lines else []


def round_doubt_message(campaign_key: str, finding: str) -> SlackMessage:
    """The question what a send is that fits no cycle, as the finding in the review queue puts it."""
    return alert(
        "A Send Fits No Cycle: Nobody Moves Until You Say What It Is",
        [compose("{finding}.", finding=finding.rstrip("."))],
        level=AlertLevel.WARNING,
        about=campaign_key,
    )


_ODD_SENDS = {
    OddSend.BLOCKED_SENT: ("A Blocked Campaign Is Being Sent", AlertLevel.CRITICAL),
    OddSend.NOT_STARTED: ("A Scheduled Campaign Did Not Start", AlertLevel.CRITICAL),
    OddSend.STARTED_EARLY: ("A Campaign Started Before Its Time", AlertLevel.CRITICAL),
    OddSend.OTHER_LIST: ("A Campaign Went to Another List Than Scheduled", AlertLevel.CRITICAL),
    OddSend.TAKEN_BACK: ("A Campaign Was Taken Off the Schedule", AlertLevel.WARNING),
    OddSend.RESCHEDULED: ("A Campaign Was Scheduled Anew", AlertLevel.WARNING),
    OddSend.RECIPIENTS_OFF: ("A Campaign Reached Another Number of Contacts Than Expected", AlertLevel.CRITICAL),
}


def odd_send_message(kind: OddSend, campaign_key: str, finding: str) -> SlackMessage:
    """What is odd about a send, as the finding in the review queue says it, and what can be done."""
    headline, level = _ODD_SENDS[kind]
    return alert(
        headline,
        # Of a name of 80 characters each may be five once it is escaped; what follows it must stay.
        [untrusted(f"{finding.rstrip('.')}.", 800)],
        level=level,
        what_to_do=[untrusted(step, 500) for step in to_do_about(kind)],
        about=campaign_key,
    )


def missing_round_message(campaign_key: str, finding: str) -> SlackMessage:
    """What a round that does not come holds up, and the two ways out."""
    return alert(
        "A Round Is Missing: Moves and Enrolments Wait for It",
        [compose("{finding}.", finding=finding.rstrip("."))],
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("If it is still to come, send or schedule it: the cycle goes on."),
            compose(
                "If not, `list-pipeline close-cycle` closes the cycle; who did not get it is counted as missed by decision."
            ),
        ],
        about=campaign_key,
    )


def cycle_ended_message(campaign_key: str, finding: str) -> SlackMessage:
    """What happened to a cycle that was not sent whole, or whose rounds came out of order."""
    return alert(
        "A Cycle Ended Otherwise Than Planned",
        [compose("{finding}.", finding=finding[:1].upper() + finding[1:].rstrip("."))],
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("If a send was put into the wrong cycle: `list-pipeline cycles`, then `list-pipeline round`.")
        ],
        about=campaign_key,
    )


COUNT_NOT_EXACT = "The count is not exact: somebody got a round of whom it cannot be told who it was"


def cycle_closed_message(
    number: int, missing: str, missed: int, by: str, note: str, *, is_exact: bool = True
) -> SlackMessage:
    """The message about a cycle that a person closed. ``missing``: its lists in words; ``missed``: who did not get it, and
    whether that is exact."""
    lines = [
        compose("{by} closed cycle {number} without the round to {missing}.", by=by, number=number, missing=missing),
        compose(
            "{missed} did not get it and count as missed by decision. Moves and enrolments go on with the next maintenance.",
            missed=count_text(missed, "contact"),
        ),
        compose("Note: {note}", note=note),
        compose("To take it back before the next send: `{command}`", command="list-pipeline close-cycle --reopen"),
    ]
    if not is_exact:
        lines.insert(2, compose("{words}.", words=COUNT_NOT_EXACT))
    return alert("🔚 Cycle Closed", lines)


def cycle_reopened_message(number: int, missing: str, twice: int, by: str, note: str) -> SlackMessage:
    """The message about a cycle that a person opened again. ``twice``: who stands on the missing lists and got it already."""
    lines = [
        compose("{by} opened cycle {number} again: it waits for {missing}.", by=by, number=number, missing=missing),
        compose("Note: {note}", note=note),
    ]
    if twice:
        lines.append(
            compose(
                "{twice} there got it already and would get it twice: the validation blocks the send until they are moved.",
                twice=count_text(twice, "contact"),
            )
        )
    return alert("↩️ Cycle Opened Again", lines)


def mailed_twice_message(campaign_key: str, finding: str) -> SlackMessage:
    """What happened, and what can still be done about it.

    Args:
        finding: how many contacts, and which, as the finding in the review queue says it.
    """
    return alert(
        "Contacts Got the Same Mailing Twice",
        [compose("{finding}.", finding=finding.rstrip("."))],
        level=AlertLevel.CRITICAL,
        what_to_do=[
            compose("It cannot be taken back."),
            compose(
                "See with `list-pipeline reconcile` whether they stand on two lists, before the next round is sent."
            ),
        ],
        about=campaign_key,
    )
