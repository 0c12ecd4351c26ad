"""Scenarios of the advisors on a wrap-up: first figures in, verdicts, recommendations and the summary out.

Belongs here: building the figures, asking all of them, judging. Does not belong here: rules for every advisor (``checks``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

from list_pipeline.agents.wrapup import assess_send, summarise
from list_pipeline.core.bounces.classes import BounceReason
from list_pipeline.core.campaign_stages.assessment import FirstFigures, Grade, Trend, Verdict, judge_send, rank
from list_pipeline.core.campaign_stages.assessment_report import (
    CALLED,
    IMPACT,
    SUMMARY_FORMS,
    TRENDS,
    UNKNOWN_IMPACT,
    SendAssessment,
    SendReport,
    SummaryStatement,
    advisor_alarmed,
    policy_assessment,
    rules_are_milder,
    topics,
    urgent_recommendations,
)
from list_pipeline.core.campaign_stages.assessment_statements import RECOMMENDATIONS, Topic, statements_of
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, Look, UnusualGroup
from list_pipeline.core.campaign_stages.wrapup import Compared, Earlier, Other, SendCounts, compare
from list_pipeline.core.incidents.groups import Group, GroupKind, domain_group
from list_pipeline_tests.evals.asking import RecordingModel, access_to
from list_pipeline_tests.evals.checks import (
    MOST_QUESTIONS,
    broken_rules,
    sentences_of_models,
    sentences_shown,
    strange_words,
)
from list_pipeline_tests.evals.results import Judgement, Result
from list_pipeline_tests.evals.scenarios import Scenario, only

CAMPAIGN_NAME = "Autumn Harvest Letter"
_COUNTS = {
    "processed", "delivered", "hard", "soft", "blocked", "deferred", "queued", "opened", "clicked", "unsubscribed",
    "complained", "day_after",
}  # fmt: skip
_KNOWN = _COUNTS | {
    "before", "same_list", "stands_out", "operators", "sending", "has_next", "quality", "performance", "trend", "recommends",
    "never_recommends",
}  # fmt: skip
_COUNTED_AT = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
_NEXT = datetime(2026, 11, 27, 9, tzinfo=UTC)
_LABELS = {Topic.LIST_QUALITY: "quality", Topic.DELIVERY: "performance", Topic.COMPARISON: "trend"}


def figures_for(scenario: Scenario, name: str = CAMPAIGN_NAME) -> FirstFigures:
    """The first figures of a scenario, with the name that people gave to earlier campaigns."""
    fields = scenario.data
    only(fields, _KNOWN, scenario.id)
    now = _counts(fields)
    return FirstFigures(
        "List 1",
        now,
        tuple(_compared(now, fields, scenario.id, name)),
        is_sending=fields.get("sending", False),
        next_at=_NEXT if fields.get("has_next") else None,
        early=_early(fields, scenario.id),
    )


def _early(fields: Mapping[str, Any], where: str) -> EarlyIncidents | None:
    """The operators of a scenario: ``operators`` says what came of looking, ``stands_out`` the one that stands out."""
    if (found := fields.get("stands_out")) is not None:
        only(found, {"operator", "domain", "attempted", "hard", "expected"}, f"{where}: stands_out")
        group = Group(GroupKind.OPERATOR, found["operator"]) if "operator" in found else domain_group(found["domain"])
        reasons = {BounceReason.USER_UNKNOWN: int(found["hard"])}
        one = UnusualGroup(group, int(found["attempted"]), int(found["hard"]), float(found["expected"]), reasons)
        return EarlyIncidents(_COUNTED_AT, Look.READ, (one,))
    look = fields.get("operators")
    return None if look is None else EarlyIncidents(_COUNTED_AT, Look(look), why="away" if look == Look.UNREAD else "")


def _compared(now: SendCounts, fields: Mapping[str, Any], where: str, name: str) -> list[Compared]:
    found = []
    for other, field in ((Other.ROUND_BEFORE, "before"), (Other.SAME_LIST, "same_list")):
        if field in fields:
            only(fields[field], _COUNTS, f"{where}: {field}")
            found.append(compare(now, Earlier(other, name, _counts(fields[field]))))
    return found


def _counts(fields: Mapping[str, Any]) -> SendCounts:
    names = ("hard", "soft", "blocked", "deferred", "queued")
    hard, soft, blocked, deferred, queued = (int(fields.get(name, 0)) for name in names)
    rest = int(fields["processed"]) - hard - soft - blocked - deferred - queued
    return SendCounts(
        processed=int(fields["processed"]),
        delivered=int(fields.get("delivered", max(rest, 0))),
        hard_bounced=hard,
        soft_bounced=soft,
        blocked=blocked,
        deferred=deferred,
        queued=queued,
        opened=int(fields.get("opened", 0)),
        clicked=int(fields.get("clicked", 0)),
        unsubscribed=int(fields.get("unsubscribed", 0)),
        complained=int(fields.get("complained", 0)),
        collected_at=_COUNTED_AT,
        is_early=not fields.get("day_after", False),
    )


def report_for(figures: FirstFigures, model: RecordingModel) -> tuple[SendReport, list[Any]]:
    """The report that the advisors make of some figures, asked in their order, and the records of it."""
    access = access_to(model)
    assessed = [assess_send(access, topic, figures) for topic in topics(figures)]
    summarised = summarise(access, figures, [each.assessment for each in assessed])
    return summarised.report, [*(each.recorded for each in assessed), summarised.recorded]


def shown_of(report: SendReport) -> tuple[str, ...]:
    """What people read of a report, but for titles and verdicts."""
    return (report.summary, *(text for each in report.assessments for text in each.sentences))


def run(scenario: Scenario, model: RecordingModel, behaviour: str) -> Result:
    """Have a send assessed and judge what comes of it."""
    fields, figures = scenario.data, figures_for(scenario)
    report, records = report_for(figures, model)
    exchanges = model.taken()
    shown = shown_of(report)
    sentences = may_say(figures)
    most = MOST_QUESTIONS * len(records)
    problems = broken_rules(exchanges, records, shown, (CAMPAIGN_NAME,), most_questions=most)
    problems += strange_words(shown, sentences)
    if [each.topic for each in report.assessments] != list(topics(figures)):
        problems.append("a topic is missing, or there is one too many")
    own = {topic: policy_assessment(topic, figures) for topic in topics(figures)}
    for each in report.assessments:
        problems += _unlike_the_rules(each, own[each.topic])
    advice = report.assessments[-1].said[RECOMMENDATIONS]
    problems += _missing_advice(advice, figures)
    judgements = [
        _judged(label, fields[label], own[topic].verdict, final.verdict)
        for topic, label in _LABELS.items()
        if label in fields and (final := report.of(topic)) is not None
    ]
    judgements += _advised(fields, figures, advice, own[Topic.RECOMMENDATION].said[RECOMMENDATIONS])
    sure = [each.confidence for each in report.assessments if each.confidence is not None]
    verdicts = [each for each in report.assessments if each.topic in _LABELS]
    return Result(
        scenario=scenario.id,
        advisor="wrapup",
        kind=scenario.kind,
        behaviour=behaviour,
        judgements=tuple(judgements),
        problems=tuple(dict.fromkeys(problems)),
        beyond_policy=0,
        offered=len(verdicts),
        agreed=sum(each.verdict == each.rules_verdict for each in verdicts),
        records=tuple(records),
        confidence=sum(sure) / len(sure) if sure else None,
        shown=shown,
        prompt_characters=max((len(each.sent) for each in exchanges), default=0),
        questions=len(exchanges),
        sentences=len(said := sentences_of_models(exchanges)),
        sentences_shown=sentences_shown(said, shown, sentences),
    )


def _unlike_the_rules(final: SendAssessment, own: SendAssessment) -> list[str]:
    """What an opinion may not do to an assessment."""
    found = []
    if final.rules_verdict != own.verdict:
        found.append(f"{final.topic.value}: the rules' own verdict is told wrong")
    if own.verdict:
        kind: type[Grade] | type[Trend] = Trend if final.topic is Topic.COMPARISON else Grade
        before, after = rank(kind(own.verdict)), rank(kind(final.verdict))
        if after < before:
            found.append(f"{final.topic.value}: the verdict is better than the rules'")
        if after > before + 1:
            found.append(f"{final.topic.value}: the verdict is more than one step worse")
        if after > before and after == len(kind) - 1:
            found.append(f"{final.topic.value}: the worst verdict rests on an opinion")
    return found


def _missing_advice(advice: tuple[str, ...], figures: FirstFigures) -> list[str]:
    found = []
    if not 3 <= len(advice) <= 5:
        found.append(f"{len(advice)} recommendations")
    urgent = urgent_recommendations(figures)
    if not set(urgent[:5]) <= set(advice):
        found.append("an urgent recommendation is missing")
    if urgent and not set(advice[: len(urgent)]) <= set(urgent):
        found.append("something stands before what is urgent")
    return found


def may_say(figures: FirstFigures) -> set[str]:
    """Everything that may be said of a send, whatever a model answers. Nothing of its report is asked for it."""
    rules, found = judge_send(figures), {UNKNOWN_IMPACT, *_verdicts()}
    verdicts: tuple[Verdict, ...] = (*Grade, *Trend)
    for topic in topics(figures):
        found |= {each.text for each in statements_of(topic, figures, rules).statements}
        found |= set(IMPACT.get(topic, {}).values())
        if topic in CALLED:
            found |= {say(topic, each) for say in (rules_are_milder, advisor_alarmed) for each in verdicts}
    return found


def _verdicts() -> Iterator[str]:
    """The sentences with which a summary may begin."""
    for quality, performance in product(Grade, Grade):
        grades = {"quality": quality.value, "performance": performance.value}
        yield SUMMARY_FORMS[SummaryStatement.VERDICTS_WITHOUT_TREND].sentence.format(**grades)
        for trend in TRENDS.values():
            yield SUMMARY_FORMS[SummaryStatement.VERDICTS].sentence.format(**grades, trend=trend)


def _advised(
    fields: Mapping[str, Any], figures: FirstFigures, final: tuple[str, ...], own: tuple[str, ...]
) -> list[Judgement]:
    """Of the labelled kinds of recommendations, which are said."""
    catalogue = statements_of(Topic.RECOMMENDATION, figures, judge_send(figures))
    kinds = {each.text: each.id.partition(":")[0] for each in catalogue.of(RECOMMENDATIONS)}
    by_model, by_rules = ({kinds[text] for text in said if text in kinds} for said in (final, own))
    words = {True: "said", False: "not said"}
    return [
        Judgement(
            kind, words[is_wanted], words[kind in by_rules], words[kind in by_model], (kind in by_model) is is_wanted
        )
        for label, is_wanted in (("recommends", True), ("never_recommends", False))
        for kind in fields.get(label, ())
    ]


def _judged(what: str, wanted: str | list[str], policy: str, final: str) -> Judgement:
    allowed = [wanted] if isinstance(wanted, str) else wanted
    return Judgement(what, " or ".join(allowed), policy, final, final in allowed)
