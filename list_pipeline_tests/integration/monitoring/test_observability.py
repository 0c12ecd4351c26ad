"""The product looked at by itself: what is measured of a maintenance, who is told of failures, whether services answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import structlog
from dagster._core.test_utils import freeze_time
from pydantic import SecretStr
from structlog.contextvars import get_contextvars
from typer.testing import CliRunner

from list_pipeline.cli import observe as cli_observe
from list_pipeline.cli.main import app
from list_pipeline.core.errors import ChangesStoppedError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.latency import WHOLE_RUN
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import Trigger
from list_pipeline.core.request_rate import rate_text
from list_pipeline.core.wording import utc_text
from list_pipeline.definitions import defs
from list_pipeline.defs.maintenance.sweeps import SWEEP_TAG
from list_pipeline.defs.monitoring.freshness import judged_freshness
from list_pipeline.defs.monitoring.metrics_assets import workflow_metrics
from list_pipeline.defs.monitoring.metrics_automation import METRICS_CHECKS
from list_pipeline.defs.monitoring.run_failures import failed_runs_to_report
from list_pipeline.defs.resources import ServicesResource
from list_pipeline.operations.monitoring import alerts
from list_pipeline.operations.monitoring.dependencies import Health, check_all
from list_pipeline.operations.monitoring.figures import measured
from list_pipeline.operations.monitoring.rollback_triggers import triggers
from list_pipeline.operations.runs.run import stage
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import MAINTENANCE, timed
from list_pipeline.storage.alarms import failing_jobs
from list_pipeline.storage.monitoring.job_runs import EndedRun
from list_pipeline_tests.e2e.code_location import IN_THIS_PROCESS, ui
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

SUPPRESSED = len((*HARD, COMPLAINED))


def entries(made: Installation, event: str) -> list[dict[str, Any]]:
    return [entry for entry in made.logs if entry["event"] == event]


def posted(made: Installation) -> list[str]:
    return [str(message["text"]) for message in made.cards()]


def without_database(made: Installation) -> Services:
    """A process whose PostgreSQL does not answer."""
    url = SecretStr("postgresql://nobody:secret@127.0.0.1:1/none")
    return Services(made.services.settings.model_copy(update={"database_url": url}), made.clock)


# What is measured


def test_a_maintenance_names_its_milestones_with_counts_and_leaves_its_timings(small: Installation) -> None:
    small.maintain()
    milestones = [
        "bounce data collected", "suppression plan generated", "contacts suppressed", "rebalancing plan generated",
        "rebalancing complete", "maintenance completed",
    ]  # fmt: skip
    first = {event: entries(small, event)[0] for event in milestones}
    order = [entry["event"] for entry in small.logs if entry["event"] in milestones]
    assert list(dict.fromkeys(order)) == milestones
    assert sum(value for value in first["bounce data collected"].values() if isinstance(value, int)) >= SUPPRESSED
    assert first["suppression plan generated"]["suppress"] == SUPPRESSED
    assert (first["contacts suppressed"]["success"], first["contacts suppressed"]["failed"]) == (SUPPRESSED, 0)
    moves = first["rebalancing plan generated"]["moves"] + first["rebalancing plan generated"]["enrolments"]
    assert first["rebalancing complete"]["moved"] == moves
    assert 0 < first["rebalancing complete"]["lists_updated"] <= 3
    done = entries(small, "maintenance completed")[-1]
    assert (done["status"], done["suppressed"], done["rebalanced"]) == ("success", SUPPRESSED, moves)

    figures = measured(small.services)
    maintenance = figures.workflow(MAINTENANCE)
    assert maintenance is not None
    assert maintenance.worked.count == 1
    assert set(maintenance.stages) == {"fetch_bounces", "ai_analysis", "suppression", "rebalancing"}
    made = {name: n for name, n in small.control.requests().items() if "managemanycontacts" in name}
    counted = {name: n for name, n in maintenance.by_resource.items() if "managemanycontacts" in name}
    assert sum(counted.values()) == sum(made.values()) > 0
    ((log_ids, runs),) = small.query("select count(distinct log_id), count(distinct run_id) from work_timing")
    assert (log_ids, runs) == (1, 1)
    assert entries(small, "stage finished")[0].keys() >= {"duration_ms", "requests", "waited_ms", "outcome"}
    assert figures.messages.messages >= 1
    assert 0 < figures.connections[0] < figures.connections[1]


def test_a_stage_that_fails_or_is_stopped_is_measured_too_and_its_context_ends(small: Installation) -> None:
    run = small.begin()
    bound: dict[str, Any] = {}

    def break_down() -> None:
        bound.update(get_contextvars())
        small.clock.advance(timedelta(seconds=3))
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError), stage(small.services, run, "suppression"):
        break_down()
    assert (
        bound.items()
        >= {"campaign": small.key, "sweep": "24h", "stage": "suppression", "log_id": run.log.log_id}.items()
    )
    assert bound["run_id"] == small.services.run_id
    with pytest.raises(ChangesStoppedError), stage(small.services, small.begin(), "rebalancing"):
        raise ChangesStoppedError("Moving", "it was switched off", "Switch it on")
    assert "campaign" not in get_contextvars()
    assert small.query("select stage, outcome, duration_ms from work_timing order by timing_id") == [
        ("suppression", "failed", 3000),
        ("rebalancing", "stopped", 0),
    ]


def test_waiting_for_an_allowance_is_measured_and_the_rate_stays_within_it(install_small: Install) -> None:
    with install_small(mailjet_requests_per_minute=10) as made:
        made.clock.advance(timedelta(minutes=2))
        with timed(made.services, "looking", WHOLE_RUN):
            for _ in range(25):
                made.services.mailjet.contact_list(made.account.lists[ListRole.MASTER])
        ((requests, waited_ms, peak, limit, duration_ms),) = made.query(
            "select requests, waited_ms, rate_peak, rate_limit, duration_ms from work_timing"
        )
        assert (requests, limit) == (25, 10)
        assert 0 < peak <= 10
        assert 100_000 < waited_ms <= duration_ms
        # Two minutes of work are longer than one.
        assert [entry["log_level"] for entry in entries(made, "a workflow took long")] == ["warning"]
        assert [one.workflow for one in measured(made.services).slow] == ["looking"]


def test_a_timing_that_cannot_be_kept_fails_nothing(small: Installation) -> None:
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("alter table work_timing rename to gone")
    with timed(small.services, "looking", WHOLE_RUN):
        pass
    assert [entry["error"] for entry in entries(small, "a timing was not kept")] == ["StatementFailedError"]


def test_figures_of_no_day_are_refused(small: Installation) -> None:
    with pytest.raises(RefusedError, match="days are none"):
        measured(small.services, 0)


# Failed runs


def ended(number: int, job: str = "list_reconciliation_job", error: str | None = "it broke") -> EndedRun:
    return EndedRun(f"run-{number:03d}-{job}", job, "daily_reconciliation", None, error)


def test_the_first_failure_is_told_at_once_and_the_rest_in_groups(small: Installation) -> None:
    services = small.services
    told = []
    for number in range(60):
        # Half an hour of a job that fails every 30 s, looked at every minute.
        alerts.note_ended(services, [ended(number), ended(number)])
        if number % 2 == 0:
            told += alerts.tell_failures(services)
        small.clock.advance(timedelta(seconds=30))
    assert 3 <= len(told) <= 4
    texts = posted(small)
    assert len(texts) == len(told)
    assert "Failed:" in texts[0]
    assert "Failed 8 Times" in texts[1]
    ((kept, untold),) = small.query("select count(*), count(*) filter (where told_in is null) from job_run")
    assert kept == 60
    # Nothing is lost: what is not told yet is told with the next message.
    assert untold > 0
    small.clock.advance(timedelta(hours=4))
    (last,) = alerts.tell_failures(services)
    assert f"{untold} Times" in posted(small)[-1]
    assert last.state == "sent"
    assert alerts.tell_failures(services) == ()


def test_another_job_is_told_at_once_and_success_is_no_news(small: Installation) -> None:
    alerts.note_ended(small.services, [ended(1), ended(2, "weekly_health_check"), ended(3, error=None)])
    alerts.tell_failures(small.services)
    assert len(posted(small)) == 2
    alerts.note_ended(small.services, [ended(4, "list_cache_job")])
    alerts.tell_failures(small.services)
    assert "list_cache_job" in posted(small)[-1]
    assert len(entries(small, "a run failed")) == 3


def test_a_maintenance_that_its_report_tells_of_is_not_told_twice_but_one_that_died_is(small: Installation) -> None:
    run = small.begin()
    died = EndedRun("first", "post_campaign_maintenance", "campaigns_due_for_maintenance", small.key, "it was killed")
    other = EndedRun("other", "post_campaign_maintenance", "campaigns_due_for_maintenance", small.key, "no settings")
    with pytest.raises(RuntimeError), stage(small.services, run, "suppression"):
        raise RuntimeError("broken")
    alerts.note_ended(small.services, [died, other])
    alerts.tell_failures(small.services)
    (text,) = posted(small)
    assert "no settings" in text
    assert "it was killed" not in text


def test_what_was_refused_to_a_person_is_told_to_nobody_else(small: Installation) -> None:
    refused = EndedRun("slip", "unblock_campaign", None, None, "is_sure is not set", is_refusal=True)
    by_sensor = EndedRun("sensor", "carry_out_correction", "a_sensor", None, "the mode forbids it", is_refusal=True)
    alerts.note_ended(small.services, [refused, by_sensor])
    alerts.tell_failures(small.services)
    (text,) = posted(small)
    assert "the mode forbids it" in text
    with small.services.database.begin() as connection:
        assert set(failing_jobs(connection, small.clock.now() - timedelta(hours=1))) == {"carry_out_correction"}


def test_an_outage_of_slack_loses_no_failure(small: Installation) -> None:
    small.control.add_fault("status", path="chat.postMessage", status=503, count=None)
    alerts.note_ended(small.services, [ended(1)])
    (delivery,) = alerts.tell_failures(small.services)
    assert delivery.state in ("failed", "unknown")
    assert small.query("select count(*) from notification where state in ('failed', 'unknown')") == [(1,)]
    assert alerts.tell_failures(small.services) == ()


# What is looked at every hour


def test_what_is_overdue_is_told_once_a_day(small: Installation) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        never = judged_freshness(instance)
    assert {(one.job, one.done_at, one.is_overdue) for one in never} == {
        ("list_reconciliation_job", None, False),
        ("weekly_health_check", None, False),
    }
    assert not any(one.is_overdue for one in alerts.look(small.services, never).freshness)
    small.clock.advance(timedelta(days=8))
    first = alerts.look(small.services, never)
    assert [one.is_overdue for one in first.freshness] == [True, True]
    assert len(posted(small)) == 2
    small.clock.advance(timedelta(hours=1))
    alerts.look(small.services, never)
    assert len(posted(small)) == 2
    small.clock.advance(timedelta(days=1))
    alerts.look(small.services, never)
    assert len(posted(small)) == 4
    assert any("Daily reconciliation" in text for text in posted(small))


def test_the_daemon_judges_by_the_policy_of_the_asset_and_people_are_told_what_it_judged(small: Installation) -> None:
    with dg.instance_for_test(overrides=IN_THIS_PROCESS) as instance, ui(instance, defs) as browser:
        for name in ("list_reconciliation", "list_health_check"):
            instance.report_runless_asset_event(dg.AssetMaterialization(name))

        def overdue_after(span: timedelta) -> list[str]:
            with freeze_time(datetime.now(UTC) + span):
                browser.judge_freshness()
            return [one.job for one in judged_freshness(instance) if one.is_overdue]

        assert overdue_after(timedelta(hours=25, minutes=50)) == []
        assert overdue_after(timedelta(hours=26, minutes=10)) == ["list_reconciliation_job"]
        assert len(overdue_after(timedelta(days=7, hours=2, minutes=10))) == 2
        alerts.look(small.services, judged_freshness(instance))
        assert len(posted(small)) == 2
        assert "last done at" in " ".join(posted(small))
        instance.report_runless_asset_event(dg.AssetMaterialization("list_reconciliation"))
        assert overdue_after(timedelta(0)) == []


def test_too_many_failed_runs_hit_the_trigger_and_the_message_says_what_to_do(small: Installation) -> None:
    alerts.note_ended(
        small.services, [ended(n, error="broken" if n < 2 else None) for n in range(MONITORING.least_runs)]
    )
    by_hand = EndedRun("by-hand", "list_reconciliation_job", None, None, "a person's own try")
    alerts.note_ended(small.services, [by_hand])
    (result,) = (one for one in triggers(small.services) if one.trigger is Trigger.FAILED_RUNS)
    assert result.is_hit
    assert "2 of 10 scheduled runs failed" in result.words
    alerts.look(small.services, ())
    alerts.look(small.services, ())
    (message,) = (m for m in small.cards() if "Rollback Trigger" in m["text"])
    assert "list-pipeline mode read_only" in json.dumps(message["blocks"])
    small.clock.advance(timedelta(days=8))
    (later,) = (one for one in triggers(small.services) if one.trigger is Trigger.FAILED_RUNS)
    assert later.is_hit is None


# Whether services answer


def test_all_services_are_asked_without_changing_anything(install_small: Install) -> None:
    with install_small(gemini_api_key="sandbox-key") as made:
        services = made.another(gemini_base_url=made.server.url)
        found = check_all(services)
        assert {name: one.status for name, one in found.checks.items()} == {
            "database": Health.HEALTHY, "redis": Health.NOT_CONFIGURED, "mailjet": Health.HEALTHY,
            "slack": Health.HEALTHY, "gemini": Health.HEALTHY, "schema": Health.HEALTHY,
        }  # fmt: skip
        assert found.status is Health.HEALTHY
        assert found.as_json()["checks"]["database"]["connections"] > 0
        assert made.changing_requests() == {}
        assert made.control.gemini_requests() == []
        assert posted(made) == []


def test_a_service_that_is_not_required_degrades_and_a_required_one_fails(small: Installation) -> None:
    small.control.add_fault("status", path="auth.test", status=500, count=None)
    found = check_all(small.another(redis_url="redis://127.0.0.1:1/0"))
    assert found.status is Health.DEGRADED
    assert found.checks["slack"].status is Health.UNHEALTHY
    assert "Redis does not answer" in found.checks["redis"].details["error"]
    gone = without_database(small)
    found = check_all(gone)
    assert found.status is Health.UNHEALTHY
    assert "does not answer" in found.checks["database"].details["error"]
    assert "secret" not in json.dumps(found.as_json())


def test_work_in_progress_that_uses_the_rate_up_is_not_an_outage(install_small: Install) -> None:
    with install_small(mailjet_requests_per_minute=3) as made:
        for _ in range(3):
            made.services.mailjet.contact_list(made.account.lists[ListRole.MASTER])
        before = made.clock.now()
        found = check_all(made.services)
        assert found.checks["mailjet"].status is Health.HEALTHY
        assert "used up" in found.checks["mailjet"].details["limited"]
        assert made.clock.now() == before


def test_a_rate_that_was_learned_is_shown_and_is_no_outage(install_small: Install) -> None:
    with install_small(mailjet_requests_per_minute=300) as made:
        assert check_all(made.services).checks["mailjet"].details["requests"] == "300 a minute"
        made.control.add_fault("rate_limited", path="contactslist", count=1)
        made.services.mailjet.contact_lists()
        found = check_all(made.services)
        learned = measured(made.services).learned_rate
        assert learned is not None
        words = f"150 a minute, one more each minute up to 300: refused at {utc_text(learned.refused_at)} UTC"
        assert found.checks["mailjet"].status is Health.HEALTHY
        assert found.checks["mailjet"].details["requests"] == words
        assert rate_text(300, learned, made.clock.now()) == words
        made.clock.advance(timedelta(minutes=150))
        assert check_all(made.services).checks["mailjet"].details["requests"] == "300 a minute"


def test_a_service_that_says_nothing_is_not_waited_for(small: Installation) -> None:
    small.control.add_fault("hang_before", path="auth.test", count=1)
    found = check_all(small.services, timeout_s=1.5)
    assert found.checks["slack"].details == {"error": "no answer within 1.5 s"}
    assert found.checks["database"].status is Health.HEALTHY
    small.control.clear_faults()


@pytest.fixture
def commands(small: Installation, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on an installation's services, or on others."""

    def run(*arguments: str, services: Services = small.services) -> Any:
        @contextmanager
        def opened() -> Iterator[Services]:
            yield services

        monkeypatch.setattr(cli_observe, "opened_services", opened)
        monkeypatch.setattr(cli_observe, "opened_whatever_schema", opened)
        return CliRunner().invoke(app, list(arguments))

    return run


