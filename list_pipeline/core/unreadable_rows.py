"""Rows of Mailjet's answers that cannot be read, in words: which, what is wrong with them, and what is done about it.

Belongs here: the sentences. Does not belong here: what makes a row unreadable (the client). No sentence holds a value of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.observations import RowKind, UnreadableRow
from list_pipeline.core.wording import count_text

_MOST = 5

_WHAT = {
    RowKind.CONTACT_LIST: "list",
    RowKind.CONTACT: "contact",
    RowKind.RECIPIENT: "entry of a list",
    RowKind.CAMPAIGN: "campaign",
    RowKind.DRAFT: "draft",
    RowKind.BOUNCE: "row of the bounce log",
    RowKind.MESSAGE: "message",
}


def row_words(row: UnreadableRow) -> str:
    """One row and what is wrong with it: ``contact 124: Email is with control characters or spaces``."""
    named = f" {row.row_id}" if row.row_id > 0 else " without an id that can be read"
    about = ""
    if row.kind is not RowKind.CONTACT and row.contact_id is not None:
        about = f" of contact {row.contact_id}"
    elif row.kind in (RowKind.BOUNCE, RowKind.MESSAGE) and row.mailjet_campaign_id is not None:
        about = f" of Mailjet campaign {row.mailjet_campaign_id}"
    return f"{_WHAT[row.kind]}{named}{about}: {row.problem}"


def consequence_words(rows: Sequence[UnreadableRow]) -> str:
    """What is done, and left alone, while rows cannot be read."""
    sentences = ["Everything else goes on"]
    if any(row.kind is RowKind.CONTACT or (row.kind is RowKind.RECIPIENT and row.contact_id) for row in rows):
        sentences.append("these contacts stay where they are and are neither moved, enrolled nor suppressed")
    if any(row.kind is RowKind.RECIPIENT and row.contact_id is None for row in rows):
        sentences.append(
            "where an entry does not say whose it is, nobody can be seen to leave, so nobody is moved from or to that list "
            "or enrolled out of it"
        )
    if any(row.kind in (RowKind.BOUNCE, RowKind.MESSAGE) for row in rows):
        sentences.append("what such a row of a log says counts for nobody")
    if any(row.holds_moves for row in rows):
        sentences.append("nobody moves between lists until it is known what was sent to whom")
    return "; ".join(sentences)


def finding_words(rows: Sequence[UnreadableRow]) -> str:
    """The finding about rows that could be read until now, or were not there."""
    shown = "; ".join(row_words(row) for row in rows[:_MOST])
    rest = f"; and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
    no_round = " Where a send or draft is no round of a cycle: `list-pipeline unreadable --not-a-round NUMBER`"
    return (
        f"{count_text(len(rows), 'row')} of Mailjet cannot be read: {shown}{rest}. {consequence_words(rows)}. "
        "Mend it at Mailjet; the next sync takes it back by itself. All of them: `list-pipeline unreadable`."
        + (no_round if any(row.holds_moves for row in rows) else "")
    ).rstrip(".")


def unreadable_message(rows: Sequence[UnreadableRow]) -> SlackMessage:
    """The alert about everything that cannot be read now."""
    lines = [compose("• {words}", words=row_words(row)) for row in rows[:_MOST]]
    if len(rows) > _MOST:
        lines.append(compose("… and {rest} more", rest=len(rows) - _MOST))
    is_waited_for = any(row.holds_moves for row in rows)
    return alert(
        "Rows at Mailjet Cannot Be Read",
        [compose("{words}.", words=consequence_words(rows))],
        level=AlertLevel.WARNING,
        details=[compose("*Rows*"), *lines],
        what_to_do=[
            compose("Mend them at Mailjet. The next sync takes them back by itself."),
            compose("All of them: `{command}`", command="list-pipeline unreadable"),
            *([compose("What is no round of a cycle: `{command}`", command=_NO_ROUND)] if is_waited_for else []),
        ],
    )


_NO_ROUND = "list-pipeline unreadable --not-a-round NUMBER --by NAME --note WHY"


def until_sent_words() -> str:
    """Until when a send that is no round, and cannot be read, still keeps everybody where they are."""
    hours = CAMPAIGNS.sending_takes // timedelta(hours=1)
    return (
        "Nobody moves while it may still be being sent: until Mailjet shows its end, "
        f"or {hours} hours after it began, or was seen first"
    )


def ruling_message(
    row: UnreadableRow, *, is_no_round: bool, holds_moves: bool, number: int, by: str, note: str
) -> SlackMessage:
    """The message about what a person said of a send or a draft that cannot be read.

    Args:
        is_no_round: that it is none, else that it may be one after all. holds_moves: nobody moves because of it, still or
            again. number: the row's, as the command names it.
    """
    if not is_no_round:
        lines = [compose("{by} takes back that it is no round: nobody moves between lists while it may be one.", by=by)]
    else:
        follows = f"{until_sent_words()}." if holds_moves else "Moves and enrolments that waited for it go on."
        lines = [
            compose("{by} says that it is no round of a cycle. {follows}", by=by, follows=follows),
            compose("When it can be read, it counts as an extra mailing."),
        ]
    lines += [compose("• {words}", words=row_words(row)), compose("Note: {note}", note=note)]
    if is_no_round:
        back = f"list-pipeline unreadable --may-be-a-round {number} --by NAME --note WHY"
        lines.append(compose("To take it back: `{command}`", command=back))
    return alert("A Send That Cannot Be Read Was Ruled On", lines)
