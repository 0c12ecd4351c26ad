"""The advisors on a wrap-up: the quality of the list, the delivery, earlier sends, what to do; and the summary of all.

Belongs here: what is asked about the first figures of a send, and what an answer may change. Does not belong here: figures
and rules (``core.campaign_stages.assessment``), what can be said (``core.campaign_stages.assessment_statements``), and
asking several at the same time (``operations.campaign_stages``).

An opinion chooses statements that are true of the send, and their order. It can make a verdict worse than the rules', never
better, by one step, and never the worst: poor and declining rest on figures alone. It needs a concern and a confidence of
at least 0.70 for that. An opinion that wanted more is told as such, for people to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, ModelAccess, Question, consult
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.campaign_stages.assessment import (
    FirstFigures,
    Grade,
    Trend,
    Verdict,
    judge_send,
    rank,
    with_opinion,
)
from list_pipeline.core.campaign_stages.assessment_report import (
    SUMMARY,
    SendAssessment,
    SendReport,
    advisor_alarmed,
    assessment_of,
    policy_assessment,
    policy_report,
    report_of,
    rules_are_milder,
    rules_verdict,
    summary_statements,
    urgent_recommendations,
)
from list_pipeline.core.campaign_stages.assessment_statements import (
    CONCERNS,
    PARTS,
    TECHNICAL,
    Topic,
    statements_of,
)
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, Look
from list_pipeline.core.campaign_stages.wrapup import Compared, Delta, Figure, SendCounts
from list_pipeline.core.statements import Catalogue, Choice
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import instant_text, rate_figures

FORMATTING = "report_formatting"
"""The advisor on the summary; the others are named after what they assess."""
AGENTS = (*(topic.value for topic in Topic), FORMATTING)
TEMPERATURE = 0.7
MAX_OUTPUT_TOKENS = 4_096
"""An answer takes about 200 tokens; thinking shares the budget."""
_VERSION = 2

_COMMON = (
    "Half an hour after its launch you get the first figures of one email campaign. Every rate comes with its 95 % interval: "
    "a rate is beyond a limit only if its whole interval is, and a difference is one only if its interval does not hold zero. "
    "What is null is not known; never take it for zero or for good. The rules have judged the send already; you say what "
    "matters, and you may see more reason for care than they do, never less. "
)
_PERSONAS = {
    Topic.LIST_QUALITY: "You are an expert on email deliverability and list hygiene. ",
    Topic.DELIVERY: "You are an expert on mailbox providers and email delivery. ",
    Topic.COMPARISON: "You are an expert on the analytics of email campaigns. ",
    Topic.RECOMMENDATION: "You are a senior strategist of email marketing. ",
}
_TASKS = {
    Topic.LIST_QUALITY: (
        "Assess the quality of the list: what its bounces show (bounce_analysis) and what is concerning about hard and soft "
        "bounces (concerns), each as ids of statements, then its quality and your confidence."
    ),
    Topic.DELIVERY: (
        "Assess the delivery: what is known of it (insights) and its technical issues (technical_issues), each as ids of "
        "statements, then its performance and your confidence."
    ),
    Topic.COMPARISON: (
        "Assess this send against the earlier ones: what changed (insights) and what became worse (concerns), each as ids of "
        "statements, then the trend and your confidence."
    ),
    Topic.RECOMMENDATION: (
        "Choose the three to five recommendations that matter most, the first to be done first, the predictions for the next "
        "round that a reader should know, and the risk factors, each as ids of statements, then your confidence."
    ),
}
_ENDING = " Repeat the list's reference. Answer with JSON in the given schema only."
_FORMATTING_SYSTEM = "You are a technical writer of concise executive reports on email campaigns; read in Slack. "
_FORMATTING_TASK = (
    "Compose the executive summary of this wrap-up from its statements: the two or three for whoever reads no further. "
    "Answer with JSON in the given schema only."
)


class SendAnswer(Answer):
    """What every answer about a send holds. Reasons come before verdicts: what is chosen first shapes what follows."""

    list_reference: str = Field(description="The list that was mailed, as in the data", max_length=20)

    @property
    def verdict(self) -> Verdict | None:
        """The model's verdict; None: none is asked for."""
        return None

    @property
    def confidence_told(self) -> float:
        """How sure the model is, from 0 to 1."""
        return float(getattr(self, "confidence", 0.0))


_Sure = Field(description="How sure you are of this assessment", ge=0, le=1)


