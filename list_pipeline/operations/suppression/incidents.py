"""The incident test of a campaign, and what its past says: counting, remembering, and who was held when.

Does not belong here: chances and verdicts (``core.incidents``), and the SQL of counting (``storage.incidents``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.incidents.groups import DomainCount, Group, GroupKind, count_groups
from list_pipeline.core.incidents.operators import OPERATORS, Operators
from list_pipeline.core.incidents.policy import IncidentPolicy
from list_pipeline.core.incidents.strata import TestedGroup, examine, holding_group, remembered
from list_pipeline.core.incidents.usual import PastCount, usual_of
from list_pipeline.operations.access import Storing
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.storage import incidents as incident_rows


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
    count_earlier(services, campaign_id, as_of, policy)
    with services.database.begin() as connection:
        return _examine(connection, campaign_id, sweep, as_of, policy)


def count_earlier(services: Storing, campaign_id: int, as_of: datetime, policy: IncidentPolicy) -> None:
    """Count the campaigns sent before this one that were read whole and never counted, each in a transaction of its own: they
    say what is usual. The arguments are those of ``examine_campaign``."""
    with services.database.begin() as connection:
        earlier = incident_rows.uncounted(connection, campaign_id)
    for number, its_sweep in earlier:
        with services.database.begin() as connection:
            _examine(connection, number, its_sweep, as_of, policy)


def _examine(
    connection: Connection, campaign_id: int, sweep: str, as_of: datetime, policy: IncidentPolicy
) -> tuple[TestedGroup, ...]:
    incident_rows.lock_counts(connection)
    operators = operators_of(connection)
    domains = incident_rows.established_by_domain(connection, campaign_id, sweep, as_of)
    tested, kept = judge_counts(domains, incident_rows.past_counts(connection, campaign_id), policy, operators)
    incident_rows.keep_counts(connection, campaign_id, kept)
    return tested


def judge_counts(
    domains: Iterable[DomainCount], past: Iterable[Sequence[PastCount]], policy: IncidentPolicy, operators: Operators
) -> tuple[tuple[TestedGroup, ...], tuple[PastCount, ...]]:
    """The test of a campaign, and what is to be remembered of it.

    Args:
        domains: its established contacts by domain.
        past: what is remembered of each campaign before it, oldest first.
        policy: the figures. operators: who runs the mail of a domain.
    """
    counts = count_groups(domains, operators, policy)
    tested = examine(counts, usual_of(past, operators, policy), operators, policy)
    return tested, remembered(counts, tested, policy)


def held_before(
    connection: Connection,
    failures: Collection[tuple[int, int]],
    domains: Mapping[int, str],
    told: Mapping[int, frozenset[Group]] | None = None,
) -> Mapping[tuple[int, int], Group]:
    """The failures that were part of an incident, with the group that held each.

    Args:
        failures: campaign and contact of each.
        domains: contact id to receiving domain; a contact whose domain is not known was in no incident.
        told: the flagged groups of each campaign that had any; None: as they are kept.
    """
    flagged = incident_rows.flagged_in(connection, {one for one, _ in failures}) if told is None else told
    if not flagged:
        return {}
    operators = operators_of(connection)
    groups = {
        (campaign_id, contact_id): holding_group(domains[contact_id], flagged[campaign_id], operators)
        # Where DNS told the operator since, the contact was in the pool then.
        or holding_group(domains[contact_id], flagged[campaign_id], OPERATORS)
        for campaign_id, contact_id in failures
        if campaign_id in flagged and contact_id in domains
    }
    return {failure: group for failure, group in groups.items() if group is not None}


def reached_at(
    connection: Connection,
    held: Mapping[tuple[int, int], Group],
    domains: Mapping[int, str],
    as_of: datetime,
) -> Mapping[int, datetime]:
    """The start of the last send that reached anybody at a contact's domain (UTC), for the contacts that were in an incident of
    their domain alone; nothing follows for others, so they are not asked about."""
    concerned = {contact_id for (_, contact_id), group in held.items() if group.kind is GroupKind.DOMAIN}
    found = incident_rows.last_reached(connection, {domains[one] for one in concerned}, as_of)
    return {one: found[domains[one]] for one in concerned if domains[one] in found}
