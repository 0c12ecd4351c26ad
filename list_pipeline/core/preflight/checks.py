"""The checks of the list, what each can end in, and when an installation may go live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """One line of the list, in the order in which people read it."""

    SETTINGS = "settings"
    REHEARSAL = "rehearsal"
    DATABASE = "database"
    DATABASE_TLS = "database_tls"
    POOLER = "pooler"
    SCHEMA = "schema"
    CLOCK = "clock"
    REDIS = "redis"
    MAILJET = "mailjet"
    FIVE_LISTS = "five_lists"
    AUTOMATIONS = "automations"
    EVENTS = "events"
    SLACK = "slack"
    SLACK_SCOPES = "slack_scopes"
    GEMINI = "gemini"
    ALERTS = "alerts"
    REVIEWERS = "reviewers"
    CHANGES = "changes"
    SCHEDULED_WORK = "scheduled_work"
    BACKUP = "backup"


class CheckState(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    ADVISED = "advised"
    """It works without; somebody should know what is then left out."""
    MISSING = "missing"
    """It has to be there before going live."""
    NOT_TRIED = "not_tried"
    """It could not be looked at. That says nothing, so it does not pass."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of one check: what was seen, and what to do where it did not pass. Phrases without a final stop."""

    check: Check
    state: CheckState
    words: str
    next_step: str = ""


_STOPPING = frozenset({CheckState.MISSING, CheckState.NOT_TRIED})


def is_ready(findings: Iterable[Finding]) -> bool:
    """Whether the installation may go live: every check was looked at, and nothing is missing."""
    found = list(findings)
    return {one.check for one in found} == set(Check) and not any(one.state in _STOPPING for one in found)


def passed(check: Check, words: str) -> Finding:
    """All is as it should be."""
    return Finding(check, CheckState.PASSED, words)


def advised(check: Check, words: str, next_step: str) -> Finding:
    """It works without."""
    return Finding(check, CheckState.ADVISED, words, next_step)


def missing(check: Check, words: str, next_step: str) -> Finding:
    """It has to be there first."""
    return Finding(check, CheckState.MISSING, words, next_step)


def not_tried(
    check: Check, why: str, next_step: str = "Repair that first, then repeat `list-pipeline preflight`"
) -> Finding:
    """It could not be looked at, and why."""
    return Finding(check, CheckState.NOT_TRIED, why, next_step)
