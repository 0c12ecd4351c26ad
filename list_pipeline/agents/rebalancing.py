"""The advisor on a rebalancing plan: explains what the code planned, and may only make it wait.

Belongs here: what is asked about a rebalancing, what an answer must repeat to count, and the policy's own words when
there is none. Does not belong here: the plan (``core.rebalancing.flows``), who moves
(``core.rebalancing.queue_order``), and what follows from a doubt (``core.rebalancing.gate``).

The model sees counts of lists, never a contact: it cannot name anybody to move. Requirement, target sizes and number of
moves are given to it and have to come back as they were, which shows that the words are about this plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Consultation, ModelAccess, Question, consult
from list_pipeline.agents.guard import SENTENCE_END, Figures, figures_in, grounded
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, AgentRecord
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import Pair, Sizes, band
from list_pipeline.core.rebalancing.flows import EnrolNewcomers, FlowPlan, RebalancingPolicy
from list_pipeline.core.wording import count_text, limit_text, percent_text, told_percent

AGENT = "rebalancing"
PROMPT_VERSION = "rebalancing-1"
TEMPERATURE = 0.5
MAX_OUTPUT_TOKENS = 4_096
"""The longest answers take about 900 tokens; thinking shares the budget."""

_SYSTEM = (
    "You are an expert in evening out mailing lists. A deterministic planner has decided whether three campaign lists "
    "are rebalanced after suppressions, and how. You explain its plan to a marketing team and say how sure you are that "
    "it should run without a person looking at it. The planner's principles: every list stays within the tolerance "
    "around the mean; as few contacts move as possible; contacts keep their order, so that the earliest stay in the "
    "earlier lists; newcomers join before anybody moves; and while a cycle (List 1, then List 2, then List 3) is open, "
    "nobody moves between a list that was already sent and one that was not, since that would skip or repeat a "
    "campaign for them. You cannot change the plan. "
)
_TASK = (
    "Give a rationale of two to four sentences for the plan, one or two sentences on its expected impact, the "
    "alternatives that speak for themselves from the data and why the plan is preferred, and concerns if there are any. "
    "Then repeat requires_rebalancing, target_distribution and movements_total exactly as the data has them, and give "
    "your confidence from 0 to 1 that the plan should run as it is. Answer with JSON in the given schema only."
)


@dataclass(frozen=True, slots=True)
class RebalancingQuestion:
    """The plan in counts, and the sizes and newcomers it was made from. No contact is in it.

    Attributes:
        flows: the plan, made on the sizes after this run's suppressions.
        suppressed: contacts that this run took off List 1, 2 and 3.
        newcomers_available: contacts in master and in no campaign list that may be enrolled; no suppressed one.
        sent_in_open_cycle: lists to which the open cycle was already sent; empty when no cycle is open.
        frozen: lists that may not be changed now.
        round_number: the campaign's round in its cycle; None when it belongs to none.
    """

    flows: FlowPlan
    policy: RebalancingPolicy = field(default_factory=RebalancingPolicy)
    suppressed: Sizes = (0, 0, 0)
    newcomers_available: int = 0
    sent_in_open_cycle: frozenset[ListRole] = frozenset()
    frozen: frozenset[ListRole] = frozenset()
    round_number: int | None = None

    @property
    def is_worth_asking(self) -> bool:
        """Whether there is anything to explain: something changes now, or has to wait."""
        flows = self.flows
        return not flows.changes_nothing or bool(flows.deferred_moves or flows.deferred_enrolments)


class TargetDistribution(Answer):
    """Mailable members of each list once the plan is carried out."""

    list_1: int = Field(ge=0)
    list_2: int = Field(ge=0)
    list_3: int = Field(ge=0)

    @property
    def sizes(self) -> Sizes:
        """The three sizes in the order of the lists."""
        return self.list_1, self.list_2, self.list_3


_Point = Annotated[str, Field(max_length=600)]


class RebalancingAnswer(Answer):
    """The model's answer. Reasons come first: what is written first shapes what follows."""

    rationale: str = Field(max_length=2_000)
    expected_impact: str = Field(max_length=1_000)
    alternatives_considered: list[_Point] = Field(max_length=6)
    concerns: list[_Point] = Field(max_length=6)
    requires_rebalancing: bool = Field(description="As in the data")
    target_distribution: TargetDistribution = Field(description="As in the data")
    movements_total: int = Field(ge=0, description="As in the data; 0 when no rebalancing is required")
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class RebalancingOpinion:
    """The advisor's opinion of a plan. No part of it can change an item of the plan.

    Attributes:
        source: whose words the rationale is.
        reason: why the policy speaks for itself; empty when the model does.
        concerns: what the policy knows, then what the model added.
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
    """Ask for an explanation of a plan; without a usable answer, the policy's own. No failure of the model is raised.

    A plan that changes nothing and defers nothing is not asked about: it has nothing to explain and nothing to hold.
    """
    data = question_data(question)
    asked = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=data,
        answer_type=RebalancingAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )
    if not question.is_worth_asking:
        return of_policy(question, _not_asked(access, asked))
    figures = figures_in(data)
    consultation = consult(access, asked, RebalancingAnswer, lambda given: _refusal(given, question.flows, figures))
    answer = consultation.answer
    if answer is None:
        return of_policy(question, consultation.record)

    rationale, dropped = _grounded(answer.rationale, figures)
    impact, dropped_too = _grounded(answer.expected_impact, figures)
    alternatives, lost = _grounded_points(answer.alternatives_considered, figures)
    concerns, lost_too = _grounded_points(answer.concerns, figures)
    notes = []
    if dropped + dropped_too:
        notes.append(f"{dropped + dropped_too} sentences without ground in the input were dropped")
    if lost + lost_too:
        notes.append(f"{lost + lost_too} alternatives or concerns without ground in the input were dropped")
    known = policy_concerns(question)
    return RebalancingOpinion(
        source=AdviceSource.MODEL,
        reason="",
        rationale=rationale,
        expected_impact=impact or policy_impact(question),
        alternatives_considered=alternatives or policy_alternatives(question),
        concerns=(*known, *(one for one in concerns if one not in known)),
        confidence=answer.confidence,
        recorded=consultation.accepted(tuple(notes)),
    )


def of_policy(question: RebalancingQuestion, record: AgentRecord) -> RebalancingOpinion:
    """The plan in the policy's own words, with the record that says why nobody else explains it."""
    return RebalancingOpinion(
        source=AdviceSource.POLICY,
        reason=record.verdict.removeprefix("not used: "),
        rationale=policy_rationale(question),
        expected_impact=policy_impact(question),
        alternatives_considered=policy_alternatives(question),
        concerns=policy_concerns(question),
        confidence=None,
        recorded=record,
    )


