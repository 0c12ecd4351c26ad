"""The advisor on a finished run: two or three sentences for people who read nothing else.

Belongs here: what is asked about the results, and the sentences that code writes when there is no usable answer. Does
not belong here: the message around them (``core.reports``). It changes nothing; its only risk is a false figure, so a
sentence with a figure that is not among the results is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from list_pipeline.agents.base import DATA_RULES, Answer, LanguageModel, Question, consult, quoted
from list_pipeline.agents.guard import figures_in, grounded
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.plans import RunStatus
from list_pipeline.core.report_facts import MaintenanceFacts

AGENT = "reporting"
PROMPT_VERSION = "reporting-1"
TEMPERATURE = 0.6
MAX_OUTPUT_TOKENS = 2_048

_SYSTEM = (
    "You are a technical writer of executive reports for email-marketing operations; your readers get them in Slack. "
    "You write clearly and briefly, put business impact over technical detail, and use no jargon. "
)
_TASK = (
    "Write an executive summary of two to three sentences about this maintenance run: what was done, what it means for "
    "the next campaign, and what needs attention, if anything. Say nothing was done where the counts of confirmed "
    "changes are zero. Answer with JSON in the given schema only."
)
_STATUS_WORDS = {
    RunStatus.RUNNING: "The maintenance is still running.",
    RunStatus.FAILED: "The maintenance failed and needs attention.",
    RunStatus.PENDING_REVIEW: "The plan waits for a person's decision; until then it changes nothing.",
    RunStatus.REJECTED: "The plan was rejected by a person.",
    RunStatus.ROLLED_BACK: "The rebalancing was rolled back.",
    RunStatus.READ_ONLY: "The system only watched in this run; no list was changed.",
}


class SummaryAnswer(Answer):
    """The model's answer."""

    executive_summary: str = Field(max_length=1_500)


@dataclass(frozen=True, slots=True)
class Summary:
    """The sentences, whose they are, and why the code wrote them where it did."""

    text: str
    source: AdviceSource
    reason: str
    recorded: AgentRecord


def summarise(model: LanguageModel | None, facts: MaintenanceFacts) -> Summary:
    """Ask for the executive summary of a run; without a usable answer, the code's own. Never raises for the model."""
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(facts),
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )
    consultation = consult(model, question, SummaryAnswer)
    if consultation.answer is None:
        why = consultation.record.verdict.removeprefix("not used: ")
        return Summary(policy_summary(facts), AdviceSource.POLICY, why, consultation.record)
    text, dropped = grounded(consultation.answer.executive_summary, figures_in(question.data))
    if not text:
        record = consultation.rejected("no sentence rests on the results")
        return Summary(policy_summary(facts), AdviceSource.POLICY, "no sentence rests on the results", record)
    notes = (f"{dropped} sentences without ground in the input were dropped",) if dropped else ()
    return Summary(text, AdviceSource.MODEL, "", consultation.accepted(notes))


def policy_summary(facts: MaintenanceFacts) -> str:
    """Two or three sentences from the figures alone; always the same for the same facts."""
    suppression, rebalancing = facts.suppression, facts.rebalancing
    sentences: list[str] = []
    if facts.status in _STATUS_WORDS:
        sentences.append(_STATUS_WORDS[facts.status])
    if suppression.confirmed_total or not suppression.planned_total:
        done = f"{suppression.confirmed_total:,} contacts" if suppression.confirmed_total else "No contact"
        verb = "was" if suppression.confirmed_total == 0 else "were"
        sentences.append(f"{done} {verb} suppressed after this campaign.")
    else:
        sentences.append(f"{suppression.planned_total:,} contacts are planned to be suppressed.")
    if rebalancing.confirmed:
        sentences.append(f"{rebalancing.confirmed:,} contacts changed or joined a list to keep the lists comparable.")
    elif rebalancing.planned:
        sentences.append(f"{rebalancing.planned:,} changes of lists are planned.")
    if suppression.failed_total:
        sentences.append(f"{suppression.failed_total:,} suppressions failed and wait for a person to look at.")
    elif any(fault.contacts for fault in facts.sender_faults):
        sentences.append("Some refusals concern us as the sender and need a repair.")
    return " ".join(sentences[:3])


def _data(facts: MaintenanceFacts) -> dict[str, object]:
    suppression, rebalancing = facts.suppression, facts.rebalancing
    return {
        "campaign": quoted(facts.campaign_name, 120),
        "round": facts.round_number,
        "status": facts.status.value,
        "recipients": facts.recipients,
        "bounces": {name: count for name, count in facts.bounces.items() if count},
        "suppressed": {
            "planned": suppression.planned_total,
            "confirmed": suppression.confirmed_total,
            "failed": suppression.failed_total,
            "held_for_review": suppression.held_for_review,
            "confirmed_by_reason": dict(suppression.confirmed),
        },
        "rebalanced": {
            "planned": rebalancing.planned,
            "confirmed": rebalancing.confirmed,
            "moved": rebalancing.moves_confirmed,
            "added_from_master": rebalancing.enrolments_confirmed,
            "deferred": rebalancing.deferred,
        },
        "sender_faults": [{"reason": fault.reason, "contacts": fault.contacts} for fault in facts.sender_faults],
        "lists": [
            {"list": each.role.label, "mailable_before": each.mailable_before, "mailable_after": each.mailable_after}
            for each in facts.lists
        ],
        "deviation_before_percent": _rounded(facts.deviation_before),
        "deviation_after_percent": _rounded(facts.deviation_after),
        "complaint_rate_percent": _rounded(facts.complaint_rate, 2),
        "errors": sum(each.count for each in facts.errors),
    }


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
