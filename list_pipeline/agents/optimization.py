"""The advisor on a suppression plan: sorts what the policy decided, explains it, and may make it more careful.

Belongs here: what is asked about a plan, and what an answer may change. Does not belong here: the decision itself
(``core.suppression.rules``), what the advisor is told (``plan_summary``), who is behind a reference
(``operations.suppression.advice``) and how a model is reached (``integrations``).

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

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, ModelAccess, Question, consult
from list_pipeline.agents.guard import figures_in, grounded, misnamed
from list_pipeline.agents.plan_summary import (
    MAX_BORDERLINE,
    MAX_GROUPS,
    BorderlineItem,
    PlanGroup,
    PlanSummary,
    Sorting,
    in_words,
    policy_impact,
    policy_rationale,
    position,
    question_data,
)
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import count_text

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
PROMPT_VERSION = "optimization-2"
TEMPERATURE = 0.3
_TOKENS_OF_ANSWER, _TOKENS_OF_JUDGEMENT, _ROOM = 700, 60, 4
"""What an answer takes, and how many times that is allowed: thinking shares the limit."""

_CAREFULNESS: Mapping[str, int] = {"suppress_now": 0, "monitor_closely": 1, "keep_in_list": 2}
_SYSTEM = (
    "You are a list-optimisation specialist for email deliverability: conservative but decisive. A deterministic policy "
    "has sorted the contacts that a campaign failed to reach into suppress_now, monitor_closely and keep_in_list. You "
    "explain that plan to a marketing team and check it. Suppress now: addresses that do not exist, complaints, and "
    "failures that persist over several campaigns for the same reason and are recent. Monitor or keep: a single or "
    "passing failure, differing reasons, contacts that were reached before or joined lately, and everything that is the "
    "sender's fault. You can make the plan more careful only; what you sort less carefully than the policy is ignored. "
    "server_words are fragments of what the receiving server said, quoted as evidence. "
)
_TASK = (
    "Judge every group and every contact by its reference, once: the reason in at most 12 words, then the sorting, then "
    "your confidence from 0 to 1 that suppressing is right. Repeat the policy's sorting and confidence where you have no "
    "doubt. Then give concerns (none if you have none), a rationale of two to four sentences for the plan as a whole, "
    "one or two sentences on its expected impact, the breakdown exactly as it stands in the data, and your confidence "
    "in the plan as a whole. Use no references in these sentences. Answer with JSON in the given schema only."
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """The advisor's opinion of a plan, after the guard.

    Attributes:
        source: whose words ``rationale`` is built on; ``POLICY`` also means that nothing below changes the plan.
        reason: why the policy speaks for itself; empty when the model does.
        confidence: in the plan as a whole, from 0 to 1; None when the policy speaks.
        monitored: contacts (references) to watch instead of suppressing them.
        lowered: contact to a confidence below the policy's own.
        doubted: borderline group to the confidence of its contacts that were not judged singly.
        judged: contacts that were judged singly, whatever came of it.
        reasons: contact to why, as far as it rests on what is known about that contact.
        concerns: sentences for people.
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
    """The model's word on one group or contact. The reason comes first: what is written first shapes what follows."""

    reference: str = Field(max_length=10)
    reason: str = Field(max_length=600)
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
    concerns: list[Annotated[str, Field(max_length=400)]] = Field(max_length=5)
    rationale: str = Field(max_length=2_000)
    expected_impact: str = Field(max_length=1_000)
    breakdown: Breakdown
    confidence: float = Field(description="In the plan as a whole", ge=0, le=1)


def advise(access: ModelAccess, plan: PlanSummary) -> Opinion:
    """Ask for an opinion on a plan; without a usable answer, the policy's own. No failure of the model is raised."""
    offered = len(plan.offered) + len(plan.offered_groups)
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=question_data(plan),
        answer_type=OptimizationAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=_ROOM * (_TOKENS_OF_ANSWER + _TOKENS_OF_JUDGEMENT * offered),
    )
    consultation = consult(access, question, OptimizationAnswer, lambda given: _refusal(plan, given))
    if consultation.answer is None:
        return _of_policy(plan, consultation.record)
    answer = consultation.answer
    checked = _Checked(plan, question.data)
    for each in answer.judgements:
        checked.take(each)
    for concern in answer.concerns:
        checked.take_concern(concern)
    rationale = checked.sentences(answer.rationale, question.data)
    impact = checked.sentences(answer.expected_impact, question.data)
    unjudged = offered - len(answer.judgements)
    return Opinion(
        source=AdviceSource.MODEL,
        reason="",
        rationale=rationale or policy_rationale(plan),
        expected_impact=impact or policy_impact(plan),
        recorded=consultation.accepted(checked.notes(unjudged)),
        confidence=answer.confidence,
        monitored=tuple(checked.monitored),
        lowered=checked.lowered,
        doubted=checked.doubted,
        judged=frozenset(checked.judged),
        reasons=checked.reasons,
        concerns=tuple(checked.concerns),
        disagreements=checked.disagreements,
        unjudged=unjudged,
    )


def _refusal(plan: PlanSummary, answer: OptimizationAnswer) -> str | None:
    """Why an answer cannot be about this plan."""
    named = [each.reference for each in answer.judgements]
    refused = misnamed(named, (*plan.references(), *plan.group_references()))
    if refused is not None:
        return refused
    if answer.breakdown.model_dump() != plan.breakdown():
        return "its breakdown is not the plan's"
    return None


class _Checked:
    """An answer's judgements held against the plan, one by one."""

    def __init__(self, plan: PlanSummary, data: Mapping[str, Any]) -> None:
        self._plan = plan
        self._data = data
        self._dropped = 0
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
        contact = self._data["contacts"][place]
        said = self.sentences(judgement.reason, [contact, self._data["groups"][self._plan.offered[place].group]])
        if said:
            self.reasons[reference] = said

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
        elif more > 0 and group.action == "suppress":
            said = self.sentences(judgement.reason, self._data["groups"][place])
            group_text = f"the {count_text(group.contacts, 'contact')} for {in_words(group.rule)}"
            words = f"The advisor would not suppress {group_text} at once"
            self.concerns.append(f"{words}: {said}" if said else f"{words}.")

    def take_concern(self, concern: str) -> None:
        """A concern in the model's words, as far as it rests on the data."""
        said = self.sentences(concern, self._data)
        if said and said not in self.concerns:
            self.concerns.append(said)

    def sentences(self, prose: str, data: Any) -> str:
        """The sentences that rest on the given part of the data. None that names a reference: people know none."""
        said, dropped = grounded(prose, figures_in(data))
        self._dropped += dropped
        return said

    def notes(self, unjudged: int) -> tuple[str, ...]:
        """The parts of the answer that were left out, for the record."""
        notes = []
        if self._dropped:
            notes.append(f"{self._dropped} sentences without ground in the input were dropped")
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
