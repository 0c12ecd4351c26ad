"""Rows of tokens and of how often they ask. A token itself is in no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.tokens import Role, minute_of
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_scalar


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is listed. Instants are UTC; ``revoked_at``, ``revoked_by`` and ``revoked_why`` are None together."""

    token_id: int
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None


_SELECT = """select token_id, name, role, created_at, created_by, expires_at, last_used_at, revoked_at, revoked_by, revoked_why
             from api_token """


def _token(row: RowMapping) -> TokenRow:
    return TokenRow(**{**row, "role": Role(row["role"])})


def add(
    connection: Connection, token_hash: str, name: str, role: Role, by: str, now: datetime, expires_at: datetime
) -> int:
    """Keep the hash of a new token; its number."""
    return int(
        fetch_scalar(
            connection,
            """insert into api_token (token_hash, name, role, created_at, created_by, expires_at)
               values (:hash, :name, :role, :now, :by, :expires) returning token_id""",
            hash=token_hash,
            name=name,
            role=role.value,
            now=now,
            by=by,
            expires=expires_at,
        )
    )


def all_tokens(connection: Connection) -> Sequence[TokenRow]:
    """Every token that was ever made, the newest first."""
    return tuple(map(_token, fetch_all(connection, _SELECT + "order by token_id desc")))


def token_by_id(connection: Connection, token_id: int) -> TokenRow | None:
    """One token, or None."""
    row = fetch_one(connection, _SELECT + "where token_id = :id", id=token_id)
    return _token(row) if row is not None else None


def usable(connection: Connection, token_hash: str, now: datetime) -> TokenRow | None:
    """The token of a hash, where it is neither revoked nor expired; None otherwise."""
    row = fetch_one(
        connection,
        _SELECT + "where token_hash = :hash and revoked_at is null and expires_at > :now",
        hash=token_hash,
        now=now,
    )
    return _token(row) if row is not None else None


def note_use(connection: Connection, token_id: int, now: datetime, before: datetime) -> None:
    """Note that a token was used, unless that was noted since ``before``."""
    execute(
        connection,
        """update api_token set last_used_at = :now
           where token_id = :id and (last_used_at is null or last_used_at < :before)""",
        id=token_id,
        now=now,
        before=before,
    )


def revoke(connection: Connection, token_id: int, by: str, why: str, now: datetime) -> bool:
    """Revoke a token; whether it was not revoked before."""
    touched = execute(
        connection,
        """update api_token set revoked_at = :now, revoked_by = :by, revoked_why = :why
           where token_id = :id and revoked_at is null""",
        id=token_id,
        by=by,
        why=why,
        now=now,
    )
    return touched == 1


def count_request(connection: Connection, caller: str, now: datetime) -> int:
    """Count a request; how many the caller made in this minute, this one among them."""
    return int(
        fetch_scalar(
            connection,
            """insert into api_caller as c (caller, minute_began_at, requests) values (:caller, :minute, 1)
               on conflict (caller) do update set
                   minute_began_at = excluded.minute_began_at,
                   requests = case when c.minute_began_at = excluded.minute_began_at then c.requests + 1 else 1 end
               returning requests""",
            caller=caller,
            minute=minute_of(now),
        )
    )
