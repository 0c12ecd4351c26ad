"""The advisor on the health of one list: says what the figures mean, and may see more reason for care than the rules.

Belongs here: what is asked about a list, and what an answer may change. Does not belong here: figures and rules
(``core.health.assessment``) and how a model is reached (``integrations``).

**What an opinion may change.** It adds concerns, risk factors and words. It can make status and urgency worse than the
rules', never better, by one step, and never across the line where people are called: a warning of low urgency may become
one of medium, but what is high or critical rests on figures alone. It needs a concern that rests on the figures and a
confidence of at least 0.70 for that. An opinion that wanted more is recorded as a concern, for people to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, ModelAccess, Question, consult
from list_pipeline.agents.guard import SENTENCE_END, Figures, figures_in, grounded
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.health.assessment import (
    HealthAssessment,
    HealthPolicy,
    HealthStatus,
    ListFigures,
    RulesAssessment,
    judge_health,
)
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.suppression.policy import SuppressionPolicy

AGENT = "list_health"
PROMPT_VERSION = "list_health-1"
TEMPERATURE = 0.7
MAX_OUTPUT_TOKENS = 4_096
"""An answer takes about 500 tokens; thinking shares the budget."""
_POINTS = 6
"""Most concerns, and most risk factors, in an answer."""

_LIST_NAME = re.compile(r"\blist\s*(?:no\.?\s*|#\s*)?(\d+|one|two|three)\b", re.IGNORECASE)
_NUMBERS = {"one": "1", "two": "2", "three": "3"}

_SYSTEM = (
    "You are an email-deliverability expert who assesses the health of one mailing list from bounce rates, delivery "
    "rates and the movement of the list. You judge by these limits: a hard bounce rate above 2 % is concerning and above "
    "5 % critical; a soft bounce rate above 5 % is to be monitored and above 10 % concerning; a delivery rate below 95 % "
    "indicates issues and below 90 % is critical; a list that shrinks by more than 10 % a month is to be investigated. "
    "A lasting trend weighs more than one spike. Every rate comes with its 95 % interval: a rate is beyond a limit only "
    "if its whole interval is. What is null is not known; never take it for zero or for good. The rules have assessed "
    "the list already; you explain, and you may see more reason for care than they do, never less. "
)
_TASK = (
    "Assess the health of this list: its concerns, its risk factors, what it means for the sender's reputation, a "
    "rationale of two to four sentences, then status, urgency and your confidence. Repeat the list's reference. Answer "
    "with JSON in the given schema only."
)


class HealthAnswer(Answer):
    """The model's answer. Reasons come before verdicts: what is written first shapes what follows."""

    list_reference: str = Field(description="The list that was asked about, as in the data", max_length=20)
    concerns: list[str] = Field(description="Problems that the figures show, one sentence each", max_length=_POINTS)
    risk_factors: list[str] = Field(description="What could become a problem, one sentence each", max_length=_POINTS)
    reputation_impact: str = Field(description="What it means for the sender's reputation", max_length=600)
    rationale: str = Field(description="Two to four sentences on the whole", max_length=1_500)
    status: Literal["healthy", "warning", "critical"]
    urgency: Literal["low", "medium", "high", "critical"]
    confidence: float = Field(description="How sure you are of this assessment", ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Assessed:
    """The assessment of one list, what the rules alone made of it, and the record of the consultation."""

    figures: ListFigures
    assessment: HealthAssessment
    rules: RulesAssessment
    recorded: AgentRecord

    @property
    def opinion(self) -> dict[str, Any]:
        """The result of the question, for the record."""
        own = asdict(self.assessment)
        return {name: own[name] for name in ("status", "urgency", "concerns", "risk_factors", "confidence")} | {
            "list": self.assessment.role.label,
            "rules_status": self.rules.status.value,
            "rules_urgency": self.rules.urgency.value,
        }


def assess(access: ModelAccess, figures: ListFigures, policy: HealthPolicy | None = None) -> Assessed:
    """Ask about a list; without a usable answer, the rules speak for themselves. No failure of the model is raised."""
    policy = policy or HealthPolicy()
    rules = judge_health(figures, policy)
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(figures, rules, policy),
        answer_type=HealthAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        subject=figures.role.label,
    )

    def refusal(given: HealthAnswer) -> str | None:
        is_asked = given.list_reference.strip().casefold() == figures.role.label.casefold()
        return None if is_asked else "it is about another list than the one that was asked about"

    consultation = consult(access, question, HealthAnswer, refusal)
    if consultation.answer is None:
        return Assessed(figures, _of_rules(figures, rules), rules, consultation.record)
    assessment, notes = _guarded(consultation.answer, figures, rules, figures_in(question.data))
    return Assessed(figures, assessment, rules, consultation.accepted(notes))