def superseded(question: RebalancingQuestion, record: AgentRecord) -> RebalancingOpinion:
    """The plan in the policy's own words, because it is no longer the plan that the advisor was asked about."""
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


# The guard


def _refusal(answer: RebalancingAnswer, flows: FlowPlan, figures: Figures) -> str | None:
    """Why an answer cannot be about this plan. Only names of our fields, so that it can be quoted to the model."""
    if not answer.requires_rebalancing and answer.movements_total:
        return "movements_total has to be 0 when no rebalancing is required"
    if answer.requires_rebalancing != flows.required:
        return "requires_rebalancing is not the data's"
    if answer.target_distribution.sizes != flows.target_sizes:
        return "target_distribution is not the data's"
    if answer.movements_total != flows.move_count:
        return "movements_total is not the data's"
    if not _grounded(answer.rationale, figures)[0]:
        return "no sentence of the rationale keeps to the figures in the data"
    return None


_LIST_NUMBER = re.compile(r"\blists?\s*(?:no\.?|number|#)?\s*(\d+)", re.IGNORECASE)


def _grounded(prose: str, figures: Figures) -> tuple[str, int]:
    """The sentences that rest on the input, and how many were dropped; also those about a list that does not exist."""
    kept, dropped = [], 0
    for sentence in SENTENCE_END.split(prose):
        strange = [number for number in _LIST_NUMBER.findall(sentence) if int(number) not in (1, 2, 3)]
        text, lost = ("", 1) if strange else grounded(sentence, figures)
        dropped += lost
        kept += [text] if text else []
    return " ".join(kept), dropped


def _grounded_points(points: Iterable[str], figures: Figures) -> tuple[tuple[str, ...], int]:
    """Points of which every sentence rests on the input, each once, and how many were dropped: half of an alternative
    would say something else."""
    kept: list[str] = []
    dropped = 0
    for point in points:
        text, lost = _grounded(point, figures)
        if lost:
            dropped += 1
        elif text and text not in kept:
            kept.append(text)
    return tuple(kept), dropped


# The policy's own words


def policy_rationale(question: RebalancingQuestion) -> str:
    """Why the plan is as it is: the planner's reasons and its proof that fewer moves are not enough."""
    flows = question.flows
    parts = list(flows.reasons)
    if flows.certificate is not None:
        parts.append(flows.certificate.sentence)
    return " ".join(_sentence(part) for part in parts)


