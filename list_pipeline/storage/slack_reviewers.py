"""Rows that say which person a user of Slack is. Nothing is deleted: a link that ended stays as the record of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_all, fetch_scalar


@dataclass(frozen=True, slots=True)
class SlackReviewer:
    """A user of Slack and the person whom it is. Instants are UTC; ``unlinked_at``, ``unlinked_by`` and ``unlinked_why`` are
    None together."""

    link_id: int
    team: str
    slack_user: str
    name: str
    linked_at: datetime
    linked_by: str
    unlinked_at: datetime | None
    unlinked_by: str | None
    unlinked_why: str | None


_COLUMNS = ", ".join(SlackReviewer.__dataclass_fields__)


def add(connection: Connection, team: str, slack_user: str, name: str, by: str, now: datetime) -> bool:
    """Link a user to a person; False: the user is linked already."""
    return bool(
        execute(
            connection,
            """insert into slack_reviewer (team, slack_user, name, linked_at, linked_by)
               values (:team, :user, :name, :now, :by)
               on conflict (team, slack_user) where unlinked_at is null do nothing""",
            team=team,
            user=slack_user,
            name=name,
            now=now,
            by=by,
        )
    )


def end(connection: Connection, slack_user: str, by: str, why: str, now: datetime) -> int:
    """End the links of a user; how many there were."""
    return execute(
        connection,
        """update slack_reviewer set unlinked_at = :now, unlinked_by = :by, unlinked_why = :why
           where slack_user = :user and unlinked_at is null""",
        user=slack_user,
        by=by,
        why=why,
        now=now,
    )


def name_of(connection: Connection, team: str, slack_user: str) -> str | None:
    """The person whom a user is, or None: nobody said so, or not any more."""
    found = fetch_scalar(
        connection,
        "select name from slack_reviewer where team = :team and slack_user = :user and unlinked_at is null",
        team=team,
        user=slack_user,
    )
    return None if found is None else str(found)


def all_links(connection: Connection) -> Sequence[SlackReviewer]:
    """Every link that ever was, the newest first."""
    found = fetch_all(connection, f"select {_COLUMNS} from slack_reviewer order by link_id desc")
    return tuple(SlackReviewer(**row) for row in found)
