"""Commands about what waits for a person: seeing it, and deciding. Contacts are named by id; no address is shown."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import WAITS, utc_text

PlanId = Annotated[int, typer.Argument(help="Number of the plan, as `reviews` lists it.")]
ReviewId = Annotated[int, typer.Argument(help="Number of the question, the first one in its line of `reviews`.")]
ContentHash = Annotated[str, typer.Argument(help="The hash beside it: an approval is for exactly that plan.")]
By = Annotated[str, typer.Option(help="Who decides: a name, and no address.")]
Note = Annotated[str | None, typer.Option(help="Why.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(reviews)
    app.command()(waiting)
    app.command()(approve)
    app.command()(reject)
    app.command()(expire)
    app.command("approve-item")(approve_item)
    app.command("reject-item")(reject_item)


def reviews() -> None:
    """List what waits for a person."""
    from list_pipeline.operations.safety.confirmed_lists import why_unconfirmed
    from list_pipeline.storage.reviews import open_reviews

    with opened_services() as services, services.database.begin() as connection:
        found, unconfirmed = open_reviews(connection), why_unconfirmed(connection, services.settings)
    if unconfirmed:
        console.print(f"No list is changed now: {unconfirmed}.", markup=False)
    elif not found:
        console.print(f"Nothing {WAITS}.")
    for item in found:
        plan = f"plan {item.plan_id} ({item.content_hash[:12]})" if item.content_hash else "-"
        console.print(
            f"{item.review_id}  {item.campaign_key or '-'}  {plan}  {item.kind}: {item.summary}",
            markup=False,
        )


def waiting() -> None:
    """List the contacts that wait for a decision, plan by plan: ids, and no address."""
    from list_pipeline.operations.reviews.pending_contacts import contacts_waiting

    with opened_services() as services:
        found = contacts_waiting(services)
    grouped = defaultdict(list)
    for one in found:
        grouped[one.plan_id, one.campaign_key, one.kind, one.action, one.waiting_since].append(one.contact_id)
    table = Table("plan", "campaign", "kind", "intends", "since (UTC)", "contacts", "ids")
    for (plan_id, key, kind, action, since), ids in grouped.items():
        table.add_row(
            str(plan_id),
            key or "-",
            kind.value,
            action.value,
            utc_text(since),
            f"{len(ids):,}",
            ", ".join(map(str, ids)),
        )
    console.print(table if grouped else "No contact waits for a decision.")


def approve(plan_id: PlanId, content_hash: ContentHash, by: By, note: Note = None) -> None:
    """Let a waiting plan through; the sensor continues its campaign."""
    from list_pipeline.operations.reviews.decisions import approve as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, content_hash=content_hash, note=note)
    console.print(f"Plan {plan.plan_id} is {plan.status.value}.")


def reject(plan_id: PlanId, by: By, note: Note = None) -> None:
    """Turn a waiting plan down; the maintenance goes on without it."""
    from list_pipeline.operations.reviews.decisions import reject as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, note=note)
    console.print(f"Plan {plan.plan_id} is {plan.status.value}.")


def expire(plan_id: PlanId, by: By, note: Note = None) -> None:
    """Let a waiting plan lapse; the maintenance goes on without it, and the next sweep judges its contacts anew."""
    from list_pipeline.operations.reviews.decisions import expire as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, note=note)
    console.print(f"Plan {plan.plan_id} is {plan.status.value}.")


def approve_item(review_id: ReviewId, content_hash: ContentHash, by: By, note: Note = None) -> None:
    """Approve a question about single contacts (for one that failed: try again); the sensor carries it out."""
    from list_pipeline.operations.reviews.approved_items import cap_text_of
    from list_pipeline.operations.reviews.decisions import approve_item as decide

    with opened_services() as services:
        item = decide(services, review_id, by=by, content_hash=content_hash, note=note)
        words = cap_text_of(services, item)
    console.print(f"Question {item.review_id} is {item.status}. {words}".rstrip(), markup=False)


def reject_item(review_id: ReviewId, by: By, note: Note = None) -> None:
    """Turn a question about single contacts down; they stay as they are, also in later looks at the campaign."""
    from list_pipeline.operations.reviews.decisions import reject_item as decide

    with opened_services() as services:
        item = decide(services, review_id, by=by, note=note)
    console.print(f"Question {item.review_id} is {item.status}.")
