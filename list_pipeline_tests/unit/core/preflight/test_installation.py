"""The verdicts on the installation itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.backups.policy import BACKUPS
from list_pipeline.core.backups.verdicts import LastBackup
from list_pipeline.core.preflight import installation
from list_pipeline.core.preflight.checks import Check, CheckState
from list_pipeline.core.preflight.installation import ServerSeen
from list_pipeline.core.preflight.policy import PREFLIGHT
from list_pipeline.core.safety.modes import Mode

PASSED, ADVISED, MISSING = CheckState.PASSED, CheckState.ADVISED, CheckState.MISSING
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def test_absent_settings_are_named_together_and_before_wrong_ones() -> None:
    found = installation.judge_settings(["A", "B"], "two are the same")
    assert (found.check, found.state) == (Check.SETTINGS, MISSING)
    assert found.words == "A, B not set"
    assert installation.judge_settings([], "two are the same").words == "two are the same"
    assert installation.judge_settings([], "two are the same").state is MISSING
    assert installation.judge_settings([], None).state is PASSED


def test_a_rehearsal_does_not_go_live() -> None:
    for clock, here in ((True, False), (False, True), (True, True)):
        found = installation.judge_rehearsal(has_rehearsal_clock=clock, is_mailjet_here=here)
        assert (found.check, found.state) == (Check.REHEARSAL, MISSING)
        assert ("REHEARSAL_CLOCK_URL" in found.words) is clock
    assert installation.judge_rehearsal(has_rehearsal_clock=False, is_mailjet_here=False).state is PASSED


@pytest.mark.parametrize(("version", "state"), [(149_999, MISSING), (150_000, PASSED), (180_001, PASSED)])
def test_an_older_postgres_is_refused(version: int, state: CheckState) -> None:
    found = installation.judge_database(ServerSeen(version, True, ""))
    assert (found.check, found.state) == (Check.DATABASE, state)
    assert f"PostgreSQL {version // 10_000}" in found.words


def test_the_version_is_told_with_its_minor_number() -> None:
    assert installation.judge_database(ServerSeen(150_018, True, "")).words == "PostgreSQL 15.18"


def test_addresses_travel_encrypted_or_not_at_all() -> None:
    far, near = ServerSeen(150_000, False, ""), ServerSeen(150_000, True, "")
    assert installation.judge_tls(far).state is MISSING
    assert installation.judge_tls(far).check is Check.DATABASE_TLS
    assert installation.judge_tls(near).words == "on this machine"
    assert installation.judge_tls(near).state is PASSED
    encrypted = installation.judge_tls(ServerSeen(150_000, True, "TLSv1.3"))
    assert (encrypted.state, encrypted.words) == (PASSED, "encrypted (TLSv1.3)")


def test_a_pooler_that_keeps_no_sessions_is_missing_them() -> None:
    assert installation.judge_pooler("a pooler").words == "a pooler"
    assert installation.judge_pooler("a pooler").state is MISSING
    assert (installation.judge_pooler(None).check, installation.judge_pooler(None).state) == (Check.POOLER, PASSED)


def test_a_newer_schema_counts_before_an_older_one() -> None:
    newer = installation.judge_schema("behind by 2", ["0098_a", "0099_b"])
    assert newer.state is MISSING
    assert "0099_b" in newer.words
    assert installation.judge_schema("behind by 2", []).words == "behind by 2"
    assert installation.judge_schema("behind by 2", []).state is MISSING
    assert (installation.judge_schema(None, []).check, installation.judge_schema(None, []).state) == (
        Check.SCHEMA,
        PASSED,
    )


SERVER, MACHINE = PREFLIGHT.server_clock_off, PREFLIGHT.machine_clock_off


@pytest.mark.parametrize(
    ("server", "machine", "state"),
    [
        (SERVER, MACHINE, PASSED),
        (-SERVER, -MACHINE, PASSED),
        (SERVER + MOMENT, MACHINE, MISSING),
        (-SERVER - MOMENT, None, MISSING),
        (SERVER + MOMENT, MACHINE + MOMENT, MISSING),
        (SERVER, MACHINE + MOMENT, ADVISED),
        (SERVER, -MACHINE - MOMENT, ADVISED),
        (None, MACHINE, ADVISED),
        (None, MACHINE + MOMENT, ADVISED),
        (SERVER, None, PASSED),
    ],
)
def test_a_clock_that_decides_has_to_be_right_and_any_other_is_named(
    server: timedelta | None, machine: timedelta | None, state: CheckState
) -> None:
    found = installation.judge_clock(server, machine)
    assert (found.check, found.state) == (Check.CLOCK, state)


def test_the_words_say_which_clock_is_off_how_far_and_where_to() -> None:
    assert installation.judge_clock(timedelta(minutes=3), None).words == (
        "the database server's clock is 3 min ahead of Mailjet's"
    )
    assert installation.judge_clock(timedelta(0), -timedelta(seconds=9)).words == (
        "this machine's clock is 9 s behind the database server's"
    )
    assert installation.judge_clock(timedelta(seconds=2), timedelta(seconds=-4)).words == "within 4 s"
    assert installation.judge_clock(timedelta(seconds=-2), None).words == "within 2 s"
    assert "Mailjet did not say" in installation.judge_clock(None, timedelta(0)).words


def test_a_stop_after_a_restore_counts_before_the_switch() -> None:
    stopped = installation.judge_changes("restored from a backup", False, Mode.AUTO)
    assert (stopped.check, stopped.state, stopped.words) == (Check.CHANGES, MISSING, "restored from a backup")
    assert "reconcile" in stopped.next_step
    assert installation.judge_changes(None, False, Mode.AUTO).state is ADVISED
    on = installation.judge_changes(None, True, Mode.READ_ONLY)
    assert (on.state, on.words) == (PASSED, "mode read_only")


def test_services_that_do_not_run_are_named() -> None:
    assert installation.judge_scheduled_work(None, NOW).state is ADVISED
    assert "yet" in installation.judge_scheduled_work(None, NOW).words
    silent = PREFLIGHT.work_silent
    at_work = installation.judge_scheduled_work(NOW - silent, NOW)
    assert (at_work.check, at_work.state) == (Check.SCHEDULED_WORK, PASSED)
    assert installation.judge_scheduled_work(NOW - silent - MOMENT, NOW).state is ADVISED


def test_without_a_backup_of_the_day_there_is_no_way_back() -> None:
    none = installation.judge_backup(LastBackup(None, None), NOW)
    assert (none.check, none.state, none.words) == (Check.BACKUP, MISSING, "no backup was taken")
    old = installation.judge_backup(LastBackup(NOW - BACKUPS.stale_after - MOMENT, NOW), NOW)
    assert old.state is MISSING
    assert "1 day 2 h old" in old.words
    untried = installation.judge_backup(LastBackup(NOW - timedelta(hours=3), None), NOW)
    assert untried.state is ADVISED
    assert untried.words.startswith("the last backup is 3 h old")
    tried = installation.judge_backup(LastBackup(NOW + timedelta(seconds=4), NOW), NOW)
    assert (tried.state, tried.words) == (PASSED, "the last backup is 0 s old")


def test_who_may_decide_is_advised() -> None:
    assert installation.judge_reviewers(0).state is ADVISED
    named = installation.judge_reviewers(1)
    assert (named.check, named.state, named.words) == (Check.REVIEWERS, PASSED, "1 named")
