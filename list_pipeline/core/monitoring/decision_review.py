"""The review of one day (UTC): what was decided and by which rule, what the advisors did, and whether people agreed.

Belongs here: the figures of a day, made of rows that somebody counted, and their goals. Does not belong here: reading
the rows (``storage.monitoring.decision_review``), and saying the figures in sentences (``decision_review_text``).

A share is only named where there is something to divide by: nothing asked is no perfect day. The labels for right and wrong
are what a person decided (an approval, a rejection, a suppression that was taken back) and what was seen since: a suppressed
address that works, and one that was kept and failed again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from list_pipeline.core.advice import AdviceOutcome
from list_pipeline.core.monitoring.clopper_pearson import lower_bound, upper_bound
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.wording import Rate


class Decider(StrEnum):
    """The decider of an item, as of the end of the day."""

    POLICY = "policy"
    """Nothing is changed, so nobody has to let it through."""
    GATE = "gate"
    """Let through automatically."""
    PERSON = "person"
    NOBODY = "nobody"
    """Left unanswered until it expired."""
    STOPPED = "stopped"
    """Not allowed to run: refused by the gate, in read-only mode, or ended by an undo before anybody decided."""
    WAITING = "waiting"


class Advice(StrEnum):
    """The advisor's part in an item or a plan."""

    NONE = "none"
    """Not asked about it, or nothing usable came."""
    NO_OBJECTION = "no_objection"
    LOWERED = "lowered"
    """The confidence is below the rule's own."""
    SOFTENED = "softened"
    """Watched instead of suppressed."""
    DOUBTED = "doubted"
    """Its confidence in the plan as a whole is below the review band."""


@dataclass(frozen=True, slots=True)
class DecidedGroup:
    """Contacts that were decided alike. ``action``: the plan's word, or ``hold`` for a suppression that waits by itself.

    ``planned_today``: their plan was made on the day; ``decided_today``: the decision fell on it. ``confidence`` from 0 to 1.
    """

    kind: str
    action: str
    rule: str
    confidence: float | None
    decider: Decider
    advice: Advice
    planned_today: bool
    decided_today: bool
    contacts: int


@dataclass(frozen=True, slots=True)
class Consulted:
    """One question to an advisor, as it was recorded. ``cost_usd``: None when the price is not known."""

    agent: str
    outcome: AdviceOutcome
    confidence: float | None
    requests: int
    tokens: int
    cost_usd: float | None
    latency_ms: int | None


@dataclass(frozen=True, slots=True)
class PersonsDecision:
    """One decision of a person: on a plan, or on a question about single contacts.

    ``status``: approved, rejected or expired, of a question likewise.
    """

    kind: PlanKind
    status: PlanStatus
    is_whole_plan: bool
    advice: Advice
    contacts: int


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Contacts of one rule and action. ``mean_confidence``: None where the rule has none."""

    kind: str
    rule: str
    action: str
    contacts: int
    mean_confidence: float | None


@dataclass(frozen=True, slots=True)
class AdvisorFigures:
    """The figures of one advisor, or of all of them together (``agent`` is ``all`` then).

    Attributes:
        outcomes: questions by ``AdviceOutcome``, each of them named.
        repaired: questions that were put twice because the first answer could not be used.
        mean_confidence: that the model gave of itself, over the answers that count; None when it gave none.
        cost_usd: of the questions with a known price; ``without_price`` are the asked ones without.
        latency_median_ms, latency_p95_ms: waits between attempts included; None when nothing was asked.
    """

    agent: str
    outcomes: Mapping[str, int]
    repaired: int
    mean_confidence: float | None
    tokens: int
    cost_usd: float
    without_price: int
    latency_median_ms: int | None
    latency_p95_ms: int | None

    @property
    def questions(self) -> int:
        """All questions, also those that were not sent."""
        return sum(self.outcomes.values())

    @property
    def answered(self) -> int:
        """Questions to which an answer came."""
        return sum(self.outcomes[one.value] for one in _ANSWERED)

    @property
    def unreadable(self) -> int:
        """Answers that were no valid JSON, a repair included."""
        return self.outcomes[AdviceOutcome.UNREADABLE.value]

    @property
    def valid_json_percent(self) -> float | None:
        """Valid JSON among the answers that came, in percent; None when none came."""
        return 100.0 * (self.answered - self.unreadable) / self.answered if self.answered else None

    @property
    def parse_failure_percent(self) -> float | None:
        """The rest of ``valid_json_percent``."""
        return 100.0 * self.unreadable / self.answered if self.answered else None


_ANSWERED = (AdviceOutcome.ACCEPTED, AdviceOutcome.TRIMMED, AdviceOutcome.REFUSED, AdviceOutcome.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Decisions of people (plans, and questions about single contacts, each counted once), and how often with whom.

    ``approved_contacts`` and ``rejected_contacts``: whom they were about. ``with_advisor`` of ``advisor_spoke``: an approval
    without, a rejection with an objection of the advisor. What expired is nobody's opinion.
    """

    approved: int = 0
    rejected: int = 0
    expired: int = 0
    approved_contacts: int = 0
    rejected_contacts: int = 0
    with_advisor: int = 0
    advisor_spoke: int = 0

    @property
    def decided(self) -> int:
        """Decisions that somebody took."""
        return self.approved + self.rejected

    @property
    def policy_percent(self) -> float | None:
        """The share of the policy's intentions that people let through, in percent; None when they decided nothing."""
        return 100.0 * self.approved / self.decided if self.decided else None

    @property
    def advisor_percent(self) -> float | None:
        """The share of decisions that went with the advisor, in percent; None when it said nothing about any of them."""
        return 100.0 * self.with_advisor / self.advisor_spoke if self.advisor_spoke else None


