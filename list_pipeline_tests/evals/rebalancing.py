"""Scenarios of the advisor on a rebalancing: the planner's counts in, an explanation and maybe a doubt out.

Belongs here: planning with the product's planner, asking, letting the gate judge with and without the opinion. Does not
belong here: rules for every advisor (``checks``).
"""

from __future__ import annotations

import re
from itertools import count

from list_pipeline.agents.rebalancing import explain, of_policy
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.flows import FlowPlan, RebalancingPolicy, plan_flows
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.rebalancing.statements import rebalancing_statements
from list_pipeline.core.safety.modes import Mode
from list_pipeline_tests.evals.asking import RecordingModel, access_to
from list_pipeline_tests.evals.checks import (
    CONTACT_IDS,
    broken_rules,
    sentences_of_models,
    sentences_shown,
    strange_words,
)
from list_pipeline_tests.evals.results import Judgement, Result
from list_pipeline_tests.evals.scenarios import Scenario, only

_KNOWN = {
    "sizes", "suppressed", "newcomers", "sent_in_open_cycle", "frozen", "round", "moves", "required", "hold",
}  # fmt: skip
_POLICY = RebalancingPolicy()
_DENIES = re.compile(
    r"\bno(?:thing|body|body else) (?:has to|needs to|must|should|will) (?:be )?move|\bno moves? (?:is|are) ", re.I
)


def question_for(scenario: Scenario) -> RebalancingQuestion:
    """The plan that the product makes of a scenario's sizes."""
    fields = scenario.data
    only(fields, _KNOWN, scenario.id)
    sent, frozen = (
        frozenset(CAMPAIGN_LISTS[number - 1] for number in fields.get(name, ()))
        for name in ("sent_in_open_cycle", "frozen")
    )
    first, second, third = fields["sizes"]
    gone = fields.get("suppressed", [0, 0, 0])
    return RebalancingQuestion(
        flows=plan_flows((first, second, third), fields.get("newcomers", 0), sent, frozen, _POLICY),
        policy=_POLICY,
        suppressed=(gone[0], gone[1], gone[2]),
        newcomers_available=fields.get("newcomers", 0),
        sent_in_open_cycle=sent,
        frozen=frozen,
        round_number=fields.get("round"),
    )


def _items(flows: FlowPlan) -> tuple[PlanItem, ...]:
    ids = count(CONTACT_IDS)
    moves = [
        PlanItem(contact_id=next(ids), action=ItemAction.MOVE, rule="rebalancing", from_role=giver, to_role=taker)
        for (giver, taker), contacts in flows.moves.items()
        for _ in range(contacts)
    ]
    joins = [
        PlanItem(contact_id=next(ids), action=ItemAction.ENROL, rule="rebalancing", to_role=taker)
        for taker, contacts in flows.enrolments.items()
        for _ in range(contacts)
    ]
    return (*moves, *joins)


def run(scenario: Scenario, model: RecordingModel, behaviour: str) -> Result:
    """Have the plan of a scenario explained and judge what comes of it."""
    fields = scenario.data
    question = question_for(scenario)
    flows, items = question.flows, _items(question.flows)
    opinion = explain(access_to(model), question)
    exchanges = model.taken()
    shown = (opinion.rationale, opinion.expected_impact, *opinion.alternatives_considered, *opinion.concerns)
    alone = of_policy(question, opinion.recorded)
    policy_words = (alone.rationale, alone.expected_impact, *alone.alternatives_considered, *alone.concerns)
    sentences = {each.text for each in rebalancing_statements(question).statements}
    problems = broken_rules(exchanges, [opinion.recorded], shown) + strange_words(shown, sentences)

    def judged(confidence: float | None) -> tuple[GateOutcome, int]:
        decision = judge_rebalancing(
            RebalancingGateFacts(
                items=items,
                sizes_before=flows.sizes,
                sizes_after=flows.target_sizes,
                never_move=frozenset(),
                is_best_reachable=flows.is_repaired or flows.certificate is not None,
                mode=Mode.AUTO,
                flag_enabled=True,
                advisor_confidence=confidence,
            ),
            _POLICY,
        )
        return decision.outcome, len(decision.may_run)

    (alone, run_alone), (outcome, run_now) = judged(None), judged(opinion.confidence)
    if run_now > run_alone or (outcome is GateOutcome.APPROVED and alone is not GateOutcome.APPROVED):
        problems.append("the gate lets more through with the opinion than without it")
    if question.flows != flows or plan_flows(
        flows.sizes, question.newcomers_available, question.sent_in_open_cycle, question.frozen, _POLICY
    ).moves != dict(flows.moves):
        problems.append("the plan is another one after the opinion")
    wanted = fields["moves"]
    moved = "some" if flows.move_count and wanted == "some" else flows.move_count
    held, held_alone = outcome is GateOutcome.NEEDS_REVIEW, alone is GateOutcome.NEEDS_REVIEW
    judgements: tuple[Judgement, ...] = (
        Judgement("moves", str(wanted), str(moved), str(moved), moved == wanted),
        _as_labelled("required", fields["required"], flows.required, flows.required),
        _as_labelled("hold", fields["hold"], held_alone, held),
    )
    if flows.move_count:
        denied, denied_alone = (
            "denied" if _DENIES.search(" ".join(words)) else "not denied" for words in (shown, policy_words)
        )
        judgements += (Judgement("that somebody moves", "not denied", denied_alone, denied, denied == "not denied"),)
    return Result(
        scenario=scenario.id,
        advisor="rebalancing",
        kind=scenario.kind,
        behaviour=behaviour,
        judgements=judgements,
        problems=tuple(problems),
        beyond_policy=max(0, run_now - run_alone),
        offered=int(question.is_worth_asking),
        agreed=int(question.is_worth_asking and outcome is alone),
        records=(opinion.recorded,),
        confidence=opinion.confidence,
        shown=shown,
        prompt_characters=max((len(each.sent) for each in exchanges), default=0),
        questions=len(exchanges),
        sentences=len(said := sentences_of_models(exchanges)),
        sentences_shown=sentences_shown(said, shown, sentences),
    )


def _as_labelled(what: str, wanted: bool, policy: bool, final: bool) -> Judgement:
    return Judgement(what, str(wanted), str(policy), str(final), final is wanted)
