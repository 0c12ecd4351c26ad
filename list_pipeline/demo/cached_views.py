"""Some people look at lists and contacts, as ``list-pipeline lists`` and ``list-pipeline contact`` show them: through Redis.

What is shown is compared with the sandbox: a cache that answers fast and wrong would be worth nothing.
"""

from __future__ import annotations

from rich.table import Table

from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import limit_text, percent_text
from list_pipeline.demo.showing import Stage, console, say
from list_pipeline.operations.views.cache_warming import hit_rate
from list_pipeline.operations.views.cached_reads import ReadSession, all_metadata, campaigns, list_state, memberships
from list_pipeline.storage.database import fetch_all

PEOPLE = 4
LOOKED_UP = 5
"""Contacts that each of them looks up: the same ones, since people ask about those who were just suppressed."""


def play(stage: Stage) -> None:
    """Let them look, and show how many of their reads Redis served."""
    services, control = stage.services, stage.control
    with services.database.begin() as connection:
        found = fetch_all(
            connection,
            "select contact_id from contact_suppression_history order by suppressed_at desc, contact_id limit :most",
            most=LOOKED_UP,
        )
    contact_ids = [int(row["contact_id"]) for row in found]
    requests = sum(control.requests().values())
    agree = True
    for _ in range(PEOPLE):
        look = ReadSession(services)
        state = list_state(services, look).value
        all_metadata(services, look)
        campaigns(services, look)
        places = memberships(services, contact_ids, look)
        real = control.lists()
        agree &= all(state.sizes[role][0] == real[services.list_ids[role]]["raw"] for role in ALL_LISTS)
        agree &= {i: {services.list_ids[role] for role in one.value.roles} for i, one in places.items()} == {
            i: {place["list_id"] for place in control.contact(i)["lists"]} for i in contact_ids
        }
    asked = sum(control.requests().values()) - requests
    rate = hit_rate(services)
    console.rule("People look, through the cache")
    say(f"{PEOPLE} people look at the lists, the campaigns and {LOOKED_UP} contacts that were just suppressed.")
    if rate is not None:
        table = Table("what", "from Redis", "read anew")
        for each in rate.by_kind:
            table.add_row(each.kind, f"{each.hits:,}", f"{each.misses:,}")
        console.print(table)
    share = rate.share if rate is not None else None
    shown = percent_text(None if share is None else 100 * share, unknown="none")
    say(f"Served from Redis: {shown} of the reads; requests to Mailjet for that: {asked}\n")
    if services.settings.redis_url is None:
        stage.prove("sizes and places shown without a cache are those of the rehearsal Mailjet", agree)
        return
    stage.prove(
        f"the cache served {shown} of the reads (wanted: more than {limit_text(MONITORING.cache_hits_percent)})",
        rate is not None and rate.is_as_wanted is True,
    )
    stage.prove("sizes and places shown through the cache are those of the rehearsal Mailjet", agree)
