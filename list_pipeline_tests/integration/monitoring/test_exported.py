"""What a monitor collects: read by Prometheus' own parser, and held against the ledger, the sandbox and the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from list_pipeline.core.messages import keys
from list_pipeline.core.monitoring.exported import EXPORTED, PREFIX
from list_pipeline.operations.messages.outbox import queue
from list_pipeline.operations.monitoring.exported import exported_text
from list_pipeline.operations.services import Services
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.messages import Outgoing
from list_pipeline.storage.monitoring import job_runs
from list_pipeline.storage.monitoring.job_runs import EndedRun
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD
from list_pipeline_tests.integration.conftest import Install

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(services: Services) -> Samples:
    """Every value by name, without the prefix, and labels."""
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exported_text(services))
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_a_new_installation_exports_every_figure_by_name_and_no_value_that_nobody_measured(
    install_small: Install,
) -> None:
    with install_small() as made:
        text = exported_text(made.services)
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert set(families) == {PREFIX + metric.name for metric in EXPORTED}
        assert families[f"{PREFIX}list_deviation_ratio"].samples == []
        assert families[f"{PREFIX}campaign_bounce_ratio"].samples == []
        assert all(family.documentation for family in families.values())


@pytest.mark.long
def test_the_figures_of_a_maintenance_are_those_of_the_ledger_the_lists_and_the_sandbox(install_small: Install) -> None:
    with install_small(list_management_mode="auto") as made:
        made.services.keep_totals()
        before = samples(made.services)
        made.control.reset_requests()
        made.maintain()
        asked = sum(n for name, n in made.control.requests().items() if "api/" not in name)
        after = samples(made.services)

        def grown(name: str) -> float:
            return sum(v for (n, _), v in after.items() if n == name) - sum(
                v for (n, _), v in before.items() if n == name
            )

        assert grown("contacts_suppressed_total") == len((*HARD, COMPLAINED))
        assert grown("mailjet_requests_total") == asked
        answered = value(after, "service_answer_seconds_count", service="mailjet")
        assert answered - value(before, "service_answer_seconds_count", service="mailjet") == asked
        assert value(after, "maintenances", status="success") == 1
        assert value(after, "mode", mode="auto") == 1
        assert value(after, "queue_depth", queue="maintenances") == 0
        assert (
            value(
                after, "work_seconds_count", workflow="post_campaign_maintenance", stage="fetch_bounces", outcome="done"
            )
            == 1
        )
        sizes = [value(after, "list_contacts", list=f"campaign_{n}", kind="mailable") for n in (1, 2, 3)]
        mean = sum(sizes) / 3
        assert value(after, "list_deviation_ratio") == pytest.approx(max(abs(size - mean) for size in sizes) / mean)


def test_requests_are_counted_once_also_by_a_process_that_ends(install_small: Install) -> None:
    with install_small() as made:
        first = value_or_zero(samples(made.services))
        other = made.another()
        other.mailjet.contact_list(other.list_ids.master)
        other.close()
        assert value_or_zero(samples(made.services)) - first == 1
        assert value_or_zero(samples(made.services)) - first == 1


def value_or_zero(found: Samples) -> float:
    return sum(number for (name, _), number in found.items() if name == "mailjet_requests_total")


def test_a_run_that_is_noted_twice_is_counted_once_and_stays_counted_when_its_row_is_removed(
    install_small: Install,
) -> None:
    with install_small() as made:
        ended = EndedRun("run-1", "weekly_health_check", None, None, "it failed")
        for _ in range(2):
            with made.services.database.begin() as connection:
                job_runs.note(connection, ended, made.clock.now())
        with made.services.database.begin() as connection:
            connection.exec_driver_sql("delete from job_run")
        found = samples(made.services)
        assert value(found, "runs_total", job="weekly_health_check", status="failure") == 1


def test_what_waits_is_counted_with_its_age_and_an_empty_queue_has_none(install_small: Install) -> None:
    with install_small() as made:
        with made.services.database.begin() as connection:
            queue(made.services, connection, Outgoing(keys.round_doubt(1), "text", ()))
        made.clock.advance(timedelta(seconds=90))
        found = samples(made.services)
        assert value(found, "queue_depth", queue="messages") == 1
        assert value(found, "queue_oldest_seconds", queue="messages") == pytest.approx(90, abs=5)
        assert value(found, "queue_depth", queue="reviews") == 0
        assert value(found, "queue_oldest_seconds", queue="reviews") == 0


def test_a_database_that_does_not_answer_gives_an_error_and_no_half_of_the_figures(install_small: Install) -> None:
    with install_small() as made:
        with made.services.database.begin() as connection:
            connection.exec_driver_sql("alter table list_pipeline.monitor_total rename to monitor_total_gone")
        with pytest.raises(StatementFailedError):
            exported_text(made.services)


def test_requests_that_cannot_be_counted_are_named_in_the_log_and_fail_nothing(install_small: Install) -> None:
    with install_small() as made:
        with made.services.database.begin() as connection:
            connection.exec_driver_sql("alter table list_pipeline.monitor_total rename to monitor_total_gone")
        made.services.mailjet.contact_list(made.services.list_ids.master)
        made.services.keep_totals()
        (entry,) = (one for one in made.logs if one["event"] == "requests were not counted for the monitor")
        assert entry["error"] == "StatementFailedError"