class QualityAnswer(SendAnswer):
    """The model's answer about the list."""

    bounce_analysis: Chosen
    concerns: Chosen
    quality: Literal["excellent", "good", "concerning", "poor"]
    confidence: float = _Sure

    @property
    def verdict(self) -> Grade:
        """The quality."""
        return Grade(self.quality)


class DeliveryAnswer(SendAnswer):
    """The model's answer about the delivery."""

    insights: Chosen
    technical_issues: Chosen
    performance: Literal["excellent", "good", "concerning", "poor"]
    confidence: float = _Sure

    @property
    def verdict(self) -> Grade:
        """The performance."""
        return Grade(self.performance)


class ComparisonAnswer(SendAnswer):
    """The model's answer about earlier sends."""

    insights: Chosen
    concerns: Chosen
    trend: Literal["improving", "cannot tell", "declining"]
    confidence: float = _Sure

    @property
    def verdict(self) -> Trend:
        """The trend."""
        return Trend(self.trend)


class RecommendationAnswer(SendAnswer):
    """The model's answer about what to do."""

    recommendations: Chosen
    predictions: Chosen
    risk_factors: Chosen
    confidence: float = _Sure


class SummaryAnswer(Answer):
    """The model's answer about the summary."""

    executive_summary: Chosen


_ANSWERS: Mapping[Topic, type[SendAnswer]] = {
    Topic.LIST_QUALITY: QualityAnswer,
    Topic.DELIVERY: DeliveryAnswer,
    Topic.COMPARISON: ComparisonAnswer,
    Topic.RECOMMENDATION: RecommendationAnswer,
}
_REASONS = {Topic.LIST_QUALITY: CONCERNS, Topic.DELIVERY: TECHNICAL, Topic.COMPARISON: CONCERNS}
"""The part of which a statement has to be chosen for a worse verdict."""


@dataclass(frozen=True, slots=True)
class SendAssessed:
    """One assessment, and the record of the consultation."""

    assessment: SendAssessment
    recorded: AgentRecord


@dataclass(frozen=True, slots=True)
class Summarised:
    """The whole report, and the record of the consultation about its summary."""

    report: SendReport
    recorded: AgentRecord


def assess_send(access: ModelAccess, topic: Topic, figures: FirstFigures) -> SendAssessed:
    """Ask about one topic; without a usable answer, the rules speak for themselves. No failure of the model is raised."""
    catalogue = statements_of(topic, figures, judge_send(figures))
    question, answer_type = _question(topic, figures, catalogue), _ANSWERS[topic]

    def refusal(given: SendAnswer) -> str | None:
        is_asked = given.list_reference.strip().casefold() == figures.list_label.casefold()
        return None if is_asked else "it is about another list than the one that was asked about"

    consultation = consult(access, question, answer_type, refusal)
    answer = consultation.answer
    if answer is None:
        return SendAssessed(policy_assessment(topic, figures), consultation.record)
    choice = catalogue.choice({part: getattr(answer, part) for part in PARTS[topic]})
    assessment, notes = _opinion_on(topic, figures, answer, choice)
    return SendAssessed(assessment, consultation.accepted((*choice.notes, *notes)))


def _opinion_on(
    topic: Topic, figures: FirstFigures, answer: SendAnswer, choice: Choice
) -> tuple[SendAssessment, tuple[str, ...]]:
    rules, asked = rules_verdict(topic, judge_send(figures)), answer.verdict
    verdict, remarks, notes = rules, list[str](), list[str]()
    if asked is not None and rules is not None:
        verdict = _verdict(topic, answer, choice, rules, asked)
        if verdict is not rules:
            remarks.append(rules_are_milder(topic, rules))
        if rank(asked) > rank(verdict):
            notes.append(f"{asked.value} goes further than an opinion may")
            remarks.append(advisor_alarmed(topic, asked))
        elif rank(asked) < rank(rules):
            notes.append("it is milder than the rules, which count")
    assessment = assessment_of(
        topic,
        figures,
        choice,
        rules,
        verdict,
        remarks=remarks,
        confidence=answer.confidence_told,
        source=AdviceSource.POLICY if choice.is_empty else AdviceSource.MODEL,
    )
    return assessment, tuple(notes)


def _verdict(topic: Topic, answer: SendAnswer, choice: Choice, rules: Verdict, asked: Verdict) -> Verdict:
    has_reason = (
        bool(choice.picked.get(_REASONS[topic])) and answer.confidence_told >= SuppressionPolicy().review_confidence
    )
    return with_opinion(rules, asked) if has_reason else rules


