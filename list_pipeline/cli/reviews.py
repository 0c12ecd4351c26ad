"""Commands about what waits for a person: seeing it, and deciding. Contacts are named by id; no address is shown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, show_table
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.wording import WAITS, instant_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.core.reviews.approvals import Approvals
    from list_pipeline.storage.plans.plan_rows import StoredPlan

PlanId = Annotated[int, typer.Argument(help="Number of the plan, as `reviews` lists it.")]
ReviewId = Annotated[int, typer.Argument(help="Number of the question, the first one in its line of `reviews`.")]
ContentHash = Annotated[str, typer.Argument(help="The hash beside it: an approval is for exactly that plan.")]
Note = Annotated[str | None, typer.Option(help="Why.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(reviews)
    app.command()(waiting)
    app.command()(approve)
    app.command()(reject)
    app.command()(expire)
    app.command()(edit)
    app.command("approve-item")(approve_item)
    app.command("reject-item")(reject_item)
    app.command("close-finding")(close_finding)


def reviews() -> None:
    """List what waits for a person."""
    from list_pipeline.operations.launches.shown import open_launches
    from list_pipeline.operations.reviews.approvals import approvals_in
    from list_pipeline.operations.reviews.reminders import waiting_plans
    from list_pipeline.operations.safety.confirmed_lists import why_unconfirmed
    from list_pipeline.storage.escalations import of_plans
    from list_pipeline.storage.reviews import open_reviews

    with opened_services() as services:
        launches = open_launches(services)
        with services.database.begin() as connection:
            found, unconfirmed = open_reviews(connection), why_unconfirmed(connection, services.settings)
            waits = waiting_plans(services, connection)
            approvals = {one.plan.plan_id: approvals_in(services, connection, one.plan) for one in waits}
            called_in = of_plans(connection, list(approvals))
    until = {one.plan.plan_id: one.time.lapses_at for one in waits}
    for one in launches:
        say(f"launch change {one.number} ({one.state.value}, until {instant_text(one.expires_at)}): {one.what}")
    if unconfirmed:
        say(f"No list is changed now: {unconfirmed}.")
    elif not found and not launches:
        say(f"Nothing {WAITS}.")
    for item in found:
        plan = f"plan {item.plan_id} ({item.content_hash[:12]})" if item.content_hash else "-"
        lapses = f" (until {instant_text(until[item.plan_id])})" if item.plan_id in until else ""
        given = approvals.get(item.plan_id) if item.plan_id is not None and not item.is_about_contacts else None
        people = f" {given.words}" if given is not None and given.words else ""
        called = called_in.get(item.plan_id or 0) if given is not None else None
        more = f" {called.to} was called in at {instant_text(called.at)}." if called is not None else ""
        say(f"{item.review_id}  {item.campaign_key or '-'}  {plan}  {item.kind}: {item.summary}{people}{more}{lapses}")
    give(
        {
            "reviews": [
                {
                    "question": item.review_id,
                    "campaign": item.campaign_key,
                    "plan": item.plan_id,
                    "content_hash": item.content_hash,
                    "contact_id": item.contact_id,
                    "kind": item.kind,
                    "summary": item.summary,
                    "since": item.created_at,
                    "until": until.get(item.plan_id) if item.plan_id is not None else None,
                    **_approvals(approvals.get(item.plan_id) if item.plan_id is not None else None),
                    "escalated_at": at.at if (at := called_in.get(item.plan_id or 0)) is not None else None,
                }
                for item in found
            ],
            "launches": launches,
            "no_change_because": unconfirmed,
        }
    )


def _approvals(found: Approvals | None) -> dict[str, Any]:
    return {
        "approved_by": [one.person for one in found.given] if found is not None else [],
        "approvals_needed": found.needed if found is not None else None,
    }


def waiting() -> None:
    """List the contacts that wait for a decision, plan by plan: ids, and no address."""
    from list_pipeline.operations.reviews.pending_contacts import contacts_waiting

    with opened_services() as services:
        found = contacts_waiting(services)
    grouped = defaultdict(list)
    for one in found:
        grouped[one.plan_id, one.campaign_key, one.kind, one.action, one.waiting_since].append(one.contact_id)
    if grouped:
        show_table(
            (Whole("plan"), Whole("campaign"), "kind", "intends", "since (UTC)", "contacts", "ids"),
            (
                (
                    str(plan_id),
                    key or "-",
                    kind.value,
                    action.value,
                    utc_text(since),
                    f"{len(ids):,}",
                    ", ".join(map(str, ids)),
                )
                for (plan_id, key, kind, action, since), ids in grouped.items()
            ),
        )
    else:
        say("No contact waits for a decision.")
    give(
        {
            "waiting": [
                {
                    "plan": plan_id,
                    "campaign": key,
                    "kind": kind,
                    "action": action,
                    "since": since,
                    "contact_ids": ids,
                }
                for (plan_id, key, kind, action, since), ids in grouped.items()
            ]
        }
    )


def approve(plan_id: PlanId, content_hash: ContentHash, by: By, note: Note = None) -> None:
    """Let a waiting plan through; the sensor continues its campaign."""
    from list_pipeline.operations.reviews.approvals import approvals_of
    from list_pipeline.operations.reviews.decisions import approve as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, content_hash=content_hash, note=note, way=Way.COMMAND)
        approvals = approvals_of(services, plan)
    _say_decided(plan, approvals)


def reject(plan_id: PlanId, by: By, note: Note = None) -> None:
    """Turn a waiting plan down; the maintenance goes on without it."""
    from list_pipeline.operations.reviews.decisions import reject as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, note=note, way=Way.COMMAND)
    _say_decided(plan)


def expire(plan_id: PlanId, by: By, note: Note = None) -> None:
    """Let a waiting plan lapse; the maintenance goes on without it, and the next sweep judges its contacts anew."""
    from list_pipeline.operations.reviews.decisions import expire as decide

    with opened_services() as services:
        plan = decide(services, plan_id, by=by, note=note, way=Way.COMMAND)
    _say_decided(plan)


def edit(
    plan_id: PlanId,
    content_hash: ContentHash,
    by: By,
    note: Annotated[str, typer.Option(help="Why they are left out: somebody will ask.")],
    without: Annotated[
        list[str] | None, typer.Option(help="Contact ids to leave out, with commas between; repeatable.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Instead: the only contact ids to keep, with commas between; repeatable.")
    ] = None,
    approved: Annotated[bool, typer.Option("--approve", help="Approve what is left at once.")] = False,
) -> None:
    """Leave contacts out of a waiting plan: what is left becomes a new plan with a hash of its own, which waits; who is left
    out counts as rejected."""
    from list_pipeline.operations.maintenance.edits import edit_plan

    with opened_services() as services:
        done = edit_plan(
            services,
            plan_id,
            by=by,
            note=note,
            content_hash=content_hash,
            without=_ids(without),
            keep=_ids(keep),
            approved=approved,
            way=Way.COMMAND,
        )
    say(done.words)
    say(f"Plan {done.plan.plan_id} ({done.plan.content_hash[:12]}) is {done.plan.status.value.replace('_', ' ')}.")
    give(
        {
            "plan": done.plan.plan_id,
            "content_hash": done.plan.content_hash,
            "status": done.plan.status,
            "edited_plan": done.edited_plan_id,
            "without": done.taken_out,
            "changes": done.changes,
        }
    )


def _ids(given: list[str] | None) -> list[int]:
    named = [part.strip() for one in given or () for part in one.split(",") if part.strip()]
    found = [id_in(one) for one in named]
    if None in found:
        raise typer.BadParameter("contact ids, with commas between; no address")
    return [one for one in found if one is not None]


def approve_item(review_id: ReviewId, content_hash: ContentHash, by: By, note: Note = None) -> None:
    """Approve a question about single contacts (for one that failed: try again); the sensor carries it out."""
    from list_pipeline.operations.reviews.approved_items import cap_text_of
    from list_pipeline.operations.reviews.decisions import approve_item as decide

    with opened_services() as services:
        item = decide(services, review_id, by=by, content_hash=content_hash, note=note, way=Way.COMMAND)
        words = cap_text_of(services, item)
    say(f"Question {item.review_id} is {item.status}. {words}".rstrip())
    give({"question": item.review_id, "status": item.status, "words": words})


def reject_item(review_id: ReviewId, by: By, note: Note = None) -> None:
    """Turn a question about single contacts down; they stay as they are, also in later looks at the campaign."""
    from list_pipeline.operations.reviews.decisions import reject_item as decide

    with opened_services() as services:
        item = decide(services, review_id, by=by, note=note, way=Way.COMMAND)
    say(f"Question {item.review_id} is {item.status}.")
    give({"question": item.review_id, "status": item.status, "words": ""})


def close_finding(
    review_id: ReviewId,
    by: By,
    note: Annotated[str, typer.Option(help="Why nothing more is to be done.")],
) -> None:
    """Close a finding that you have looked at: there is nothing to decide, and nothing more to be done. No list is changed."""
    from list_pipeline.operations.reviews.findings import close_finding as close

    with opened_services() as services:
        item = close(services, review_id, by=by, note=note)
    say(f"Finding {item.review_id} is {item.status.value}.")
    give({"question": item.review_id, "status": item.status})


def _say_decided(plan: StoredPlan, approvals: Approvals | None = None) -> None:
    words = approvals.words if approvals is not None else ""
    is_missing = approvals is not None and approvals.missing > 0
    say(f"Plan {plan.plan_id} is {'not approved yet' if is_missing else plan.status.value}. {words}".rstrip())
    give({"plan": plan.plan_id, "status": plan.status, "words": words})
