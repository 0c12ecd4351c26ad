"""The assessments of a wrap-up put together: what each says, and the executive summary of all.

Belongs here: how a choice of statements becomes an assessment, the statements of the summary, and how the report is kept.
Does not belong here: the statements of one assessment (``assessment_statements``), and asking (``agents``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.campaign_stages.assessment import FirstFigures, Grade, SendVerdicts, Trend, Verdict, judge_send
from list_pipeline.core.campaign_stages.assessment_statements import (
    CONCERNS,
    FEWEST_RECOMMENDATIONS,
    MOST,
    PARTS,
    PREDICTIONS,
    RECOMMENDATIONS,
    TECHNICAL,
    Topic,
    statements_of,
)
from list_pipeline.core.statements import Catalogue, Choice, Form, Statement, Weight

SUMMARY = "executive_summary"
MOST_SENTENCES = 3
"""Sentences of the summary."""


@dataclass(frozen=True, slots=True)
class SendAssessment:
    """One of the assessments of a send.

    Attributes:
        verdict: of the rules, or one step worse after an opinion; empty: this topic has none.
        said: sentences by part, in their order.
        remarks: what code adds about the verdict.
        confidence: the advisor's, from 0 to 1; None when it gave no usable answer.
        source: who chose the sentences.
    """

    topic: Topic
    verdict: str
    rules_verdict: str
    said: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...] = ()
    confidence: float | None = None
    source: AdviceSource = AdviceSource.POLICY

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that people read of it, but for the verdict."""
        return (*self.remarks, *(text for part in self.said.values() for text in part))

    def as_json(self) -> dict[str, Any]:
        """It as it is kept."""
        return {
            "topic": self.topic.value,
            "verdict": self.verdict,
            "rules_verdict": self.rules_verdict,
            "said": {part: list(texts) for part, texts in self.said.items()},
            "remarks": list(self.remarks),
            "confidence": self.confidence,
            "source": self.source.value,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> SendAssessment:
        """An assessment that was kept."""
        return cls(
            Topic(kept["topic"]),
            kept["verdict"],
            kept["rules_verdict"],
            {part: tuple(texts) for part, texts in kept["said"].items()},
            tuple(kept["remarks"]),
            kept["confidence"],
            AdviceSource(kept["source"]),
        )


@dataclass(frozen=True, slots=True)
class SendReport:
    """The report of a send: an executive summary, and the assessments below it. ``source``: who chose the summary."""

    summary: str
    assessments: tuple[SendAssessment, ...]
    source: AdviceSource

    def of(self, topic: Topic) -> SendAssessment | None:
        """The assessment of a topic; None: there is none, e.g. nothing to compare with."""
        return next((each for each in self.assessments if each.topic is topic), None)

    def as_json(self) -> dict[str, Any]:
        """It as it is kept."""
        assessments = [each.as_json() for each in self.assessments]
        return {"summary": self.summary, "assessments": assessments, "source": self.source.value}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> SendReport:
        """A report that was kept."""
        assessments = tuple(SendAssessment.of_json(each) for each in kept["assessments"])
        return cls(kept["summary"], assessments, AdviceSource(kept["source"]))


# One assessment


def topics(figures: FirstFigures) -> tuple[Topic, ...]:
    """What is assessed of a send: the comparison only where there is something to compare with."""
    is_comparable = any(each.deltas for each in figures.compared)
    return tuple(each for each in Topic if each is not Topic.COMPARISON or is_comparable)


def rules_verdict(topic: Topic, rules: SendVerdicts) -> Verdict | None:
    """The rules' verdict on a topic; None: it has none."""
    return {Topic.LIST_QUALITY: rules.quality, Topic.DELIVERY: rules.performance, Topic.COMPARISON: rules.trend}.get(
        topic
    )


def assessment_of(
    topic: Topic,
    figures: FirstFigures,
    choice: Choice,
    rules: Verdict | None,
    verdict: Verdict | None = None,
    *,
    remarks: Sequence[str] = (),
    confidence: float | None = None,
    source: AdviceSource = AdviceSource.POLICY,
) -> SendAssessment:
    """The assessment that a choice makes.

    Args:
        verdict: after an opinion; None: that of the rules.
        remarks: about an opinion on the verdict.
    """
    final = verdict if verdict is not None else rules
    said = {part: _said(choice, part) for part in PARTS[topic]}
    impact: tuple[str, ...] = ()
    if isinstance(final, Grade):
        impact = (IMPACT[topic][final] if figures.counts.attempted else UNKNOWN_IMPACT,)
    words, rules_words = (each.value if each is not None else "" for each in (final, rules))
    return SendAssessment(topic, words, rules_words, said, (*impact, *remarks), confidence, source)


def _said(choice: Choice, part: str) -> tuple[str, ...]:
    """The sentences of a part. Of too few recommendations that were chosen, code's own make three."""
    said = choice.said(part, MOST[part])
    if part == RECOMMENDATIONS and len(said) < FEWEST_RECOMMENDATIONS:
        said = tuple(dict.fromkeys((*said, *choice.catalogue.unchosen.said(part, MOST[part]))))[:FEWEST_RECOMMENDATIONS]
    return said


UNKNOWN_IMPACT = "What it does to the sender's reputation is not known before a message was tried."
_FINE = "Nothing in these figures harms the sender's reputation."
IMPACT: Mapping[Topic, Mapping[Grade, str]] = {
    Topic.LIST_QUALITY: {
        Grade.EXCELLENT: _FINE,
        Grade.GOOD: _FINE,
        Grade.CONCERNING: "Receivers may begin to slow down or filter our mail if such bounces go on.",
        Grade.POOR: "Receivers are likely to filter or refuse our mail until the list is cleaned.",
    },
    Topic.DELIVERY: {
        Grade.EXCELLENT: "Nothing in this delivery speaks of a damaged reputation.",
        Grade.GOOD: "Nothing in this delivery speaks of a damaged reputation.",
        Grade.CONCERNING: "A damaged reputation of the sender may be among the reasons; the figures do not tell.",
        Grade.POOR: "Much mail does not arrive: whether the sender's reputation is damaged has to be found out.",
    },
}
"""What a grade means for the sender's reputation, by topic."""


def policy_assessment(topic: Topic, figures: FirstFigures) -> SendAssessment:
    """What the rules say by themselves; always the same for the same figures."""
    rules = judge_send(figures)
    return assessment_of(topic, figures, statements_of(topic, figures, rules).unchosen, rules_verdict(topic, rules))


# What an opinion is told by


def rules_are_milder(topic: Topic, rules: Verdict) -> str:
    """That an advisor made a verdict worse than the rules do."""
    return f"The rules alone call the {CALLED[topic]} {rules.value}; the advisor asks for more care."


def advisor_alarmed(topic: Topic, asked: Verdict) -> str:
    """That an advisor sees it worse than its opinion may make it."""
    return f"The advisor takes the {CALLED[topic]} for {asked.value}; the figures alone do not carry that."


CALLED = {Topic.LIST_QUALITY: "list's quality", Topic.DELIVERY: "delivery", Topic.COMPARISON: "trend"}
"""What has a verdict, as it is called in a sentence."""


# The summary


class SummaryStatement(StrEnum):
    """Everything that the summary of a send can say."""

    VERDICTS = "verdicts"
    VERDICTS_WITHOUT_TREND = "verdicts_without_trend"
    URGENT = "urgent"
    RECOMMENDED = "recommended"
    FOUND = "found"
    EXPECTED = "expected"


TRENDS = {Trend.IMPROVING: "is improving", Trend.CANNOT_TELL: "cannot be told", Trend.DECLINING: "is declining"}
"""A trend, as it ends a sentence."""
_K = SummaryStatement
SUMMARY_FORMS: Mapping[SummaryStatement, Form] = {
    _K.VERDICTS: Form(
        SUMMARY, "The list's quality is {quality}, the delivery {performance}; the trend {trend}.", Weight.FIRST
    ),
    _K.VERDICTS_WITHOUT_TREND: Form(
        SUMMARY,
        "The list's quality is {quality} and the delivery {performance}; there is nothing to compare it with.",
        Weight.FIRST,
    ),
    _K.URGENT: Form(SUMMARY, "{recommendation}", Weight.ALWAYS),
    _K.RECOMMENDED: Form(SUMMARY, "{recommendation}"),
    _K.FOUND: Form(SUMMARY, "{finding}", Weight.USUAL),
    _K.EXPECTED: Form(SUMMARY, "{prediction}"),
}
"""The closed set. Recommendations, findings and predictions are sentences of the assessments, which stand in their own."""


def summary_statements(assessments: Sequence[SendAssessment], urgent: Iterable[str]) -> Catalogue:
    """Everything that may stand in the summary of some assessments.

    Args:
        urgent: recommendations that code gives in any case, before all others.
    """
    said: dict[str, Statement] = {}
    for each in _summary(assessments, tuple(urgent)):
        said.setdefault(each.text, each)
    return Catalogue(tuple(said.values()))


def _summary(assessments: Sequence[SendAssessment], urgent: tuple[str, ...]) -> Iterator[Statement]:
    by_topic = {each.topic: each for each in assessments}
    verdicts = {
        name: by_topic[topic].verdict
        for name, topic in (
            ("quality", Topic.LIST_QUALITY),
            ("performance", Topic.DELIVERY),
            ("trend", Topic.COMPARISON),
        )
        if topic in by_topic
    }
    if "trend" in verdicts:
        verdicts["trend"] = TRENDS[Trend(verdicts["trend"])]
        yield SUMMARY_FORMS[_K.VERDICTS].filled(_K.VERDICTS, **verdicts)
    else:
        yield SUMMARY_FORMS[_K.VERDICTS_WITHOUT_TREND].filled(_K.VERDICTS_WITHOUT_TREND, **verdicts)
    advice = by_topic[Topic.RECOMMENDATION].said
    # One of what is urgent is said in any case; all of it stands below.
    for number, text in enumerate(urgent[:1], start=1):
        yield SUMMARY_FORMS[_K.URGENT].filled(_K.URGENT, number, recommendation=text)
    for number, text in enumerate(_findings(assessments), start=1):
        yield SUMMARY_FORMS[_K.FOUND].filled(_K.FOUND, number, finding=text)
    for number, text in enumerate(advice[RECOMMENDATIONS], start=1):
        yield SUMMARY_FORMS[_K.RECOMMENDED].filled(_K.RECOMMENDED, number, recommendation=text)
    for number, text in enumerate(advice[PREDICTIONS], start=1):
        yield SUMMARY_FORMS[_K.EXPECTED].filled(_K.EXPECTED, number, prediction=text)


def _findings(assessments: Sequence[SendAssessment]) -> Iterator[str]:
    """What each assessment names first: its gravest concern, else what it begins with."""
    for each in assessments:
        if each.topic is Topic.RECOMMENDATION:
            continue
        grave = [*each.said.get(CONCERNS, ()), *each.said.get(TECHNICAL, ())]
        yield from (grave or [text for part in each.said.values() for text in part])[:1]


def urgent_recommendations(figures: FirstFigures) -> tuple[str, ...]:
    """The recommendations that the figures surely ask for, the gravest first."""
    catalogue = statements_of(Topic.RECOMMENDATION, figures, judge_send(figures))
    return tuple(each.text for each in catalogue.of(RECOMMENDATIONS) if each.is_fixed)


def report_of(assessments: Sequence[SendAssessment], choice: Choice, source: AdviceSource) -> SendReport:
    """The report that a choice among the statements of the summary makes."""
    return SendReport(" ".join(choice.said(SUMMARY, MOST_SENTENCES)), tuple(assessments), source)


def policy_report(figures: FirstFigures, assessments: Sequence[SendAssessment] | None = None) -> SendReport:
    """The report without a model's choice of the summary, or, without assessments, of anything."""
    given = assessments if assessments is not None else [policy_assessment(each, figures) for each in topics(figures)]
    return report_of(given, summary_statements(given, urgent_recommendations(figures)).unchosen, AdviceSource.POLICY)
