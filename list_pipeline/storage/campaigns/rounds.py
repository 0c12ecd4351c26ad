"""Which sends are doubted as rounds of a cycle, what people ruled on them, and cycles that are made anew because of it.

Does not belong here: when a send is doubted and where it goes (``core.campaigns.cycles``), and the cycles as such
(``sent_campaigns``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaigns.cycles import CampaignSend, Cycle, RoundDoubt, RoundRuling, content_of
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.storage.campaigns.sent_campaigns import save_cycles
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, sql_word, to_json


def sends(connection: Connection) -> tuple[CampaignSend, ...]:
    """Every send that stands in our schedule, with what was ruled on it, oldest first."""
    found = fetch_all(
        connection,
        """
        select mailjet_campaign_id, round_number, send_start_at, send_end_at, subject, round_ruling, is_segment
        from campaign_schedule
        where mailjet_campaign_id is not null and send_start_at is not null
        order by send_start_at, mailjet_campaign_id
        """,
    )
    return tuple(
        CampaignSend(
            int(row["mailjet_campaign_id"]),
            CAMPAIGN_LISTS[int(row["round_number"]) - 1],
            row["send_start_at"],
            row["send_end_at"],
            content_of(str(row["subject"])),
            RoundRuling(row["round_ruling"]) if row["round_ruling"] else None,
            bool(row["is_segment"]),
        )
        for row in found
    )


def known_roles(connection: Connection, among: Collection[int]) -> Mapping[int, ListRole]:
    """The campaign list of each of these sends that stands in our schedule, by Mailjet's id of the send."""
    found = fetch_all(
        connection,
        "select mailjet_campaign_id, round_number from campaign_schedule where mailjet_campaign_id = any(:ids)",
        ids=list(among),
    )
    return {int(row["mailjet_campaign_id"]): CAMPAIGN_LISTS[int(row["round_number"]) - 1] for row in found}


def parts_of_lists(connection: Connection, among: Collection[int]) -> frozenset[int]:
    """Those of these sends, by their ids at Mailjet, that stand in our schedule and went to a part of their list as far as is
    known."""
    found = fetch_all(
        connection,
        "select mailjet_campaign_id from campaign_schedule where is_segment and mailjet_campaign_id = any(:ids)",
        ids=list(among),
    )
    return frozenset(int(row["mailjet_campaign_id"]) for row in found)


def sends_of_other_lists(connection: Connection, among: Collection[int]) -> frozenset[int]:
    """Those of these sends, by their ids at Mailjet, that are ignored because they went to a list that is no campaign list of
    ours."""
    found = fetch_all(
        connection,
        """select mailjet_campaign_id from ignored_send
           where reason = 'list_not_ours' and mailjet_campaign_id = any(:ids)""",
        ids=list(among),
    )
    return frozenset(int(row["mailjet_campaign_id"]) for row in found)


def no_rounds(connection: Connection, list_ids: ListIds, among: Collection[int]) -> frozenset[int]:
    """Those of these sends, by their ids at Mailjet, that are ignored; left out those that went to what is a campaign list by
    now."""
    found = fetch_all(
        connection,
        """select mailjet_campaign_id from ignored_send
           where mailjet_campaign_id = any(:ids) and not (reason = 'list_not_ours' and list_id = any(:campaign_lists))""",
        campaign_lists=[list_ids[role] for role in CAMPAIGN_LISTS],
        ids=list(among),
    )
    return frozenset(int(row["mailjet_campaign_id"]) for row in found)


def undecided(connection: Connection, mailjet_campaign_ids: Collection[int]) -> frozenset[int]:
    """The sends among these on whose round nobody ruled, and because of which no list was changed."""
    found = fetch_all(
        connection,
        """
        select mailjet_campaign_id from campaign_schedule s
        where mailjet_campaign_id = any(:ids) and round_ruling is null
          and not exists (select 1 from plan p join change c using (plan_id) where p.campaign_id = s.id)
        """,
        ids=list(mailjet_campaign_ids),
    )
    return frozenset(int(row["mailjet_campaign_id"]) for row in found)


def move_round(connection: Connection, mailjet_campaign_id: int, role: ListRole, now: datetime) -> None:
    """A send went to another campaign list than was thought. The cycles are made anew by the caller."""
    execute(
        connection,
        """
        update campaign_schedule set round_number = :round, list_name = :role, round_doubt = null, cycle_id = null,
               updated_at = :now where mailjet_campaign_id = :id
        """,
        id=mailjet_campaign_id,
        role=role.value,
        round=role.round_number,
        now=now,
    )


