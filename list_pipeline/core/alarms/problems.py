"""The problems for which people are woken up, found in facts; and what a look changes about those that are open.

What is not known neither opens an alarm nor closes one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from list_pipeline.core.wording import count_text, duration_text


class AlarmKind(StrEnum):
    """The kinds of problems, by the words that rows carry."""

    CHANGES_STOPPED = "changes_stopped"
    """No list is changed until the lists were reconciled."""
    GIVEN_UP = "maintenance_given_up"
    """All attempts at a campaign's maintenance failed; nothing more happens by itself."""
    RUNS_FAIL = "runs_fail"
    """The last run of a job failed."""
    BLOCKED_GOES = "blocked_campaign_goes"
    """A validation blocked a campaign that Mailjet sends all the same."""
    ROLLBACK_TRIGGER = "rollback_trigger"
    """A figure asks for a rollback."""
    LIST_BOUNCES = "list_bounces"
    """A list bounced so much that it needs a clean-up."""
    MESSAGES_WAIT = "messages_wait"
    """Important messages reach nobody."""
    TEST = "test"
    """A person tries whether alarms arrive."""


class Severity(StrEnum):
    """How bad it is, by PagerDuty's words (Events API v2)."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


SEVERITY: Mapping[AlarmKind, Severity] = {
    AlarmKind.CHANGES_STOPPED: Severity.ERROR,
    AlarmKind.GIVEN_UP: Severity.ERROR,
    AlarmKind.RUNS_FAIL: Severity.ERROR,
    AlarmKind.BLOCKED_GOES: Severity.CRITICAL,
    AlarmKind.ROLLBACK_TRIGGER: Severity.CRITICAL,
    AlarmKind.LIST_BOUNCES: Severity.WARNING,
    AlarmKind.MESSAGES_WAIT: Severity.ERROR,
    AlarmKind.TEST: Severity.INFO,
}

WHAT_TO_DO: Mapping[AlarmKind, str] = {
    AlarmKind.CHANGES_STOPPED: "list-pipeline reconcile, then list-pipeline reconcile --accept --by NAME",
    AlarmKind.GIVEN_UP: "list-pipeline campaigns; repair the cause, then list-pipeline maintain KEY",
    AlarmKind.RUNS_FAIL: "Open the run in Dagster; the error says what to do next",
    AlarmKind.BLOCKED_GOES: "Take the campaign back in Mailjet, or list-pipeline unblock KEY --by NAME --note WHY",
    AlarmKind.ROLLBACK_TRIGGER: "list-pipeline mode read_only --by NAME, then list-pipeline metrics",
    AlarmKind.LIST_BOUNCES: "list-pipeline states; look at the imports and at the provider behind the bounces",
    AlarmKind.MESSAGES_WAIT: "list-pipeline health; see whether Slack and e-mail are reached",
    AlarmKind.TEST: "Nothing",
}
"""What whoever is woken up does first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem. ``reference``: what of its kind; empty where there is one at a time. ``summary``: one sentence."""

    kind: AlarmKind
    reference: str
    summary: str

    @property
    def key(self) -> ProblemKey:
        """What makes it one: a second look that finds it finds the same."""
        return self.kind, self.reference


ProblemKey = tuple[AlarmKind, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look found. None: it could not be found out.

    Attributes:
        stopped_because: why no list is changed until reconciled; empty where they may be.
        given_up: campaigns whose maintenance gave up, with the look: ``key (24h)``.
        failing_jobs: jobs whose last run failed, with the error in words.
        blocked_that_go: keys of campaigns that are blocked here and not at Mailjet.
        triggers: rollback triggers with their words; None as value: too little to judge.
        bouncing_lists: labels of lists that need a clean-up.
        waiting: important messages that reach nobody, and how long the oldest waits.
    """

    stopped_because: str | None = None
    given_up: Collection[str] | None = None
    failing_jobs: Mapping[str, str] | None = None
    blocked_that_go: Collection[str] | None = None
    triggers: Mapping[str, str | None] | None = None
    bouncing_lists: Collection[str] | None = None
    waiting: tuple[int, timedelta] | None = None


def problems(facts: Facts) -> tuple[Problem, ...]:
    """The problems in facts, in the order of the kinds."""
    return (
        *_stopped(facts.stopped_because),
        *(
            Problem(AlarmKind.GIVEN_UP, one, f"All attempts at the maintenance of {one} failed.")
            for one in sorted(facts.given_up or ())
        ),
        *(
            Problem(AlarmKind.RUNS_FAIL, job, f"The last run of {job} failed: {error}")
            for job, error in sorted((facts.failing_jobs or {}).items())
        ),
        *(
            Problem(AlarmKind.BLOCKED_GOES, key, f"Campaign {key} is blocked, and Mailjet sends it all the same.")
            for key in sorted(facts.blocked_that_go or ())
        ),
        *(
            Problem(AlarmKind.ROLLBACK_TRIGGER, trigger, words)
            for trigger, words in sorted((facts.triggers or {}).items())
            if words
        ),
        *(
            Problem(AlarmKind.LIST_BOUNCES, label, f"{label} bounced so much that it needs a clean-up.")
            for label in sorted(facts.bouncing_lists or ())
        ),
        *_waiting(facts.waiting),
    )


def _stopped(because: str | None) -> Iterable[Problem]:
    if because:
        yield Problem(AlarmKind.CHANGES_STOPPED, "", f"No list is changed: {because}.")


def _waiting(found: tuple[int, timedelta] | None) -> Iterable[Problem]:
    if found is not None and found[0]:
        many, oldest = found
        words = count_text(many, "important message")
        yield Problem(
            AlarmKind.MESSAGES_WAIT, "", f"{words} reached nobody; the oldest waits for {duration_text(oldest)}."
        )


def _is_known(facts: Facts, key: ProblemKey) -> bool:
    """Whether a look that does not show a problem means that it is over."""
    kind, reference = key
    if kind is AlarmKind.ROLLBACK_TRIGGER:
        # Too little to judge is no news; a trigger that is not judged at all any more is gone.
        return facts.triggers is not None and facts.triggers.get(reference, "") is not None
    found: Mapping[AlarmKind, object] = {
        AlarmKind.CHANGES_STOPPED: facts.stopped_because,
        AlarmKind.GIVEN_UP: facts.given_up,
        AlarmKind.RUNS_FAIL: facts.failing_jobs,
        AlarmKind.BLOCKED_GOES: facts.blocked_that_go,
        AlarmKind.LIST_BOUNCES: facts.bouncing_lists,
        AlarmKind.MESSAGES_WAIT: facts.waiting,
    }
    # A test is ended by whoever began it.
    return found.get(kind) is not None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changes: problems that are new, and open ones that are over."""

    raised: tuple[Problem, ...]
    resolved: tuple[ProblemKey, ...]


def changes(facts: Facts, open_now: Sequence[ProblemKey]) -> Changes:
    """Compare what a look found with the alarms that are open. One that is open is not raised again."""
    found = problems(facts)
    keys = {one.key for one in found}
    return Changes(
        tuple(one for one in found if one.key not in set(open_now)),
        tuple(key for key in open_now if key not in keys and _is_known(facts, key)),
    )
