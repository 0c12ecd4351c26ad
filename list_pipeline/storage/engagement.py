"""Opens and clicks, contact by contact: the first and the last of each kind in each campaign.

Belongs here: statements about ``contact_engagement``. Does not belong here: which of them mean anything (``core.engagement``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.engagement import Engagement
from list_pipeline.core.told_events.events import SIGNS, EventKind
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, sql_list, to_json

_KINDS = ("open", "click", "prefetch")


@dataclass(frozen=True, slots=True)
class Sign:
    """One open or click of a contact. ``mailjet_campaign_id``: None where it belongs to none."""

    contact_id: int
    mailjet_campaign_id: int | None
    kind: EventKind
    occurred_at: datetime
    is_prefetch: bool = False

    @property
    def column(self) -> str:
        """The kind as the columns call it."""
        return "prefetch" if self.is_prefetch else self.kind.value


def note(connection: Connection, signs: Iterable[Sign]) -> None:
    """Remember signs, in whatever order they come and however often."""
    spans: dict[tuple[int, int], dict[str, list[datetime]]] = {}
    for sign in signs:
        place = (sign.contact_id, sign.mailjet_campaign_id or 0)
        spans.setdefault(place, {}).setdefault(sign.column, []).append(sign.occurred_at)
    if not spans:
        return
    rows = [
        {
            "contact_id": contact_id,
            "mailjet_campaign_id": campaign_id,
            **{f"first_{kind}_at": min(instants).isoformat() for kind, instants in found.items()},
            **{f"last_{kind}_at": max(instants).isoformat() for kind, instants in found.items()},
        }
        # In one order, so that two processes that write the same contacts wait for each other.
        for (contact_id, campaign_id), found in sorted(spans.items())
    ]
    columns = [f"{end}_{kind}_at" for kind in _KINDS for end in ("first", "last")]
    better = [
        f"{name} = {'least' if name.startswith('first') else 'greatest'}(e.{name}, excluded.{name})" for name in columns
    ]
    execute(
        connection,
        f"""
        insert into contact_engagement as e (contact_id, mailjet_campaign_id, {", ".join(columns)})
        select contact_id, mailjet_campaign_id, {", ".join(columns)}
        from jsonb_to_recordset(cast(:rows as jsonb)) as g (contact_id bigint, mailjet_campaign_id bigint,
             {", ".join(f"{name} timestamptz" for name in columns)})
        on conflict (contact_id, mailjet_campaign_id) do update set {", ".join(better)}
        """,
        rows=to_json(rows),
    )


def engagement_of(connection: Connection, contact_ids: Sequence[int], known_by: datetime) -> Mapping[int, Engagement]:
    """The latest signs of contacts up to an instant (UTC); a contact without any is not among them.

    Of a campaign with signs before and after the instant the first one stands for those before: what lay between is not kept.
    """
    latest = ", ".join(
        f"max(case when last_{kind}_at <= :by then last_{kind}_at when first_{kind}_at <= :by then first_{kind}_at end)"
        f" as {kind}_at"
        for kind in _KINDS
    )
    found = fetch_all(
        connection,
        f"select contact_id, {latest} from contact_engagement where contact_id = any(:ids) group by contact_id",
        ids=list(contact_ids),
        by=known_by,
    )
    return {
        int(row["contact_id"]): Engagement(row["open_at"], row["click_at"], row["prefetch_at"])
        for row in found
        if row["open_at"] or row["click_at"] or row["prefetch_at"]
    }


def recorded_since(connection: Connection) -> datetime | None:
    """When the first open or click was told; None: none ever was, and nobody can say who reads."""
    since: datetime | None = fetch_scalar(
        connection, f"select min(first_at) from told_count where kind in {sql_list(*sorted(SIGNS))}"
    )
    return since
