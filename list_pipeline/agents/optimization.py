"""The advisor on a suppression plan: explains it, and may make it more careful.

Belongs here: what is asked about a plan, what an answer may change, and the policy's own words when there is none. Does
not belong here: the decision itself (``core.suppression``) and how a model is reached (``integrations``).

The model sees groups with counts, and borderline contacts as ``c1`` to ``cn`` without anything that could identify
them. It may agree with an item, hold it for a person, or lower its confidence. It can add nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from list_pipeline.agents.base import DATA_RULES, Answer, LanguageModel, Question, consult, quoted
from list_pipeline.agents.guard import figures_in, grounded, misnamed
from list_pipeline.core.advice import AdviceSource, AgentRecord

AGENT = "optimization"
PROMPT_VERSION = "optimization-1"
TEMPERATURE = 0.3
MAX_OUTPUT_TOKENS = 8_192
"""Sixty judgements take about 2,400 tokens; thinking shares the budget."""
MAX_BORDERLINE = 60
"""Items in one question. Further ones keep the policy's decision."""
_TEXT_LIMIT = 200

_SYSTEM = (
    "You are a list-optimisation specialist for email deliverability: conservative but decisive. A deterministic "
    "policy has planned which bounced contacts are suppressed. You explain the plan to a marketing team and check its "
    "borderline items. You may agree with an item, hold it for a person (verdict hold), or lower its confidence "
    "(verdict lower). You cannot add contacts, change lists or raise a confidence. "
    "Hold an item when its history or the receiver's words speak for a passing state. "
)
_TASK = (
    "Judge each borderline item by its reference, once. Then give a rationale of two to four sentences for the plan "
    "as a whole and one or two sentences on its expected impact. Answer with JSON in the given schema only."
)


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Contacts that the policy treats alike: numbers of contacts and of their domains; confidence from 0 to 1."""

    action: Literal["suppress", "monitor", "keep", "hold"]
    bounce_class: str
    reason: str
    contacts: int
    domains: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class BorderlineItem:
    """One contact that the policy decides with some doubt. It has no id on purpose: its place in the list names it.

    Attributes:
        hits: failures that count.
        campaigns: campaigns it was in.
        days: from the first of these failures to the last.
        domain_kind: category of its domain, e.g. ``freemail`` or ``company``; never the domain.
        server_text: the receiver's words, if known; redacted and cut before they are sent.
    """

    bounce_class: str
    reason: str
    hits: int
    campaigns: int
    days: int
    confidence: float
    domain_kind: str = "unknown"
    server_text: str = ""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What the advisor is told of a plan."""

    recipients: int
    groups: Sequence[PlanGroup]
    borderline: Sequence[BorderlineItem] = ()

    @property
    def offered(self) -> Sequence[BorderlineItem]:
        """The borderline items that are asked about: the most doubtful are for the caller to put first."""
        return self.borderline[:MAX_BORDERLINE]

    def references(self) -> tuple[str, ...]:
        """``c1`` to ``cn``: the names of the offered items, in order."""
        return tuple(f"c{number}" for number in range(1, len(self.offered) + 1))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the advisor says about a plan.

    Attributes:
        source: whose words ``rationale`` is built on; ``POLICY`` also means that nothing below changes the plan.
        reason: why the policy speaks for itself; empty when the model does.
        holds: references to hold for a person.
        lowered: reference to a confidence below the policy's own.
    """

    source: AdviceSource
    reason: str
    rationale: str
    expected_impact: str
    recorded: AgentRecord
    holds: tuple[str, ...] = ()
    lowered: Mapping[str, float] = field(default_factory=dict)


def position(reference: str) -> int:
    """The place, from 0, of a reference's item in ``PlanSummary.borderline``."""
    return int(reference.removeprefix("c")) - 1


class Judgement(Answer):
    """The model's word on one item. The reason comes first: what is written first shapes what follows."""

    reference: str = Field(max_length=10)
    reason: str = Field(max_length=600)
    verdict: Literal["agree", "hold", "lower"]
    confidence: float | None = Field(description="The lowered confidence, for verdict lower only", ge=0, le=1)


class OptimizationAnswer(Answer):
    """The model's answer."""

    judgements: list[Judgement] = Field(max_length=MAX_BORDERLINE)
    rationale: str = Field(max_length=2_000)
    expected_impact: str = Field(max_length=1_000)


