"""The command that asks other rules about campaigns that are over. No address is shown, and nothing is changed."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import Whole, day_of, give, opened_services, progress, say, show_table

if TYPE_CHECKING:
    from list_pipeline.core.replay.comparison import Comparison

_SHOWN = 50
"""Contacts that are shown to people; the document for machines has all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(replay)


def changes_of(given: list[str]) -> dict[str, str]:
    """Figures and their values out of ``name=value``.

    Raises:
        typer.BadParameter: it is no such pair, or a figure is named twice.
    """
    changes: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise typer.BadParameter("a figure and its value, as grace_days=90")
        if name.strip() in changes:
            raise typer.BadParameter("each figure once")
        changes[name.strip()] = value.strip()
    return changes


Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A figure of our policy to try, as grace_days=90 or incidents.least_hard=5; repeatable."
    ),
]


def replay(
    campaigns: Annotated[
        int | None, typer.Option(min=1, help="So many of the latest campaigns; 12, or all of the days that are named.")
    ] = None,
    sent_from: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Only campaigns sent on this day (UTC) or later."),
    ] = None,
    sent_to: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Only campaigns sent on this day (UTC) or earlier."),
    ] = None,
    rules: Annotated[
        str, typer.Option(help="Rule sets, with commas between: see --list. Nothing: ours and those of other tools.")
    ] = "",
    change: Set = None,
    contacts: Annotated[
        bool, typer.Option("--contacts", help="Also contact by contact, where the rules differ.")
    ] = False,
    known: Annotated[
        bool, typer.Option("--list", help="Only name the rule sets and the figures that can be tried.")
    ] = False,
) -> None:
    """Ask other rules what they would have done in campaigns that are over: whom they remove, who of them was alive later,
    and where they differ. Nothing is changed, and Mailjet is not asked."""
    from list_pipeline.core.replay.statements import LIMITS, difference_rows, figures_line, headline
    from list_pipeline.operations.replay import replay as operation
    from list_pipeline.operations.replay.document import document_of

    if known:
        _name_them()
        return
    request = operation.ReplayRequest(
        campaigns=campaigns,
        sent_from=day_of(sent_from),
        sent_to=day_of(sent_to),
        rules=tuple(filter(None, map(str.strip, rules.split(",")))),
        changes=changes_of(change or []),
    )
    with opened_services() as services:
        found = operation.replay(services, request, progress=progress)
    say(headline(found))
    if found.campaigns:
        for one in found.figures:
            say(f"- {figures_line(one)}")
        _show_campaigns(found)
    if contacts:
        shown = difference_rows(found, found.differences[:_SHOWN])
        if shown:
            show_table(tuple(shown[0]), (tuple(row.values()) for row in shown))
        if (more := len(found.differences) - _SHOWN) > 0:
            say(f"… and {more:,} more: --json has all.")
    if found.campaigns:
        for line in LIMITS:
            say(line)
    document = document_of(found)
    give({one.name: getattr(document, one.name) for one in fields(document)})


def _name_them() -> None:
    from list_pipeline.operations.replay.replay import known_rule_sets
    from list_pipeline.operations.suppression.figures import figure_names
    from list_pipeline.operations.suppression.plan_and_execute import policy_of

    with opened_services() as services:
        found = known_rule_sets(policy_of(services))
    for one in found:
        say(f"{one.name}: {one.title}")
    say(f"Figures: {', '.join(figure_names())}")
    give({"rule_sets": {one.name: one.title for one in found}, "figures": list(figure_names())})


def _show_campaigns(found: Comparison) -> None:
    """Whom each rule set removes after each campaign; how many of them were good, and those that it only
    holds, in brackets."""
    show_table(
        (Whole("campaign"), "recipients", "failed", "really suppressed", *(one.name for one in found.figures)),
        (
            (
                one.key,
                f"{one.recipients:,}",
                f"{one.failed:,}",
                f"{one.suppressed:,}",
                *(_removed(found, one.key, each.name) for each in found.figures),
            )
            for one in found.campaigns
        ),
    )


def _removed(found: Comparison, key: str, name: str) -> str:
    figures = found.in_campaigns[key][name]
    good = f" ({figures.good:,} good)" if figures.good else ""
    held = f" (+{figures.held:,} held)" if figures.held else ""
    return f"{figures.removed:,}{good}{held}"
