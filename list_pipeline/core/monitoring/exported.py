"""The figures that a monitor collects: their names, kinds, labels and what they say.

Belongs here: the vocabulary, and how measured values become rows of running totals. Does not belong here: keeping the totals
(``storage.monitoring.totals``), reading what is so now (``storage.monitoring.present``), and the text format, which is
prometheus_client's (``operations.monitoring.exported``).

Names follow Prometheus' conventions: base units (seconds, shares of one), and "_total" behind what only grows. A figure that is
counted is counted when it happens, in the transaction that writes it down: rows may be removed later, and a counter must not
fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

PREFIX = "list_pipeline_"
SUM = "sum"
"""The part of a histogram that adds the values up."""
WHOLE = ""
"""The only part of a counter."""
_REST = "+Inf"

QUICK_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds of what a service answers within. The last is the product's time limit for an answer (L28)."""
LONG_S = (1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Upper bounds in seconds of work and deliveries; 30, 60 and 300 s are the limits of the product's specification (L24, L27)."""


class Kind(StrEnum):
    """What a monitor may do with a figure."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. ``name`` is without the prefix and, for a counter, without ``_total``; ``bounds`` only of a histogram.

    ``known``: values of its labels that are told from the start, as zero (see ``from_zero``).
    """

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()

    @property
    def full_name(self) -> str:
        """As a monitor knows it: a histogram has ``_bucket``, ``_sum`` and ``_count`` behind it."""
        return f"{PREFIX}{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"

    @property
    def sample_names(self) -> frozenset[str]:
        """The names that stand in queries."""
        if self.kind is Kind.HISTOGRAM:
            return frozenset(f"{self.full_name}_{part}" for part in ("bucket", "sum", "count"))
        return frozenset({self.full_name})


def _counter(name: str, says: str, *labels: str, known: Iterable[tuple[str, ...]] = ()) -> Metric:
    return Metric(name, Kind.COUNTER, says, labels, known=tuple(known))


def _gauge(name: str, says: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, says, labels)


def _histogram(
    name: str, says: str, bounds: tuple[float, ...], *labels: str, known: Iterable[tuple[str, ...]] = ()
) -> Metric:
    return Metric(name, Kind.HISTOGRAM, says, labels, bounds, tuple(known))


SERVICES = ("gemini", "mailjet", "slack")
"""The services outside whose answers are counted."""

JOBS_THAT_START_THEMSELVES = (
    "campaign_wrapup_job",
    "carry_out_approved_items",
    "carry_out_correction",
    "decision_review_job",
    "launch_change",
    "list_cache_job",
    "list_reconciliation_job",
    "maintenance_reporting",
    "membership_sync_job",
    "notification_delivery_job",
    "past_campaign_metrics_job",
    "post_campaign_maintenance",
    "pre_campaign_validation_job",
    "release_quarantine",
    "requested_correction",
    "retention_job",
    "weekly_health_check",
    "workflow_metrics_job",
)
"""Dagster's jobs that a schedule or a sensor starts; a test compares them with the code location."""

RUN_STATUSES = ("success", "failure")
"""How a run of Dagster's ended."""

CAMPAIGN_STAGES = ("prelaunch", "preflight", "launch_warning", "launch_confirmation", "wrapup")
"""The stages of a campaign; a test compares them with the stages themselves."""
STAGE_ARRIVED, STAGE_FAILED, STAGE_SKIPPED = "arrived", "failed", "skipped"
STAGE_OUTCOMES = (STAGE_ARRIVED, STAGE_FAILED, STAGE_SKIPPED)
"""What became of a stage: its message arrived, or an attempt at it failed; or it was too late for it."""


# What is counted as it happens

WORK = _histogram("work_seconds", "Work on a stage, or on a whole run.", LONG_S, "workflow", "stage", "outcome")
ANSWERS = _histogram(
    "service_answer_seconds",
    "Time until a service answered, or until it was given up.",
    QUICK_S,
    "service",
    known=((each,) for each in SERVICES),
)
UNANSWERED = _counter(
    "service_unanswered",
    "Requests to a service that were not answered.",
    "service",
    known=((each,) for each in SERVICES),
)
REQUESTS = _counter("mailjet_requests", "Requests to Mailjet, repetitions included.", "request")
WAITED = _counter("mailjet_wait_seconds", "Time that requests to Mailjet waited for the shared limit.")
RUNS = _counter(
    "runs", "Runs of Dagster's that ended.", "job", "status", known=product(JOBS_THAT_START_THEMSELVES, RUN_STATUSES)
)
DELIVERIES = _histogram(
    "message_delivery_seconds", "Time between the writing of a message and its arrival.", LONG_S, "channel"
)
STAGE_DELIVERIES = _histogram(
    "stage_delivery_seconds",
    "Time between the instant at which a stage of a campaign was due, or its launch was scheduled if that was later, and the "
    "arrival of its message.",
    LONG_S,
    "stage",
    known=((each,) for each in CAMPAIGN_STAGES),
)
STAGES = _counter(
    "campaign_stages",
    "Stages of campaigns: messages that arrived, attempts at them that failed, and stages that were skipped.",
    "stage",
    "outcome",
    known=product(CAMPAIGN_STAGES, STAGE_OUTCOMES),
)
QUESTIONS = _counter(
    "advisor_questions", "Questions to an advisor, by what became of the answer.", "advisor", "outcome"
)
ADVISOR_COST = _counter(
    "advisor_cost_usd", "Cost of the advisors' answers whose price is known, in US dollars.", "advisor"
)

COUNTED = (
    WORK,
    ANSWERS,
    UNANSWERED,
    REQUESTS,
    WAITED,
    RUNS,
    DELIVERIES,
    STAGE_DELIVERIES,
    STAGES,
    QUESTIONS,
    ADVISOR_COST,
)

# What is so at the instant of the question

BUILD = _gauge("build_info", "1; the version stands in the label.", "version")
MODE = _gauge("mode", "1 for the operating mode that holds.", "mode")
SWITCHED_ON = _gauge("changes_enabled", "1 while LIST_MANAGEMENT_ENABLED lets lists be changed.")
MAINTENANCES = _gauge("maintenances", "Attempts at maintenances in the ledger.", "status")
SUPPRESSED = _counter("contacts_suppressed", "Contacts that maintenances took off the lists.")
REBALANCED = _counter("contacts_rebalanced", "Contacts that maintenances moved.")
LIST_SIZE = _gauge("list_contacts", "Contacts of a list at the last look; kind is raw or mailable.", "list", "kind")
DEVIATION = _gauge("list_deviation_ratio", "Largest distance of a campaign list from their mean, as a share of it.")
BOUNCE_SHARE = _gauge(
    "campaign_bounce_ratio",
    "Bounces of the last sent campaign on a list as Mailjet counts them, as a share of its recipients.",
    "list",
)
WAITING = _gauge("queue_depth", "What waits in a queue.", "queue")
OLDEST = _gauge("queue_oldest_seconds", "Age of what has waited longest in a queue; 0 when it is empty.", "queue")
LAST_SUCCESS = _gauge("job_last_success_timestamp_seconds", "Unix time of the last success of a job.", "job")
LAST_BACKUP = _gauge(
    "last_backup_timestamp_seconds", "Unix time that the last backup shows; nothing while there is none."
)
CONNECTIONS = _gauge("database_connections", "Client connections of the database server.")
CONNECTIONS_MAX = _gauge("database_connections_max", "Connections that the database server allows.")
RATE_USED = _gauge("mailjet_requests_last_minute", "Requests to Mailjet of all processes in the last 60 s.")
RATE_ALLOWED = _gauge("mailjet_requests_allowed_per_minute", "Requests a minute that are configured.")

PRESENT = (
    BUILD,
    MODE,
    SWITCHED_ON,
    MAINTENANCES,
    SUPPRESSED,
    REBALANCED,
    LIST_SIZE,
    DEVIATION,
    BOUNCE_SHARE,
    WAITING,
    OLDEST,
    LAST_SUCCESS,
    LAST_BACKUP,
    CONNECTIONS,
    CONNECTIONS_MAX,
    RATE_USED,
    RATE_ALLOWED,
)

EXPORTED = (*COUNTED, *PRESENT)


@dataclass(frozen=True, slots=True, order=True)
class TotalKey:
    """A running total: a counter, or one part of a histogram. ``part``: a bucket's upper bound, ``SUM``, or ``WHOLE``."""

    metric: str
    labels: tuple[str, ...]
    part: str


Totals = Mapping[TotalKey, float]


class Increments:
    """What is to be added to running totals; the same figure may be told many times."""

    def __init__(self) -> None:
        self._values: dict[TotalKey, float] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def values(self) -> Totals:
        """By total, in the order in which every process adds them, so that no two wait for each other."""
        return dict(sorted(self._values.items()))

    def count(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Add to a counter. Nothing is kept of a zero.

        Raises:
            ValueError: the metric is no counter, has other labels, or would fall.
        """
        _require(metric, Kind.COUNTER, labels)
        if by < 0:
            raise ValueError(f"{metric.name} only grows")
        if by:
            self._add(TotalKey(metric.name, labels, WHOLE), by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add one value to a histogram.

        Raises:
            ValueError: the metric is no histogram, or has other labels.
        """
        _require(metric, Kind.HISTOGRAM, labels)
        self._add(TotalKey(metric.name, labels, _bucket(metric.bounds, value)), 1.0)
        self._add(TotalKey(metric.name, labels, SUM), max(value, 0.0))

    def _add(self, key: TotalKey, by: float) -> None:
        self._values[key] = self._values.get(key, 0.0) + by


def _require(metric: Metric, kind: Kind, labels: Sequence[str]) -> None:
    if metric.kind is not kind or len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} is a {metric.kind.value} with the labels {metric.labels}")


def _bucket(bounds: Sequence[float], value: float) -> str:
    return next((f"{bound:g}" for bound in bounds if value <= bound), _REST)


def from_zero(counted: Iterable[tuple[TotalKey, float]]) -> tuple[tuple[TotalKey, float], ...]:
    """The totals, with a zero for what is known to be counted and was not yet.

    A monitor sees how much a counter grew only from its second value on. One that first appears as 1 grew by nothing, so
    that the alert for a first failure would stay silent.
    """
    found = dict(counted)
    for metric in COUNTED:
        part = SUM if metric.kind is Kind.HISTOGRAM else WHOLE
        for labels in metric.known:
            found.setdefault(TotalKey(metric.name, labels, part), 0.0)
    return tuple(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Histogram:
    """What a histogram counted for one set of labels. ``buckets``: cumulative counts by upper bound, the last ``+Inf``."""

    labels: tuple[str, ...]
    buckets: tuple[tuple[str, float], ...]
    sum: float


def histograms(metric: Metric, totals: Iterable[tuple[TotalKey, float]]) -> tuple[Histogram, ...]:
    """The histograms of one metric, in the order of their labels. Each bucket counts those before it, as monitors expect."""
    by_labels: dict[tuple[str, ...], dict[str, float]] = {}
    for key, value in totals:
        if key.metric == metric.name:
            by_labels.setdefault(key.labels, {})[key.part] = value
    found = []
    for labels, parts in sorted(by_labels.items()):
        running, buckets = 0.0, []
        for bound in (*(f"{bound:g}" for bound in metric.bounds), _REST):
            running += parts.get(bound, 0.0)
            buckets.append((bound, running))
        found.append(Histogram(labels, tuple(buckets), parts.get(SUM, 0.0)))
    return tuple(found)