def advise(model: LanguageModel | None, plan: PlanSummary) -> Opinion:
    """Ask for an opinion on a plan; without a usable answer, the policy's own. No failure of the model is raised."""
    question = Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=_SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(plan),
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )
    consultation = consult(model, question, OptimizationAnswer)
    answer = consultation.answer
    if answer is None:
        return _of_policy(plan, consultation.record)
    refused = misnamed([each.reference for each in answer.judgements], plan.references())
    if refused is not None:
        return _of_policy(plan, consultation.rejected(refused))

    holds: list[str] = []
    lowered: dict[str, float] = {}
    raised = 0
    for each in answer.judgements:
        own = plan.offered[position(each.reference)].confidence
        if each.verdict == "hold":
            holds.append(each.reference)
        elif each.verdict == "lower" and each.confidence is not None and each.confidence < own:
            lowered[each.reference] = each.confidence
        elif each.verdict == "lower":
            raised += 1

    figures = figures_in(question.data)
    rationale, dropped = grounded(answer.rationale, figures, plan.references())
    impact, dropped_too = grounded(answer.expected_impact, figures, plan.references())
    notes: list[str] = []
    if dropped + dropped_too:
        notes.append(f"{dropped + dropped_too} sentences without ground in the input were dropped")
    if raised:
        notes.append(f"{raised} attempts not to lower a confidence were ignored")
    unjudged = len(plan.offered) - len(answer.judgements)
    if unjudged:
        notes.append(f"{unjudged} items were not judged and keep the policy's decision")
    return Opinion(
        source=AdviceSource.MODEL,
        reason="",
        rationale=rationale or policy_rationale(plan),
        expected_impact=impact or policy_impact(plan),
        recorded=consultation.accepted(tuple(notes)),
        holds=tuple(holds),
        lowered=lowered,
    )


def policy_rationale(plan: PlanSummary) -> str:
    """The plan explained by the policy itself; always the same words for the same plan."""
    suppressed = [group for group in plan.groups if group.action == "suppress"]
    total = sum(group.contacts for group in suppressed)
    if not total:
        return "No contact gave enough evidence to be suppressed."
    parts = ", ".join(f"{group.contacts:,} for {_words(group.reason)}" for group in _by_size(suppressed))
    text = f"The policy suppresses {_contacts(total)}: {parts}."
    kept = sum(group.contacts for group in plan.groups if group.action in ("monitor", "keep"))
    held = sum(group.contacts for group in plan.groups if group.action == "hold")
    if kept:
        text += f" {_contacts(kept)} that failed for a passing or unclear reason, or by the sender's fault, stay."
    if held:
        text += f" {_contacts(held)} wait for a person."
    return text


def policy_impact(plan: PlanSummary) -> str:
    """What the plan is good for, in the policy's words."""
    total = sum(group.contacts for group in plan.groups if group.action == "suppress")
    if not total:
        return "The lists stay as they are."
    share = f" ({total / plan.recipients:.1%} of this campaign's recipients)" if plan.recipients > 0 else ""
    return f"The next rounds no longer mail {_contacts(total)}{share} that cannot be reached or do not want to be."


def _of_policy(plan: PlanSummary, record: AgentRecord) -> Opinion:
    return Opinion(
        source=AdviceSource.POLICY,
        reason=record.verdict.removeprefix("not used: "),
        rationale=policy_rationale(plan),
        expected_impact=policy_impact(plan),
        recorded=record,
    )


def _data(plan: PlanSummary) -> dict[str, object]:
    return {
        "recipients": plan.recipients,
        "groups": [
            {
                "action": group.action,
                "bounce_class": group.bounce_class,
                "reason": group.reason,
                "contacts": group.contacts,
                "domains": group.domains,
                "confidence": group.confidence,
            }
            for group in _by_size(plan.groups)
        ],
        "contacts_to_suppress": sum(group.contacts for group in plan.groups if group.action == "suppress"),
        "borderline": [
            {
                "reference": reference,
                "bounce_class": item.bounce_class,
                "reason": item.reason,
                "hits": item.hits,
                "campaigns": item.campaigns,
                "days": item.days,
                "domain_kind": item.domain_kind,
                "confidence": item.confidence,
                "server_text": quoted(item.server_text, _TEXT_LIMIT),
            }
            for reference, item in zip(plan.references(), plan.offered, strict=True)
        ],
        "borderline_not_listed": len(plan.borderline) - len(plan.offered),
    }


def _by_size(groups: Sequence[PlanGroup]) -> list[PlanGroup]:
    return sorted(groups, key=lambda group: (-group.contacts, group.action, group.bounce_class, group.reason))


def _words(code: str) -> str:
    return code.replace("_", " ")


def _contacts(count: int) -> str:
    return f"{count:,} contact" if count == 1 else f"{count:,} contacts"