class GoalState(StrEnum):
    """Whether the goal for false suppressions is reached."""

    SHOWN = "shown"
    NOT_SHOWN_YET = "not_shown_yet"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class FalseSuppressions:
    """Suppressions by rule (not those by a person's own hand), and how many turned out wrong.

    Attributes:
        suppressed: all of them.
        reviewed: those that a person looked at: approved before, or taken back since. Nothing is claimed about the others.
        reinstated: taken back by a person; each counts as wrong.
        undone: those of them that went with a whole maintenance.
        worked: not taken back, but a message was opened, or a later campaign reached the address, since; each counts as wrong.
        rejected: planned by a rule and rejected by a person, so that nothing was done; not among the suppressed.
        tested: drawn at random and mailed instead, and of whom it is known what became; not among the suppressed.
        tested_delivered: those of them that were delivered to; each counts as wrong.
    """

    suppressed: int
    reviewed: int
    reinstated: int
    undone: int
    worked: int = 0
    rejected: int = 0
    tested: int = 0
    tested_delivered: int = 0

    @property
    def wrong(self) -> int:
        """The suppressed ones that are known to be wrong."""
        return self.reinstated + self.worked

    @property
    def judged(self) -> int:
        """Everybody of whom something is known: looked at by a person, seen to work, or tested by a mailing."""
        return self.reviewed + self.worked + self.rejected + self.tested

    @property
    def tested_rate(self) -> Rate:
        """The tested ones that were delivered to, of the tested: the share of wrong suppressions, without anybody's choice."""
        return Rate(self.tested_delivered, self.tested)

    @property
    def bound_percent(self) -> float | None:
        """The largest share that the judged ones leave possible, in percent (exact, one-sided, 95 %); None without any."""
        return (
            100.0 * upper_bound(self.wrong + self.rejected + self.tested_delivered, self.judged)
            if self.judged
            else None
        )

    @property
    def proof(self) -> GoalState:
        """Shown when the bound is below the goal; missed when the known errors alone are too many of all suppressed.

        59 reviewed suppressions without an error are the fewest that show it.
        """
        if self.wrong and 100 * self.wrong >= MONITORING.false_suppressions_percent * self.suppressed:
            return GoalState.MISSED
        is_shown = self.bound_percent is not None and self.bound_percent < MONITORING.false_suppressions_percent
        return GoalState.SHOWN if is_shown else GoalState.NOT_SHOWN_YET

    @property
    def is_certainly_missed(self) -> bool:
        """Whether chance alone does not explain that so many of all suppressed are wrong (one-sided, 95 %)."""
        return 100.0 * lower_bound(self.wrong, self.suppressed) >= MONITORING.false_suppressions_percent


