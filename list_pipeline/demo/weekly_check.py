"""The weekly check of the week that is due, put into Dagster's queue as a person does it on the command line.

The schedule would do that on its day; the demo does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.table import Table

from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.weekly.figures import Week
from list_pipeline.core.wording import percent_text
from list_pipeline.demo.dagster_daemon import launched
from list_pipeline.demo.showing import Stage, cards, console, say, show_messages
from list_pipeline.operations.weekly.steps import WORKFLOW, figures_kept, latest_due
from list_pipeline.storage import weekly as weekly_rows
from list_pipeline.storage.database import fetch_scalar


@contextmanager
def asked_for(stage: Stage) -> Generator[Callable[[], None]]:
    """Put the run into the queue, and let the block go on meanwhile. Yields what waits for the run, shows and proves it."""
    week = latest_due(stage.services)
    with (
        launched(stage.environment, WORKFLOW, week.key, stage.logs / "demo-launch.log") as wait_for_launch,
        stage.nothing_changes("the weekly check ran"),
    ):

        def play() -> None:
            console.rule(f"Weekly check, week of {week.key}")
            say(
                f"Due since {week.due_at:%A, %H:%M} UTC by this demo's settings. It measures the lists as they are now, and"
            )
            say(
                "counts what was sent and done in the seven days up to then: the maintenance above comes into the next one."
            )
            wait_for_launch()
            stage.one_run(WORKFLOW)
            _show_and_prove(stage, week)

        yield play


def _show_and_prove(stage: Stage, week: Week) -> None:
    services = stage.services
    with services.database.begin() as connection:
        row = weekly_rows.whole_row(connection, week.monday)
        checks = int(fetch_scalar(connection, "select count(*) from list_health_check"))
    if row is None:
        stage.prove("the week has its row", False)
        return
    figures = figures_kept(services, week)
    table = Table("list", "mailable", "all entries")
    for role, size in figures.sizes.items():
        table.add_row(role.label, f"{size.mailable:,}", f"{size.raw:,}")
    console.print(table)
    deviation = figures.deviation_percent
    if deviation is not None:
        say(f"Largest distance from the mean: {percent_text(deviation)}")
    say(f"Urgency: {row['urgency']}; {row['total_issue_count']} issues, {row['critical_issue_count']} of them critical")
    for item in row["action_items"]:
        say(f"  → {item['priority']}: {item['text']}")
    messages = stage.new_messages()
    show_messages(messages)
    _prove(stage, row, checks, len(cards(messages)))


def _prove(stage: Stage, row: Any, checks: int, messages: int) -> None:
    real = stage.control.lists()
    sizes = [row[f"{_COLUMNS[role.value]}_size"] for role in ALL_LISTS]
    stage.prove(
        "the week has one row, of success, with the sizes that the lists have at the rehearsal Mailjet",
        checks == 1
        and row["status"] == RunStatus.SUCCESS
        and sizes == [real[stage.services.list_ids[role]]["raw"] for role in ALL_LISTS],
    )
    alert = row["urgency"] in ("high", "critical")
    stage.prove(
        f"the weekly report {'and its alert ' if alert else ''}arrived in Slack once", messages == (2 if alert else 1)
    )


_COLUMNS = {
    "master": "master_list",
    "campaign_1": "campaign_list_1",
    "campaign_2": "campaign_list_2",
    "campaign_3": "campaign_list_3",
    "suppression": "suppression_list",
}