def test_the_health_command_ends_with_one_when_something_required_does_not_answer(
    small: Installation, commands: Any
) -> None:
    said = commands("health", "--json")
    assert said.exit_code == 0, said.output
    body = json.loads(said.output)
    assert set(body) == {"status", "timestamp", "checks"}
    assert body["status"] == "healthy"
    assert body["checks"]["mailjet"]["latency_ms"] >= 0
    broken = commands("health", services=without_database(small))
    assert broken.exit_code == 1
    assert "unhealthy" in broken.output


def test_the_metrics_command_shows_workflows_and_triggers(small: Installation, commands: Any) -> None:
    with timed(small.services, MAINTENANCE, "suppression", campaign=small.key, sweep="24h"):
        small.clock.advance(timedelta(seconds=5))
    alerts.note_ended(small.services, [ended(1)])
    said = commands("metrics", "--days", "2")
    assert said.exit_code == 0, said.output
    assert "post_campaign_maintenance" in said.output
    assert "5000" in said.output
    assert "Failed runs: list_reconciliation_job 1." in said.output
    assert "Rollback trigger latency: unknown." in said.output
    assert commands("metrics", "--days", "0").exit_code == 2
    exported = commands("metrics", "--prometheus")
    assert exported.exit_code == 0
    assert "list_pipeline_mode{mode=" in exported.output


