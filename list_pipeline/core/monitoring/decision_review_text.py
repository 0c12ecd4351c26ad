"""A day's review in sentences for people: at most seven, each with its figures. The figures are ``decision_review``'s."""

from __future__ import annotations

from list_pipeline.core.advice import AdviceOutcome
from list_pipeline.core.monitoring.decision_review import (
    Advice,
    AdvisorFigures,
    Agreement,
    DayFigures,
    Decider,
    FalseSuppressions,
    GoalState,
    KeptFailures,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import confidence_text, count_text, limit_text, percent_text, rate_text

_ACTIONS = {
    "suppress": "to suppress",
    "hold": "held because of an incident",
    "monitor": "to watch",
    "keep": "to keep",
    "move": "to move",
    "enrol": "to enrol",
    "restore": "to bring back",
    "remove": "to take off one list",
    "quarantine": "to keep from mail for a while",
}


def findings(figures: DayFigures) -> tuple[str, ...]:
    """The findings of a day's review: decisions, who let them through, advisors, people, false suppressions."""
    if figures.is_empty:
        return (
            "Nothing was planned, asked or decided on this day.",
            lately_text(figures.people_lately),
            suppression_text(figures.suppressions),
        )
    told = [_decided(figures), answer_text(figures.all_advisors)]
    if advice := _advice(figures):
        told.append(advice)
    told += [_people(figures), lately_text(figures.people_lately), suppression_text(figures.suppressions)]
    if tested := tested_text(figures.suppressions):
        told.append(tested)
    if kept := kept_text(figures.kept):
        told.append(kept)
    return tuple(told)


def answer_text(advisors: AdvisorFigures) -> str:
    """The results of the questions to the advisors."""
    asked = advisors.questions - advisors.outcomes[AdviceOutcome.NOT_ASKED.value]
    if not asked:
        return "No advisor was asked; the policy spoke for itself."
    silent = advisors.outcomes[AdviceOutcome.UNANSWERED.value]
    words = f"{silent} of {asked} questions were not answered; " if silent else ""
    if not advisors.answered:
        return f"{words}no answer came."
    words += f"{advisors.unreadable} of {advisors.answered} answers could not be read"
    if _misses_json_goal(advisors):
        words += f", while at least {limit_text(MONITORING.valid_json_percent)} are to be valid JSON"
    refused = advisors.outcomes[AdviceOutcome.REFUSED.value]
    trimmed = advisors.outcomes[AdviceOutcome.TRIMMED.value]
    words += f", {refused} were refused and {trimmed} used in part"
    if advisors.repaired:
        words += f"; {advisors.repaired} were asked for a second time"
    return f"{words}."


def _misses_json_goal(advisors: AdvisorFigures) -> bool:
    return advisors.valid_json_percent is not None and advisors.valid_json_percent < MONITORING.valid_json_percent


def mean_confidence_text(advisors: AdvisorFigures) -> str:
    """The advisors' mean confidence beside its goal."""
    if advisors.mean_confidence is None:
        return "No advisor gave a confidence."
    mean, goal = confidence_text(advisors.mean_confidence), confidence_text(MONITORING.mean_confidence)
    return f"The advisors' mean confidence is {mean}; the goal is above {goal}."


def suppression_text(found: FalseSuppressions) -> str:
    """The number of wrong suppressions, and what it proves."""
    goal = f"fewer than {limit_text(MONITORING.false_suppressions_percent)} wrong"
    if not found.suppressed:
        return f"Nobody was suppressed by a rule so far, so {goal} is not shown yet."
    words = f"{found.reinstated} of {found.suppressed:,} suppressions were taken back"
    if found.undone:
        words += f" ({found.undone} with a whole maintenance)"
    if found.worked:
        words += f", and {found.worked:,} more were opened by or reached since"
    if found.rejected:
        words += f"; people rejected {found.rejected:,} others before anything was done"
    if found.proof is GoalState.MISSED:
        return f"{words}: the goal of {goal} is missed."
    if found.bound_percent is None:
        return f"{words}; no person reviewed any, so {goal} is not shown yet."
    known = "that people reviewed" if found.judged == found.reviewed else "of whom it is known"
    words += f"; of {found.judged:,} {known} at most {percent_text(found.bound_percent)} are wrong (95 %)"
    return f"{words}, which shows {goal}." if found.proof is GoalState.SHOWN else f"{words}: {goal} is not shown yet."


def tested_text(found: FalseSuppressions) -> str:
    """What mailings showed of would-be suppressions that were drawn to be tested; empty where none was answered yet."""
    if not found.tested:
        return ""
    verb = "was" if found.tested_delivered == 1 else "were"
    return (
        f"Of {count_text(found.tested, 'would-be suppression')} drawn at random and mailed instead, "
        f"{found.tested_delivered:,} {verb} delivered: {rate_text(found.tested_rate)}."
    )


def kept_text(found: KeptFailures) -> str:
    """How many of those who were kept after a hard bounce bounced hard again; empty where nobody was mailed again yet."""
    if not found.mailed_again:
        return ""
    return (
        f"{count_text(found.kept, 'contact')} stayed after a hard bounce; of {found.mailed_again:,} mailed again "
        f"{found.failed_again:,} bounced hard once more: {rate_text(found.rate)}."
    )


def agreement_text(found: Agreement) -> str:
    """The shares of people's decisions that went with the policy and with the advisor."""
    words = f"with the policy in {found.approved} of {found.decided}"
    if found.advisor_spoke:
        words += f" and with the advisor in {found.with_advisor} of {found.advisor_spoke}"
    return words


def lately_text(found: Agreement) -> str:
    """The agreement of the last 30 days."""
    if not found.decided:
        return f"In the last {MONITORING.trend_days} days people decided nothing, so their agreement is not known."
    return f"In the last {MONITORING.trend_days} days people decided {agreement_text(found)}."


def _decided(figures: DayFigures) -> str:
    if not figures.contacts:
        return "No plan was made on this day."
    parts = [f"{count:,} {_ACTIONS.get(name, name)}" for name, count in figures.actions.items() if count]
    words = f"Plans were made for {count_text(figures.contacts, 'contact')}: {', '.join(parts)}"
    who = figures.deciders
    parts = [
        f"{who[Decider.GATE]:,} let through automatically" if who[Decider.GATE] else "",
        f"{who[Decider.PERSON]:,} decided by a person" if who[Decider.PERSON] else "",
        f"{who[Decider.WAITING]:,} still waiting at the end of the day" if who[Decider.WAITING] else "",
        f"{who[Decider.STOPPED]:,} not allowed to run" if who[Decider.STOPPED] else "",
        f"{who[Decider.NOBODY]:,} left unanswered" if who[Decider.NOBODY] else "",
    ]
    told = ", ".join(part for part in parts if part)
    return f"{words}; {told}." if told else f"{words}."


def _advice(figures: DayFigures) -> str:
    softened, lowered = figures.advised[Advice.SOFTENED], figures.advised[Advice.LOWERED]
    doubted = figures.advised[Advice.DOUBTED]
    parts = [
        f"watching {softened} instead of suppressing" if softened else "",
        f"a lower confidence for {lowered}" if lowered else "",
        f"doubt about a plan for {doubted}" if doubted else "",
    ]
    told = ", ".join(part for part in parts if part)
    return f"Advisors asked for more care: {told} (contacts)." if told else ""


def _people(figures: DayFigures) -> str:
    found = figures.people
    expired = f" {count_text(found.expired, 'question')} expired unanswered." if found.expired else ""
    if not found.decided:
        return f"People decided on no plan and no question of the policy.{expired}"
    return f"People approved {found.approved} and rejected {found.rejected}: {agreement_text(found)}.{expired}"
