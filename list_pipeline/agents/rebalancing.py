"""The advisor on a rebalancing plan: says what matters of what the code planned, and may only make it wait.

Belongs here: what is asked about a rebalancing, and what an answer must repeat to count. Does not belong here: the plan
(``core.rebalancing.flows``), what can be said of it (``core.rebalancing.statements``), who moves
(``core.rebalancing.queue_order``), and what follows from a doubt (``core.rebalancing.gate``).

The model sees counts of lists, never a contact: it cannot name anybody to move. Requirement, target sizes and number of
moves are given to it and have to come back as they were, which shows that its choice is about this plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, Consultation, ModelAccess, Question, consult
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, AgentRecord
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import Pair, Sizes, band
from list_pipeline.core.rebalancing.flows import FlowPlan
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.rebalancing.statements import (
    ALTERNATIVES,
    CONCERNS,
    IMPACT,
    PARTS,
    RATIONALE,
    rebalancing_statements,
)
from list_pipeline.core.statements import Choice
from list_pipeline.core.wording import told_percent

AGENT = "rebalancing"
PROMPT_VERSION = "rebalancing-2"
TEMPERATURE = 0.5
MAX_OUTPUT_TOKENS = 4_096
"""The longest answers take about 300 tokens; thinking shares the budget."""
_MOST_ENTRIES, _MOST_EFFECTS = 12, 2

_SYSTEM = (
    "You are an expert in evening out mailing lists. A deterministic planner has decided whether three campaign lists "
    "are rebalanced after suppressions, and how. You say what of its plan a marketing team should know, and how sure you are "
    "that it should run without a person looking at it. The planner's principles: every list stays within the tolerance "
    "around the mean; as few contacts move as possible; contacts keep their order, so that the earliest stay in the "
    "earlier lists; newcomers join before anybody moves; and while a cycle (List 1, then List 2, then List 3) is open, "
    "nobody moves between a list that was already sent and one that was not, since that would skip or repeat a "
    "campaign for them. You cannot change the plan. "
)
_TASK = (
    "Choose the rationale of the plan, its expected impact, the alternatives that people would ask about, and concerns if "
    "there are any, each as ids of statements. "
    "Then repeat requires_rebalancing, target_distribution and movements_total exactly as the data has them, and give "
    "your confidence from 0 to 1 that the plan should run as it is. Answer with JSON in the given schema only."
)


class TargetDistribution(Answer):
    """Mailable members of each list once the plan is carried out."""

    list_1: int = Field(ge=0)
    list_2: int = Field(ge=0)
    list_3: int = Field(ge=0)

    @property
    def sizes(self) -> Sizes:
        """The three sizes in the order of the lists."""
        return self.list_1, self.list_2, self.list_3


class RebalancingAnswer(Answer):
    """The model's answer. Reasons come first: what is chosen first shapes what follows."""

    rationale: Chosen
    expected_impact: Chosen
    alternatives_considered: Chosen
    concerns: Chosen
    requires_rebalancing: bool = Field(description="As in the data")
    target_distribution: TargetDistribution = Field(description="As in the data")
    movements_total: int = Field(ge=0, description="As in the data; 0 when no rebalancing is required")
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The ids by part of the opinion."""
        return {part: getattr(self, part) for part in PARTS}


@dataclass(frozen=True, slots=True)
class RebalancingOpinion:
    """The advisor's opinion of a plan. No part of it can change an item of the plan.

    Attributes:
        source: who chose the statements.
        reason: why the policy speaks for itself; empty when the model chose.
        concerns: what the policy knows, and what the model chose beyond that; all of the closed set, like every sentence.
        confidence: the model's, from 0 to 1; None without a usable answer.
    """

    source: AdviceSource
    reason: str
    rationale: str
    expected_impact: str
    alternatives_considered: tuple[str, ...]
    concerns: tuple[str, ...]
    confidence: float | None
    recorded: AgentRecord


def explain(access: ModelAccess, question: RebalancingQuestion) -> RebalancingOpinion:
    """Ask what matters of a plan; without a usable answer, the policy's own choice. No failure of the model is raised.

    A plan that changes nothing and defers nothing is not asked about: it has nothing to explain and nothing to hold.
    """
    catalogue = rebalancing_statements(question)
    asked = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=question_data(question),
        answer_type=RebalancingAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        choices={part: catalogue.ids(part) for part in PARTS},
    )
    if not question.is_worth_asking:
        return of_policy(question, _not_asked(access, asked))
    consultation = consult(
        access,
        asked,
        RebalancingAnswer,
        lambda given: _refusal(given, question.flows, catalogue.choice(given.chosen)),
    )
    answer = consultation.answer
    if answer is None:
        return of_policy(question, consultation.record)
    choice = catalogue.choice(answer.chosen)
    return _opinion(choice, AdviceSource.MODEL, "", answer.confidence, consultation.accepted(choice.notes))


def of_policy(question: RebalancingQuestion, record: AgentRecord) -> RebalancingOpinion:
    """The plan in the policy's own choice, with the record that says why nobody else chose."""
    choice = rebalancing_statements(question).unchosen
    return _opinion(choice, AdviceSource.POLICY, record.verdict.removeprefix("not used: "), None, record)


