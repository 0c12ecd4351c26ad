"""The advisor on a suppression plan: sorts what the policy decided, says what matters, and may make it more careful.

Belongs here: what is asked about a plan, and what an answer may change. Does not belong here: the decision itself
(``core.suppression.rules``), what can be said of it (``core.suppression.statements``), what the advisor is told
(``plan_summary``), who is behind a reference (``operations.suppression.advice``) and how a model is reached (``integrations``).

The model sees groups as ``g1`` to ``gn`` with counts, and borderline contacts as ``c1`` to ``cn`` without anything that
could identify them. It sorts each into one of three. What that may change:

* a borderline contact sorted more carefully than the policy did is watched instead of suppressed;
* a borderline contact with a lower confidence gets it;
* a borderline group sorted more carefully, or with a lower confidence: its contacts that were not judged singly get a
  confidence inside the review band, so that they wait for a person. Never one below the band, whatever was said: that
  would make the whole plan wait for an opinion on a part of it;
* a group that a fact decided (hard bounce, complaint) sorted more carefully changes nothing and is shown as a concern;
* anything sorted less carefully is ignored and counted as a disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, ModelAccess, Question, consult
from list_pipeline.agents.plan_summary import (
    impact_of,
    policy_impact,
    policy_rationale,
    question_data,
    rationale_of,
)
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.suppression.plan_summary import (
    MAX_BORDERLINE,
    MAX_GROUPS,
    BorderlineItem,
    PlanGroup,
    PlanSummary,
    Sorting,
    position,
)
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.statements import (
    CONCERNS,
    PARTS,
    REASONS,
    ContactStatement,
    contact_statements,
    fact_doubted,
    plan_statements,
)
from list_pipeline.core.suppression.verdicts import VerdictAction

__all__ = [
    "MAX_BORDERLINE",
    "MAX_GROUPS",
    "BorderlineItem",
    "Opinion",
    "OptimizationAnswer",
    "PlanGroup",
    "PlanSummary",
    "advise",
    "policy_impact",
    "policy_rationale",
    "position",
]

AGENT = "optimization"
PROMPT_VERSION = "optimization-3"
TEMPERATURE = 0.3
_TOKENS_OF_ANSWER, _TOKENS_OF_JUDGEMENT, _ROOM = 600, 60, 4
"""What an answer takes, and how many times that is allowed: thinking shares the limit."""

_CAREFULNESS: Mapping[str, int] = {"suppress_now": 0, "monitor_closely": 1, "keep_in_list": 2}
_SYSTEM = (
    "You are a list-optimisation specialist for email deliverability: conservative but decisive. A deterministic policy "
    "has sorted the contacts that a campaign failed to reach into suppress_now, monitor_closely and keep_in_list. You "
    "check that plan and say what of it a marketing team should know. Suppress now: addresses that do not exist, "
    "complaints, and failures that persist over several campaigns for the same reason and are recent. Monitor or keep: a "
    "single or passing failure, differing reasons, contacts that were reached before or joined lately, and everything that "
    "is the sender's fault. You can make the plan more careful only; what you sort less carefully than the policy is ignored. "
    "server_words are fragments of what the receiving server said, quoted as evidence. "
)
_NO_REASON = "none"
_TASK = (
    "Judge every group and every contact by its reference, once: for a contact the reason, out of those in the data, that "
    "is true of it and decides, for a group none; then the sorting, then your confidence from 0 to 1 that suppressing is "
    "right. Repeat the policy's sorting and confidence where you have no doubt. Then choose concerns (none if you have none), "
    "the rationale of the plan as a whole and its expected impact, each as ids of statements; repeat the breakdown exactly "
    "as it stands in the data, and give your confidence in the plan as a whole. Answer with JSON in the given schema only."
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """The advisor's opinion of a plan, as far as it counts.

    Attributes:
        source: who chose the statements; ``POLICY`` also means that nothing below changes the plan.
        reason: why the policy speaks for itself; empty when the model does.
        confidence: in the plan as a whole, from 0 to 1; None when the policy speaks.
        monitored: contacts (references) to watch instead of suppressing them.
        lowered: contact to a confidence below the policy's own.
        doubted: borderline group to the confidence of its contacts that were not judged singly.
        judged: contacts that were judged singly, whatever came of it.
        reasons: contact to why, where the reason that was named is true of that contact.
        concerns: sentences for people, all of the closed set.
        disagreements: what was sorted less carefully than by the policy, and ignored.
        unjudged: offered contacts and groups that the answer left out.
    """

    source: AdviceSource
    reason: str
    rationale: str
    expected_impact: str
    recorded: AgentRecord
    confidence: float | None = None
    monitored: tuple[str, ...] = ()
    lowered: Mapping[str, float] = field(default_factory=dict)
    doubted: Mapping[str, float] = field(default_factory=dict)
    judged: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)
    concerns: tuple[str, ...] = ()
    disagreements: int = 0
    unjudged: int = 0


class Judgement(Answer):
    """The model's word on one group or contact. The reason comes first: what is chosen first shapes what follows."""

    reference: str = Field(max_length=10)
    reason: str = Field(description="One of the contact's reasons, or none")
    sorting: Sorting
    confidence: float = Field(description="That suppressing is right", ge=0, le=1)


class Breakdown(Answer):
    """The planned suppressions, repeated from the data."""

    hard_bounces: int = Field(ge=0)
    soft_bounce_patterns: int = Field(ge=0)
    total: int = Field(ge=0)


