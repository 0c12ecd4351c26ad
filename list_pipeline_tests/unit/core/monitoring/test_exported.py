"""The figures for a monitor: how values become totals, and what the files for Prometheus and Grafana ask for."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from list_pipeline.cli.main import app
from list_pipeline.core.campaign_stages.times import Stage
from list_pipeline.core.monitoring.exported import (
    ANSWERS,
    CAMPAIGN_STAGES,
    COUNTED,
    EXPORTED,
    JOBS_THAT_START_THEMSELVES,
    LONG_S,
    QUICK_S,
    RUNS,
    SERVICES,
    SUM,
    WAITED,
    WHOLE,
    Increments,
    Kind,
    TotalKey,
    from_zero,
    histograms,
)
from list_pipeline.definitions import defs
from list_pipeline.integrations.answer_times import Service

ROOT = Path(__file__).parents[4]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/list_pipeline.json"
OURS = re.compile(r"\blist_pipeline_\w+")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def sample_names() -> set[str]:
    return {name for metric in EXPORTED for name in metric.sample_names}


def test_a_value_on_a_bound_is_within_it_and_one_above_every_bound_is_in_the_last_bucket() -> None:
    told = Increments()
    for value in (0.05, 0.0500001, 30.0, 30.1):
        told.observe(ANSWERS, value, "slack")
    parts = {key.part: value for key, value in told.values.items()}
    assert parts == {"0.05": 1, "0.1": 1, "30": 1, "+Inf": 1, SUM: pytest.approx(60.2000001)}


def test_equal_figures_are_added_up_before_they_are_told() -> None:
    told = Increments()
    told.count(RUNS, "weekly", "success")
    told.count(RUNS, "weekly", "success", by=2)
    told.count(RUNS, "weekly", "failure")
    assert told.values == {
        TotalKey("runs", ("weekly", "failure"), WHOLE): 1,
        TotalKey("runs", ("weekly", "success"), WHOLE): 3,
    }
    assert list(told.values) == sorted(told.values)


def test_a_zero_is_not_told_and_a_counter_never_falls() -> None:
    told = Increments()
    told.count(WAITED, by=0.0)
    assert not told
    with pytest.raises(ValueError, match="only grows"):
        told.count(WAITED, by=-0.1)


def test_a_figure_with_other_labels_or_of_another_kind_is_refused() -> None:
    told = Increments()
    for wrong in (
        lambda: told.count(RUNS, "weekly"),
        lambda: told.count(ANSWERS, "slack"),
        lambda: told.observe(RUNS, 1.0, "weekly", "success"),
        lambda: told.observe(ANSWERS, 1.0),
    ):
        with pytest.raises(ValueError, match="with the labels"):
            wrong()
    assert not told


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=40))
def test_each_bucket_of_a_histogram_counts_the_values_up_to_its_bound(values: list[float]) -> None:
    told = Increments()
    for value in values:
        told.observe(ANSWERS, value, "gemini")
    found = histograms(ANSWERS, told.values.items())
    if not values:
        assert found == ()
        return
    (one,) = found
    assert one.labels == ("gemini",)
    assert one.sum == pytest.approx(sum(values))
    for bound, (name, many) in zip((*QUICK_S, float("inf")), one.buckets, strict=True):
        assert name == ("+Inf" if bound == float("inf") else f"{bound:g}")
        assert many == sum(value <= bound for value in values)


def test_histograms_take_only_their_own_totals_in_the_order_of_their_labels() -> None:
    told = Increments()
    told.observe(ANSWERS, 1.0, "slack")
    told.observe(ANSWERS, 1.0, "gemini")
    told.count(RUNS, "weekly", "success")
    assert [one.labels for one in histograms(ANSWERS, told.values.items())] == [("gemini",), ("slack",)]


def test_what_is_known_to_be_counted_is_told_as_zero_until_it_is_and_what_was_counted_stays() -> None:
    failed = TotalKey(RUNS.name, ("post_campaign_maintenance", "failure"), WHOLE)
    told = dict(from_zero([(failed, 2.0)]))
    assert told[failed] == 2.0
    assert told[TotalKey(RUNS.name, ("weekly_health_check", "failure"), WHOLE)] == 0.0
    assert [(one.labels, one.buckets[-1]) for one in histograms(ANSWERS, told.items())] == [
        ((service,), ("+Inf", 0.0)) for service in SERVICES
    ]


def test_a_figure_whose_growth_is_an_alert_is_told_before_it_is_counted_for_the_first_time() -> None:
    # A counter that first appears as 1 grew by nothing for a monitor: the first failure would raise no alarm.
    by_name = {name: metric for metric in EXPORTED for name in metric.sample_names}
    for rule in rules():
        for name, chosen in re.findall(r"increase\((list_pipeline_\w+)(?:\{([^}]*)\})?\[", rule["expr"]):
            metric = by_name[name]
            wanted = dict(re.findall(r'(\w+)="([^"]*)"', chosen))
            assert any(
                all(
                    dict(zip(metric.labels, labels, strict=True)).get(key, value) == value
                    for key, value in wanted.items()
                )
                for labels in metric.known
            ), rule["alert"]


def test_services_and_jobs_that_are_told_from_the_start_are_those_that_are_counted() -> None:
    assert set(SERVICES) == {each.value for each in Service}
    location = defs.get_repository_def()
    started = {one.job_name for one in location.schedule_defs}
    started |= {target.job_name for one in location.sensor_defs for target in one.targets}
    assert set(JOBS_THAT_START_THEMSELVES) == started


def test_names_are_unique_and_say_their_kind() -> None:
    assert max(Counter(metric.name for metric in EXPORTED).values()) == 1
    for metric in EXPORTED:
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", metric.name)
        assert metric.says.endswith(".")
        assert bool(metric.bounds) is (metric.kind is Kind.HISTOGRAM)
        assert not metric.name.endswith("_total")
    assert all(metric.kind is not Kind.GAUGE for metric in COUNTED)


def test_alerts_and_dashboard_ask_only_for_figures_that_are_exported() -> None:
    asked = set(OURS.findall(ALERTS.read_text()))
    asked |= {name for target in targets() for name in OURS.findall(target)}
    assert asked - {"list_pipeline"} <= sample_names()


def test_the_dashboard_shows_every_figure() -> None:
    shown = {name for target in targets() for name in OURS.findall(target)}
    unseen = {metric.name for metric in EXPORTED if not metric.sample_names & shown}
    # Whether changes are switched on, and whether the last backup is too old, are alerts.
    assert unseen == {"changes_enabled", "last_backup_timestamp_seconds"}


def test_labels_in_alerts_and_dashboard_exist() -> None:
    by_name = {name: metric for metric in EXPORTED for name in metric.sample_names}
    for text in (*(rule["expr"] for rule in rules()), *targets()):
        for name, chosen in re.findall(r"(list_pipeline_\w+)\{([^}]*)\}", text):
            labels = set(re.findall(r"(\w+)=~?", chosen))
            assert labels <= {*by_name[name].labels, "le"}, text


def targets() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_panels_lie_beside_each_other() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("MessagesLate", "60"),
        ("StagesFail", "0.05"),
        ("DeliveriesSlow", "60"),
        ("SlackUnanswered", "0.05"),
        ("QueueDeep", "100"),
        ("ApprovedNotCarriedOut", "300"),
    ],
)
def test_limits_are_those_of_the_specification(alert: str, limit: str) -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == alert)
    assert rule["expr"].strip().endswith(f"> {limit}")


def test_a_stage_is_late_after_the_minute_of_the_specification() -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == "StagesLate")
    assert re.findall(r'le="([^"]+)"', rule["expr"]) == ["60"]
    assert 60.0 in LONG_S


def test_alerts_of_waiting_fire_within_five_minutes() -> None:
    waiting = [rule for rule in rules() if "list_pipeline_queue_" in rule["expr"] and "for" in rule]
    assert {rule["alert"] for rule in waiting} >= {"MessagesLate", "QueueDeep", "ApprovedNotCarriedOut"}
    short = {"MessagesLate", "QueueDeep", "ApprovedNotCarriedOut"}
    assert all(int(rule["for"].removesuffix("m")) <= 5 for rule in waiting if rule["alert"] in short)


def test_the_stages_that_are_counted_are_those_of_a_campaign() -> None:
    assert [stage.value for stage in Stage] == list(CAMPAIGN_STAGES)


def test_the_limit_for_an_answer_is_a_bound_of_its_histogram() -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == "ServiceTimesOut")
    (bound,) = re.findall(r'le="([^"]+)"', rule["expr"])
    assert float(bound) == 30.0
    assert 30.0 in QUICK_S


def test_every_alert_says_what_to_do_with_commands_that_exist() -> None:
    commands = set(getattr(get_command(app), "commands"))  # noqa: B009  # the group's type is not exported
    for rule in rules():
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        action = rule["annotations"]["action"]
        assert action.endswith((".", "?"))
        assert set(re.findall(r"`list-pipeline ([a-z-]+)", action)) <= commands
