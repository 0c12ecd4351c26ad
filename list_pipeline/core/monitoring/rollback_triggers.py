"""When the product should be stopped: the figures at which its own plan asks for a rollback, judged on what was measured.

Belongs here: the limits, and what is said about each. Does not belong here: measuring
(``operations.monitoring.rollback_triggers``). Nothing is stopped here: whether to roll back is for people. Two further
reasons are theirs alone and cannot be counted: data lost or corrupted, and a request to pause.

A share of too few is not judged: one failure among three runs says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import duration_text, limit_text, share_percent_text


class Trigger(StrEnum):
    """A reason to roll the product back."""

    LATENCY = "latency"
    WRONG_DECISIONS = "wrong_decisions"
    FAILED_RUNS = "failed_runs"


@dataclass(frozen=True, slots=True)
class TriggerFacts:
    """The measured figures that the triggers judge.

    Attributes:
        maintenances, maintenance_p95_ms: how many worked in the window, and how long, in milliseconds; None without any.
        decisions, rejected: what people decided on plans and questions of the policy and its advisors.
        suppressed, taken_back: suppressions by rule, and those that people took back.
        runs, failed_runs: that schedules and sensors started and that ended in the window.
    """

    maintenances: int
    maintenance_p95_ms: int | None
    decisions: int
    rejected: int
    suppressed: int
    taken_back: int
    runs: int
    failed_runs: int

    def __post_init__(self) -> None:
        parts = (self.rejected, self.decisions), (self.taken_back, self.suppressed), (self.failed_runs, self.runs)
        if any(part > whole for part, whole in parts):
            raise ValueError("a part is not larger than the whole")


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """One trigger. ``is_hit`` None: there was too little to judge."""

    trigger: Trigger
    is_hit: bool | None
    words: str


def judge(facts: TriggerFacts) -> tuple[TriggerResult, ...]:
    """All triggers, in the order of the enumeration. A limit itself is still allowed."""
    return (_latency(facts), _wrong(facts), _failed(facts))


def _latency(facts: TriggerFacts) -> TriggerResult:
    count, p95 = facts.maintenances, facts.maintenance_p95_ms
    if count < MONITORING.least_maintenances or p95 is None:
        return _too_few(Trigger.LATENCY, count, "maintenances", MONITORING.least_maintenances)
    words = (
        f"P95 of {count} maintenances is {duration_text(p95 / 1000)} of work, waits for people not counted; "
        f"the limit is {duration_text(MONITORING.latency_limit_ms / 1000)}."
    )
    return TriggerResult(Trigger.LATENCY, p95 > MONITORING.latency_limit_ms, words)


def _wrong(facts: TriggerFacts) -> TriggerResult:
    # Two counts that are not mixed: a decision is about a plan or a question, a suppression about one contact.
    judged = []
    if facts.decisions >= MONITORING.least_decisions:
        judged.append((facts.rejected, facts.decisions, "decisions of people were rejections"))
    if facts.suppressed >= MONITORING.least_suppressions:
        judged.append((facts.taken_back, facts.suppressed, "suppressions were taken back"))
    if not judged:
        return _too_few(Trigger.WRONG_DECISIONS, facts.decisions, "decisions of people", MONITORING.least_decisions)
    found = [
        _share(Trigger.WRONG_DECISIONS, part, whole, MONITORING.wrong_limit_percent, what)
        for part, whole, what in judged
    ]
    return TriggerResult(
        Trigger.WRONG_DECISIONS, any(one.is_hit for one in found), " ".join(one.words for one in found)
    )


def _failed(facts: TriggerFacts) -> TriggerResult:
    if facts.runs < MONITORING.least_runs:
        return _too_few(Trigger.FAILED_RUNS, facts.runs, "scheduled runs", MONITORING.least_runs)
    return _share(
        Trigger.FAILED_RUNS, facts.failed_runs, facts.runs, MONITORING.failed_limit_percent, "scheduled runs failed"
    )


def _share(trigger: Trigger, part: int, whole: int, limit_percent: float, what: str) -> TriggerResult:
    words = (
        f"{part:,} of {whole:,} {what} ({share_percent_text(part, whole)}); the limit is {limit_text(limit_percent)}."
    )
    # In whole numbers: a share of exactly the limit must not depend on rounding.
    return TriggerResult(trigger, part * 100 > limit_percent * whole, words)


def _too_few(trigger: Trigger, count: int, what: str, least: int) -> TriggerResult:
    return TriggerResult(trigger, None, f"{count} {what} are too few to judge; {least} are needed.")