class OptimizationAnswer(Answer):
    """The model's answer."""

    judgements: list[Judgement] = Field(max_length=MAX_GROUPS + MAX_BORDERLINE)
    concerns: Chosen
    rationale: Chosen
    expected_impact: Chosen
    breakdown: Breakdown
    confidence: float = Field(description="In the plan as a whole", ge=0, le=1)

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The ids by part of the opinion."""
        return {part: getattr(self, part) for part in PARTS}


def advise(access: ModelAccess, plan: PlanSummary) -> Opinion:
    """Ask for an opinion on a plan; without a usable answer, the policy's own. No failure of the model is raised."""
    offered, catalogue = len(plan.offered) + len(plan.offered_groups), plan_statements(plan)
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=question_data(plan),
        answer_type=OptimizationAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=_ROOM * (_TOKENS_OF_ANSWER + _TOKENS_OF_JUDGEMENT * offered),
        choices={part: catalogue.ids(part) for part in PARTS} | {REASONS: (_NO_REASON, *ContactStatement)},
    )
    consultation = consult(access, question, OptimizationAnswer, lambda given: _refusal(plan, given))
    if consultation.answer is None:
        return _of_policy(plan, consultation.record)
    answer, choice = consultation.answer, catalogue.choice(consultation.answer.chosen)
    checked = _Checked(plan)
    for each in answer.judgements:
        checked.take(each)
    concerns = dict.fromkeys((*checked.concerns, *choice.texts(CONCERNS)))
    unjudged = offered - len(answer.judgements)
    return Opinion(
        source=AdviceSource.MODEL,
        reason="",
        rationale=rationale_of(choice),
        expected_impact=impact_of(choice),
        recorded=consultation.accepted((*choice.notes, *checked.notes(unjudged))),
        confidence=answer.confidence,
        monitored=tuple(checked.monitored),
        lowered=checked.lowered,
        doubted=checked.doubted,
        judged=frozenset(checked.judged),
        reasons=checked.reasons,
        concerns=tuple(concerns),
        disagreements=checked.disagreements,
        unjudged=unjudged,
    )


def _misnamed(given: Sequence[str], offered: Sequence[str]) -> str | None:
    """Why a list of references cannot be about our items: one that was not offered, or one twice. None when it can."""
    known = set(offered)
    foreign = [reference for reference in given if reference not in known]
    if foreign:
        return f"{len(foreign)} of {len(given)} references were never offered"
    if len(set(given)) != len(given):
        return "a reference was judged more than once"
    return None


def _refusal(plan: PlanSummary, answer: OptimizationAnswer) -> str | None:
    """Why an answer cannot be about this plan."""
    named = [each.reference for each in answer.judgements]
    refused = _misnamed(named, (*plan.references(), *plan.group_references()))
    if refused is not None:
        return refused
    if answer.breakdown.model_dump() != plan.breakdown():
        return "its breakdown is not the plan's"
    return None


class _Checked:
    """An answer's judgements held against the plan, one by one."""

    def __init__(self, plan: PlanSummary) -> None:
        self._plan = plan
        self._untrue = 0
        self.monitored: list[str] = []
        self.lowered: dict[str, float] = {}
        self.doubted: dict[str, float] = {}
        self.judged: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.concerns: list[str] = []
        self.disagreements = 0

    def take(self, judgement: Judgement) -> None:
        """One judgement, by the rules at the head of this module."""
        if judgement.reference.startswith("c"):
            self._take_contact(judgement)
        else:
            self._take_group(judgement)

    def _take_contact(self, judgement: Judgement) -> None:
        reference, place = judgement.reference, position(judgement.reference)
        self.judged.add(reference)
        if _CAREFULNESS[judgement.sorting] > _CAREFULNESS["suppress_now"]:
            self.monitored.append(reference)
        if judgement.confidence < self._plan.offered[place].confidence:
            self.lowered[reference] = judgement.confidence
        if judgement.reason == _NO_REASON:
            return
        reasons = contact_statements(self._plan.offered[place]).choice({REASONS: [judgement.reason]})
        if reasons.is_empty:
            self._untrue += 1
        else:
            self.reasons[reference] = " ".join(reasons.texts(REASONS))

    def _take_group(self, judgement: Judgement) -> None:
        reference, place = judgement.reference, position(judgement.reference)
        group = self._plan.offered_groups[place]
        more = _CAREFULNESS[judgement.sorting] - _CAREFULNESS[group.sorting]
        if more < 0:
            self.disagreements += 1
        elif group.is_borderline and group.confidence is not None:
            confidence = _in_band(group.confidence, judgement.confidence, self._plan.policy, is_doubted=more > 0)
            if confidence < group.confidence or more > 0:
                self.doubted[reference] = confidence
        elif more > 0 and group.action is VerdictAction.SUPPRESS:
            self.concerns.append(fact_doubted(group))

    def notes(self, unjudged: int) -> tuple[str, ...]:
        """The parts of the answer that were left out, for the record."""
        notes = []
        if self._untrue:
            notes.append(f"{self._untrue} reasons are not among those of their contact and were dropped")
        if self.disagreements:
            notes.append(f"{self.disagreements} groups sorted less carefully than by the policy were ignored")
        if unjudged:
            notes.append(f"{unjudged} items were not judged and keep the policy's decision")
        return tuple(notes)


def _in_band(own: float, stated: float, policy: SuppressionPolicy, *, is_doubted: bool) -> float:
    """The confidence that an opinion on a whole group gives its contacts: not above the rule's own, and not below the
    review band. ``is_doubted``: below the automatic band in any case."""
    lowered = max(min(own, stated), policy.review_confidence)
    if is_doubted and lowered >= policy.automatic_confidence:
        lowered = policy.review_confidence
    return min(own, lowered)


def _of_policy(plan: PlanSummary, record: AgentRecord) -> Opinion:
    return Opinion(
        source=AdviceSource.POLICY,
        reason=record.verdict.removeprefix("not used: "),
        rationale=policy_rationale(plan),
        expected_impact=policy_impact(plan),
        recorded=record,
    )
