"""The incident test of a campaign, and what its past says: counting, remembering, and who was held when.

Does not belong here: chances and verdicts (``core.incidents``), and the SQL of counting (``storage.incidents``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.incidents.groups import GroupKind, count_groups
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.incidents.policy import IncidentPolicy
from list_pipeline.core.incidents.strata import TestedGroup, examine, holding_group, remembered
from list_pipeline.core.incidents.usual import usual_of
from list_pipeline.operations.access import Storing
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage.bounces import PastAttempt


def examine_campaign(
    services: Storing, campaign_id: int, sweep: str, as_of: datetime, policy: IncidentPolicy
) -> tuple[TestedGroup, ...]:
    """Test a campaign for incidents, and remember what was counted; earlier campaigns that were not counted yet come first.

    Args:
        services: each campaign is counted in a transaction of its own, so that nobody waits for all of them.
        campaign_id: ours.
        sweep: the complete reading of the campaign's failures that counts.
        as_of: what happened later is not known yet.
        policy: the figures.
    """
    with services.database.begin() as connection:
        earlier = incident_rows.uncounted(connection, campaign_id)
    for number, its_sweep in (*earlier, (campaign_id, sweep)):
        with services.database.begin() as connection:
            tested = _examine(connection, number, its_sweep, as_of, policy)
    return tested


def _examine(
    connection: Connection, campaign_id: int, sweep: str, as_of: datetime, policy: IncidentPolicy
) -> tuple[TestedGroup, ...]:
    incident_rows.lock_counts(connection)
    domains = incident_rows.established_by_domain(connection, campaign_id, sweep, as_of)
    counts = count_groups(domains, OPERATORS, policy)
    usual = usual_of(incident_rows.past_counts(connection, campaign_id), OPERATORS, policy)
    tested = examine(counts, usual, OPERATORS, policy)
    incident_rows.keep_counts(connection, campaign_id, remembered(counts, tested, policy))
    return tested


def held_before(
    connection: Connection, past: Mapping[int, Sequence[PastAttempt]], domains: Mapping[int, str]
) -> Mapping[tuple[int, int], GroupKind]:
    """Campaign and contact of the past failures that were part of an incident, with the kind of the group that held them."""
    failed = {one.campaign_id for tries in past.values() for one in tries if one.failure is not None}
    flagged = incident_rows.flagged_in(connection, failed)
    found: dict[tuple[int, int], GroupKind] = {}
    for contact_id, tries in past.items():
        for one in tries:
            if one.failure is None or one.campaign_id not in flagged or contact_id not in domains:
                continue
            group = holding_group(domains[contact_id], flagged[one.campaign_id], OPERATORS)
            if group is not None:
                found[one.campaign_id, contact_id] = group.kind
    return found


def reached_at(
    connection: Connection,
    held: Mapping[tuple[int, int], GroupKind],
    domains: Mapping[int, str],
    as_of: datetime,
) -> Mapping[int, datetime]:
    """The start of the last send that reached anybody at a contact's domain (UTC), for the contacts that were in an incident of
    their domain alone; nothing follows for others, so they are not asked about."""
    concerned = {contact_id for (_, contact_id), kind in held.items() if kind is GroupKind.DOMAIN}
    found = incident_rows.last_reached(connection, {domains[one] for one in concerned}, as_of)
    return {one: found[domains[one]] for one in concerned if domains[one] in found}
