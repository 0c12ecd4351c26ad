"""Validations of upcoming campaigns: their rows, their ledger, and what the rules ask of our rows.

Belongs here: those tables, and the set-based questions about the members of one list. Does not belong here: the rules, and
what a block does (``campaign_block``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import UNSETTLED, StepAction, StepOnList, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.validation.checklist import RuleResult, Severity, ValidationRule
from list_pipeline.core.validation.own_changes import OwnChange
from list_pipeline.core.validation.rules import Movement, ValidatedList
from list_pipeline.storage.campaigns.recipients import RECEIVED_CYCLE
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
from list_pipeline.storage.quarantine import is_excluded_for_good


@dataclass(frozen=True, slots=True)
class StoredValidation:
    """One validation as it was made. ``left_because``: why Mailjet's schedule was left alone in spite of a block."""

    validation_id: int
    campaign_id: int
    log_id: int | None
    list_role: ListRole
    scheduled_at: datetime
    validated_at: datetime
    verdict: Severity
    is_blocking: bool
    left_because: str | None
    finished_at: datetime | None
    results: tuple[RuleResult, ...]


# What the rules ask of our rows

_MEMBERS = """
    from list_membership m join contact_list_membership c using (contact_id)
    where m.list_role = :role and m.left_at is null
"""
_QUARANTINE = sql_word(ItemAction.QUARANTINE)
_MAILED = _MEMBERS + " and not m.is_unsubscribed and not c.is_excluded and not c.is_anonymised "


def list_state(connection: Connection, role: ListRole, cycle: OpenCycle) -> ValidatedList:
    """One list as our rows have it, every member looked at. ``cycle``: the one that is open now."""
    counted = fetch_row(
        connection,
        f"the sizes of {role.label}",
        f"""
        select count(*) as raw, count(*) filter (where m.is_unsubscribed) as unsubscribed,
               count(*) filter (where {is_excluded_for_good("c")}) as excluded,
               count(*) filter (where not m.is_unsubscribed and not {is_excluded_for_good("c")}) as mailable
        """
        + _MEMBERS,
        role=role.value,
    )
    waiting = fetch_all(
        connection,
        "select w.contact_id, bool_and(i.is_held) as is_held from contact_waiting w"
        " join plan_item i using (plan_id, contact_id)"
        " where w.action = 'suppress' and w.contact_id in (select m.contact_id" + _MAILED + ")"
        " group by w.contact_id order by w.contact_id",
        role=role.value,
    )
    return ValidatedList(
        raw=int(counted["raw"]),
        mailable=int(counted["mailable"]),
        unsubscribed=int(counted["unsubscribed"]),
        excluded=int(counted["excluded"]),
        suppressed=_suppressed_and_mailed(connection, role),
        waiting=[int(row["contact_id"]) for row in waiting if not row["is_held"]],
        held=[int(row["contact_id"]) for row in waiting if row["is_held"]],
        twice=_mailed_twice(connection, role, cycle),
        unsubscribed_elsewhere=_ids(
            connection, "select m.contact_id" + _MAILED + "and c.is_unsubscribed order by m.contact_id", role
        ),
        is_being_changed=bool(
            fetch_scalar(
                connection,
                f"""select exists (select 1 from change_step st where st.list_role = :role
                                  and st.state in {sql_list(*UNSETTLED)})""",
                role=role.value,
            )
        ),
    )


def _suppressed_and_mailed(connection: Connection, role: ListRole) -> list[int]:
    """Members that would be mailed and are suppressed: by id, or by address under an earlier contact id, erased or not."""
    return _ids(
        connection,
        """
        select m.contact_id
        """
        + _MAILED
        + """
          and (c.in_suppression_list or c.address_key in (select address_key from suppressed_address)
               or exists (select 1 from contact_suppression_history h
                          where h.contact_id = c.contact_id and h.added_to_suppression_list and h.reinstated_at is null))
        order by m.contact_id
        """,
        role,
    )


def _mailed_twice(connection: Connection, role: ListRole, cycle: OpenCycle) -> list[int]:
    """Members who would get the cycle of a send to this list twice.

    A send to a list that was already sent in the open cycle begins the next one, which nobody got yet.
    """
    joins = role not in cycle.sent
    due = [other.value for other in CAMPAIGN_LISTS if other is not role and not (joins and other in cycle.sent)]
    found = fetch_all(
        connection,
        "select m.contact_id"
        + _MAILED
        + f"""
          and ({RECEIVED_CYCLE} or exists (
            select 1 from list_membership o where o.contact_id = m.contact_id and o.left_at is null
              and not o.is_unsubscribed and o.list_role = any(:due)))
        order by m.contact_id
        """,
        role=role.value,
        cycle=cycle.number if joins else None,
        due=due,
    )
    return [int(row["contact_id"]) for row in found]


def _ids(connection: Connection, statement: str, role: ListRole) -> list[int]:
    return [int(row["contact_id"]) for row in fetch_all(connection, statement, role=role.value)]


def movement(connection: Connection, role: ListRole, since: datetime) -> Movement:
    """The numbers of contacts that joined a list, left it, or unsubscribed since an instant, our own changes among them."""
    row = fetch_row(
        connection,
        f"who came to and left {role.label}",
        """
        select count(*) filter (where left_at is null and coalesce(subscribed_at, first_seen_at) > :since) as joined,
               count(*) filter (where left_at > :since) as left,
               count(*) filter (where left_at is null and is_unsubscribed and unsubscribed_at > :since) as unsubscribed
        from list_membership where list_role = :role
        """,
        role=role.value,
        since=since,
    )
    return Movement(int(row["joined"]), int(row["left"]), int(row["unsubscribed"]))


