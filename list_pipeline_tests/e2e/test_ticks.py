"""What sensors and schedules ask of databases does not grow with the campaigns that were ever sent."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from sqlalchemy import text

from list_pipeline.defs.partitions import CAMPAIGNS_NAME
from list_pipeline.operations.services import Services
from list_pipeline_tests.e2e.conftest import SMALL
from list_pipeline_tests.e2e.rehearsals import Rehearsal, Templates
from list_pipeline_tests.ticks import Asked, Ticks
from list_pipeline_tests.virtual_clock import VirtualClock
from list_pipeline_tests.years import add_years, live_through

FEW, MANY = 6, 120


def with_past(account: Rehearsal, campaigns: int) -> list[str]:
    """The account after its latest campaign was lived through, and so many like it before it: the keys of those."""
    (due,) = account.due()
    account.maintain(due.campaign_key)
    with account.services.database.begin() as connection:
        (one,) = account.rows("select id from campaign_schedule where campaign_key = :key", key=due.campaign_key)
        live_through(connection, one["id"])
        keys = add_years(connection, campaigns, like=one["id"])
    assert isinstance(account.clock, VirtualClock)
    account.pass_time(days=7)
    with account.services.database.begin() as connection:
        connection.execute(text("update mode_state set last_alive_at = :now"), {"now": account.clock.now()})
    with account.services.database.session() as session:
        session.execute(text("analyze"))
    return keys


def ticks(templates: Templates, campaigns: int) -> Mapping[str, Asked]:
    """What the second tick of each asks: the first finds everything new."""
    with templates.rehearsal(seed=SMALL) as account, dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(CAMPAIGNS_NAME, with_past(account, campaigns))
        made = Ticks(instance, lambda: Services(account.settings, account.clock), account.clock.now)
        made.all()
        return made.all()


def test_no_tick_asks_more_with_twenty_times_the_campaigns(templates: Templates) -> None:
    few, many = ticks(templates, FEW), ticks(templates, MANY)
    assert few.keys() == many.keys()
    grown = {
        name: (few[name], many[name])
        for name in few
        if many[name].statements > few[name].statements or many[name].rows > few[name].rows + 10
    }
    assert grown == {}