# In Dagster


@dg.op
def breaks() -> None:
    raise RuntimeError("cannot mail jane.doe@example.com")


@dg.op
def fails() -> None:
    raise dg.Failure("Mailjet GET contactslist: status 500. Run it again later.")


@dg.op
def works() -> None:
    return None


def resource_of(services: Services) -> dg.ResourceDefinition:
    return dg.ResourceDefinition.hardcoded_resource(services)


def test_a_run_of_a_job_is_measured_as_a_whole_and_names_itself(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small.services.settings
    for name in ("database_url", "mailjet_api_key", "mailjet_secret_key"):
        monkeypatch.setenv(name.upper(), settings.secret(name))
    for name in [name for name in type(settings).model_fields if name.startswith("mailjet_") and name.endswith("_id")]:
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setenv("MAILJET_BASE_URL", small.server.url)
    bound: dict[str, Any] = {}

    @dg.op
    def asks(services: dg.ResourceParam[Services]) -> None:
        bound.update(get_contextvars())
        services.mailjet.contact_list(small.account.lists[ListRole.MASTER])

    before = structlog.get_config()
    job = dg.GraphDefinition(name="asking", node_defs=[asks]).to_job(
        resource_defs={"services": ServicesResource().get_resource_definition()}
    )
    try:
        result = job.execute_in_process(tags={"dagster/partition": "letter-1", SWEEP_TAG: "72h"})
    finally:
        structlog.configure(**before)
    assert (
        bound.items() >= {"run_id": result.run_id, "workflow": "asking", "campaign": "letter-1", "sweep": "72h"}.items()
    )
    assert "run_id" not in get_contextvars()
    assert small.query("select workflow, stage, run_id, campaign_key, sweep, outcome, requests from work_timing") == [
        ("asking", WHOLE_RUN, result.run_id, "letter-1", "72h", "done", 1)
    ]


def test_the_sensor_tells_each_failed_run_once_without_addresses(small: Installation) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for op, tags in ((breaks, {}), (fails, {"dagster/schedule_name": "daily"}), (works, {})):
            job = dg.GraphDefinition(name=f"{op.name}_job", node_defs=[op]).to_job()
            job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)

        def tick(cursor: str | None) -> str | None:
            with dg.build_sensor_context(
                instance=instance, cursor=cursor, resources={"services": resource_of(small.services)}
            ) as context:
                result = failed_runs_to_report(context)
            assert isinstance(result, dg.SensorResult)
            return result.cursor

        cursor = tick(None)
        assert tick(cursor) is not None
        tick(None)
    kept = dict(small.query("select job, error from job_run"))
    assert kept == {
        "breaks_job": "breaks: RuntimeError: cannot mail [address]",
        "fails_job": "fails: Mailjet GET contactslist: status 500. Run it again later.",
        "works_job": None,
    }
    assert small.query("select job from job_run where started_by = 'daily'") == [("fails_job",)]
    assert len(posted(small)) == 2


def test_without_the_database_the_sensor_keeps_its_place(small: Installation) -> None:
    gone = without_database(small)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance=instance, cursor="2026-01-01T00:00:00+00:00", resources={"services": resource_of(gone)}
        ) as context,
    ):
        result = failed_runs_to_report(context)
    assert isinstance(result, dg.SkipReason)
    assert "stand in the log" in str(result.skip_message)


def test_the_asset_shows_plain_figures_and_its_rules_as_checks(maintained: Installation) -> None:
    small = maintained
    alerts.note_ended(small.services, [ended(n, error="broken") for n in range(MONITORING.least_runs)])
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [workflow_metrics, *METRICS_CHECKS], instance=instance, resources={"services": resource_of(small.services)}
        )
    (event,) = result.asset_materializations_for_node("workflow_metrics")
    assert event.metadata["maintenances"].value == 1
    assert isinstance(event.metadata["maintenance_p95_ms"].value, int)
    assert event.metadata["runs_failed"].value == MONITORING.least_runs
    assert isinstance(event.metadata["server_connections_percent"].value, float)
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks == {
        "workflows_are_fast": True,
        "maintenance_latency_is_bounded": True,
        "decisions_are_right": True,
        "scheduled_runs_succeed": False,
    }
