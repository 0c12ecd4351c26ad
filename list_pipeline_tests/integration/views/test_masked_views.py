"""What people see of the cache: on the command line, and as Dagster shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from list_pipeline.cli import cache as cli_cache
from list_pipeline.cli.main import app
from list_pipeline.core.lists import ListRole
from list_pipeline.defs.build import build_defs
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.cached_reads import all_metadata, list_contacts
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.conftest import Install

Say = Callable[..., str]


@pytest.fixture
def cached(install_small: Install, redis_url: str) -> Iterator[Installation]:
    with install_small(redis_url=redis_url) as made:
        yield made


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[Installation | Services], Say]:
    """What a command of an installation prints; each is a process of its own."""

    def on(made: Installation | Services) -> Say:
        @contextmanager
        def opened() -> Iterator[Services]:
            if isinstance(made, Services):
                yield made
                return
            with made.another() as services:
                yield services

        monkeypatch.setattr(cli_cache, "opened_services", opened)

        def run(*words: str, status: int = 0) -> str:
            result = CliRunner().invoke(app, list(words))
            assert result.exit_code == status, (result.output, result.exception)
            assert "@e" not in result.output
            return result.output

        return run

    return on


def test_the_lists_are_shown_with_the_age_of_what_is_shown(
    cached: Installation, say: Callable[[Installation], Say]
) -> None:
    run = say(cached)
    first = run("lists")
    cached.clock.advance(timedelta(minutes=5))
    second = run("lists")

    assert "Mailjet's numbers are 0 s old; the campaign lists deviate by 0 %" in first
    assert "Mailjet's numbers are 5 min old" in second
    assert "Our rows were read 5 min ago; no change since." in second
    for line in ("Master list", "List 1", "Suppression list"):
        assert line in second
    assert sum(cached.control.requests().values()) == 6


def test_the_lists_are_shown_without_mailjet_too(cached: Installation, say: Callable[[Services], Say]) -> None:
    with cached.another(mailjet_base_url="http://127.0.0.1:9", redis_url=None) as cut_off:
        shown = say(cut_off)("lists")

    assert "Mailjet could not be asked" in shown
    assert "64" in shown


def test_the_members_of_a_list_are_shown_by_pages(cached: Installation, say: Callable[[Installation], Say]) -> None:
    run = say(cached)
    shown = run("lists", "master") + run("lists", "master", "--page", "2")

    assert "Master list: 64 contacts, page 2 of 2" in shown
    assert all(str(contact_id) in shown for contact_id in cached.account.people.values())
    assert "campaign_1" in run("lists", "somewhere", status=2)


def test_a_contact_is_shown_with_its_places_and_masked(
    cached: Installation, say: Callable[[Installation], Say]
) -> None:
    run, person, gone = say(cached), cached.account.people[41], cached.account.people[62]
    shown = run("contact", str(person), "--mailjet")

    assert f"Contact {person} (p***@c***.com)" in shown
    assert "lists: Master list, List 3" in shown
    assert "gets mail: yes" in shown
    assert "at Mailjet, 0 s ago: " in shown
    assert "excluded from campaigns" in run("contact", str(gone))
    assert "gets mail: no" in run("contact", str(gone))
    assert "Looking for contact 4: we have no row of it" in run("contact", "4", status=1)
    assert "there is no such contact" in run("contact", "4", "--mailjet")


def test_the_cache_is_filled_shown_and_emptied_by_hand(
    cached: Installation, say: Callable[[Installation], Say]
) -> None:
    run = say(cached)
    assert "7 values and the places of 64 contacts are cached" in run("cache", "warm")
    run("lists")
    shown = run("cache", "show")
    assert "list:state" in shown
    assert "Places of 64 contacts, 64 of them shown" in shown
    assert "100 % of 7 reads in 7 days were served from Redis (wanted: more than 60 %)" in shown
    assert "Forgotten: state" in run("cache", "invalidate", "state")
    assert "list:state" not in run("cache", "show")
    assert "a number, or an address" in run("cache", "invalidate", "everything", status=2)
    run("cache", "invalidate")
    assert "Places of 0 contacts" in run("cache", "show")


def test_the_commands_say_when_there_is_no_redis(small: Installation, say: Callable[[Installation], Say]) -> None:
    run = say(small)
    for words in (("cache", "show"), ("cache", "warm"), ("cache", "invalidate")):
        assert "There is no Redis now" in run(*words)
    assert "Our rows were read 0 s ago" in run("lists")


# Dagster


def defs_of(made: Installation, **settings: Any) -> dg.Definitions:
    @dg.resource
    def services(_: dg.InitResourceContext) -> Iterator[Services]:
        with made.another(**settings) as opened:
            yield opened

    return build_defs(services)


def test_the_half_hourly_job_fills_the_cache_and_shows_the_hit_rate(cached: Installation) -> None:
    job = defs_of(cached).resolve_job_def("list_cache_job")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
        with cached.another() as person:
            all_metadata(person)
            list_contacts(person, ListRole.MASTER)
        result = job.execute_in_process(instance=instance)
    (event,) = result.asset_materializations_for_node("list_cache")
    shown = {name: getattr(value, "value", value) for name, value in event.metadata.items()}

    assert (shown["values"], shown["memberships"], shown["reads"], shown["hit_rate_percent"]) == (6, 64, 6, 83.3)
    assert shown["cache"] == "The sizes are younger than a minute."
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("cache_is_worth_it", True)
    assert sum(cached.control.requests().values()) == 6


def test_the_schedule_asks_every_half_hour_and_not_at_all_without_redis(cached: Installation) -> None:
    at = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    asked = {}
    schedule = defs_of(cached).resolve_schedule_def("half_hourly_cache_refresh")
    for name, services in (("with", cached.services), ("without", cached.another(redis_url=None))):
        with dg.build_schedule_context(scheduled_execution_time=at, resources={"services": services}) as context:
            asked[name] = schedule.evaluate_tick(context)

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("*/30 * * * *", "UTC")
    assert [request.run_key for request in asked["with"].run_requests or ()] == ["2026-11-21T09:30"]
    assert not asked["without"].run_requests
    assert "no cache" in str(asked["without"].skip_message)
