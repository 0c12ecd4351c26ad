"""Messages about decisions: what a person is asked for and how to answer, what was decided, what lapsed, what was done late.

Belongs here: what these messages say. Does not belong here: Slack's limits (``core.messages.slack_blocks``), and when
they are sent (``operations.reviews.announcements``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Block, Mrkdwn, SlackMessage, compose, mention, section
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.approvals import Approvals, Way
from list_pipeline.core.reviews.buttons import (
    MOST_QUESTIONS,
    Page,
    Subject,
    SubjectKind,
    decision_buttons,
    waiting_section,
)
from list_pipeline.core.reviews.deadlines import PlanTime, Reminder
from list_pipeline.core.reviews.policy import REVIEWS
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.wording import WAIT, count_text, instant_text

_WORDS = {
    PlanKind.SUPPRESSION: "suppression plan",
    PlanKind.REBALANCING: "rebalancing plan",
    PlanKind.UNDO: "undo",
    PlanKind.REDO: "redo",
    PlanKind.ROLLBACK: "rollback",
    PlanKind.MANUAL: "change by hand",
    PlanKind.REPAIR: "repair",
    PlanKind.IMPORT: "import",
    PlanKind.QUARANTINE: "quarantine",
    PlanKind.RELEASE: "release from quarantine",
    PlanKind.SPLIT: "division of a new audience",
}
_HASH_SHOWN = 12
_YOUR_DECISION = Mrkdwn("*Your decision*")


def plan_words(kind: PlanKind, plan_id: int) -> str:
    """A plan as it is called within a sentence."""
    return f"{_WORDS[kind]} {plan_id}"


@dataclass(frozen=True, slots=True)
class PlanDecision:
    """A plan on which somebody decided, or nobody did. ``about``: key of its campaign, empty for a repair.

    ``by``: a person's name, or "nobody". ``contacts``: how many it would change. ``why``: why it lapsed, as a sentence, where
    that is not for the lack of an answer. ``way``: how whoever decided came, None where that is not known. ``stopped``: why
    nothing is changed now, as a sentence's end; empty: it is carried out next.
    """

    plan_id: int
    kind: PlanKind
    status: PlanStatus
    about: str
    by: str
    note: str
    contacts: int
    why: str = ""
    way: Way | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that a person has to decide on. ``contacts``: how many it would change. ``lapses_early``: before the usual hours
    are over, because of a send; in words, empty where it does not. ``pages``: where it can be looked at and decided, as far as
    their addresses are set. ``approvals``: how many people have to approve it and who did, in words; empty where one is enough.
    """

    plan_id: int
    kind: PlanKind
    content_hash: str
    contacts: int
    lapses_early: str = ""
    pages: tuple[Page, ...] = ()
    approvals: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """Open questions about single contacts, and how many contacts they are about: one question may be about a whole group.

    ``incidents``: those of them about an incident, which the next mailings answer.
    """

    count: int = 0
    contacts: int = 0
    incidents: int = 0


@dataclass(frozen=True, slots=True)
class SingleQuestion:
    """An open question about single contacts that is decided by itself. ``content_hash``: of its plan."""

    review_id: int
    content_hash: str
    summary: str


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


def approval_message(
    kind: PlanKind, plan_id: int, content_hash: str, about: str, approvals: Approvals, links: Sequence[Mrkdwn] = ()
) -> SlackMessage:
    """The message about a plan that one person approved and another one has to approve as well."""
    last = approvals.given[-1]
    lines = [
        compose(
            "{by} approved {what}. It is over the cap, so one is not enough.",
            by=last.person,
            what=_by_way(f"{_WORDS[kind]} {plan_id}", last.way),
        ),
        compose("{words}", words=approvals.words),
    ]
    return alert(
        f"☑️ One Approval of {approvals.needed}: {_WORDS[kind]} {plan_id}",
        lines,
        what_to_do=[
            compose("`list-pipeline approve {plan} {hash} --by NAME`", plan=plan_id, hash=content_hash[:_HASH_SHOWN])
        ],
        about=about,
        small_print=links,
    )


