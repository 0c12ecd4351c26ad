"""docs/scale.md against its arithmetic, and the arithmetic against what the product is."""

from __future__ import annotations

import re

import pytest
import yaml

from bench import scale
from list_pipeline.definitions import defs
from list_pipeline.settings import Settings
from list_pipeline_tests.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "scale.md").read_text(encoding="utf-8")
DAY_S = 24 * 3600


@pytest.mark.parametrize("name", scale.tables())
def test_a_table_of_the_page_is_what_the_arithmetic_gives(name: str) -> None:
    found = re.search(rf"<!-- {name}, python -m bench.scale -->\n(.*?)\n<!-- /{name} -->", PAGE, re.DOTALL)
    assert found is not None, f"python -m bench.scale, and put {name} into docs/scale.md"
    assert found[1] == scale.tables()[name], f"python -m bench.scale, and put {name} into docs/scale.md"


def test_the_page_names_the_size_at_which_an_account_key_pays_and_no_table_that_is_not_computed() -> None:
    assert f"at some {scale.number(scale.accounts_that_pay())} accounts" in PAGE
    assert set(re.findall(r"<!-- ([\w-]+), python -m bench.scale -->", PAGE)) == scale.tables().keys()


# By hand


def test_what_grows_with_pages_is_counted_in_pages() -> None:
    account = scale.Account(3_000_000)
    assert scale.first_sync_requests(account) == pytest.approx(3_000 * 3.02)
    assert scale.history_requests(account) == 13 * 1_000
    assert scale.reconciliation_requests(account) == pytest.approx(3_000 * 2.02 + 150)
    assert scale.recipients_requests(account) == 1_000
    needed = scale.maintenance_requests(account)
    # 5 % of 6.06 million entries and of 3 million contacts, before each of two kinds of changes.
    looked_at = "the plan's contacts among unsubscribed and excluded"
    assert needed[looked_at] == pytest.approx(2 * 1_000 * (303 + 150) / 950)
    assert needed["failures, from both sources"] == pytest.approx(2 * 20)
    assert needed["suppressions and moves"] == pytest.approx(8 * 485 / 30.063)


def test_the_allowance_of_a_week_is_three_million_requests() -> None:
    assert scale.minutes(300 * 60 * 24 * 7) == scale.WEEK_MIN
    assert 300 * scale.WEEK_MIN == 3_024_000


def test_a_limit_binds_where_needed_and_there_are_equal() -> None:
    for limit in scale.limits_of_an_account(scale.LARGE):
        at = scale.Account(round(limit.binds_at))
        (same,) = (one for one in scale.limits_of_an_account(at) if one.name == limit.name)
        # What does not grow with the contacts, e.g. the hourly syncs, is all that is left between.
        assert same.share == pytest.approx(1, rel=0.01), limit.name
    for limit in scale.limits_of_installations(scale.FLEET):
        fleet = scale.Fleet(round(limit.binds_at), scale.SMALL)
        (same,) = (one for one in scale.limits_of_installations(fleet) if one.name == limit.name)
        assert same.share == pytest.approx(1, rel=0.02), limit.name


def test_the_tightest_limit_stands_first() -> None:
    for limits in (scale.limits_of_an_account(scale.LARGE), scale.limits_of_installations(scale.FLEET)):
        assert [one.binds_at for one in limits] == sorted(one.binds_at for one in limits)
    first, second, *_ = (one.name for one in scale.limits_of_an_account(scale.LARGE))
    assert first == "one reconciliation within Dagster's longest run"
    assert second == "one maintenance within its deadline"


def test_an_account_key_pays_in_time_exactly_at_the_number_that_is_named() -> None:
    fleet = scale.Fleet(round(scale.accounts_that_pay()), scale.SMALL)
    assert scale.months_until_paid(fleet, 3) == pytest.approx(scale.PAID_WITHIN_MONTHS, rel=0.01)


# What the product is


def test_the_settings_are_those_that_are_reckoned_with() -> None:
    fields = Settings.model_fields
    assert fields["mailjet_requests_per_minute"].default == scale.REQUESTS_A_MINUTE
    assert fields["list_maintenance_deadline_minutes"].default == scale.DEADLINE_MIN
    instance = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    assert instance["run_monitoring"]["max_runtime_seconds"] == 60 * scale.LONGEST_RUN_MIN
    assert fields["dagster_runs_kept_days"].default == scale.KEPT_RUNS_DAYS
    assert fields["list_history_lookback_days"].default == pytest.approx(7 * scale.HISTORY_ROUNDS, abs=3)


def test_sensors_turn_and_schedules_start_as_often_as_is_reckoned_with() -> None:
    assert sum(DAY_S / (sensor.minimum_interval_seconds or 30) for sensor in defs.sensors or ()) == scale.TICKS_A_DAY
    runs = 0
    for schedule in defs.schedules or ():
        minute, hour, *_, weekday = str(schedule.cron_schedule).split()
        if weekday == "*":
            runs += (24 if hour == "*" else 1) * (DAY_S // 3600 // 12 if minute == "*/30" else 1)
    assert runs == scale.RUNS_A_DAY