def policy_impact(question: RebalancingQuestion) -> str:
    """The changes of the plan, in figures."""
    flows = question.flows
    if flows.changes_nothing:
        return f"The lists stay as they are, with a deviation of {_deviation(flows.deviation_before)}."
    joins = f"{count_text(flows.enrolment_count, 'newcomer')} join{'s' if flows.enrolment_count == 1 else ''}"
    moves = f"{count_text(flows.move_count, 'contact')} change{'s' if flows.move_count == 1 else ''} lists"
    done = " and ".join([*([moves] if flows.move_count else []), *([joins] if flows.enrolment_count else [])])
    return (
        f"The deviation goes from {_deviation(flows.deviation_before)} to {_deviation(flows.deviation_after)}: {done}, "
        f"so that the lists hold {' / '.join(f'{size:,}' for size in flows.target_sizes)}."
    )


def policy_alternatives(question: RebalancingQuestion) -> tuple[str, ...]:
    """Alternatives that the planner worked out and found no better."""
    flows, policy = question.flows, question.policy
    if not flows.triggered:
        if flows.deviation_before is None:
            return ()
        return (
            f"Evening the lists out anyway: they deviate by {_deviation(flows.deviation_before)}, within the tolerance of "
            f"{limit_text(policy.trigger_percent)}, and a move would pay for nothing.",
        )
    found = [
        f"Leaving the lists as they are: they would stay {_deviation(flows.deviation_before)} from their mean, above the "
        f"tolerance of {limit_text(policy.trigger_percent)}."
    ]
    certificate = flows.certificate
    if certificate is not None and certificate.lower_bound:
        bound = certificate.lower_bound
        found.append(
            f"Fewer moves: with the same newcomers, fewer than {count_text(bound, 'move')} cannot "
            f"reach a deviation of {_deviation(flows.deviation_after)}."
        )
    found += _newcomers_instead(question)
    if flows.deferred_moves or flows.deferred_enrolments:
        until = "the lists may be changed again" if question.frozen else "the open cycle closes"
        if question.frozen and _is_split(question):
            until = "the lists may be changed again and the open cycle closes"
        deferred = (
            f"what is deferred (moves {sum(flows.deferred_moves.values()):,}, "
            f"enrolments {sum(flows.deferred_enrolments.values()):,})"
        )
        found.append(
            f"Doing {deferred} at once: not before {until}; it is planned anew then."
            if flows.changes_nothing
            else f"Waiting with everything until {until}: only {deferred} has to, and is planned anew then."
        )
    return tuple(found)


def _newcomers_instead(question: RebalancingQuestion) -> list[str]:
    flows, available = question.flows, question.newcomers_available
    if not flows.move_count:
        return []
    moves = count_text(flows.move_count, "move")
    if not available:
        return ["Newcomers instead of moves: there is none who could be enrolled."]
    if question.policy.enrol is EnrolNewcomers.OFF:
        return [f"Newcomers instead of moves: enrolling is switched off, so the {available:,} available are left out."]
    if flows.enrolment_count == available:
        return [f"Newcomers instead of moves: all {available:,} available join already, and {moves} are left to make."]
    return [
        f"Newcomers instead of moves: {flows.enrolment_count:,} of {available:,} available join; more of them would "
        f"not reach the same deviation with fewer than {moves}."
    ]


def policy_concerns(question: RebalancingQuestion) -> tuple[str, ...]:
    """Concerns that the plan leaves, for people to know."""
    flows = question.flows
    found = []
    if flows.is_above_trigger_after and flows.triggered:
        found.append(
            f"The lists stay {_deviation(flows.deviation_after)} from their mean, above the tolerance of "
            f"{limit_text(question.policy.trigger_percent)}."
        )
    if flows.review_reason:
        found.append(_sentence(flows.review_reason))
    return tuple(found)


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
        "proof": certificate.sentence if certificate else None,
        "restriction": certificate.restriction if certificate else None,
        "planners_reasons": list(flows.reasons),
        "requires_rebalancing": flows.required,
        "target_distribution": {f"list_{role.round_number}": targets[role] for role in CAMPAIGN_LISTS},
        "movements_total": flows.move_count,
    }


def _moves(moves: Mapping[Pair, int]) -> list[dict[str, Any]]:
    return [{"from": giver.label, "to": taker.label, "contacts": count} for (giver, taker), count in moves.items()]


def _enrolments(enrolments: Mapping[ListRole, int]) -> list[dict[str, Any]]:
    return [{"to": role.label, "contacts": count} for role, count in enrolments.items()]


def _is_split(question: RebalancingQuestion) -> bool:
    """Whether the open cycle keeps some lists apart."""
    open_lists = frozenset(CAMPAIGN_LISTS) - question.frozen
    return bool(open_lists & question.sent_in_open_cycle) and bool(open_lists - question.sent_in_open_cycle)


def _share(share: Fraction | None) -> float | None:
    return None if share is None else told_percent(100 * share)


def _deviation(share: Fraction | None) -> str:
    return percent_text(None if share is None else 100 * share, unknown="none (empty lists)")


def _sentence(part: str) -> str:
    return f"{part[:1].upper()}{part[1:].rstrip('.')}."
