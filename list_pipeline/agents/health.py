"""The advisor on the health of one list: says what matters of its figures, and may see more reason for care than the rules.

Belongs here: what is asked about a list, and what an answer may change. Does not belong here: figures and rules
(``core.health.assessment``), what can be said (``core.health.statements``) and how a model is reached (``integrations``).

**What an opinion may change.** It chooses statements that are true of the list, and their order. It can make status and urgency
worse than the rules', never better, by one step, and never across the line where people are called: a warning of low urgency
may become one of medium, but what is high or critical rests on figures alone. It needs a statement as its concern and a
confidence of at least 0.70 for that. An opinion that wanted more is recorded as a concern, for people to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, ModelAccess, Question, consult
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.health.assessment import (
    REPUTATION_IMPACT,
    HealthAssessment,
    HealthPolicy,
    HealthStatus,
    ListFigures,
    RulesAssessment,
    judge_health,
)
from list_pipeline.core.health.statements import (
    CONCERNS,
    PARTS,
    RATIONALE,
    RISKS,
    advisor_alarmed,
    health_statements,
    rules_are_milder,
)
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.statements import Catalogue, Choice
from list_pipeline.core.suppression.policy import SuppressionPolicy

AGENT = "list_health"
PROMPT_VERSION = "list_health-2"
TEMPERATURE = 0.7
MAX_OUTPUT_TOKENS = 4_096
"""An answer takes about 200 tokens; thinking shares the budget."""
_MOST_SENTENCES = 5
_MAY_BE_CONCERNS: dict[str, tuple[str, ...]] = {CONCERNS: (RISKS,)}
"""A model may take for a concern what the rules call a risk."""

_SYSTEM = (
    "You are an email-deliverability expert who assesses the health of one mailing list from bounce rates, delivery "
    "rates and the movement of the list. You judge by these limits: a hard bounce rate above 2 % is concerning and above "
    "5 % critical; a soft bounce rate above 5 % is to be monitored and above 10 % concerning; a delivery rate below 95 % "
    "indicates issues and below 90 % is critical; a list that shrinks by more than 10 % a month is to be investigated. "
    "A lasting trend weighs more than one spike. Every rate comes with its 95 % interval: a rate is beyond a limit only "
    "if its whole interval is. What is null is not known; never take it for zero or for good. The rules have assessed "
    "the list already; you say what matters, and you may see more reason for care than they do, never less. "
)
_TASK = (
    "Assess the health of this list: its concerns, its risk factors and the reasons that a reader should know (rationale), "
    "each as ids of statements, then status, urgency and your confidence. A risk factor may be a concern for you. Repeat the "
    "list's reference. Answer with JSON in the given schema only."
)


class HealthAnswer(Answer):
    """The model's answer. Reasons come before verdicts: what is chosen first shapes what follows."""

    list_reference: str = Field(description="The list that was asked about, as in the data", max_length=20)
    concerns: Chosen
    risk_factors: Chosen
    rationale: Chosen
    status: Literal["healthy", "warning", "critical"]
    urgency: Literal["low", "medium", "high", "critical"]
    confidence: float = Field(description="How sure you are of this assessment", ge=0, le=1)

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The ids by part of the assessment."""
        return {part: getattr(self, part) for part in PARTS}


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
    catalogue = health_statements(figures, rules, policy)
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(figures, rules, policy, catalogue),
        answer_type=HealthAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        subject=figures.role.label,
        choices={part: catalogue.ids(part, *_MAY_BE_CONCERNS.get(part, ())) for part in PARTS},
    )

    def refusal(given: HealthAnswer) -> str | None:
        is_asked = given.list_reference.strip().casefold() == figures.role.label.casefold()
        return None if is_asked else "it is about another list than the one that was asked about"

    consultation = consult(access, question, HealthAnswer, refusal)
    if consultation.answer is None:
        return Assessed(figures, _of_rules(figures, rules), rules, consultation.record)
    answer = consultation.answer
    choice = catalogue.choice(answer.chosen, _MAY_BE_CONCERNS)
    assessment, notes = _opinion_on(answer, choice, figures, rules)
    return Assessed(figures, assessment, rules, consultation.accepted((*choice.notes, *notes)))


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


def _opinion_on(
    answer: HealthAnswer, choice: Choice, figures: ListFigures, rules: RulesAssessment
) -> tuple[HealthAssessment, tuple[str, ...]]:
    notes: list[str] = []
    asked_status, asked_urgency = HealthStatus(answer.status), Urgency(answer.urgency)
    may_raise = bool(choice.picked[CONCERNS]) and answer.confidence >= SuppressionPolicy().review_confidence
    status = _status(rules.status, asked_status) if may_raise else rules.status
    urgency = _urgency(rules.urgency, asked_urgency) if may_raise else rules.urgency
    remarks: list[str] = []
    if asked_status.rank > status.rank or _rank(asked_urgency) > _rank(urgency):
        notes.append(f"{asked_status.value} and {asked_urgency.value} go further than an opinion may")
        remarks.append(advisor_alarmed(asked_status, asked_urgency))
    elif asked_status.rank < rules.status.rank or _rank(asked_urgency) < _rank(rules.urgency):
        notes.append("it is milder than the rules, which count")
    is_raised = (status, urgency) != (rules.status, rules.urgency)
    reasons = [*choice.said(RATIONALE, _MOST_SENTENCES), *([rules_are_milder(rules)] if is_raised else [])]
    assessment = HealthAssessment(
        role=figures.role,
        status=status,
        urgency=urgency,
        # What the rules found comes first, in their order: others name the first of them.
        concerns=_united(rules.concerns, choice.texts(CONCERNS), remarks),
        risk_factors=_united(choice.texts(RISKS), rules.risk_factors),
        reputation_impact=REPUTATION_IMPACT[status] if is_raised else rules.reputation_impact,
        rationale=" ".join(reasons),
        confidence=answer.confidence,
        source=AdviceSource.POLICY if choice.is_empty else AdviceSource.MODEL,
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


def _united(*groups: Iterable[str]) -> tuple[str, ...]:
    """The sentences of all groups in order, none twice."""
    return tuple(dict.fromkeys(each for group in groups for each in group))


def _data(figures: ListFigures, rules: RulesAssessment, policy: HealthPolicy, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "list_reference": figures.role.label,
        **asdict(figures.shown()),
        "limits": {f"{name}_percent": value for name, value in asdict(policy).items() if isinstance(value, float)},
        "rules": {
            "status": rules.status.value,
            "urgency": rules.urgency.value,
        },
        "statements": catalogue.offered(),
    }
