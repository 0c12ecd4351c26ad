"""The evidence card in sentences for people who run campaigns.

Belongs here: one sentence for each thing that is stored of a contact. Does not belong here: their order (``card``), and how
figures and dates are written (``core.wording``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from list_pipeline.core.bounces.classes import BounceClass, DecidedBy, FailureEvent
from list_pipeline.core.erasure import KeptOff
from list_pipeline.core.evidence_card.facts import (
    ErasedPerson,
    Known,
    Mailing,
    Outcome,
    PlannedFor,
    Question,
    Record,
    Siblings,
    Suppression,
)
from list_pipeline.core.evidence_card.replay import OtherVerdict
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.plans.plan import BY_HAND, IMPORTED, ItemAction, PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.suppression.verdicts import SuppressionRule, VerdictAction
from list_pipeline.core.wording import (
    confidence_text,
    count_text,
    date_text,
    ids_text,
    instant_text,
    lists_text,
    names_text,
    share_text,
    short_name_text,
)

_PREFIXES = ("Suppressed: ", "Held: ", "Watched: ", "Kept: ", "Nothing to do: ")
_THEN: Mapping[VerdictAction | None, str] = {
    VerdictAction.SUPPRESS: "suppressed",
    VerdictAction.HOLD: "held until a mailing answers",
    VerdictAction.MONITOR: "watched, and not suppressed",
    VerdictAction.KEEP: "kept",
    None: "nothing would have been decided, and the contact stays",
}
_SETTLED = {
    DecidedBy.STATE: "Mailjet's state",
    DecidedBy.PERMANENCE_FLAG: "Mailjet's state and its permanence flag",
    DecidedBy.MESSAGE_STATUS: "how Mailjet says that the message ended",
    DecidedBy.RECEIVERS_WORDS: "the receiver's words",
}
_OUTCOMES = {
    Outcome.UNDER_WAY: "under way",
    Outcome.DONE: "done",
    Outcome.TAKEN_BACK: "taken back",
    Outcome.FAILED: "Mailjet did not change it",
    Outcome.LEFT_OUT: "left out, because it no longer applied",
}
_TURNED_DOWN = {
    PlanStatus.REJECTED: "rejected",
    PlanStatus.EXPIRED: "lapsed",
    PlanStatus.WITHDRAWN: "withdrawn with an undo",
}
_NOBODY = {None, "gate", "nobody"}


def standing_line(record: Record) -> str:
    """Why the contact is where it is."""
    known, verdict = record.known, record.verdict
    if known is None:
        return "Not known: Mailjet reported a failure of it, and we have no row of it. The next sync may bring it."
    if known.is_anonymised:
        return "Erased at Mailjet. The next sync erases it here too."
    if known.is_suppressed:
        return _suppressed(record.standing_suppression, verdict)
    if known.unreadable:
        return f"Left alone: what Mailjet shows of it cannot be read ({names_text(known.unreadable)})."
    if verdict is None:
        if record.failures:
            return "Active: its failures are known, and no maintenance judged them."
        return "Active: no failure is known." if record.mailings else "Active: it was never mailed."
    return _judged(record, verdict)


def _suppressed(standing: Suppression | None, verdict: PlannedFor | None) -> str:
    if standing is None:
        return "On the suppression list, and not by us: somebody put it there at Mailjet."
    since = f"since {instant_text(standing.suppressed_at)}"
    if verdict is not None and verdict.rule == BY_HAND:
        by = f" by {verdict.requested_by}" if verdict.requested_by else ""
        return f"Suppressed by hand {since}{by}: {_as_sentence(verdict.explanation)}"
    if verdict is not None and verdict.rule == IMPORTED:
        by = f" by {verdict.requested_by}" if verdict.requested_by else ""
        return f"Suppressed on request {since}{by}: {_as_sentence(verdict.explanation)}"
    return f"Suppressed {since}: {_as_sentence(verdict.explanation if verdict is not None else standing.explanation)}"


def _judged(record: Record, verdict: PlannedFor) -> str:
    why = _as_sentence(verdict.explanation)
    if verdict.action is not ItemAction.SUPPRESS:
        return f"{verdict.explanation}{_reached_since(record, verdict)}"
    if verdict.outcome is Outcome.TAKEN_BACK:
        last = next((one for one in reversed(record.suppressions) if one.reinstated_at is not None), None)
        by = f" by {last.reinstated_by} on {instant_text(last.reinstated_at)}" if last is not None else ""
        return f"Active again: its suppression was taken back{by}. It had been suppressed because: {why}"
    if (refusal := _refused(record, verdict)) is not None:
        return f"Kept: {refusal}. It would have been suppressed because: {why}"
    if verdict.is_held and verdict.is_waiting:
        return f"Held, and its next mailing or a person decides: {why}"
    if verdict.is_waiting:
        gate = f" The gate says of its plan: {' '.join(verdict.gate)}" if verdict.gate else ""
        return f"To be suppressed, and a person decides: {why} Until then it is mailed as before.{gate}"
    if verdict.outcome is Outcome.NOT_BEGUN and verdict.is_held:
        return f"Kept: {_ended(record, verdict)}. It had been held because: {why}{_reached_since(record, verdict)}"
    if verdict.outcome is Outcome.NOT_BEGUN:
        return f"To be suppressed, and nothing was done yet: {why}"
    return f"To be suppressed, {_OUTCOMES[verdict.outcome]}: {why}"


def _reached_since(record: Record, verdict: PlannedFor) -> str:
    """That a campaign reached the contact after what was judged; empty where none did."""
    judged, last = record.mailing(verdict.campaign_id), record.last_delivery
    if (
        judged is None
        or last is None
        or last.sent_at <= judged.sent_at
        or verdict.rule == SuppressionRule.DELIVERED_SINCE
    ):
        return ""
    return f" Since then {_named(last)} reached it, so the address works."


def _refused(record: Record, verdict: PlannedFor) -> str | None:
    """Who turned a suppression down, and when; None: nobody did."""
    for one in reversed(record.questions):
        if one.plan_id == verdict.plan_id and one.status is ReviewStatus.REJECTED:
            return f"{one.decided_by or 'a person'} rejected its suppression on {instant_text(one.decided_at)}"
    if verdict.status not in _TURNED_DOWN:
        return None
    by = verdict.withdrawn_by if verdict.status is PlanStatus.WITHDRAWN else verdict.decided_by
    words = f"the plan was {_TURNED_DOWN[verdict.status]}" if verdict.status is not PlanStatus.EXPIRED else "it lapsed"
    when = f" on {instant_text(verdict.decided_at)}" if verdict.status is PlanStatus.REJECTED else ""
    return f"{words}{f' by {by}' if by not in _NOBODY else ''}{when}"


def _ended(record: Record, verdict: PlannedFor) -> str:
    """How the question about a contact that was held ended, without a person who decided."""
    about = [one for one in record.questions if one.plan_id == verdict.plan_id and one.kind is ReviewKind.INCIDENT]
    if not about or about[-1].status is ReviewStatus.OPEN:
        return "nothing is asked about its incident any more"
    last = about[-1]
    by = f" by {last.decided_by}" if last.decided_by not in _NOBODY else ""
    how = {
        ReviewStatus.RESOLVED: "ended by itself",
        ReviewStatus.EXPIRED: "lapsed",
        ReviewStatus.WITHDRAWN: f"was withdrawn{by}",
    }.get(last.status, f"was decided{by}")
    return f"the question about its incident {how} on {instant_text(last.decided_at)}"


def mail_line(known: Known | None) -> str:
    """Whether the contact gets mail, and what keeps it from it."""
    if known is None:
        return "Whether it gets mail is not known."
    because = []
    if known.is_suppressed:
        because.append("suppressed")
    if known.is_unsubscribed:
        when = f" on {date_text(known.unsubscribed_at)}" if known.unsubscribed_at is not None else ""
        because.append(f"unsubscribed{when}")
    if (kept := known.quarantine) is not None and not known.is_suppressed:
        because.append(f"in quarantine until {instant_text(kept.until)}, because {kept.reason.words}")
    elif known.is_excluded and not known.is_suppressed:
        because.append("excluded from campaigns")
    if known.is_complaining:
        because.append("complained about spam")
    if not known.campaign_lists and not because:
        because.append("on no campaign list")
    again = f" The same address is known as contact {ids_text(known.other_ids)} too." if known.other_ids else ""
    if known.kept_off_because:
        again += f" Somebody with this address was erased. {_kept_off(known.kept_off_because)}"
    if because:
        return f"Gets no mail: {names_text(because, 4)}.{again}"
    return f"Gets mail, on {lists_text(known.campaign_lists)}.{again}"


def erased_lines(erased: ErasedPerson) -> tuple[str, ...]:
    """All that is kept of somebody who was erased."""
    said = [
        f"Erased on {instant_text(erased.erased_at)}. What was before is counted, and no longer known of this person."
    ]
    if erased.kept_off_because:
        said.append(_kept_off(erased.kept_off_because))
    return tuple(said)


def _kept_off(because: Sequence[KeptOff]) -> str:
    words = names_text([one.value.replace("_", " ") for one in because], len(KeptOff))
    return f"Never put on a campaign list again by the product: {words}."


def other_verdict_line(other: OtherVerdict) -> str:
    """One thing that would have changed the verdict."""
    return f"{other.change[:1].upper()}{other.change[1:]}: {_THEN[other.action]}."


def sibling_line(siblings: Siblings) -> str:
    """Hard bounces of others at the contact's domain or operator."""
    where = {
        GroupKind.DOMAIN: "At its domain, of all recipients",
        GroupKind.OPERATOR: f"At {siblings.operator}, of those that were reached before",
        GroupKind.POOL: "At all domains whose operator is not known, of those that were reached before",
    }[siblings.kind]
    return f"{where}: {share_text(siblings.hard, siblings.of)} bounced hard."