def gate_message(
    kind: PlanKind,
    plan_id: int,
    content_hash: str,
    about: str,
    words: Sequence[str],
    *,
    waits: bool,
    asked: str = "",
) -> SlackMessage:
    """The alert about a plan that a gate did not let through, for a reason that somebody should look at soon.

    Args:
        words: of each check that did not pass. waits: it can be decided; else lists may not be changed now.
        asked: who asked for what and why, as a sentence; empty: nobody did.
    """
    what = f"{_WORDS[kind]} {plan_id}"
    to_do = (
        [
            compose(
                "Look at the ranges, the lists and the days before you decide."
                if kind is PlanKind.SPLIT
                else "Look for one cause before you decide: `list-pipeline reviews`, and the plan's rows in the UI."
            ),
            compose("`list-pipeline approve {plan} {hash} --by NAME`", plan=plan_id, hash=content_hash[:_HASH_SHOWN]),
            compose("`list-pipeline reject {plan} --by NAME`", plan=plan_id),
        ]
        if waits
        else [compose("Lists may not be changed now. Look for one cause before they may.")]
    )
    return alert(
        f"{what[:1].upper()}{what[1:]} {'Waits for a Person' if waits else 'Is Not Carried Out'}",
        [compose("{words}", words=one) for one in (asked, *words) if one],
        level=AlertLevel.WARNING,
        what_to_do=to_do,
        about=about,
    )


def reminder_message(
    kind: PlanKind,
    plan_id: int,
    content_hash: str,
    about: str,
    contacts: int,
    time: PlanTime,
    why: Reminder,
    links: Sequence[Mrkdwn] = (),
    approvals: str = "",
    called_in: str = "",
) -> SlackMessage:
    """The reminder of a plan that still waits.

    Args:
        contacts: how many it would change. approvals: who approved it so far, as a sentence, where more than one has to.
        called_in: Slack's id of the user or group who is called in, because half the time is over; empty: nobody.
    """
    lines = [
        compose(
            "{changes} of {what} {plan} still wait since {since}.",
            changes=_changes(contacts),
            what=_WORDS[kind],
            plan=plan_id,
            since=instant_text(time.asked_at),
        )
    ]
    if why is Reminder.BEFORE_SEND and time.next_send is not None:
        send = time.next_send
        lines.append(
            compose(
                "{key} is sent to {label} at {at}; nothing of the list is prepared for it without a decision before {until}.",
                key=send.key,
                label=send.role.label,
                at=instant_text(send.at),
                until=instant_text(send.still_from),
            )
        )
    if approvals:
        lines.append(compose("{approvals}", approvals=approvals))
    lines.append(compose("Without an answer it lapses at {at}.", at=instant_text(time.lapses_at)))
    if called_in:
        lines.append(Mrkdwn(f"{mention(called_in)}: nobody decided so far. Please do, or find somebody who does."))
    return alert(
        "A Plan Waits, and a Send Is Near" if why is Reminder.BEFORE_SEND else "A Plan Waits: Half Its Time Is Over",
        lines,
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("`list-pipeline approve {plan} {hash} --by NAME`", plan=plan_id, hash=content_hash[:_HASH_SHOWN]),
            compose("`list-pipeline reject {plan} --by NAME`", plan=plan_id),
        ],
        about=about,
        small_print=links,
    )


def finding_closed_message(review_id: int, summary: str, by: str, note: str) -> SlackMessage:
    """The message about a finding that a person closed."""
    lines = [
        compose("{by} closed question {review}: {note}", by=by, review=review_id, note=note),
        compose("It was: {summary}", summary=summary),
    ]
    return alert("🗂️ Finding Closed", lines)


def ended_message(review_id: int, summary: str, why: str) -> SlackMessage:
    """The message about a question that is over by itself. ``why``: as the end of a sentence."""
    lines = [
        compose("Question {review} is closed by itself: {why}.", review=review_id, why=why),
        compose("It was: {summary}", summary=summary),
    ]
    return alert("✔️ Over by Itself", lines)


def mode_message(mode: Mode | None, now: Mode, by: str, note: str | None) -> SlackMessage:
    """The message about a mode that a person set.

    Args:
        mode: what was set; None: given back to the setting and the graduation. now: what is in force after that.
    """
    title = "🛑 List changes are stopped" if now is Mode.READ_ONLY else f"⚙️ Mode: {_mode_words(now)}"
    lines = [
        compose("{by} set the mode to {mode}.", by=by, mode=_mode_words(mode))
        if mode is not None
        else compose("{by} gave the mode back to the setting and the graduation.", by=by)
    ]
    if mode is not now and mode is not None:
        lines.append(compose("In force is {now}: a setting or a stop says so.", now=_mode_words(now)))
    if note:
        lines.append(compose("Note: {note}", note=note))
    return alert(title, lines)


