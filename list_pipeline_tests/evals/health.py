"""Scenarios of the advisor on a list's health: figures in, status and urgency out.

Belongs here: building the figures, asking, judging. Does not belong here: rules for every advisor (``checks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from list_pipeline.agents.health import assess
from list_pipeline.core.health.assessment import REPUTATION_IMPACT, HealthStatus, RulesAssessment
from list_pipeline.core.health.figures import BounceTrend, ListFigures, SendFigures, SizeTrend
from list_pipeline.core.health.statements import advisor_alarmed, health_statements, rules_are_milder
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.wording import Rate
from list_pipeline_tests.evals.asking import RecordingModel, access_to
from list_pipeline_tests.evals.checks import broken_rules, sentences_of_models, sentences_shown, strange_words
from list_pipeline_tests.evals.results import Judgement, Result
from list_pipeline_tests.evals.scenarios import Scenario, only

_KNOWN = {
    "list", "mailable", "target", "recipients", "hard", "soft", "undelivered", "suppressed", "bounce_trend",
    "size_trend", "size_change_percent", "recent_campaigns", "recent_recipients", "recent_hard", "recent_soft",
    "status", "urgency", "concerns", "confidence_above",
}  # fmt: skip
_SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def figures_for(fields: Mapping[str, Any]) -> ListFigures:
    """The figures of a scenario."""
    sends = recent = None
    if "recipients" in fields:
        sends = _sends(1, fields["recipients"], fields["hard"], fields["soft"], fields.get("undelivered", 0))
        campaigns = fields.get("recent_campaigns", 4)
        recent = (
            _sends(campaigns, fields["recent_recipients"], fields["recent_hard"], fields["recent_soft"], 0)
            if "recent_recipients" in fields
            else _sends(
                campaigns,
                *(campaigns * fields.get(name, 0) for name in ("recipients", "hard", "soft", "undelivered")),
            )
        )
    return ListFigures(
        role=CAMPAIGN_LISTS[fields.get("list", 1) - 1],
        mailable=fields["mailable"],
        target=float(fields["target"]),
        master_third=float(fields["target"]),
        last=sends,
        recent=recent,
        suppression=Rate(fields["suppressed"], fields["recipients"]) if "suppressed" in fields else None,
        bounce_trend=_trend(BounceTrend, fields["bounce_trend"]),
        size_trend=_trend(SizeTrend, fields["size_trend"]),
        size_change_percent=fields.get("size_change_percent"),
        last_campaign_at=_SENT if sends is not None else None,
    )


def _sends(campaigns: int, recipients: int, hard: int, soft: int, undelivered: int) -> SendFigures:
    return SendFigures(campaigns, recipients, hard, soft, recipients - hard - soft - undelivered)


def _trend(kind: Any, name: str) -> Any:
    return kind.UNKNOWN if name == "unknown" else kind(name)


def run(scenario: Scenario, model: RecordingModel, behaviour: str) -> Result:
    """Ask about the list of a scenario and judge what comes of it."""
    fields = scenario.data
    only(fields, _KNOWN, scenario.id)
    figures = figures_for(fields)
    assessed = assess(access_to(model), figures)
    exchanges = model.taken()
    own, rules = assessed.assessment, assessed.rules
    shown = (*own.concerns, *own.risk_factors, own.reputation_impact, own.rationale)
    sentences = may_say(figures, rules)
    problems = broken_rules(exchanges, [assessed.recorded], shown) + strange_words(shown, sentences)
    if own.role is not figures.role:
        problems.append("the assessment is of another list")
    if own.status.rank < rules.status.rank or _rank(own.urgency) < _rank(rules.urgency):
        problems.append("the assessment is milder than the rules")
    if own.urgency.pages_people and not rules.urgency.pages_people:
        problems.append("a model's opinion alone calls people")
    if not set(rules.concerns) <= set(own.concerns):
        problems.append("a concern of the rules is missing")
    judgements = [
        _judged("status", fields["status"], rules.status, own.status),
        _judged("urgency", fields["urgency"], rules.urgency, own.urgency),
    ]
    if wanted := fields.get("concerns", 0):
        found = "some" if len(own.concerns) >= wanted else "none"
        judgements.append(Judgement("concerns", "some", "some" if rules.concerns else "none", found, found == "some"))
    if "confidence_above" in fields and own.confidence is not None:
        sure = own.confidence > fields["confidence_above"]
        judgements.append(Judgement("confidence", f"above {fields['confidence_above']}", "", f"{own.confidence}", sure))
    as_rules = own.status is rules.status and own.urgency is rules.urgency
    return Result(
        scenario=scenario.id,
        advisor="health",
        kind=scenario.kind,
        behaviour=behaviour,
        judgements=tuple(judgements),
        problems=tuple(problems),
        beyond_policy=0,
        offered=1,
        agreed=int(as_rules),
        records=(assessed.recorded,),
        confidence=own.confidence,
        shown=shown,
        prompt_characters=max((len(each.sent) for each in exchanges), default=0),
        questions=len(exchanges),
        sentences=len(said := sentences_of_models(exchanges)),
        sentences_shown=sentences_shown(said, shown, sentences),
    )


def may_say(figures: ListFigures, rules: RulesAssessment) -> set[str]:
    """Everything that may be said of a list, whatever a model answers."""
    statements = {each.text for each in health_statements(figures, rules).statements}
    alarms = {advisor_alarmed(status, urgency) for status in HealthStatus for urgency in Urgency}
    return statements | alarms | {rules_are_milder(rules), rules.reputation_impact, *REPUTATION_IMPACT.values()}


def _judged(
    what: str, wanted: str | list[str], policy: HealthStatus | Urgency, final: HealthStatus | Urgency
) -> Judgement:
    allowed = [wanted] if isinstance(wanted, str) else wanted
    return Judgement(what, " or ".join(allowed), policy.value, final.value, final.value in allowed)


def _rank(urgency: Urgency) -> int:
    return list(Urgency).index(urgency)