def delivery_lines(record: Record) -> list[str]:
    """What reached the contact."""
    if not record.mailings:
        return ["No campaign was sent to it."]
    last, reached = record.last_delivery, sum(one.was_delivered for one in record.mailings)
    if last is None:
        return ["No delivery is known.", *_summary(record), _signs(record)]
    of = count_text(len(record.mailings), "campaign")
    since = ", of those that are kept one by one," if record.summary is not None else ""
    return [f"The last one: {_named(last)}; {reached:,} of {of}{since} reached it.", *_summary(record), _signs(record)]


def _summary(record: Record) -> list[str]:
    """The mailings that are counted only."""
    found = record.summary
    if found is None:
        return []
    span = f"{date_text(found.first_sent_at)} to {date_text(found.last_sent_at)}"
    return [
        f"From {span} only counts are kept: {found.delivered:,} of {count_text(found.campaigns, 'campaign')} reached it, "
        f"{found.hard:,} bounced hard, {found.soft:,} softly, {found.other:,} failed otherwise."
    ]


def _signs(record: Record) -> str:
    """The latest open and click, or why none is known."""
    signs = record.engagement
    named = [
        f"{words} {instant_text(at)}"
        for words, at in (
            ("last open", signs.opened_at),
            ("last click", signs.clicked_at),
            ("last fetched by its mail program before anybody looked", signs.prefetched_at),
        )
        if at is not None
    ]
    if named:
        joined = "; ".join(named)
        return f"{joined[:1].upper()}{joined[1:]}."
    if record.signs_since is None:
        return "Opens and clicks are not known: Mailjet never told of any."
    return f"No open and no click since {date_text(record.signs_since)}, when the first ones were told."