def _mode_words(mode: Mode) -> str:
    return mode.value.replace("_", " ")


def _approved(decision: PlanDecision) -> list[Mrkdwn]:
    return [
        compose(
            "{by} approved {changes}{next_}",
            by=decision.by,
            changes=_by_way(_changes(decision.contacts), decision.way),
            next_=", to be carried out next and reported here."
            if not decision.stopped
            else f". Nothing is changed now: {decision.stopped}. It is carried out once that is over.",
        )
    ]


def _by_way(did: str, way: Way | None) -> str:
    return f"{did} {way.words}" if way is not None else did


def _lapsed(decision: PlanDecision) -> list[Mrkdwn]:
    if decision.why:
        return [compose("{why}", why=decision.why)]
    if decision.by == "nobody":
        return [compose("Nobody decided on it in time.")]
    return [compose("{by} {did}.", by=decision.by, did=_by_way("let it lapse", decision.way))]


def _turned_down(decision: PlanDecision) -> list[Mrkdwn]:
    """The consequence of a plan of which nothing is done."""
    by = (
        []
        if decision.status is PlanStatus.EXPIRED
        else [compose("{by} {did}.", by=decision.by, did=_by_way("rejected it", decision.way))]
    )
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


def review_block(
    waiting: Sequence[WaitingPlan],
    questions: Questions,
    expiry_hours: int,
    failed: Questions = Questions(),
    single: Sequence[SingleQuestion] = (),
    *,
    is_heard: bool = False,
) -> list[Block]:
    """The decisions that a person has to make, with buttons and the commands to copy; empty when there are none.

    Args:
        questions: open questions about single contacts.
        expiry_hours: hours until what nobody answers lapses.
        failed: open questions about contacts that could not be changed, which do not lapse.
        single: the open questions themselves; where they are few, each has buttons.
        is_heard: somebody listens for clicks; else there are only links.
    """
    lapses = compose("Without an answer it lapses after {hours} hours, nothing done.", hours=expiry_hours)
    blocks: list[Block] = []
    for plan in waiting:
        early = [compose("{early}", early=plan.lapses_early)] if plan.lapses_early else []
        subject = Subject(SubjectKind.PLAN, plan.plan_id, plan.content_hash)
        blocks.append(waiting_section(subject, [_YOUR_DECISION, *_commands(plan), lapses, *early]))
        blocks += decision_buttons(subject, plan.pages, is_heard=is_heard)
    lines = []
    if questions.count:
        lines.append(_listed("{n} about {contacts}: `list-pipeline reviews` lists {them}.", questions))
        lines += _ends_of(questions, expiry_hours)
    if failed.count:
        words = (
            "{n} about {contacts} that could not be changed: `list-pipeline reviews` lists {them}. Approving tries again. "
            "This does not lapse, because the lists stay wrong until somebody decides."
        )
        lines.append(_listed(words, failed))
    if lines:
        blocks.append(section([_YOUR_DECISION, *lines]))
    if is_heard and len(single) <= MOST_QUESTIONS:
        for one in single:
            subject = Subject(SubjectKind.QUESTION, one.review_id, one.content_hash)
            said = compose("Question {review}: {summary}", review=one.review_id, summary=one.summary)
            blocks += [waiting_section(subject, [said]), *decision_buttons(subject)]
    return blocks


def _ends_of(questions: Questions, expiry_hours: int) -> list[Mrkdwn]:
    """When questions that nobody answers are over: one about an incident is answered by mailings, any other lapses."""
    lines = []
    if questions.incidents:
        days = REVIEWS.incident_expires_after.days
        lines.append(
            compose(
                "What is held because of an incident ends by the next mailings, at the latest after {days} days.",
                days=days,
            )
        )
    if in_doubt := questions.count - questions.incidents:
        words = "Without an answer {it} after {hours} hours, nothing done."
        it = "the rest lapses" if questions.incidents else "it lapses" if in_doubt == 1 else "they lapse"
        lines.append(compose(words, it=it, hours=expiry_hours))
    return lines


def _listed(words: str, questions: Questions) -> Mrkdwn:
    many = questions.count > 1
    return compose(
        words,
        n=f"{questions.count:,} questions" if many else "One question",
        contacts=count_text(questions.contacts, "contact"),
        them="them" if many else "it",
    )


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
        *([compose("{words}", words=plan.approvals)] if plan.approvals else []),
    ]


def _changes(count: int) -> str:
    return "one change" if count == 1 else f"{count:,} changes"
