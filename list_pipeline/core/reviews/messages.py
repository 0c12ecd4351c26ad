"""Messages about decisions: what a person is asked for and how to answer, what was decided, what lapsed, what was done late.

Belongs here: what these messages say. Does not belong here: Slack's limits (``core.messages.slack_blocks``), and when
they are sent (``operations.reviews.announcements``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from list_pipeline.core.messages.alert import alert
from list_pipeline.core.messages.slack_blocks import Block, Mrkdwn, SlackMessage, compose, section
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.wording import WAIT

_WORDS = {
    PlanKind.SUPPRESSION: "suppression plan",
    PlanKind.REBALANCING: "rebalancing plan",
    PlanKind.UNDO: "undo",
    PlanKind.REDO: "redo",
    PlanKind.ROLLBACK: "rollback",
    PlanKind.MANUAL: "change by hand",
    PlanKind.REPAIR: "repair",
}
_HASH_SHOWN = 12


@dataclass(frozen=True, slots=True)
class PlanDecision:
    """A plan on which somebody decided, or nobody did. ``about``: key of its campaign, empty for a repair.

    ``by``: a person's name, or "nobody". ``contacts``: how many it would change.
    """

    plan_id: int
    kind: PlanKind
    status: PlanStatus
    about: str
    by: str
    note: str
    contacts: int


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that a person has to decide on. ``contacts``: how many it would change."""

    plan_id: int
    kind: PlanKind
    content_hash: str
    contacts: int


@dataclass(frozen=True, slots=True)
class LateExecution:
    """Contacts that people approved one by one, carried out after their plan. Counts of this plan's changes so far."""

    plan_id: int
    kind: PlanKind
    about: str
    questions: int
    confirmed: int
    failed: int


def decision_message(decision: PlanDecision, links: Sequence[Mrkdwn] = ()) -> SlackMessage:
    """The message about a plan that was approved, rejected, or lapsed."""
    what = f"{_WORDS[decision.kind]} {decision.plan_id}"
    if decision.status is PlanStatus.APPROVED:
        title, lines = f"✅ Approved: {what}", _approved(decision)
    elif decision.status is PlanStatus.REJECTED:
        title, lines = f"🚫 Rejected: {what}", _turned_down(decision)
    else:
        title = f"⌛ Expired: {what}"
        lines = [*_lapsed(decision), *_turned_down(decision)]
    if decision.note:
        lines.append(compose("Note: {note}", note=decision.note))
    return alert(title, lines, about=decision.about, small_print=links)


def mode_message(mode: Mode | None, now: Mode, by: str, note: str | None) -> SlackMessage:
    """The message about a mode that a person set.

    Args:
        mode: what was set; None: given back to the setting and the graduation. now: what is in force after that.
    """
    title = "🛑 List changes are stopped" if now is Mode.READ_ONLY else f"⚙️ Mode: {now.value}"
    lines = [
        compose("{by} set the mode to {mode}.", by=by, mode=mode.value)
        if mode is not None
        else compose("{by} gave the mode back to the setting and the graduation.", by=by)
    ]
    if mode is not now and mode is not None:
        lines.append(compose("In force is {now}: a setting or a stop says so.", now=now.value))
    if note:
        lines.append(compose("Note: {note}", note=note))
    return alert(title, lines)


def _approved(decision: PlanDecision) -> list[Mrkdwn]:
    return [
        compose(
            "{by} approved {changes}, to be carried out next and reported here.",
            by=decision.by,
            changes=_changes(decision.contacts),
        )
    ]


def _lapsed(decision: PlanDecision) -> list[Mrkdwn]:
    if decision.by == "nobody":
        return [compose("Nobody decided on it in time.")]
    return [compose("{by} let it lapse.", by=decision.by)]