def last_maintained(connection: Connection, role: ListRole) -> tuple[int, datetime] | None:
    """Mailable contacts of a list after the last maintenance, and when that was; None before the first."""
    row = fetch_one(
        connection,
        """select mailable_count, taken_at from list_snapshot where list_role = :role and phase = 'after'
           order by taken_at desc limit 1""",
        role=role.value,
    )
    return None if row is None else (int(row["mailable_count"]), row["taken_at"])


def own_changes(connection: Connection, since: datetime) -> tuple[OwnChange, ...]:
    """Our changes of contacts of which a step was carried out after an instant; what was taken back is two changes.
    Quarantines and their ends are left out: whoever is in quarantine is present."""
    found = fetch_all(
        connection,
        f"""
        select c.before,
               jsonb_agg(jsonb_build_array(st.action, st.list_role)) filter (where j.submitting_at > :since) as later,
               jsonb_agg(jsonb_build_array(st.action, st.list_role)) filter (where j.submitting_at <= :since) as earlier
        from change c join change_step st using (change_id) join mailjet_job j using (job_id)
        left join change before on before.change_id = c.reverses_change_id
        where {_QUARANTINE} <> all(array[c.kind, coalesce(before.kind, c.kind)]) and st.state in
        {sql_list(StepState.CONFIRMED, StepState.COMPENSATED)} and c.change_id in (
            select x.change_id from change_step x join mailjet_job xj using (job_id) where xj.submitting_at > :since)
        group by c.change_id
        """,
        since=since,
    )
    return tuple(
        OwnChange(
            was_on=frozenset(ListRole(place["list"]) for place in row["before"].get("places", ())),
            was_unsubscribed=any(place.get("unsubscribed") for place in row["before"].get("places", ())),
            was_excluded=bool(row["before"].get("is_excluded")),
            earlier=_steps(row["earlier"]),
            later=_steps(row["later"]),
        )
        for row in found
    )


def _steps(found: Sequence[Sequence[Any]] | None) -> frozenset[StepOnList]:
    return frozenset((StepAction(action), ListRole(role) if role else None) for action, role in found or ())


# Validations


def save_validation(
    connection: Connection,
    *,
    campaign_id: int,
    log_id: int,
    role: ListRole,
    scheduled_at: datetime,
    verdict: Severity,
    is_blocking: bool,
    left_because: str | None,
    results: Sequence[RuleResult],
    now: datetime,
) -> int:
    """Write a validation with its results. Returns its number."""
    validation_id = int(
        fetch_scalar(
            connection,
            """
            insert into campaign_validation (campaign_id, log_id, list_role, scheduled_at, validated_at, verdict,
                   is_blocking, left_because)
            values (:campaign, :log, :role, :scheduled, :now, :verdict, :blocking, :left_because)
            returning validation_id
            """,
            campaign=campaign_id,
            log=log_id,
            role=role.value,
            scheduled=scheduled_at,
            now=now,
            verdict=verdict.value,
            blocking=is_blocking,
            left_because=left_because,
        )
    )
    for result in results:
        execute(
            connection,
            """insert into campaign_validation_rule (validation_id, rule, severity, words, action, details)
               values (:validation, :rule, :severity, :words, :action, cast(:details as jsonb))""",
            validation=validation_id,
            rule=result.rule.value,
            severity=result.severity.value,
            words=result.words,
            action=result.action,
            details=to_json(dict(result.details)),
        )
    return validation_id


def finish_validation(connection: Connection, validation_id: int, now: datetime) -> None:
    """Its consequences are settled and people were told."""
    execute(
        connection,
        "update campaign_validation set finished_at = :now where validation_id = :id and finished_at is null",
        id=validation_id,
        now=now,
    )


def latest_validation(connection: Connection, campaign_id: int) -> StoredValidation | None:
    """The newest validation of a campaign, or None."""
    row = fetch_one(
        connection,
        "select * from campaign_validation where campaign_id = :campaign order by validation_id desc limit 1",
        campaign=campaign_id,
    )
    return None if row is None else _validation(connection, row)


def existing_validation(connection: Connection, validation_id: int) -> StoredValidation:
    """A validation whose number comes from a row of ours.

    Raises:
        MissingRowError: there is none.
    """
    statement = "select * from campaign_validation where validation_id = :id"
    return _validation(connection, fetch_row(connection, f"validation {validation_id}", statement, id=validation_id))


def _validation(connection: Connection, row: RowMapping) -> StoredValidation:
    found = {
        ValidationRule(each["rule"]): RuleResult(
            ValidationRule(each["rule"]), Severity(each["severity"]), each["words"], each["action"], each["details"]
        )
        for each in fetch_all(
            connection,
            "select * from campaign_validation_rule where validation_id = :id",
            id=row["validation_id"],
        )
    }
    return StoredValidation(
        validation_id=row["validation_id"],
        campaign_id=row["campaign_id"],
        log_id=row["log_id"],
        list_role=ListRole(row["list_role"]),
        scheduled_at=row["scheduled_at"],
        validated_at=row["validated_at"],
        verdict=Severity(row["verdict"]),
        is_blocking=row["is_blocking"],
        left_because=row["left_because"],
        finished_at=row["finished_at"],
        results=tuple(found[rule] for rule in ValidationRule if rule in found),
    )


def is_judged(connection: Connection, log_id: int) -> bool:
    """Whether a validation was written under a row of the ledger: then people are told by it."""
    return bool(
        fetch_scalar(connection, "select exists (select 1 from campaign_validation where log_id = :log)", log=log_id)
    )