def _opinion(
    choice: Choice, source: AdviceSource, reason: str, confidence: float | None, record: AgentRecord
) -> RebalancingOpinion:
    return RebalancingOpinion(
        source=source,
        reason=reason,
        rationale=" ".join(choice.said(RATIONALE, _MOST_ENTRIES)),
        expected_impact=" ".join(choice.said(IMPACT, _MOST_EFFECTS)),
        alternatives_considered=choice.said(ALTERNATIVES, _MOST_ENTRIES),
        concerns=choice.said(CONCERNS, _MOST_ENTRIES),
        confidence=confidence,
        recorded=record,
    )


def superseded(question: RebalancingQuestion, record: AgentRecord) -> RebalancingOpinion:
    """The plan in the policy's own choice, because it is no longer the plan that the advisor was asked about."""
    if record.source is AdviceSource.POLICY:
        return of_policy(question, record)
    return of_policy(question, Consultation(None, record).refused("the lists changed while the advisor was asked"))


def _not_asked(access: ModelAccess, asked: Question) -> AgentRecord:
    return AgentRecord(
        agent=AGENT,
        source=AdviceSource.POLICY,
        model=None if access.model is None else access.model.model,
        prompt_version=PROMPT_VERSION,
        prompt_hash=asked.hash,
        prompt=asked.recorded,
        answer=None,
        verdict="not used: nothing changes and nothing is deferred, so there is nothing to explain",
        outcome=AdviceOutcome.NOT_ASKED,
    )


# What an answer must repeat


def _refusal(answer: RebalancingAnswer, flows: FlowPlan, choice: Choice) -> str | None:
    """Why an answer cannot be about this plan. Only names of our fields, so that it can be quoted to the model."""
    if not answer.requires_rebalancing and answer.movements_total:
        return "movements_total has to be 0 when no rebalancing is required"
    if answer.requires_rebalancing != flows.required:
        return "requires_rebalancing is not the data's"
    if answer.target_distribution.sizes != flows.target_sizes:
        return "target_distribution is not the data's"
    if answer.movements_total != flows.move_count:
        return "movements_total is not the data's"
    if not choice.picked[RATIONALE]:
        return "the rationale names no statement that was offered"
    return None


# What is sent


def question_data(question: RebalancingQuestion) -> dict[str, Any]:
    """The prompt's data: counts, percentages and the names List 1 to List 3."""
    flows, policy = question.flows, question.policy
    total = sum(flows.target_sizes)
    allowed = band(total, policy.trigger_percent)
    certificate = flows.certificate
    suppressed = dict(zip(CAMPAIGN_LISTS, question.suppressed, strict=True))
    sizes, targets = (dict(zip(CAMPAIGN_LISTS, each, strict=True)) for each in (flows.sizes, flows.target_sizes))
    return {
        "round_of_the_campaign": question.round_number,
        "tolerance_percent": float(policy.trigger_percent),
        "goal_percent": float(policy.repair_percent),
        "lists": [
            {
                "list": role.label,
                "suppressed_in_this_run": suppressed[role],
                "size_after_suppression": sizes[role],
                "target_size": targets[role],
                "already_sent_in_open_cycle": role in question.sent_in_open_cycle,
                "may_be_changed_now": role not in question.frozen,
            }
            for role in CAMPAIGN_LISTS
        ],
        "total_now": sum(flows.sizes),
        "total_after_the_plan": total,
        "even_share_of_each_list": round(Fraction(total, 3)),
        "allowed_sizes": {"least": allowed.lo, "most": allowed.hi},
        "newcomers_available": question.newcomers_available,
        "enrolling_newcomers": policy.enrol.value,
        "moves": _moves(flows.moves),
        "moves_percent_of_contacts": _share(Fraction(flows.move_count, sum(flows.sizes) or 1)),
        "moves_limit_percent": float(policy.max_changed_share_percent),
        "enrolments": _enrolments(flows.enrolments),
        "enrolments_total": flows.enrolment_count,
        "deferred_moves": _moves(flows.deferred_moves),
        "deferred_enrolments": _enrolments(flows.deferred_enrolments),
        "deviation_before_percent": _share(flows.deviation_before),
        "deviation_after_percent": _share(flows.deviation_after),
        "fewest_possible_moves": certificate.lower_bound if certificate else 0,
        "restriction": certificate.restriction if certificate else None,
        "requires_rebalancing": flows.required,
        "target_distribution": {f"list_{role.round_number}": targets[role] for role in CAMPAIGN_LISTS},
        "movements_total": flows.move_count,
        "statements": rebalancing_statements(question).offered(),
    }


def _moves(moves: Mapping[Pair, int]) -> list[dict[str, Any]]:
    return [{"from": giver.label, "to": taker.label, "contacts": count} for (giver, taker), count in moves.items()]


def _enrolments(enrolments: Mapping[ListRole, int]) -> list[dict[str, Any]]:
    return [{"to": role.label, "contacts": count} for role, count in enrolments.items()]


def _share(share: Fraction | None) -> float | None:
    return None if share is None else told_percent(100 * share)