@dataclass(frozen=True, slots=True)
class KeptFailures:
    """Contacts that stayed on their lists after a hard bounce, the other way to be wrong.

    Attributes:
        kept: all of them, once for each campaign.
        mailed_again: those whom the next campaign to their list tried to reach, and of whom it is known what became.
        failed_again: those of them that bounced hard once more.
    """

    kept: int = 0
    mailed_again: int = 0
    failed_again: int = 0

    @property
    def rate(self) -> Rate:
        """Those that bounced hard again, of those that were mailed again."""
        return Rate(self.failed_again, self.mailed_again)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The review of a day.

    Attributes:
        contacts: of the plans made on the day; the next five split them up.
        rules: by plan kind, rule and action, the most contacts first.
        actions: by action, ``hold`` for suppressions that wait by themselves.
        bands: by confidence; ``none`` for items without one.
        deciders: by who had decided at the end of the day.
        advised: by what the advisor made of them.
        automatic: contacts that were let through automatically on the day, of whatever day's plan.
        by_people: contacts that a person decided on, likewise.
        advisors: one each, by name; ``all_advisors`` is their sum.
        people, people_lately: decisions of people on the day, and in the 30 days that end with it.
        suppressions, suppressions_lately: from the beginning, and of the 30 days that end with it.
        kept: those who stayed after a hard bounce, from the beginning.
    """

    day: date
    contacts: int
    rules: tuple[RuleCount, ...]
    actions: Mapping[str, int]
    bands: Mapping[str, int]
    deciders: Mapping[str, int]
    advised: Mapping[str, int]
    automatic: int
    by_people: int
    advisors: tuple[AdvisorFigures, ...]
    all_advisors: AdvisorFigures
    people: Agreement
    people_lately: Agreement
    suppressions: FalseSuppressions
    suppressions_lately: FalseSuppressions
    kept: KeptFailures = KeptFailures()

    @property
    def automatic_percent(self) -> float | None:
        """Of the contacts decided on during the day, those without a person, in percent; None when nobody was."""
        decided = self.automatic + self.by_people
        return 100.0 * self.automatic / decided if decided else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was planned, asked or decided on the day."""
        decided = self.automatic + self.by_people + self.people.decided + self.people.expired
        return not (self.contacts or decided or self.all_advisors.questions)

    def as_json(self) -> dict[str, Any]:
        """The figures for a JSON column; no contact is named in it."""
        return {**asdict(self), "day": self.day.isoformat()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> DayFigures:
        """The figures that ``as_json`` wrote."""
        return cls(
            **{
                **found,
                "day": date.fromisoformat(found["day"]),
                "rules": tuple(RuleCount(**one) for one in found["rules"]),
                "advisors": tuple(AdvisorFigures(**one) for one in found["advisors"]),
                "all_advisors": AdvisorFigures(**found["all_advisors"]),
                "people": Agreement(**found["people"]),
                "people_lately": Agreement(**found["people_lately"]),
                "suppressions": FalseSuppressions(**found["suppressions"]),
                "suppressions_lately": FalseSuppressions(**found["suppressions_lately"]),
                # Of a day that was reviewed before it was counted, nothing is known.
                "kept": KeptFailures(**found.get("kept", {})),
            }
        )


def figures_of(
    day: date,
    groups: Iterable[DecidedGroup],
    consulted: Iterable[Consulted],
    people: Iterable[PersonsDecision],
    people_lately: Iterable[PersonsDecision],
    suppressions: FalseSuppressions,
    suppressions_lately: FalseSuppressions,
    kept: KeptFailures = KeptFailures(),
) -> DayFigures:
    """The figures of a day from what was counted; ``people_lately`` are the decisions of 30 days, this one included."""
    counted = tuple(groups)
    today = [group for group in counted if group.planned_today]
    questions = sorted(consulted, key=lambda one: one.agent)
    agents = sorted({one.agent for one in questions})
    return DayFigures(
        day=day,
        contacts=sum(group.contacts for group in today),
        rules=_by_rule(today),
        actions=_counted((group.action, group.contacts) for group in today),
        bands=_counted(((band_of(group.confidence), group.contacts) for group in today), BANDS),
        deciders=_counted(((group.decider.value, group.contacts) for group in today), list(Decider)),
        advised=_counted(((group.advice.value, group.contacts) for group in today), list(Advice)),
        automatic=sum(one.contacts for one in counted if one.decided_today and one.decider is Decider.GATE),
        by_people=sum(one.contacts for one in counted if one.decided_today and one.decider is Decider.PERSON),
        advisors=tuple(_advisor(agent, [one for one in questions if one.agent == agent]) for agent in agents),
        all_advisors=_advisor("all", questions),
        people=agreement_of(people),
        people_lately=agreement_of(people_lately),
        suppressions=suppressions,
        suppressions_lately=suppressions_lately,
        kept=kept,
    )


BANDS = ("automatic", "review", "low", "none")
"""At least 0.85, from 0.70 on, below, and without a confidence."""


def band_of(confidence: float | None) -> str:
    """The band of a confidence (0 to 1)."""
    if confidence is None:
        return "none"
    if confidence >= MONITORING.band_automatic:
        return "automatic"
    return "review" if confidence >= MONITORING.band_review else "low"


def agreement_of(decisions: Iterable[PersonsDecision]) -> Agreement:
    """The share of people's decisions that went with the policy, and with the advisor."""
    found = tuple(decisions)
    approved = [one for one in found if one.status is PlanStatus.APPROVED]
    rejected = [one for one in found if one.status is PlanStatus.REJECTED]
    spoke = [one for one in (*approved, *rejected) if one.advice is not Advice.NONE]
    return Agreement(
        approved=len(approved),
        rejected=len(rejected),
        expired=sum(1 for one in found if one.status is PlanStatus.EXPIRED),
        approved_contacts=sum(one.contacts for one in approved),
        rejected_contacts=sum(one.contacts for one in rejected),
        with_advisor=sum(
            1 for one in spoke if (one.status is PlanStatus.APPROVED) == (one.advice is Advice.NO_OBJECTION)
        ),
        advisor_spoke=len(spoke),
    )


def _counted(pairs: Iterable[tuple[str, int]], names: Collection[str] = ()) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, contacts in pairs:
        found[name] += contacts
    return {name: found[name] for name in (*map(str, names), *sorted(set(found) - set(names)))}


def _by_rule(groups: Sequence[DecidedGroup]) -> tuple[RuleCount, ...]:
    members: dict[tuple[str, str, str], list[DecidedGroup]] = {}
    for group in groups:
        members.setdefault((group.kind, group.rule, group.action), []).append(group)
    counts = [
        RuleCount(
            *key,
            contacts=sum(one.contacts for one in found),
            mean_confidence=_mean([(one.confidence, one.contacts) for one in found if one.confidence is not None]),
        )
        for key, found in members.items()
    ]
    return tuple(sorted(counts, key=lambda one: (-one.contacts, one.kind, one.rule, one.action)))


def _advisor(agent: str, questions: Sequence[Consulted]) -> AdvisorFigures:
    latencies = sorted(one.latency_ms for one in questions if one.latency_ms is not None)
    given = [(one.confidence, 1) for one in questions if one.outcome.counts and one.confidence is not None]
    return AdvisorFigures(
        agent=agent,
        outcomes=_counted(((one.outcome.value, 1) for one in questions), list(AdviceOutcome)),
        repaired=sum(1 for one in questions if one.requests > 1),
        mean_confidence=_mean(given),
        tokens=sum(one.tokens for one in questions),
        cost_usd=round(math.fsum(one.cost_usd or 0.0 for one in questions), 6),
        without_price=sum(1 for one in questions if one.requests and one.tokens and one.cost_usd is None),
        latency_median_ms=_quantile(latencies, 0.5),
        latency_p95_ms=_quantile(latencies, 0.95),
    )


def _mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    weight = sum(contacts for _, contacts in weighted)
    return round(math.fsum(value * contacts for value, contacts in weighted) / weight, 4) if weight else None


def _quantile(ordered: Sequence[int], share: float) -> int | None:
    """The value that so many are at or below (nearest rank): one that was measured, also with few of them."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