def failure_lines(record: Record, *, in_full: bool) -> list[str]:
    """Every failure with the verdict on it, oldest first.

    Args:
        in_full: also what Mailjet showed, and what of the receiver's words is kept.
    """
    verdicts = {one.campaign_id: one for one in record.plans if one.kind is PlanKind.SUPPRESSION}
    return _only_told(record, in_full) + [
        f"{_named(one)}: {_failure(one.failure, in_full)} {_verdict(verdicts.get(one.campaign_id), in_full)}"
        for one in record.mailings
        if one.failure is not None
    ]


def _only_told(record: Record, in_full: bool) -> list[str]:
    """Failures that were told and are in no reading."""
    told = ((record.mailing(one.campaign_id), one.failure) for one in record.only_told)
    return [
        f"{_named(mailing)}: {_failure(failure, in_full)} {_weight(failure)}"
        for mailing, failure in told
        if mailing is not None
    ]


def _weight(failure: FailureEvent) -> str:
    """What a failure that was only told counts for."""
    if failure.bounce_class is BounceClass.COMPLAINT:
        return "Mailjet told of it, and its logs do not show it; a complaint counts all the same."
    return "Mailjet told of it, and its logs do not show it; nothing is decided on it."


def _failure(event: FailureEvent, in_full: bool) -> str:
    found = event.classification
    doubt = ", disputed" if found.is_disputed else ""
    odd = "; Mailjet's two records do not agree" if event.is_contradictory else ""
    words = f"{found.bounce_class.value.replace('_', ' ')}, {found.reason.value.replace('_', ' ')}{doubt}{odd}"
    if not in_full:
        by = " (the receiver's words say so)" if found.decided_by is DecidedBy.RECEIVERS_WORDS else ""
        return f"{words}{by}."
    state = "no state" if event.state_id is None else f"state {event.state_id}"
    permanent = {True: ", permanent", False: ", not permanent", None: ""}[event.is_permanent]
    said = f"; the receiver said: {event.server_words}" if event.server_words else ""
    return f"{words} ({state}{permanent}; settled by {_SETTLED[found.decided_by]}{said})."


