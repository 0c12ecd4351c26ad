"""Verdicts on the installation itself: settings, database, clocks, and whether changes may be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from list_pipeline.core.backups.policy import BACKUPS
from list_pipeline.core.backups.verdicts import LastBackup, is_stale, is_unproven
from list_pipeline.core.preflight.checks import Check, Finding, advised, missing, passed
from list_pipeline.core.preflight.policy import PREFLIGHT
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.wording import duration_text, instant_text


def judge_settings(absent: Sequence[str], problem: str | None) -> Finding:
    """Whether every setting is there that the product needs.

    Args:
        absent: names of required variables without a value.
        problem: what is wrong with the list ids, where they are all there.
    """
    if absent:
        return missing(Check.SETTINGS, f"{', '.join(absent)} not set", ".env.example explains each")
    if problem is not None:
        return missing(Check.SETTINGS, problem, "Give each of the five lists its own id")
    return passed(Check.SETTINGS, "every required variable is set")


def judge_rehearsal(*, has_rehearsal_clock: bool, is_mailjet_here: bool) -> Finding:
    """Whether this is an installation for real lists and no rehearsal."""
    if has_rehearsal_clock:
        return missing(
            Check.REHEARSAL,
            "REHEARSAL_CLOCK_URL is set: another clock decides what is due",
            "Take it out of the environment",
        )
    if is_mailjet_here:
        return missing(
            Check.REHEARSAL, "MAILJET_BASE_URL leads to a sandbox on this machine", "Take it out of the environment"
        )
    return passed(Check.REHEARSAL, "real Mailjet, real clock")


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """The database server as a connection shows it.

    ``version``: PostgreSQL's number, 150018 for 15.18. ``is_here``: on this machine, where nothing needs to be encrypted.
    ``tls``: version of TLS, empty for a plain connection.
    """

    version: int
    is_here: bool
    tls: str


def judge_database(seen: ServerSeen) -> Finding:
    """Whether PostgreSQL is new enough."""
    major = seen.version // 10_000
    if major < PREFLIGHT.oldest_postgres:
        return missing(
            Check.DATABASE,
            f"PostgreSQL {major} is older than {PREFLIGHT.oldest_postgres}",
            "Upgrade the server; the product is not tested on it",
        )
    return passed(Check.DATABASE, f"PostgreSQL {major}.{seen.version % 10_000}")


def judge_tls(seen: ServerSeen) -> Finding:
    """Whether addresses travel encrypted to the database."""
    if seen.tls:
        return passed(Check.DATABASE_TLS, f"encrypted ({seen.tls})")
    if seen.is_here:
        return passed(Check.DATABASE_TLS, "on this machine")
    return missing(
        Check.DATABASE_TLS, "the connection is not encrypted", "Let the server offer TLS, with ?sslmode=require"
    )


def judge_pooler(problem: str | None) -> Finding:
    """Whether sessions are kept, on which every lock rests. ``problem``: why not."""
    if problem is not None:
        return missing(Check.POOLER, problem, "Connect to PostgreSQL itself, or to a pool in session mode")
    return passed(Check.POOLER, "sessions are kept")


def judge_schema(behind: str | None, unknown: Sequence[str]) -> Finding:
    """Whether the schema is the one of this version.

    Args:
        behind: that migrations are missing, as a phrase.
        unknown: applied migrations that this version does not have.
    """
    if unknown:
        return missing(
            Check.SCHEMA,
            f"the schema is of a newer version (it has {unknown[-1]})",
            "Install that version, or take its migrations back with it",
        )
    if behind is not None:
        return missing(Check.SCHEMA, behind, "Run `list-pipeline migrate`")
    return passed(Check.SCHEMA, "up to date")


def judge_clock(server_ahead: timedelta | None, machine_ahead: timedelta | None) -> Finding:
    """Whether the clocks are right.

    Args:
        server_ahead: of the clock that decides, before Mailjet's; None where Mailjet did not say the time.
        machine_ahead: of this machine's, before the clock that decides; None in a rehearsal, which has one clock.
    """
    if server_ahead is not None and abs(server_ahead) > PREFLIGHT.server_clock_off:
        return missing(
            Check.CLOCK, f"the database server's clock is {_off(server_ahead)} Mailjet's", "Let its machine use NTP"
        )
    if machine_ahead is not None and abs(machine_ahead) > PREFLIGHT.machine_clock_off:
        return advised(
            Check.CLOCK, f"this machine's clock is {_off(machine_ahead)} the database server's", "Let it use NTP"
        )
    if server_ahead is None:
        return advised(Check.CLOCK, "Mailjet did not say what time it is", "See that the database server uses NTP")
    return passed(Check.CLOCK, f"within {duration_text(max(abs(server_ahead), abs(machine_ahead or timedelta(0))))}")


def _off(ahead: timedelta) -> str:
    return f"{duration_text(abs(ahead))} {'ahead of' if ahead > timedelta(0) else 'behind'}"


def judge_changes(stopped: str | None, is_switched_on: bool, mode: Mode) -> Finding:
    """Whether changes may begin at all once people say so. ``stopped``: why none may be made before a reconciliation."""
    if stopped is not None:
        return missing(Check.CHANGES, stopped, "Look at `list-pipeline reconcile`, then accept what it shows")
    if not is_switched_on:
        return advised(Check.CHANGES, "LIST_MANAGEMENT_ENABLED is off", "Switch it on when changes may be made")
    return passed(Check.CHANGES, f"mode {mode.value}")


def judge_scheduled_work(last_alive_at: datetime | None, now: datetime) -> Finding:
    """Whether sensors and schedules are at work, told by the sign of life that each sync gives."""
    if last_alive_at is None:
        return advised(
            Check.SCHEDULED_WORK, "nothing was synchronised yet", "`list-pipeline sync`, then start the services"
        )
    if now - last_alive_at > PREFLIGHT.work_silent:
        return advised(
            Check.SCHEDULED_WORK,
            f"the last sign of life is of {instant_text(last_alive_at)}",
            "Start the code location and Dagster's daemon",
        )
    return passed(Check.SCHEDULED_WORK, f"last sign of life {instant_text(last_alive_at)}")


def judge_backup(found: LastBackup, now: datetime) -> Finding:
    """Whether there is a way back if the database is lost."""
    if found.taken_at is None:
        return missing(
            Check.BACKUP, "no backup was taken", "`list-pipeline backup --to FOLDER --verify`, and daily from then on"
        )
    age = f"the last backup is {duration_text(max(now - found.taken_at, timedelta(0)))} old"
    if is_stale(found.taken_at, now):
        return missing(Check.BACKUP, age, "`list-pipeline backup --to FOLDER`, and see why the daily one failed")
    if is_unproven(found.verified_at, now):
        return advised(
            Check.BACKUP,
            f"{age}, and none was tried within {duration_text(BACKUPS.verified_within)}",
            "`list-pipeline restore BACKUP --verify` tries one and changes nothing",
        )
    return passed(Check.BACKUP, age)


def judge_reviewers(names: int) -> Finding:
    """Whether it is said who may decide. ``names``: how many LIST_REVIEWERS holds."""
    if names == 0:
        return advised(Check.REVIEWERS, "whoever gives a name may decide", "Name people in LIST_REVIEWERS")
    return passed(Check.REVIEWERS, f"{names} named")
