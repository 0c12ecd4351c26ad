"""Scenarios of the advisor that writes the report: results in, sentences out.

Belongs here: building the facts, asking, judging the words. Does not belong here: rules for every advisor (``checks``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from list_pipeline.agents.report_from_figures import policy_report, statements_of
from list_pipeline.agents.reporting import write
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import (
    AttemptFacts,
    ExecutiveReport,
    ListChange,
    MaintenanceFacts,
    MaintenanceLinks,
    RebalancingFacts,
    SenderFault,
    StageErrors,
    Standing,
    SuppressionFacts,
    key_metrics,
)
from list_pipeline.core.runs.status import RunStatus
from list_pipeline_tests.evals.asking import RecordingModel, access_to
from list_pipeline_tests.evals.checks import (
    CAMPAIGN_IDS,
    broken_rules,
    sentences_of_models,
    sentences_shown,
    strange_words,
)
from list_pipeline_tests.evals.results import Judgement, Result
from list_pipeline_tests.evals.scenarios import Scenario, only

CAMPAIGN_NAME = "Autumn Harvest Letter"
SUBJECT = "Ripe apples and plenty of cider"
NEXT_CAMPAIGN = "Winter Solstice Letter, round 2"

_KNOWN = {
    "status", "mode", "list", "recipients", "bounces", "planned", "confirmed", "failed", "held_for_review",
    "moves_planned", "moves_confirmed", "enrolments_planned", "enrolments_confirmed", "deferred", "sizes_before",
    "sizes_after", "deviation_before", "deviation_after", "complaint_rate", "sender_faults", "errors", "attempt",
    "health", "says", "never_says",
}  # fmt: skip
_SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def facts_for(
    scenario: Scenario, campaign_name: str = CAMPAIGN_NAME, next_campaign: str = NEXT_CAMPAIGN
) -> MaintenanceFacts:
    """The facts of a scenario, with the names that people gave."""
    fields = scenario.data
    only(fields, _KNOWN, scenario.id)
    before, after = fields.get("sizes_before"), fields.get("sizes_after")
    attempt = fields.get("attempt")
    return MaintenanceFacts(
        status=RunStatus(fields["status"]),
        mode=fields.get("mode", "automatic"),
        campaign_name=campaign_name,
        round_number=fields.get("list", 1),
        list_role=CAMPAIGN_LISTS[fields.get("list", 1) - 1],
        sent_at=_SENT,
        recipients=fields["recipients"],
        links=MaintenanceLinks(CAMPAIGN_IDS, f"campaign-{CAMPAIGN_IDS}|h24"),
        bounces=fields.get("bounces", {}),
        suppression=SuppressionFacts(
            fields.get("planned", {}),
            fields.get("confirmed", {}),
            fields.get("failed", {}),
            fields.get("held_for_review", 0),
            # In a scenario a plan that was turned down was turned down by a person.
            standing=Standing.REJECTED if fields["status"] == RunStatus.REJECTED.value else Standing.DECIDED,
        ),
        rebalancing=RebalancingFacts(
            moves_planned=fields.get("moves_planned", 0),
            moves_confirmed=fields.get("moves_confirmed", 0),
            enrolments_planned=fields.get("enrolments_planned", 0),
            enrolments_confirmed=fields.get("enrolments_confirmed", 0),
            deferred=fields.get("deferred", 0),
        ),
        sender_faults=[SenderFault(reason, contacts) for reason, contacts in fields.get("sender_faults", {}).items()],
        lists=[
            ListChange(role, size, size, *((after[place],) * 2 if after else ()))
            for place, (role, size) in enumerate(zip(CAMPAIGN_LISTS, before or (), strict=bool(before)))
        ],
        deviation_before=fields.get("deviation_before"),
        deviation_after=fields.get("deviation_after"),
        complaint_rate=_complaint_rate(fields),
        errors=[StageErrors(stage, number) for stage, number in fields.get("errors", {}).items()],
        assessments=[_assessed(**each) for each in fields.get("health", ())],
        next_campaign=next_campaign,
        attempt=None
        if attempt is None
        else AttemptFacts(
            attempt["number"],
            attempt["most"],
            next_at=None if attempt.get("gave_up") else _SENT + timedelta(hours=26),
            gave_up=attempt.get("gave_up", False),
        ),
    )


def _complaint_rate(fields: Mapping[str, Any]) -> ComplaintRate | None:
    percent, recipients = fields.get("complaint_rate"), fields.get("recipients", 0)
    return None if percent is None else ComplaintRate(round(percent * recipients / 100), recipients)


def _assessed(list: int, status: str, urgency: str) -> HealthAssessment:
    return HealthAssessment(
        role=CAMPAIGN_LISTS[list - 1],
        status=HealthStatus(status),
        urgency=Urgency(urgency),
        concerns=(),
        risk_factors=(),
        reputation_impact="",
        rationale="",
        confidence=None,
        source=AdviceSource.POLICY,
    )


def sentences_of(report: ExecutiveReport) -> tuple[str, ...]:
    """What a report says, but for the figures that code puts first."""
    return (
        report.executive_summary,
        *report.actions_taken,
        *report.recommendations,
        *report.concerns,
        *report.next_steps,
        *report.highlights,
        *(item.text for item in report.action_items),
        *((report.week_over_week,) if report.week_over_week else ()),
    )


def run(scenario: Scenario, model: RecordingModel, behaviour: str) -> Result:
    """Have the report of a scenario written and judge its words."""
    facts = facts_for(scenario)
    written = write(access_to(model), facts)
    exchanges = model.taken()
    report = written.report
    own = policy_report(facts)
    said = sentences_of(report)
    shown = (*said, *(f"{metric.label}: {metric.value}" for metric in report.key_metrics))
    problems = broken_rules(exchanges, [written.recorded], shown, (CAMPAIGN_NAME, SUBJECT, NEXT_CAMPAIGN))
    sentences = {each.text for each in statements_of(facts).statements}
    problems += strange_words(said, sentences)
    computed = set(key_metrics(facts).values())
    if not set(report.key_metrics) <= computed:
        problems.append("a key metric is not the computed one")
    if not report.executive_summary.strip():
        problems.append("there is no summary")
    everything, by_code = (
        "\n".join(shown),
        "\n".join((*sentences_of(own), *(f"{metric.label}: {metric.value}" for metric in own.key_metrics))),
    )
    judgements = [_judged(pattern, True, everything, by_code) for pattern in scenario.data.get("says", ())]
    judgements += [_judged(pattern, False, everything, by_code) for pattern in scenario.data.get("never_says", ())]
    return Result(
        scenario=scenario.id,
        advisor="reporting",
        kind=scenario.kind,
        behaviour=behaviour,
        judgements=tuple(judgements),
        problems=tuple(problems),
        beyond_policy=0,
        offered=0,
        agreed=0,
        records=(written.recorded,),
        confidence=None,
        shown=shown,
        prompt_characters=max((len(each.sent) for each in exchanges), default=0),
        questions=len(exchanges),
        sentences=len(wrote := sentences_of_models(exchanges)),
        sentences_shown=sentences_shown(wrote, shown, sentences),
    )


def _judged(pattern: str, is_wanted: bool, text: str, by_code: str) -> Judgement:
    found, found_by_code = (bool(re.search(pattern, each)) for each in (text, by_code))
    words = {True: "said", False: "not said"}
    return Judgement(f"{pattern}", words[is_wanted], words[found_by_code], words[found], found is is_wanted)