def _of_rules(figures: ListFigures, rules: RulesAssessment) -> HealthAssessment:
    return HealthAssessment(
        role=figures.role,
        status=rules.status,
        urgency=rules.urgency,
        concerns=rules.concerns,
        risk_factors=rules.risk_factors,
        reputation_impact=rules.reputation_impact,
        rationale=rules.rationale,
        confidence=None,
        source=AdviceSource.POLICY,
    )


def _guarded(
    answer: HealthAnswer, figures: ListFigures, rules: RulesAssessment, known: Figures
) -> tuple[HealthAssessment, tuple[str, ...]]:
    concerns, left_out = _grounded_points(answer.concerns, figures, known)
    risks, more = _grounded_points(answer.risk_factors, figures, known)
    impact, dropped = _grounded(answer.reputation_impact, figures, known)
    rationale, dropped_too = _grounded(answer.rationale, figures, known)
    left_out += more + dropped + dropped_too

    notes: list[str] = []
    if left_out:
        notes.append(f"{left_out} sentences without ground in the input were dropped")
    asked_status, asked_urgency = HealthStatus(answer.status), Urgency(answer.urgency)
    may_raise = bool(concerns) and answer.confidence >= SuppressionPolicy().review_confidence
    status = _status(rules.status, asked_status) if may_raise else rules.status
    urgency = _urgency(rules.urgency, asked_urgency) if may_raise else rules.urgency
    remarks: list[str] = []
    if asked_status.rank > status.rank or _rank(asked_urgency) > _rank(urgency):
        notes.append(f"{asked_status.value} and {asked_urgency.value} go further than an opinion may")
        remarks.append(
            f"The advisor takes the list for {asked_status.value} with {asked_urgency.value} urgency; the figures alone "
            "do not carry that."
        )
    elif asked_status.rank < rules.status.rank or _rank(asked_urgency) < _rank(rules.urgency):
        notes.append("it is milder than the rules, which count")
    assessment = HealthAssessment(
        role=figures.role,
        status=status,
        urgency=urgency,
        concerns=_united(rules.concerns, concerns, remarks),
        risk_factors=_united(rules.risk_factors, risks),
        reputation_impact=impact or rules.reputation_impact,
        rationale=rationale or rules.rationale,
        confidence=answer.confidence,
        source=AdviceSource.MODEL if rationale else AdviceSource.POLICY,
    )
    return assessment, tuple(notes)


def _status(rules: HealthStatus, asked: HealthStatus) -> HealthStatus:
    """Critical rests on figures alone; a warning may be an opinion."""
    return HealthStatus.WARNING if asked.rank > rules.rank and rules is HealthStatus.HEALTHY else rules


def _urgency(rules: Urgency, asked: Urgency) -> Urgency:
    """One step worse where the answer is worse, but not across the line where people are called."""
    if _rank(asked) <= _rank(rules):
        return rules
    next_step = list(Urgency)[_rank(rules) + 1]
    return rules if next_step.pages_people and not rules.pages_people else next_step


def _rank(urgency: Urgency) -> int:
    return list(Urgency).index(urgency)


def _grounded(prose: str, figures: ListFigures, known: Figures) -> tuple[str, int]:
    """The sentences that rest on the input and do not speak of another list, and how many were dropped."""
    own = figures.role.round_number
    sentences = [each for each in SENTENCE_END.split(prose) if each.strip()]
    about_it = [
        each for each in sentences if all(_NUMBERS.get(n.casefold(), n) == str(own) for n in _LIST_NAME.findall(each))
    ]
    text, dropped = grounded(" ".join(about_it), known)
    return text, dropped + len(sentences) - len(about_it)


def _grounded_points(points: Iterable[str], figures: ListFigures, known: Figures) -> tuple[list[str], int]:
    kept: list[str] = []
    dropped = 0
    for point in points:
        text, without = _grounded(point, figures, known)
        dropped += without
        if text:
            kept.append(text)
    return kept, dropped


def _united(*groups: Iterable[str]) -> tuple[str, ...]:
    """The sentences of all groups in order, none twice."""
    return tuple(dict.fromkeys(each for group in groups for each in group))


def _data(figures: ListFigures, rules: RulesAssessment, policy: HealthPolicy) -> dict[str, Any]:
    return {
        "list_reference": figures.role.label,
        **asdict(figures.shown()),
        "limits": {f"{name}_percent": value for name, value in asdict(policy).items() if isinstance(value, float)},
        "rules": {
            "status": rules.status.value,
            "urgency": rules.urgency.value,
            "concerns": list(rules.concerns),
            "risk_factors": list(rules.risk_factors),
        },
    }
