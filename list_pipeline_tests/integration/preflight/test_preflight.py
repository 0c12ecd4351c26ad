"""The check-list before going live, on a rehearsed account: what is missing is named, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from list_pipeline.api.event_webhook import PATH
from list_pipeline.core.lists import ListRole
from list_pipeline.core.preflight.checks import Check, CheckState, Finding
from list_pipeline.core.preflight.services import EVENT_KINDS
from list_pipeline.operations.preflight import look
from list_pipeline.operations.preflight.look import preflight
from list_pipeline.operations.safety import restore_guard
from list_pipeline.operations.services import Services
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Account, Installation, copy_database, installation, plain_client

WORD = "correct-horse-battery"
PASSED, ADVISED, MISSING, NOT_TRIED = CheckState


@pytest.fixture(scope="module")
def made(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One installation for all tests here: they only look."""
    name = "list_pipeline_test_preflight"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(hand_made, tmp_path_factory.mktemp("preflight"), with_database(admin, name)) as one:
        yield one
    drop_database(admin, name)


@pytest.fixture(autouse=True)
def _as_it_was(made: Installation) -> Iterator[None]:
    yield
    made.control.reset_switches()
    made.control.set_switches(rate_limit_per_minute=0)
    made.control.clear_faults()
    made.server.account.store.set_note("callbacks", [])


def found(services: Services, timeout_s: float = 20.0) -> dict[Check, Finding]:
    return {one.check: one for one in preflight(services, timeout_s=timeout_s).findings}


def register(made: Installation, url: str, *kinds: str) -> None:
    with plain_client(made.server) as http:
        for kind in kinds:
            answer = http.post("/eventcallbackurl", json={"EventType": kind, "Url": url, "Version": 2})
            assert answer.status_code == 201, answer.text


def test_what_a_rehearsed_account_shows_is_judged_and_nothing_is_changed(made: Installation) -> None:
    made.control.reset_requests()
    seen = preflight(made.services)
    assert [one.check for one in seen.findings] == list(Check)
    by_check = {one.check: one for one in seen.findings}
    well = {Check.DATABASE, Check.DATABASE_TLS, Check.POOLER, Check.SCHEMA, Check.CLOCK, Check.MAILJET,
            Check.FIVE_LISTS, Check.SLACK, Check.SLACK_SCOPES, Check.CHANGES, Check.SCHEDULED_WORK}  # fmt: skip
    assert {check for check, one in by_check.items() if one.state is PASSED} == well
    # A sandbox is no Mailjet, and Dagster's database is not named.
    assert by_check[Check.REHEARSAL].state is MISSING
    assert by_check[Check.SETTINGS].words == "DAGSTER_POSTGRES_URL not set"
    assert not seen.is_ready
    assert made.changing_requests() == {}


def test_a_mailjet_that_is_away_leaves_its_checks_untried_and_the_others_made(made: Installation) -> None:
    made.control.add_fault("drop_before", method="GET", path="contactslist", count=None)
    seen = found(made.services)
    for check in (Check.CLOCK, Check.FIVE_LISTS):
        assert seen[check].state is NOT_TRIED
        assert "Mailjet GET contactslist" in seen[check].words
    assert seen[Check.MAILJET].state is MISSING
    assert seen[Check.SCHEMA].state is PASSED


def test_a_database_that_is_away_leaves_untried_what_stands_in_it(made: Installation) -> None:
    away = SecretStr("postgresql://nobody:secret@127.0.0.1:1/none")
    with Services(made.services.settings.model_copy(update={"database_url": away}), made.clock) as services:
        seen = found(services)
    untried = {check for check, one in seen.items() if one.state is NOT_TRIED}
    assert {Check.DATABASE, Check.POOLER, Check.SCHEMA, Check.CHANGES, Check.FIVE_LISTS} <= untried
    assert seen[Check.SLACK_SCOPES].state is PASSED
    assert "secret" not in json.dumps([one.words for one in seen.values()])


def test_a_check_that_takes_too_long_is_not_tried(made: Installation) -> None:
    made.control.slack_scenario("slow", method="auth.test", times=2, seconds=2.0)
    assert found(made.services, timeout_s=0.5)[Check.SLACK_SCOPES].words == "no answer within 0.5 s"


def test_a_clock_that_is_ahead_of_mailjet_s_or_behind_is_missing(made: Installation) -> None:
    made.control.set_switches(date_ahead_seconds=300.0)
    clock = found(made.services)[Check.CLOCK]
    assert clock.state is MISSING
    assert "behind Mailjet's" in clock.words


def test_slack_s_scopes_are_read_and_an_untold_one_is_not_tried(made: Installation) -> None:
    # The first of two looks at the token is that of the service itself.
    made.control.slack_scenario("scopes", method="auth.test", times=2, scopes="chat:write")
    assert found(made.services)[Check.SLACK_SCOPES].state is ADVISED
    made.control.slack_scenario("scopes", method="auth.test", times=2, scopes=None)
    assert found(made.services)[Check.SLACK_SCOPES].state is NOT_TRIED


def test_events_are_registered_with_our_password_and_not_given_up(made: Installation) -> None:
    assert look.EVENT_PATH == PATH
    services = made.another(event_webhook_password=WORD)
    assert "no URL of ours" in found(services)[Check.EVENTS].words
    register(made, f"https://mailjet:{WORD}@lists.example{PATH}", *EVENT_KINDS[:-1])
    assert found(services)[Check.EVENTS].words == "no URL of ours is registered for click"
    register(made, f"https://{'mailjet:another'}@lists.example{PATH}", EVENT_KINDS[-1])
    refused = found(services)[Check.EVENTS]
    assert "the URL for click carries another user or password" in refused.words
    assert "another@" not in refused.words
    made.server.account.store.set_note("callbacks", [])
    register(made, f"https://mailjet:{WORD}@lists.example{PATH}", *EVENT_KINDS)
    assert found(services)[Check.EVENTS].state is PASSED
    made.control.set_switches(event_urls_given_up=True)
    assert "gave the URL" in found(services)[Check.EVENTS].words


def test_a_list_of_another_account_and_one_that_was_deleted_are_named(made: Installation) -> None:
    services = made.another(mailjet_campaign_list_2_id=987_654)
    assert found(services)[Check.FIVE_LISTS].words == "List 2: Mailjet knows no list 987654"


def test_a_stop_that_stands_keeps_the_installation_from_going_live(made: Installation) -> None:
    with patch.object(look, "why_stopped", return_value="restored from a backup"):
        assert found(made.services)[Check.CHANGES].words == "restored from a backup"
    assert restore_guard.why_stopped(made.services) is None


def test_a_schema_of_a_newer_version_is_told_from_an_older_one(made: Installation) -> None:
    add = """insert into _yoyo_migration (migration_hash, migration_id) values ('of-another-version', '9999_later')"""
    with made.services.database.begin() as connection:
        execute(connection, add)
    try:
        assert "9999_later" in found(made.services)[Check.SCHEMA].words
    finally:
        with made.services.database.begin() as connection:
            execute(connection, "delete from _yoyo_migration where migration_id = '9999_later'")


def test_automations_that_nobody_named_are_advised(made: Installation) -> None:
    assert found(made.services)[Check.AUTOMATIONS].state is ADVISED
    said = ",".join(f"-{role.value}" for role in ListRole)
    assert found(made.another(lists_with_automations=said))[Check.AUTOMATIONS].state is PASSED
