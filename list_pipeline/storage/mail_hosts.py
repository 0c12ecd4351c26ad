"""Rows of what DNS said about the mail hosts of custom domains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_all


def known_hosts(connection: Connection) -> Mapping[str, str]:
    """The mail host of each domain that has one, as far as DNS was asked."""
    found = fetch_all(connection, "select domain, host from mail_host where host is not null")
    return {str(row["domain"]): str(row["host"]) for row in found}


def answers_about(connection: Connection, domains: Collection[str]) -> Mapping[str, str | None]:
    """The mail host of each of some domains, None where DNS says that there is none; one that was never answered is missing."""
    found = fetch_all(
        connection, "select domain, host from mail_host where domain = any(:domains)", domains=sorted(domains)
    )
    return {str(row["domain"]): row["host"] for row in found}


def to_ask(connection: Connection, campaign_id: int, sweep: str, before: datetime) -> Sequence[str]:
    """The domains of a campaign's recipients whose answer is missing or older than an instant: those of failures first, then
    those with the most recipients."""
    found = fetch_all(
        connection,
        """
        select c.domain
        from campaign_recipient r join contact_list_membership c using (contact_id)
        left join bounce_event b on b.campaign_id = r.campaign_id and b.sweep = :sweep and b.contact_id = r.contact_id
        where r.campaign_id = :campaign and not c.is_anonymised
          and not exists (
              select 1 from mail_host m
              where m.domain = c.domain and m.asked_at >= :before)
        group by 1 order by count(b.contact_id) = 0, count(*) desc, 1
        """,
        campaign=campaign_id,
        sweep=sweep,
        before=before,
    )
    return [str(row["domain"]) for row in found if row["domain"]]


def keep(connection: Connection, domain: str, host: str | None, now: datetime) -> None:
    """Keep an answer instead of an earlier one. ``host``: None where DNS says that there is none."""
    execute(
        connection,
        """
        insert into mail_host (domain, host, asked_at) values (:domain, :host, :now)
        on conflict (domain) do update set host = excluded.host, asked_at = excluded.asked_at
        """,
        domain=domain,
        host=host,
        now=now,
    )
