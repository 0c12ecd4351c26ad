"""The statements that an assessment of a list is made of, and when each is true.

Belongs here: the closed set of sentences, their conditions on the figures of a list and on what the rules made of them. Does
not belong here: the rules (``assessment``), and what a choice among the statements may change (``agents.health``).

What the rules see is said in any case. A model can put it into an order, and say more that is true: a rate within its limit
whose true value may be beyond it, a rate that rose by more than chance, how the list shrank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from list_pipeline.core.health.assessment import (
    HealthPolicy,
    HealthStatus,
    Limit,
    RulesAssessment,
    limits_of,
    rationale_sentences,
)
from list_pipeline.core.health.figures import ListFigures, SendFigures
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.wording import Rate, count_text, date_text, limit_text, percent_text, rate_text

CONCERNS, RISKS, RATIONALE = "concerns", "risk_factors", "rationale"
PARTS = (CONCERNS, RISKS, RATIONALE)
"""The parts of an assessment that are statements, by the names of their fields."""


class HealthStatement(StrEnum):
    """Everything that an assessment of a list can say."""

    FOUND_BY_THE_RULES = "found_by_the_rules"
    MAY_BE_BEYOND = "may_be_beyond"
    RATE_ROSE = "rate_rose"
    LIST_LOSES = "list_loses"
    RISK = "risk"
    BELOW_THE_MEAN = "below_the_mean"
    SUPPRESSED_SINCE = "suppressed_since"
    COUNTS_AS = "counts_as"
    RATES = "rates"
    TREND = "trend"
    HARD_BOUNCES = "hard_bounces"
    SOFT_BOUNCES = "soft_bounces"
    SIZE = "size"
    LAST_SENT = "last_sent"
    RULES_ARE_MILDER = "rules_are_milder"
    ADVISOR_ALARMED = "advisor_alarmed"


_K = HealthStatement
FORMS: Mapping[HealthStatement, Form] = {
    _K.FOUND_BY_THE_RULES: Form(CONCERNS, "{finding}", Weight.ALWAYS),
    _K.MAY_BE_BEYOND: Form(CONCERNS, "{name} is {rate}: the true one may be {beyond} {limit}."),
    _K.RATE_ROSE: Form(
        CONCERNS,
        "{name} of the last campaign is {now}, after {before} in the campaigns before: more than chance explains.",
    ),
    _K.LIST_LOSES: Form(CONCERNS, "The list shrinks by {percent} a month."),
    _K.RISK: Form(RISKS, "{risk}", Weight.ALWAYS),
    _K.BELOW_THE_MEAN: Form(RISKS, "The list is {percent} smaller than the mean of the three lists."),
    _K.SUPPRESSED_SINCE: Form(RISKS, "Of the contacts of its recent campaigns {rate} are suppressed by now."),
    _K.COUNTS_AS: Form(RATIONALE, "{verdict}", Weight.FIRST),
    _K.RATES: Form(RATIONALE, "{rates}", Weight.USUAL),
    _K.TREND: Form(RATIONALE, "{trend}", Weight.USUAL),
    _K.HARD_BOUNCES: Form(RATIONALE, "Of its last campaign {rate} were hard bounces."),
    _K.SOFT_BOUNCES: Form(RATIONALE, "Of its last campaign {rate} were soft bounces."),
    _K.SIZE: Form(RATIONALE, "{contacts} of it can be mailed."),
    _K.LAST_SENT: Form(RATIONALE, "Its last campaign was sent on {day}."),
    _K.RULES_ARE_MILDER: Form(
        RATIONALE, "The rules alone call it {status} with {urgency} urgency; the advisor asks for more care."
    ),
    _K.ADVISOR_ALARMED: Form(
        CONCERNS,
        "The advisor takes the list for {status} with {urgency} urgency; the figures alone do not carry that.",
    ),
}
"""The closed set: a sentence for each kind. Findings, risks, verdict, rates and trend are worded by the rules (``assessment``);
the last two follow from an opinion and are never offered."""


def health_statements(figures: ListFigures, rules: RulesAssessment, policy: HealthPolicy | None = None) -> Catalogue:
    """Everything that is true of a list, with its figures; the same for the same figures."""
    policy = policy or HealthPolicy()
    verdict, rates, trend = rationale_sentences(figures, rules.status, len(rules.concerns))
    return Catalogue(
        (
            *(_say(_K.FOUND_BY_THE_RULES, n, finding=each) for n, each in enumerate(rules.concerns, start=1)),
            *_near_limits(figures, policy),
            *_rises(figures),
            *_losses(figures, policy),
            *(_say(_K.RISK, n, risk=each) for n, each in enumerate(rules.risk_factors, start=1)),
            *_further_risks(figures),
            _say(_K.COUNTS_AS, verdict=verdict),
            _say(_K.RATES, rates=rates),
            _say(_K.TREND, trend=trend),
            *_details(figures),
        )
    )


def rules_are_milder(rules: RulesAssessment) -> str:
    """That the advisor made an assessment worse than the rules do."""
    return _say(_K.RULES_ARE_MILDER, status=rules.status.value, urgency=rules.urgency.value).text


def advisor_alarmed(status: HealthStatus, urgency: Urgency) -> str:
    """That an advisor sees the list worse than its opinion may make it."""
    return _say(_K.ADVISOR_ALARMED, status=status.value, urgency=urgency.value).text


def _say(kind: HealthStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _near_limits(figures: ListFigures, policy: HealthPolicy) -> Iterator[Statement]:
    if figures.last is None:
        return
    for of_one_rate in limits_of(policy):
        # The gravest one comes first, and the nearest one is what matters.
        nearest = next((limit for limit in reversed(of_one_rate) if limit.may_be_reached(figures.last)), None)
        if nearest is not None:
            yield _say(
                _K.MAY_BE_BEYOND,
                _named(nearest),
                name=nearest.name,
                rate=rate_text(nearest.rate(figures.last)),
                beyond="below" if nearest.is_floor else "above",
                limit=limit_text(nearest.percent),
            )


def _rises(figures: ListFigures) -> Iterator[Statement]:
    before = figures.before_last
    if figures.last is None or before is None:
        return
    for name, of in (("The hard bounce rate", _hard), ("The bounce rate", _all)):
        now, then = of(figures.last), of(before)
        if now.low is not None and then.high is not None and now.low > then.high:
            about = name.removeprefix("The ").replace(" ", "_")
            yield _say(_K.RATE_ROSE, about, name=name, now=rate_text(now), before=rate_text(then))


def _hard(sends: SendFigures) -> Rate:
    return sends.hard_rate


def _all(sends: SendFigures) -> Rate:
    return sends.bounce_rate


def _losses(figures: ListFigures, policy: HealthPolicy) -> Iterator[Statement]:
    change = figures.size_change_percent
    # A greater loss is a finding of the rules already.
    if change is not None and -policy.shrinkage <= change < 0:
        yield _say(_K.LIST_LOSES, percent=percent_text(-change))


def _further_risks(figures: ListFigures) -> Iterator[Statement]:
    variance = figures.variance_percent
    if variance is not None and variance < 0:
        yield _say(_K.BELOW_THE_MEAN, percent=percent_text(-variance))
    if figures.suppression is not None and figures.suppression.count:
        yield _say(_K.SUPPRESSED_SINCE, rate=rate_text(figures.suppression))


def _details(figures: ListFigures) -> Iterator[Statement]:
    if figures.last is not None and figures.is_known:
        yield _say(_K.HARD_BOUNCES, rate=rate_text(figures.last.hard_rate))
        yield _say(_K.SOFT_BOUNCES, rate=rate_text(figures.last.soft_rate))
    if figures.mailable is not None:
        yield _say(_K.SIZE, contacts=count_text(figures.mailable, "contact"))
    if figures.last_campaign_at is not None:
        yield _say(_K.LAST_SENT, day=date_text(figures.last_campaign_at))


def _named(limit: Limit) -> str:
    return limit.name.removeprefix("The ").replace(" ", "_")
