"""The five lists as they were confirmed, as they were read last, and the facts by which they are judged. No addresses.

Does not belong here: what a fact means (``core.five_lists``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.five_lists.confirmation import NamedList, NamedLists
from list_pipeline.core.five_lists.plausibility import PAIRS, FiveListsFacts, ListFacts, ListsRule
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.plans.journal import StepState
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.membership.members import LIST_FLAG, stored_sizes
from list_pipeline.storage.stuck_sessions import hold


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The lists that were confirmed last, by whom and when. ``despite``: the rules that did not hold then."""

    confirmation_id: int
    confirmed_at: datetime
    confirmed_by: str
    note: str | None
    despite: tuple[str, ...]
    lists: NamedLists


def one_writer(connection: Connection) -> None:
    """Until the end of the transaction nobody else confirms."""
    hold(connection, LockName.FIVE_LISTS)


def confirmation(connection: Connection) -> Confirmation | None:
    """What was confirmed last; None where nobody did."""
    found = fetch_all(
        connection,
        """
        select c.*, l.list_role, l.mailjet_list_id, l.name
        from confirmed_list l join list_confirmation c using (confirmation_id)
        where confirmation_id = (select max(confirmation_id) from list_confirmation)
        """,
    )
    if not found:
        return None
    first = found[0]
    return Confirmation(
        int(first["confirmation_id"]),
        first["confirmed_at"],
        first["confirmed_by"],
        first["note"],
        tuple(first["despite"]),
        {ListRole(row["list_role"]): NamedList(int(row["mailjet_list_id"]), row["name"]) for row in found},
    )


def read_last(connection: Connection) -> NamedLists:
    """The lists that our rows are of, as the last sync saw them; a list that none read under its id is missing."""
    found = fetch_all(
        connection,
        "select list_role, mailjet_list_id, list_name from sync_state where mailjet_list_id is not null",
    )
    return {ListRole(row["list_role"]): NamedList(int(row["mailjet_list_id"]), row["list_name"]) for row in found}


def facts(connection: Connection, present: NamedLists, since: datetime) -> FiveListsFacts:
    """What our rows have of the five lists.

    Args:
        since: sends from then on are recent.
    """
    sizes, sends = stored_sizes(connection), _recent_sends(connection, present, since)
    shared = fetch_row(
        connection,
        "the overlaps of the lists",
        "select "
        + ", ".join(
            f"count(*) filter (where {LIST_FLAG[one]} and {LIST_FLAG[other]}) as {one.value}__{other.value}"
            for one, other in PAIRS
        )
        + " from contact_list_membership",
    )
    suppressed = fetch_row(
        connection,
        "the members of the suppression list",
        f"""
        select count(*) filter (where {" or ".join(LIST_FLAG[role] for role in CAMPAIGN_LISTS)}) as listed,
               count(*) filter (where is_excluded or is_unsubscribed or is_complaining or is_anonymised
                   or hard_bounce_count > 0 or exists (
                       select from bounce_event e where e.contact_id = m.contact_id
                         and e.bounce_class in {sql_list(BounceClass.HARD, BounceClass.COMPLAINT)})) as explained,
               count(*) filter (where not is_excluded and not is_unsubscribed and exists (
                   select from campaign_recipient r
                   where r.contact_id = m.contact_id
                     and r.campaign_id = any(array(select id from campaign_schedule where send_start_at >= :since))
                     and not exists (
                       select from bounce_event e
                       where e.contact_id = r.contact_id and e.campaign_id = r.campaign_id))) as reached
        from contact_list_membership m where in_suppression_list
        """,
        since=since,
    )
    return FiveListsFacts(
        lists={
            role: ListFacts(
                present[role].list_id,
                present[role].name,
                sizes[role].raw,
                sizes[role].mailable,
                sends.get(present[role].list_id, 0),
            )
            for role in ALL_LISTS
        },
        overlaps={(one, other): int(shared[f"{one.value}__{other.value}"]) for one, other in PAIRS},
        suppressed_listed=int(suppressed["listed"]),
        suppressed_explained=int(suppressed["explained"]),
        suppressed_reached=int(suppressed["reached"]),
    )


def _recent_sends(connection: Connection, present: NamedLists, since: datetime) -> Mapping[int, int]:
    """Sends to each list by its id, also those that are no round because they went to a list of another role."""
    found = fetch_all(
        connection,
        """
        select list_id, count(*) as sends from (
            select list_id, mailjet_campaign_id from campaign_schedule
            where mailjet_campaign_id is not null and send_start_at >= :since
            union
            select list_id, mailjet_campaign_id from ignored_send
            where reason in ('list_not_ours', 'segment') and first_seen_at >= :since) s
        where list_id = any(:ids) group by list_id
        """,
        since=since,
        ids=[one.list_id for one in present.values()],
    )
    return {int(row["list_id"]): int(row["sends"]) for row in found}


def save(
    connection: Connection,
    found: FiveListsFacts,
    *,
    by: str,
    note: str | None,
    despite: Sequence[ListsRule],
    replaces: int | None,
    now: datetime,
) -> int:
    """Write a confirmation down, and return its number.

    Args:
        replaces: number of the confirmation that was the last when the lists were looked at.

    Raises:
        StateChangedError: somebody else confirmed meanwhile.
    """
    number = fetch_scalar(
        connection,
        """
        insert into list_confirmation (confirmed_at, confirmed_by, note, despite)
        select :now, :by, :note, cast(:despite as text[])
        where (select max(confirmation_id) from list_confirmation) is not distinct from cast(:replaces as integer)
        returning confirmation_id
        """,
        now=now,
        by=by,
        note=note,
        despite=[rule.value for rule in despite],
        replaces=replaces,
    )
    if number is None:
        raise StateChangedError("Confirming the five lists", "somebody else just did", "Look at them again")
    for role in ALL_LISTS:
        one = found.lists[role]
        execute(
            connection,
            """
            insert into confirmed_list (confirmation_id, list_role, mailjet_list_id, name, raw_count, mailable_count, shared)
            values (:number, :role, :list_id, :name, :raw, :mailable, cast(:shared as jsonb))
            """,
            number=number,
            role=role.value,
            list_id=one.list_id,
            name=one.name,
            raw=one.raw,
            mailable=one.mailable,
            shared=to_json({other.value: found.shared(role, other) for other in ALL_LISTS if other is not role}),
        )
    return int(number)


def learn_names(connection: Connection) -> int:
    """Take over the names of lists that were worked with before their names were kept."""
    return execute(
        connection,
        """
        update confirmed_list l set name = s.list_name from sync_state s
        where l.name is null and s.list_name is not null and s.list_role = l.list_role
          and s.mailjet_list_id = l.mailjet_list_id
        """,
    )


def worked_with(connection: Connection, configured: ListIds) -> bool:
    """Whether this database has carried changes out, and the last send of each round went to the configured list of it."""
    row = fetch_one(
        connection,
        f"""
        select exists (select from change_step where state = {sql_word(StepState.CONFIRMED)}) as has_changed,
               not exists (
                   select from (select distinct on (round_number) round_number, list_id from campaign_schedule
                                where mailjet_campaign_id is not null
                                order by round_number, send_start_at desc nulls last) last
                   where last.list_id <> (cast(:ids as bigint[]))[last.round_number]) as same
        """,
        ids=[configured[role] for role in CAMPAIGN_LISTS],
    )
    return row is not None and bool(row["has_changed"]) and bool(row["same"])
