"""How the commands that correct say what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from list_pipeline.cli.common import give, say
from list_pipeline.core.wording import ids_text

if TYPE_CHECKING:
    from list_pipeline.operations.plans.corrections import Correction


def show_corrections(done: Sequence[Correction]) -> None:
    """What corrections did; the exit status is 1 where one of them is not complete."""
    give({"corrections": [one.as_json() for one in done]})
    for one in done:
        facts = one.facts
        plan = f"Plan {one.plan_id} ({facts.content_hash[:12]})" if facts.content_hash else f"Plan {one.plan_id or '-'}"
        say(
            f"{plan}: {facts.what}. {facts.done} of {facts.planned} changes confirmed, "
            f"{facts.failed} failed, {facts.open} open."
        )
        for reason, ids in one.refused.items():
            say(f"- {len(ids)} left as they are, {reason.words}: {ids_text(ids, most=20)}")
        if facts.differs:
            say(f"- not where they were before: {ids_text(facts.differs, most=20)}")
    if not all(one.facts.is_complete for one in done):
        raise typer.Exit(1)
