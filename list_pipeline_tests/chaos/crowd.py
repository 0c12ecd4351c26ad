"""The larger account: some hundred people on three uneven lists, so that much has to move and many jobs are needed.

Belongs here: making it, and the recipe of whom the last send did not reach. Does not belong here: what follows from that.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline_tests.integration.accounts import Account, plain_client
from list_pipeline_tests.virtual_clock import VirtualClock

SIZES = (100, 92, 78)
NEWCOMERS = 12
HARD, COMPLAINED, FULL, INACTIVE = 8, 2, 6, 3
"""Recipients of the last send who bounced hard, complained, or whose mailbox was full or disputedly inactive."""


def crowd(folder: Path, seed: int) -> tuple[Account, frozenset[int]]:
    """The account, 25 hours after its last send to list 3, and the contacts that have to be suppressed.

    ``seed`` chooses whom the last send did not reach.
    """
    chance = random.Random(seed)
    clock = VirtualClock(datetime(2026, 10, 1, 8, 0, tzinfo=UTC))
    with SandboxServer(folder, clock) as server, SandboxControl(server.url) as control:
        control.set_switches(rate_limit_per_minute=0)
        with plain_client(server) as http:
            made = [http.post("/contactslist", json={"Name": role.label}).json() for role in ListRole]
        lists = ListIds(*(int(answer["Data"][0]["ID"]) for answer in made))
        homes = [role for role, size in zip(CAMPAIGN_LISTS, SIZES, strict=True) for _ in range(size)]
        chance.shuffle(homes)
        people: dict[int, int] = {}
        for number in range(len(homes) + NEWCOMERS):
            clock.sleep(60)
            address = f"person-{number}@company-{number % 41}.example.com"
            people[number] = control.sign_up(address, lists.master)
            if number < len(homes):
                control.sign_up(address, lists[homes[number]])
        last = [people[number] for number, role in enumerate(homes) if role is CAMPAIGN_LISTS[2]]
        failed = chance.sample(last, HARD + COMPLAINED + FULL + INACTIVE)
        names = ["user_unknown"] * HARD + ["complained"] * COMPLAINED
        names += ["quota_exceeded"] * FULL + ["mailbox_inactive"] * INACTIVE
        sends = []
        for cycle, day in enumerate((20, 39)):
            for place, role in enumerate(CAMPAIGN_LISTS):
                clock.set(datetime(2026, 10, 1, 8, tzinfo=UTC) + timedelta(days=day + 3 * place))
                is_last = (cycle, role) == (1, CAMPAIGN_LISTS[2])
                outcomes = dict(zip(failed, names, strict=True)) if is_last else {}
                sends.append(control.send(lists[role], f"Letter {cycle + 1}", profile="clean", outcomes=outcomes))
        clock.sleep(25 * 3600 + 600)
    return Account(folder, clock.now(), lists, people, tuple(sends)), frozenset(failed[: HARD + COMPLAINED])
