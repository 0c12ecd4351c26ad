"""What a click in Slack is answered, in words for the one person who clicked.

Belongs here: those words. Does not belong here: the buttons (``buttons``), who may decide (``operations.people``), and the
decision (``operations.reviews.decisions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.messages.slack_blocks import Mrkdwn, compose, joined, whole_lines
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Approvals, Way
from list_pipeline.core.reviews.buttons import Standing, Subject
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.wording import count_text, instant_text

MOST_SHOWN = 20
"""Items of a plan that one person is shown in Slack; the pages have all."""
LONGEST_ANSWER = 2_900

_DONE = {
    PlanStatus.APPROVED: "✅ {what} was approved",
    PlanStatus.EXECUTED: "✅ {what} was approved, and is carried out",
    PlanStatus.REJECTED: "🚫 {what} was rejected",
    PlanStatus.EXPIRED: "⌛ {what} lapsed",
    PlanStatus.SUPERSEDED: "♻️ {what} was replaced by a newer one",
    PlanStatus.WITHDRAWN: "↩️ {what} was withdrawn: its maintenance was taken back",
    PlanStatus.PLANNED: "⏸️ {what} does not wait any more",
}
_CLOSED = {
    ReviewStatus.APPROVED: "✅ {what} was approved",
    ReviewStatus.REJECTED: "🚫 {what} was rejected",
    ReviewStatus.EXPIRED: "⌛ {what} lapsed",
    ReviewStatus.RESOLVED: "✔️ {what} is over",
    ReviewStatus.WITHDRAWN: "↩️ {what} was withdrawn",
}
_NOBODYS = ("", "nobody", "gate", "maintenance")


@dataclass(frozen=True, slots=True)
class ShownContact:
    """One item of a plan as people may see it: the masked address, what is intended, and the rule."""

    contact_id: int
    masked: str
    action: str
    rule: str
    waits: bool


def plan_standing(
    what: str,
    status: PlanStatus,
    by: str | None,
    at: datetime | None,
    way: Way | None,
    approvals: Approvals,
) -> Standing | None:
    """What is said of a plan in the messages that ask about it; None while nothing happened.

    Args:
        what: the plan in words. by, at, way: who decided, when (UTC) and how, as far as somebody did.
    """
    if status is PlanStatus.PENDING_REVIEW:
        return Standing(compose("☑️ {words}", words=approvals.words), False) if approvals.given else None
    people = [one.person for one in approvals.given]
    if status in (PlanStatus.APPROVED, PlanStatus.EXECUTED) and len(people) > 1:
        by = " and ".join(people)
    return Standing(_told(_DONE[status], what, by, at, way), True)


def question_standing(
    what: str, status: ReviewStatus, by: str | None, at: datetime | None, way: Way | None
) -> Standing | None:
    """What is said of a question in the messages that ask it; None while it is open."""
    if status is ReviewStatus.OPEN:
        return None
    return Standing(_told(_CLOSED[status], what, by, at, way), True)


def _told(template: str, what: str, by: str | None, at: datetime | None, way: Way | None) -> Mrkdwn:
    parts = [compose(template, what=what[:1].upper() + what[1:])]
    if by and by not in _NOBODYS:
        parts.append(compose("by *{by}*", by=by))
        if way is not None:
            parts.append(Mrkdwn(way.words))
    elif by == "nobody":
        parts.append(Mrkdwn("by itself"))
    if at is not None:
        parts.append(compose("at {at}", at=instant_text(at)))
    return Mrkdwn(f"{joined(parts, ' ')}.")


# Answers to one person


def unknown_person(user_id: str, whom: Sequence[str]) -> Mrkdwn:
    """The answer to somebody in Slack whom nobody linked to a person.

    Args:
        whom: names of those who can.
    """
    lines = [
        Mrkdwn("I do not know yet who you are here, so nothing was done."),
        compose(
            'Ask {whom} to run `list-pipeline reviewers link {user} "YOUR NAME" --by NAME`, then press again.',
            whom=" or ".join(whom[:5]) or "whoever runs list_pipeline",
            user=user_id,
        ),
    ]
    return joined(lines)


def not_allowed(name: str, whom: Sequence[str]) -> Mrkdwn:
    """The answer to a person whom LIST_REVIEWERS does not name."""
    return compose(
        "{name}, decisions are for those whom LIST_REVIEWERS names, so nothing was done. Ask {whom}.",
        name=name,
        whom=" or ".join(whom[:5]) or "one of them",
    )


def unknown_button() -> Mrkdwn:
    """The answer to a click on something that this product did not make, or not so."""
    return Mrkdwn(
        "This button carries nothing that I wrote like this, so nothing was done. If the message is new, press again in a "
        "minute; `list-pipeline reviews` lists what waits."
    )


def another_content(subject: Subject) -> Mrkdwn:
    """The answer to a click about another content than the plan has."""
    return compose(
        "{kind} {number} is not what this message shows any more, so nothing was done. Look at it again: "
        "`list-pipeline reviews`.",
        kind=subject.kind.value.capitalize(),
        number=subject.number,
    )


def over_already(standing: Standing, name: str, by: str | None) -> Mrkdwn:
    """The answer to a click on what is decided, also by the same person: who did, when and how."""
    own = " That was you." if by is not None and by.casefold() == name.casefold() else ""
    return Mrkdwn(f"{standing.words} Your click changes nothing.{own}")


def refused(happened: str, next_step: str) -> Mrkdwn:
    """The answer to a click that a rule refuses."""
    return compose("Nothing was done: {happened}. {next_step}.", happened=happened, next_step=next_step)


def unavailable() -> Mrkdwn:
    """The answer while the service behind the button cannot be reached."""
    return Mrkdwn(
        "I cannot reach the record right now, so do not count on your decision. Press again in a minute: nothing is decided "
        "twice, and this message will say what was decided."
    )


def done(standing: Standing) -> Mrkdwn:
    """The answer to whoever decided."""
    return standing.words


def plan_shown(what: str, items: Sequence[ShownContact], in_all: int, links: Sequence[Mrkdwn]) -> Mrkdwn:
    """The items of a plan for one person: ids and masked addresses, bounded, with the pages that have all.

    Args:
        items: the first of them. in_all: how many there are. links: the pages as links.
    """
    head = compose("*{what}*: {count}", what=what[:1].upper() + what[1:], count=count_text(in_all, "item"))
    lines = [
        compose(
            "{id}  {masked}  {action}  {rule}",
            id=one.contact_id,
            masked=one.masked,
            action=one.action,
            rule=f"{one.rule} (waits by itself)" if one.waits else one.rule,
        )
        for one in items[:MOST_SHOWN]
    ]
    left = in_all - len(lines)
    tail = [compose("and {left} more", left=f"{left:,}")] if left > 0 else []
    more = [joined(links, " · ")] if links else [Mrkdwn("All of them: `list-pipeline export KEY suppression`")]
    return whole_lines([head, *lines, *tail, *more], LONGEST_ANSWER)
