"""Receiving told events: what can be read is kept, what cannot is counted by its problem, and neither stops the other.

Mailjet sends a whole batch again until it is answered with 200. So one event that cannot be used must not hold up the rest, and
the answer is given when everything is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.told_events.events import OTHER_KIND, EventOutcome, EventProblem, ToldEvent
from list_pipeline.core.wording import count_text, instant_text
from list_pipeline.integrations.mailjet.events import EventProblemError, elements_of, read_events
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import told_events, told_figures
from list_pipeline.storage.database_errors import StatementFailedError

log = structlog.get_logger(__name__)

NAMED_AFTER = timedelta(days=1)
"""Events that are kept aside for longer are named with each sync: the next ones should have brought contact and campaign."""

KEPT_ASIDE_FOR = timedelta(days=30)
"""What found neither contact nor campaign by then is about mail that is not kept here."""


@dataclass(slots=True)
class Received:
    """What became of the events of one request.

    ``outcomes``: how many came to each end; ``problems``: how many could not be used, by the reason.
    """

    outcomes: Counter[EventOutcome] = field(default_factory=Counter)
    problems: Counter[EventProblem] = field(default_factory=Counter)


def receive(services: Deciding, body: bytes) -> Received:
    """Keep the events of one request. What is returned is committed.

    Args:
        body: as it was sent: one object or an array.

    Raises:
        DatabaseUnavailableError: nothing was kept; the same events may come again.
    """
    now = services.clock.now()
    received = Received()
    counted: Counter[tuple[str, str]] = Counter()
    try:
        found = list(read_events(elements_of(body), now))
    except EventProblemError as error:
        found = [error.problem]
    events = [one for one in found if isinstance(one, ToldEvent)]
    for problem in (one for one in found if isinstance(one, EventProblem)):
        received.problems[problem] += 1
        counted[OTHER_KIND, problem.value] += 1
    lists = _our_lists(services)
    try:
        with services.database.begin() as connection:
            outcomes = told_events.keep(connection, events, lists, now)
            _count(received, counted, events, outcomes)
            told_figures.count(connection, counted, now)
    except StatementFailedError as error:
        log.warning("told events are kept one by one", events=len(events), reason=error.happened)
        received = _one_by_one(services, events, lists, received.problems)
    if received.problems:
        log.warning(
            "told events that cannot be used",
            **{problem.name.lower(): number for problem, number in received.problems.items()},
        )
    log.info("told events received", **{one.value: number for one, number in received.outcomes.items()})
    return received


def _one_by_one(
    services: Deciding,
    events: Sequence[ToldEvent],
    lists: dict[int, ListRole],
    problems: Counter[EventProblem],
) -> Received:
    """The database refused one of them: each gets a transaction of its own, so that only that one is lost."""
    now, received = services.clock.now(), Received(problems=Counter(problems))
    unread = Counter({(OTHER_KIND, problem.value): number for problem, number in problems.items()})
    with services.database.begin() as connection:
        told_figures.count(connection, unread, now)
    for event in events:
        counted: Counter[tuple[str, str]] = Counter()
        try:
            with services.database.begin() as connection:
                _count(received, counted, [event], told_events.keep(connection, [event], lists, now))
                told_figures.count(connection, counted, now)
        except StatementFailedError as error:
            received.problems[EventProblem.NOT_STORED] += 1
            log.error("a told event could not be stored", kind=event.kind.value, reason=error.happened)
            with services.database.begin() as connection:
                told_figures.count(connection, {(event.kind.value, EventProblem.NOT_STORED.value): 1}, now)
    return received


def _count(
    received: Received,
    counted: Counter[tuple[str, str]],
    events: Sequence[ToldEvent],
    outcomes: Sequence[EventOutcome],
) -> None:
    for event, outcome in zip(events, outcomes, strict=True):
        received.outcomes[outcome] += 1
        counted[event.kind.value, outcome.value] += 1


def _our_lists(services: Deciding) -> dict[int, ListRole]:
    """Our lists by their ids; none where they are not set: then an unsubscription goes by its campaign."""
    try:
        ids = services.settings.list_ids()
    except ConfigurationError:
        return {}
    return {ids[role]: role for role in ListRole}


def join_waiting(services: Deciding) -> list[str]:
    """Put events that were kept aside where they belong now. Returns a sentence about those that wait for long."""
    now = services.clock.now()
    with services.database.begin() as connection:
        joined = told_events.join(connection, _our_lists(services), now)
        told_events.release_shown_unsubscriptions(connection)
        let_go = told_events.let_go(connection, now - KEPT_ASIDE_FOR)
        left = told_figures.aside(connection)
    if joined or let_go:
        log.info("told events joined", events=len(joined), let_go=let_go)
    if left.since is None or now - left.since < NAMED_AFTER:
        return []
    return [
        f"{count_text(left.events, 'event')} that Mailjet told name a contact or a campaign that is not known here, the oldest "
        f"since {instant_text(left.since)}"
    ]
