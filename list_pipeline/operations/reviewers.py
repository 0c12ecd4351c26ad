"""Who of Slack may decide: which user is which person, said by a person, and ended by one.

Belongs here: linking, ending and looking up. Does not belong here: who is a reviewer (``people``), and what a click asks for
(``reviews.slack_desk``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import structlog

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.operations.access import Conversing, Deciding
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.settings import missing
from list_pipeline.storage import slack_reviewers as rows
from list_pipeline.storage.slack_reviewers import SlackReviewer

log = structlog.get_logger(__name__)

_USER = re.compile(r"[UW][A-Z0-9]{2,30}", re.ASCII)


def link_reviewer(services: Conversing, slack_user: str, name: str, *, by: str) -> None:
    """Say which person a user of Slack is. What the user decides there is recorded under this name, and is this person's.

    Args:
        slack_user: Slack's id of the user, as its profile shows it. name: the person's, as LIST_REVIEWERS has it where it
            names anybody. by: who says so.

    Raises:
        ConfigurationError: SLACK_BOT_TOKEN is not set.
        NotAReviewerError: LIST_REVIEWERS names neither or only one of the two.
        RefusedError: a name is nobody's; the id is no user's, or our own; or the user is linked already.
        IntegrationError: Slack does not say which workspace this is.
    """
    tried = f"Linking a user of Slack to {name}"
    by, person = reviewer(services, by, tried), reviewer(services, name, tried)
    if _USER.fullmatch(slack_user) is None:
        raise RefusedError(
            tried, "this is no user's id", "Copy the member ID of the person's profile in Slack: U and some characters"
        )
    slack = services.slack_interaction
    if slack is None:
        raise missing("SLACK_BOT_TOKEN")
    us = slack.identity()
    if slack_user == us.user:
        raise RefusedError(tried, "this is the app's own user", "Copy the member ID of the person's profile")
    with services.database.begin() as connection:
        is_new = rows.add(connection, us.team, slack_user, person, by, services.clock.now())
        before = rows.name_of(connection, us.team, slack_user)
    if not is_new:
        raise RefusedError(
            tried, f"the user is linked to {before} already", "End that first: `list-pipeline reviewers unlink`"
        )
    log.info("a user of Slack was linked to a person", slack_user=slack_user, by=by)


def unlink_reviewer(services: Deciding, slack_user: str, *, by: str, note: str) -> None:
    """End what links a user of Slack to a person: from the next click on the user is unknown.

    Raises:
        NotFoundError: the user is linked to nobody.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: no name or reason is given.
    """
    tried = "Ending the link of a user of Slack"
    by, why = reviewer(services, by, tried), reason_of(note, tried)
    with services.database.begin() as connection:
        ended = rows.end(connection, slack_user, by, why, services.clock.now())
    if not ended:
        raise NotFoundError(tried, "no such user is linked to a person", "`list-pipeline reviewers list` shows who is")
    log.info("a user of Slack is linked to nobody any more", slack_user=slack_user, by=by)


def list_reviewers(services: Deciding) -> Sequence[SlackReviewer]:
    """Every link that ever was, the newest first."""
    with services.database.begin() as connection:
        return rows.all_links(connection)


def person_of(services: Deciding, team: str, slack_user: str) -> str | None:
    """The person whom a user of a workspace is; None: nobody said so."""
    with services.database.begin() as connection:
        return rows.name_of(connection, team, slack_user)
