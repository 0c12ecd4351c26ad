"""The figures for a monitor in Prometheus' text format.

Belongs here: gathering totals and the present, under the names of ``core.monitoring.exported``. Does not belong here: who may
ask (``api``), and what people are told without a monitor (``alerts``).

Everything is read from the database, so that any process answers for all of them; nothing outside is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring import exported as names
from list_pipeline.core.monitoring.exported import Kind, Metric, TotalKey, from_zero, histograms
from list_pipeline.core.rebalancing.balance import deviation
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.storage import backups
from list_pipeline.storage.monitoring import present, totals
from list_pipeline.storage.monitoring.metrics import server_connections

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the answer, as Prometheus wants it said."""

Samples = Mapping[tuple[str, ...], float]
"""Values by the values of the labels."""


def exported_text(services: Services) -> str:
    """Every figure, in Prometheus' text format.

    Raises:
        StatementFailedError, UnavailableError: the database does not answer. Half of the figures would look like zeros.
    """
    services.keep_totals()
    mode, now = operating_mode(services), services.clock.now()
    with services.database.begin() as connection:
        counted = from_zero(totals.all_totals(connection))
        sizes, moved = present.list_sizes(connection), present.changed_contacts(connection)
        queues = present.queues(connection)
        used, most = server_connections(connection)
        backed_up = backups.last(connection).taken_at
        found: dict[Metric, Samples] = {
            names.BUILD: {(version("list_pipeline"),): 1},
            names.MODE: {(each.value,): float(each is mode) for each in Mode},
            names.SWITCHED_ON: {(): float(services.settings.list_management_enabled)},
            names.MAINTENANCES: {(status,): many for status, many in present.maintenances(connection).items()},
            names.SUPPRESSED: {(): moved[0]},
            names.REBALANCED: {(): moved[1]},
            names.LIST_SIZE: {
                (role.value, kind): count
                for role, counts in sizes.items()
                for kind, count in zip(("raw", "mailable"), counts, strict=True)
            },
            names.DEVIATION: _deviation(sizes),
            names.BOUNCE_SHARE: {
                (CAMPAIGN_LISTS[number - 1].value,): percent / 100
                for number, percent in present.bounce_percents(connection).items()
            },
            names.WAITING: {(queue.value,): waiting.many for queue, waiting in queues.items()},
            names.OLDEST: {(queue.value,): _age_s(waiting.since, now) for queue, waiting in queues.items()},
            names.LAST_SUCCESS: {(job,): at.timestamp() for job, at in present.last_successes(connection).items()},
            names.LAST_BACKUP: {} if backed_up is None else {(): backed_up.timestamp()},
            names.CONNECTIONS: {(): used},
            names.CONNECTIONS_MAX: {(): most},
            names.RATE_USED: {(): present.requests_of_last_minute(connection, now)},
            names.RATE_ALLOWED: {(): services.settings.mailjet_requests_per_minute},
        }
    return _text([*_counted(counted), *(_family(metric, samples) for metric, samples in found.items())])


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _deviation(sizes: Mapping[ListRole, tuple[int, int]]) -> Samples:
    """None where a list was not looked at or all are empty: a zero would call them balanced."""
    if not sizes.keys() >= set(CAMPAIGN_LISTS):
        return {}
    first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
    share = deviation((first, second, third))
    return {} if share is None else {(): float(share)}


def _counted(counted: tuple[tuple[TotalKey, float], ...]) -> Iterator[Family]:
    for metric in names.COUNTED:
        if metric.kind is Kind.HISTOGRAM:
            family = HistogramMetricFamily(metric.full_name, metric.says, labels=metric.labels)
            for one in histograms(metric, counted):
                family.add_metric(one.labels, buckets=list(one.buckets), sum_value=one.sum)
            yield family
        else:
            yield _family(metric, {key.labels: value for key, value in counted if key.metric == metric.name})


def _family(metric: Metric, samples: Samples) -> Family:
    # The library puts "_total" behind a counter's name by itself.
    name = names.PREFIX + metric.name
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is Kind.COUNTER:
        family = CounterMetricFamily(name, metric.says, labels=metric.labels)
    else:
        family = GaugeMetricFamily(name, metric.says, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, value)
    return family


class _Gathered(Collector):
    """Figures that are gathered already, handed to the library."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Family]:
        return self._families


def _text(families: Iterable[Family]) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(families))
    return generate_latest(registry).decode()