def _turned_down(decision: PlanDecision) -> list[Mrkdwn]:
    """The consequence of a plan of which nothing is done."""
    by = [] if decision.status is PlanStatus.EXPIRED else [compose("{by} rejected it.", by=decision.by)]
    nothing = compose("Nothing of it is done: {changes} left out.", changes=_changes(decision.contacts))
    if decision.kind is PlanKind.SUPPRESSION and decision.status is PlanStatus.EXPIRED:
        after = compose("Its contacts stay on their lists and are judged anew by the next look at this campaign.")
    elif decision.kind is PlanKind.SUPPRESSION:
        after = compose("Its contacts stay on their lists, also in later looks at this campaign.")
    elif decision.kind is PlanKind.REBALANCING:
        after = compose("The lists stay as they are; the next campaign's rebalancing evens them.")
    else:
        after = compose("The lists stay as they are.")
    return [*by, nothing, after]


def questions_message(about: str, questions: int, links: Sequence[Mrkdwn] = ()) -> SlackMessage:
    """The message about single contacts on whom nobody decided in time."""
    lines = [
        compose("Nobody decided in time. Questions about single contacts: {count}.", count=f"{questions:,}"),
        compose("These contacts stay on their lists and are judged anew by the next look at this campaign."),
    ]
    return alert("⌛ Expired: questions about single contacts", lines, about=about, small_print=links)


def late_message(done: LateExecution, links: Sequence[Mrkdwn] = ()) -> SlackMessage:
    """The message about approved contacts that were carried out after their plan."""
    lines = [
        compose(
            "What was approved is done: {questions} of {what} {plan}.",
            questions=f"{done.questions:,} questions" if done.questions != 1 else "one question",
            what=_WORDS[done.kind],
            plan=done.plan_id,
        ),
        compose("Confirmed at Mailjet so far, of the whole plan: *{changes}*.", changes=_changes(done.confirmed)),
    ]
    if done.failed:
        lines.append(
            compose("{n} failed and {wait}: `list-pipeline reviews` lists them.", n=f"{done.failed:,}", wait=WAIT)
        )
    return alert("▶️ Approved contacts were changed", lines, about=done.about, small_print=links)


def review_block(waiting: Sequence[WaitingPlan], questions: int, expiry_hours: int, failed: int = 0) -> list[Block]:
    """The decisions that a person has to make, with the commands to copy; empty when there are none.

    Args:
        questions: open questions about single contacts.
        expiry_hours: hours until what nobody answers lapses.
        failed: open questions about contacts that could not be changed, which do not lapse.
    """
    lines = [line for plan in waiting for line in _commands(plan)]
    if questions:
        lines.append(_listed("{n} about single contacts: `list-pipeline reviews` lists {them}.", questions))
    if lines:
        lines.append(
            compose("Without an answer it lapses after {hours} hours, and nothing of it is done.", hours=expiry_hours)
        )
    if failed:
        words = (
            "{n} about contacts that could not be changed: `list-pipeline reviews` lists {them}. Approving tries again. "
            "This does not lapse, because the lists stay wrong until somebody decides."
        )
        lines.append(_listed(words, failed))
    return [section([Mrkdwn("*Your decision*"), *lines])] if lines else []


def _listed(words: str, questions: int) -> Mrkdwn:
    many = questions > 1
    return compose(words, n=f"{questions:,} questions" if many else "One question", them="them" if many else "it")


def _commands(plan: WaitingPlan) -> list[Mrkdwn]:
    shown = plan.content_hash[:_HASH_SHOWN]
    return [
        compose(
            "{what} {plan}, {changes}:",
            what=_WORDS[plan.kind].capitalize(),
            plan=plan.plan_id,
            changes=_changes(plan.contacts),
        ),
        compose("`list-pipeline approve {plan} {hash} --by NAME`", plan=plan.plan_id, hash=shown),
        compose("`list-pipeline reject {plan} --by NAME`", plan=plan.plan_id),
    ]


def _changes(count: int) -> str:
    return "one change" if count == 1 else f"{count:,} changes"
