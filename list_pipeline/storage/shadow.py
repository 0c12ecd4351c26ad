"""The changed policy that runs beside the present one, and where the two differed.

Does not belong here: judging (``core.suppression``) and comparing (``core.replay.shadow``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.replay.shadow import Shadow, ShadowDifference
from list_pipeline.core.suppression.verdicts import VerdictAction
from list_pipeline.storage.database import (
    JsonColumn,
    copy_rows,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    require_one,
    sql_word,
)

_FIGURES = JsonColumn("shadow_policy.figures", dict[str, str])
_COLUMNS = ", ".join(Shadow.__dataclass_fields__)
_SUPPRESS = sql_word(VerdictAction.SUPPRESS)


def _shadow(row: RowMapping | dict[str, Any]) -> Shadow:
    return Shadow(**{**row, "figures": _FIGURES.read(row["figures"])})


def running(connection: Connection) -> Shadow | None:
    """The shadow that runs; None: there is none."""
    row = fetch_one(connection, f"select {_COLUMNS} from shadow_policy where ended_at is null")
    return _shadow(row) if row is not None else None


def latest(connection: Connection, number: int) -> tuple[Shadow, ...]:
    """The latest shadows, the newest first."""
    found = fetch_all(
        connection, f"select {_COLUMNS} from shadow_policy order by shadow_id desc limit :number", number=number
    )
    return tuple(_shadow(row) for row in found)


def start(
    connection: Connection, figures: Mapping[str, str], campaigns: int, by: str, reason: str, now: datetime
) -> int | None:
    """Begin a shadow, and return its number; None: another one runs."""
    row = fetch_one(
        connection,
        """
        insert into shadow_policy (figures, campaigns, started_at, started_by, reason)
        values (cast(:figures as jsonb), :campaigns, :now, :by, :reason)
        on conflict ((true)) where ended_at is null do nothing returning shadow_id
        """,
        figures=_FIGURES.text(dict(figures)),
        campaigns=campaigns,
        now=now,
        by=by,
        reason=reason,
    )
    return int(row["shadow_id"]) if row is not None else None


def end(
    connection: Connection, shadow_id: int, now: datetime, *, by: str | None = None, why: str | None = None
) -> None:
    """End a shadow that runs; ``by`` whom and ``why``: None: by itself.

    Raises:
        StateChangedError: it had ended.
    """
    touched = execute(
        connection,
        """update shadow_policy set ended_at = :now, ended_by = :by, ended_why = :why
           where shadow_id = :id and ended_at is null""",
        now=now,
        by=by,
        why=why,
        id=shadow_id,
    )
    require_one(touched, f"Ending the shadow policy {shadow_id}")


def keep_comparison(
    connection: Connection,
    shadow_id: int,
    campaign_id: int,
    sweep: str,
    judged: int,
    differences: Sequence[ShadowDifference],
    now: datetime,
) -> bool:
    """Keep what was compared, unless that sweep was compared already, or the shadow ended meanwhile; whether it was kept."""
    written = execute(
        connection,
        """
        insert into shadow_comparison (shadow_id, campaign_id, sweep, compared_at, judged)
        select shadow_id, :campaign, :sweep, :now, :judged from shadow_policy
        where shadow_id = :id and ended_at is null for update
        on conflict do nothing
        """,
        id=shadow_id,
        campaign=campaign_id,
        sweep=sweep,
        now=now,
        judged=judged,
    )
    if written:
        copy_rows(
            connection,
            "shadow_difference",
            ("shadow_id", "campaign_id", "sweep", *ShadowDifference.__dataclass_fields__),
            (
                (
                    shadow_id,
                    campaign_id,
                    sweep,
                    one.contact_id,
                    one.present_action.value,
                    one.present_rule,
                    one.shadow_action.value,
                    one.shadow_rule,
                )
                for one in differences
            ),
        )
    return bool(written)


def compared(connection: Connection, shadow_id: int) -> tuple[int, int]:
    """The number of campaigns that were compared, and of verdicts that both policies gave in them."""
    row = fetch_row(
        connection,
        "what a shadow policy compared",
        """select count(distinct campaign_id) as campaigns, coalesce(sum(judged), 0) as judged from shadow_comparison
           where shadow_id = :id""",
        id=shadow_id,
    )
    return int(row["campaigns"]), int(row["judged"])


def gone(connection: Connection, shadow_id: int, except_campaign: int) -> frozenset[int]:
    """The contacts that a shadow would have suppressed after other campaigns."""
    found = fetch_all(
        connection,
        f"""select distinct contact_id from shadow_difference
            where shadow_id = :id and campaign_id <> :campaign and shadow_action = {_SUPPRESS}""",
        id=shadow_id,
        campaign=except_campaign,
    )
    return frozenset(int(row["contact_id"]) for row in found)


def differences(
    connection: Connection, shadow_id: int, campaign_id: int | None = None
) -> tuple[tuple[str, datetime, ShadowDifference], ...]:
    """Every difference, with the key of its campaign and when it was found, in that order.

    Args:
        campaign_id: those of one campaign only.
    """
    found = fetch_all(
        connection,
        """
        select s.campaign_key, c.compared_at, d.contact_id, d.present_action, d.present_rule, d.shadow_action, d.shadow_rule
        from shadow_difference d join shadow_comparison c using (shadow_id, campaign_id, sweep)
        join campaign_schedule s on s.id = d.campaign_id
        where d.shadow_id = :id and (cast(:campaign as integer) is null or d.campaign_id = :campaign)
        order by c.compared_at, d.contact_id
        """,
        id=shadow_id,
        campaign=campaign_id,
    )
    return tuple(
        (
            str(row["campaign_key"]),
            row["compared_at"],
            ShadowDifference(
                int(row["contact_id"]),
                VerdictAction(row["present_action"]),
                row["present_rule"],
                VerdictAction(row["shadow_action"]),
                row["shadow_rule"],
            ),
        )
        for row in found
    )


def of_campaign(connection: Connection, campaign_id: int) -> tuple[Shadow, int, int] | None:
    """The shadow that was compared after a campaign, the verdicts of both on it, and which of its campaigns it was; None: none
    was."""
    row = fetch_one(
        connection,
        f"""
        with own as (select shadow_id, sum(judged) as judged, min(compared_at) as first_at from shadow_comparison
                     where campaign_id = :campaign group by 1 order by 1 desc limit 1)
        select {", ".join(f"p.{name}" for name in Shadow.__dataclass_fields__)}, own.judged,
               (select count(distinct campaign_id) from shadow_comparison c
                where c.shadow_id = own.shadow_id and c.compared_at <= own.first_at) as place
        from own join shadow_policy p using (shadow_id)
        """,
        campaign=campaign_id,
    )
    if row is None:
        return None
    return _shadow({name: row[name] for name in Shadow.__dataclass_fields__}), int(row["judged"]), int(row["place"])
