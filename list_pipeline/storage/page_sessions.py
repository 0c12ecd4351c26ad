"""Rows of the browsers that are signed in on the pages. The secret of a session is in no row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_one
from list_pipeline.storage.tokens import TokenRow, token_by_id


def add(connection: Connection, session_hash: str, token_id: int, now: datetime, expires_at: datetime) -> None:
    """Keep the hash of a new session."""
    execute(
        connection,
        """insert into page_session (session_hash, token_id, created_at, expires_at)
           values (:hash, :token, :now, :expires)""",
        hash=session_hash,
        token=token_id,
        now=now,
        expires=expires_at,
    )


def token_of(connection: Connection, session_hash: str, now: datetime) -> TokenRow | None:
    """The token that a session was begun with, where neither of them is over; None otherwise."""
    row = fetch_one(
        connection,
        """select t.token_id from page_session s join api_token t using (token_id)
           where s.session_hash = :hash and s.ended_at is null and s.expires_at > :now
             and t.revoked_at is null and t.expires_at > :now""",
        hash=session_hash,
        now=now,
    )
    return token_by_id(connection, row["token_id"]) if row is not None else None


def end(connection: Connection, session_hash: str, now: datetime) -> None:
    """End a session; one that is over stays as it is."""
    execute(
        connection,
        "update page_session set ended_at = :now where session_hash = :hash and ended_at is null",
        hash=session_hash,
        now=now,
    )