def rulings(connection: Connection, among: Collection[int]) -> Mapping[int, RoundRuling]:
    """What people ruled on these sends, by Mailjet's id of the send."""
    found = fetch_all(
        connection,
        """select mailjet_campaign_id, round_ruling from campaign_schedule
           where round_ruling is not null and mailjet_campaign_id = any(:ids)""",
        ids=list(among),
    )
    return {int(row["mailjet_campaign_id"]): RoundRuling(row["round_ruling"]) for row in found}


def save_doubts(connection: Connection, doubts: Mapping[int, RoundDoubt]) -> Mapping[str, RoundDoubt]:
    """Note the sends that do not fit, those left out on which a person ruled. Returns those that are news, by campaign key."""
    news = {}
    for mailjet_campaign_id, doubt in doubts.items():
        for row in fetch_all(
            connection,
            """
            update campaign_schedule set round_doubt = :doubt
            where mailjet_campaign_id = :id and round_ruling is null and round_doubt is null returning campaign_key
            """,
            id=mailjet_campaign_id,
            doubt=doubt,
        ):
            news[str(row["campaign_key"])] = doubt
    return news


def end_doubts(connection: Connection, mailjet_campaign_ids: Collection[int]) -> int:
    """These sends are doubted no more."""
    return execute(
        connection,
        """update campaign_schedule set round_doubt = null
           where round_doubt is not null and mailjet_campaign_id = any(:ids)""",
        ids=list(mailjet_campaign_ids),
    )


def drop_doubts(connection: Connection, *, sent_until: datetime) -> int:
    """Sends up to an instant are doubted no more: a later cycle turned out plain."""
    return execute(
        connection,
        "update campaign_schedule set round_doubt = null where round_doubt is not null and send_start_at <= :until",
        until=sent_until,
    )


def doubted(connection: Connection) -> Mapping[str, RoundDoubt]:
    """The sends that do not fit and that nobody ruled on, by campaign key, oldest first."""
    found = fetch_all(
        connection,
        "select campaign_key, round_doubt from campaign_schedule where round_doubt is not null order by send_start_at, id",
    )
    return {str(row["campaign_key"]): RoundDoubt(row["round_doubt"]) for row in found}


def doubt_of(connection: Connection, campaign_id: int | None) -> str | None:
    """The key of a campaign whose send is doubted; None: it is not, or there is no such campaign."""
    found: str | None = fetch_scalar(
        connection,
        "select campaign_key from campaign_schedule where id = :id and round_doubt is not null",
        id=campaign_id,
    )
    return found


def is_asked_about(
    connection: Connection,
    campaign_id: int,
    about: str,
    since: datetime,
    *,
    missing_rounds: Sequence[int],
    reopened_at: datetime | None = None,
) -> bool:
    """Whether a finding about one thing was written about a campaign since an instant. What was answered before a cycle was
    opened again was answered by its closing, and does not count; neither does what was answered by a round that was sent since.

    Args:
        missing_rounds: the rounds, by number, that the cycle misses now.
    """
    return bool(
        fetch_scalar(
            connection,
            f"""select exists (select 1 from review_item
                              where campaign_id = :campaign and kind = 'finding' and details ->> 'about' = :about
                              and created_at >= :since
                              and (status = {sql_word(ReviewStatus.OPEN)}
                                   or created_at >= coalesce(cast(:reopened_at as timestamptz), :since)
                                      and details -> 'rounds' <@ cast(:missing as jsonb)))""",
            campaign=campaign_id,
            about=about,
            since=since,
            reopened_at=reopened_at,
            missing=to_json(list(missing_rounds)),
        )
    )


def rule(
    connection: Connection, mailjet_campaign_id: int, ruling: RoundRuling, by: str, note: str, now: datetime
) -> None:
    """Write down what a person says a send is; a later ruling replaces an earlier one."""
    execute(
        connection,
        """
        update campaign_schedule set round_ruling = :ruling, round_ruled_by = :by, round_ruled_at = :now, round_note = :note,
               round_doubt = null, updated_at = :now where mailjet_campaign_id = :id
        """,
        id=mailjet_campaign_id,
        ruling=ruling,
        by=by,
        note=note or None,
        now=now,
    )


def replace_cycles(connection: Connection, kept: Collection[int], cycles: Iterable[Cycle]) -> None:
    """Make the cycles anew, those left out that stay as they were."""
    execute(
        connection,
        "delete from cycle where not number = any(:kept)",  # which takes the campaigns out of them, too
        kept=list(kept),
    )
    save_cycles(connection, (cycle for cycle in cycles if cycle.number not in kept))
