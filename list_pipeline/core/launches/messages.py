"""Messages about launch changes: one waits, it was decided on, and what became of it.

Does not belong here: posting (``operations.launches.telling``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose
from list_pipeline.core.wording import instant_text, short_name_text

_HASH_SHOWN = 12
_TITLES = {
    LaunchState.APPROVED: "✅ Approved",
    LaunchState.REJECTED: "🚫 Rejected",
    LaunchState.EXPIRED: "⌛ Expired",
    LaunchState.REFUSED: "✋ Not Carried Out",
    LaunchState.CONFIRMED: "📅 Done",
    LaunchState.FAILED: "Launch Change Failed",
}


@dataclass(frozen=True, slots=True)
class LaunchNews:
    """The facts of a message. Instants in UTC.

    Attributes:
        about: the campaign's key; empty: it has none yet.
        notes: what was found beside it, as sentences: validation, collisions.
        words: what became of it, as a sentence; empty while it is open.
    """

    launch_id: int
    action: LaunchAction
    draft_id: int
    about: str
    subject: str
    role: ListRole
    expected: int | None
    programmed_for: datetime | None
    wanted_at: datetime | None
    content_hash: str
    asked_by: str
    note: str
    expires_at: datetime
    notes: Sequence[str] = ()
    decided_by: str = ""
    decision_note: str = ""
    words: str = ""
    is_critical: bool = False


def what_is_asked(
    action: LaunchAction, draft_id: int, programmed_for: datetime | None, wanted_at: datetime | None
) -> str:
    """A launch change as the beginning of a sentence: ``Move draft 12 from ... to ...``."""
    match action:
        case LaunchAction.SCHEDULE:
            return f"Schedule draft {draft_id} for {instant_text(wanted_at)}"
        case LaunchAction.MOVE:
            return f"Move draft {draft_id} from {instant_text(programmed_for)} to {instant_text(wanted_at)}"
        case LaunchAction.CANCEL:
            return f"Cancel the schedule of draft {draft_id} for {instant_text(programmed_for)}"
        case LaunchAction.SEND:
            return f"Send draft {draft_id} now"


def waiting_message(news: LaunchNews, links: Sequence[Mrkdwn] = ()) -> SlackMessage:
    """The message that a launch change waits for a reviewer."""
    expected = "not known" if news.expected is None else f"{news.expected:,}"
    lines = [
        compose("{what}.", what=_what(news)),
        compose("Asked by {by}: “{note}”", by=news.asked_by, note=news.note),
        *[compose("{note}", note=note) for note in news.notes],
    ]
    return alert(
        "📮 A Launch Change Waits",
        lines,
        facts=[
            ("Subject", short_name_text(news.subject)),
            ("List", news.role.label),
            ("Recipients expected", expected),
            ("Expires", instant_text(news.expires_at)),
        ],
        what_to_do=[
            compose(
                "`list-pipeline launch approve {number} {hash} --by NAME`, or reject it",
                number=news.launch_id,
                hash=news.content_hash[:_HASH_SHOWN],
            )
        ],
        about=news.about,
        small_print=links,
    )


def ended_message(news: LaunchNews, state: LaunchState, links: Sequence[Mrkdwn] = ()) -> SlackMessage:
    """The message that a launch change was decided on, or what became of it."""
    lines = [compose("{what}: launch change {number}.", what=_what(news), number=news.launch_id)]
    if state in (LaunchState.APPROVED, LaunchState.REJECTED):
        did = "approved" if state is LaunchState.APPROVED else "rejected"
        lines.append(compose("{by} {did} it. {note}", by=news.decided_by, did=did, note=news.decision_note))
    if state is LaunchState.EXPIRED:
        lines.append(compose("It was not carried out in time. Nothing was changed: ask again if it is still meant."))
    if news.words:
        lines.append(compose("{words}", words=news.words))
    title, level = _TITLES[state], None
    if state is LaunchState.FAILED:
        level = AlertLevel.CRITICAL if news.is_critical else AlertLevel.WARNING
    else:
        title = f"{title}: Launch Change"
    to_do = []
    if level is AlertLevel.CRITICAL:
        to_do = [compose("Look at draft {draft} at Mailjet now.", draft=news.draft_id)]
    return alert(title, lines, level=level, what_to_do=to_do, about=news.about, small_print=links)


def _what(news: LaunchNews) -> str:
    return what_is_asked(news.action, news.draft_id, news.programmed_for, news.wanted_at)
