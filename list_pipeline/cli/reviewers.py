"""The commands about who of Slack may decide: which user is which person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, show_table
from list_pipeline.core.wording import utc_text

if TYPE_CHECKING:
    from list_pipeline.storage.slack_reviewers import SlackReviewer

reviewers_app = typer.Typer(help="Say which user of Slack is which person, so that clicks there count as theirs.")

SlackUser = Annotated[str, typer.Argument(help="Slack's id of the user: Profile, More, Copy member ID.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(reviewers_app, name="reviewers")


@reviewers_app.command()
def link(
    slack_user: SlackUser,
    name: Annotated[str, typer.Argument(help="The person: one of LIST_REVIEWERS where that names anybody.")],
    by: By,
) -> None:
    """Link a user of Slack to a person. What is decided with a button there is recorded under the person's name."""
    from list_pipeline.operations.reviewers import link_reviewer, list_reviewers

    with opened_services() as services:
        link_reviewer(services, slack_user, name, by=by)
        made = list_reviewers(services)[0]
    say(f"{made.slack_user} is {made.name} from now on.")
    give({"reviewers": [_as_document(made)]})


@reviewers_app.command()
def unlink(
    slack_user: SlackUser,
    by: By,
    note: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """End what links a user of Slack to a person: from the next click on the user is unknown."""
    from list_pipeline.operations.reviewers import list_reviewers, unlink_reviewer

    with opened_services() as services:
        unlink_reviewer(services, slack_user, by=by, note=note)
        ended = [one for one in list_reviewers(services) if one.slack_user == slack_user]
    say(f"{slack_user} is nobody from now on.")
    give({"reviewers": [_as_document(one) for one in ended]})


@reviewers_app.command("list")
def list_() -> None:
    """List every link that ever was, with who made and who ended it."""
    from list_pipeline.operations.reviewers import list_reviewers

    with opened_services() as services:
        found = list_reviewers(services)
    if found:
        show_table(
            (Whole("user"), "person", "linked by", "since (UTC)", "ended"),
            (
                (
                    one.slack_user,
                    one.name,
                    one.linked_by,
                    utc_text(one.linked_at),
                    f"by {one.unlinked_by}: {one.unlinked_why}" if one.unlinked_at else "-",
                )
                for one in found
            ),
        )
    else:
        say("No user of Slack was linked to a person yet.")
    give({"reviewers": [_as_document(one) for one in found]})


def _as_document(one: SlackReviewer) -> dict[str, Any]:
    return {
        "team": one.team,
        "slack_user": one.slack_user,
        "name": one.name,
        "linked_at": one.linked_at,
        "linked_by": one.linked_by,
        "unlinked_at": one.unlinked_at,
        "unlinked_by": one.unlinked_by,
        "unlinked_why": one.unlinked_why,
    }