def summarise(access: ModelAccess, figures: FirstFigures, assessments: Sequence[SendAssessment]) -> Summarised:
    """Ask for the summary of the assessments; without a usable answer, code's own. No failure of the model is raised."""
    catalogue = summary_statements(assessments, urgent_recommendations(figures))
    question = Question(
        agent=FORMATTING,
        prompt_version=f"{FORMATTING}-{_VERSION}",
        system=_FORMATTING_SYSTEM + DATA_RULES,
        task=_FORMATTING_TASK,
        data={
            "list_reference": figures.list_label,
            "assessments": [_told(each) for each in assessments],
            "statements": catalogue.offered(),
        },
        answer_type=SummaryAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        choices={SUMMARY: catalogue.ids(SUMMARY)},
    )
    consultation = consult(access, question, SummaryAnswer)
    if consultation.answer is None:
        return Summarised(policy_report(figures, assessments), consultation.record)
    choice = catalogue.choice({SUMMARY: consultation.answer.executive_summary})
    source = AdviceSource.POLICY if choice.is_empty else AdviceSource.MODEL
    return Summarised(report_of(assessments, choice, source), consultation.accepted(choice.notes))


def _told(assessment: SendAssessment) -> dict[str, Any]:
    """An assessment for the model: its verdicts, and what it says."""
    return {
        "about": assessment.topic.value,
        "verdict": assessment.verdict or None,
        "rules_verdict": assessment.rules_verdict or None,
        "says": list(assessment.sentences),
    }


def _question(topic: Topic, figures: FirstFigures, catalogue: Catalogue) -> Question:
    return Question(
        agent=topic.value,
        prompt_version=f"{topic.value}-{_VERSION}",
        system=_PERSONAS[topic] + _COMMON + DATA_RULES,
        task=_TASKS[topic] + _ENDING,
        data=_data(topic, figures, catalogue),
        answer_type=_ANSWERS[topic],
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        choices={part: catalogue.ids(part) for part in PARTS[topic]},
    )


def _data(topic: Topic, figures: FirstFigures, catalogue: Catalogue) -> dict[str, Any]:
    """The data for the model: counts, rates, verdicts and our own sentences. No name of a campaign, contact or list."""
    rules = judge_send(figures)
    return {
        "list_reference": figures.list_label,
        "is_still_sending": figures.is_sending,
        "next_campaign_at": None if figures.next_at is None else instant_text(figures.next_at),
        "this_send": _counts(figures.counts),
        "earlier_sends": [_compared(each) for each in figures.compared] if topic in _WITH_EARLIER else [],
        "mail_operators": _early(figures.early),
        "rules": {
            "quality": rules.quality.value,
            "performance": rules.performance.value,
            "trend": None if rules.trend is None else rules.trend.value,
        },
        "statements": catalogue.offered(),
    }


def _early(early: EarlyIncidents | None) -> dict[str, Any] | None:
    """What is known of mail operators; a domain is not named: its name is a text of others."""
    if early is None or early.look is Look.UNREAD:
        return None
    return {
        "standing_out": [
            {
                "where": one.where_unnamed,
                "worked_before": one.attempted,
                "bounced_hard": one.hard,
                "usual": round(one.expected, 1),
                "reasons": {reason.value: count for reason, count in one.reasons.items()},
            }
            for one in early.groups
        ]
    }


_WITH_EARLIER = (Topic.COMPARISON, Topic.RECOMMENDATION)


def _counts(counts: SendCounts) -> dict[str, Any]:
    return {
        "messages": counts.processed,
        "tried": counts.attempted,
        "still_to_be_tried": counts.queued,
        "being_tried_again": counts.deferred,
        "blocked": counts.blocked,
        "soft_bounced": counts.soft_bounced,
        **{f"{figure.value}_rate": rate_figures(counts.rate(figure)) for figure in Figure},
    }


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "which": compared.earlier.other.label,
        "counted": "at its wrap-up too" if compared.earlier.counts.is_early else "a day after it or later",
        "figures": _counts(compared.earlier.counts),
        "differences_in_percentage_points": [_difference(each) for each in compared.deltas],
    }


def _difference(delta: Delta) -> dict[str, Any]:
    return {
        "figure": delta.figure.value,
        "points": round(delta.points, 2),
        "low": round(delta.low, 2),
        "high": round(delta.high, 2),
        "shows": delta.direction.value,
    }
