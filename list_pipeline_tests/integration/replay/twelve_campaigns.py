"""Twelve campaigns on the small account: an outage, a block of the sender, full mailboxes, and people who are really gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly

PEOPLE = 16
"""Contacts at one operator that join each list."""
STRUCK, GONE, BLOCKED, FULL = slice(0, 6), slice(6, 8), slice(0, 3), slice(0, 2)


@dataclass
class Played:
    """The account after twelve rounds, and whom what happened to."""

    made: Installation
    struck: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    full: set[int] = field(default_factory=set)
    keys: list[str] = field(default_factory=list)


def play(made: Installation) -> Played:
    """Four cycles: all well, an outage of the operator, a block of the sender, all well; two are gone, two are full."""
    made.control.set_switches(preblock_after_hard_bounce=False)
    people: dict[ListRole, list[int]] = {}
    for role in CAMPAIGN_LISTS:
        for number in range(PEOPLE):
            email = f"{role.value}.{number}@gmail.com"
            made.control.sign_up(email, made.account.lists.master)
            people.setdefault(role, []).append(made.control.sign_up(email, made.account.lists[role]))
    first, second, third = (people[role] for role in CAMPAIGN_LISTS)
    played = Played(made, set(first[STRUCK]), set(first[GONE]), set(second[BLOCKED]), set(third[FULL]))
    for cycle in range(4):
        for role in CAMPAIGN_LISTS:
            outcomes: dict[int, str] = {}
            if cycle:
                outcomes |= dict.fromkeys(played.full, "quota_exceeded") | dict.fromkeys(played.gone, "user_unknown")
            if cycle == 1 and role is ListRole.CAMPAIGN_1:
                outcomes |= dict.fromkeys(played.struck, "user_unknown")
            if cycle == 2:
                outcomes |= dict.fromkeys(played.blocked, "sender_blocked")
            _round(made, role, f"Letter {cycle + 10}", outcomes)
            played.keys.append(made.key)
    return played


def _round(made: Installation, role: ListRole, subject: str, outcomes: dict[int, str]) -> None:
    made.control.send(made.account.lists[role], subject, profile="clean", outcomes=outcomes)
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)
    workflow.maintain(made.services, made.key, run_id=made.key, progress=quietly)
    close_ended(made.services)
    made.clock.advance(timedelta(days=2))