def _verdict(verdict: PlannedFor | None, in_full: bool) -> str:
    if verdict is None:
        return "Not judged."
    rule = f"Rule: {verdict.rule.replace('_', ' ')}, policy {verdict.policy_version}"
    if not in_full:
        return f"{rule}."
    return f"{rule}, confidence {confidence_text(verdict.confidence, unknown='none')}. {verdict.explanation}"


def decision_lines(record: Record) -> list[str]:
    """Every plan with an intention for the contact and every question about it, as they came."""
    said = [(one.created_at, one.plan_id, _plan(one)) for one in record.plans if one.action is not ItemAction.KEEP]
    said += [(one.asked_at, one.review_id, _question(one)) for one in record.questions]
    return [words for _, _, words in sorted(said)]


def _plan(plan: PlannedFor) -> str:
    after = f" after {plan.campaign}" if plan.campaign else ""
    sweep = f" ({plan.sweep.value})" if plan.sweep else ""
    asked = f", asked for by {plan.requested_by}" if plan.requested_by else ""
    why = f": {plan.note}" if plan.note else ""
    return f"Plan {plan.plan_id} of {date_text(plan.created_at)}, {plan.kind.value}{after}{sweep}{asked}{why}. {_fate(plan)}"


def _fate(plan: PlannedFor) -> str:
    intended = _intended(plan)
    if plan.action is ItemAction.MONITOR:
        return f"{intended}."
    decided = ""
    if plan.status is PlanStatus.SUPERSEDED:
        decided = f", the plan was edited by {plan.decided_by}"
    elif plan.decided_by == "gate":
        decided = ", let through by the gate"
    elif plan.decided_by not in _NOBODY:
        decided = f", {_TURNED_DOWN.get(plan.status, 'approved')} by {plan.decided_by}"
        decided += f" {plan.decided_via.words}" if plan.decided_via is not None else ""
    elif plan.status in _TURNED_DOWN:
        decided = f", {_TURNED_DOWN[plan.status]}"
    if plan.outcome is Outcome.NOT_BEGUN:
        return f"{intended}{decided}{', waits for a person' if plan.is_waiting else ', not begun'}."
    when = f" on {instant_text(plan.done_at)}" if plan.done_at is not None else ""
    return f"{intended}{decided}, {_OUTCOMES[plan.outcome]}{when}."


def _intended(plan: PlannedFor) -> str:
    if plan.action is ItemAction.MOVE and plan.from_role and plan.to_role:
        return f"Move from {plan.from_role.label} to {plan.to_role.label}"
    if plan.action is ItemAction.ENROL and plan.to_role:
        return f"Join {plan.to_role.label}"
    if plan.action is ItemAction.REMOVE and plan.from_role:
        return f"Leave {plan.from_role.label}"
    words = {ItemAction.SUPPRESS: "Suppress", ItemAction.MONITOR: "Watch", ItemAction.RESTORE: "Put back as before"}
    words[ItemAction.QUARANTINE] = "Keep from mail for a while"
    return f"{words.get(plan.action, plan.action.value)}{' (held)' if plan.is_held else ''}"


def _question(question: Question) -> str:
    about = {"incident": "an incident", "plan": "this contact or its plan"}.get(
        question.kind.value, question.kind.value.replace("_", " ")
    )
    asked = f"Question {question.review_id} of {date_text(question.asked_at)} about {about}"
    if question.status is ReviewStatus.OPEN:
        return f"{asked}: open."
    by = f" by {question.decided_by}" if question.decided_by not in _NOBODY else ""
    why = f": {question.note}" if question.note else ""
    return f"{asked}: {question.status.value}{by} on {instant_text(question.decided_at)}{why}."


def _named(mailing: Mailing) -> str:
    return f"{date_text(mailing.sent_at)} “{short_name_text(mailing.name)}” ({mailing.key})"


def _as_sentence(explanation: str) -> str:
    """An explanation without the word that the line says already."""
    words = explanation
    for prefix in _PREFIXES:
        words = words.removeprefix(prefix)
    words = words.strip() or "no reason was kept"
    return words if words.endswith((".", "!", "?")) else f"{words}."
