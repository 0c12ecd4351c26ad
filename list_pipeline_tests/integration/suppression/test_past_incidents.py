"""An incident of a past campaign is the same that the campaign's own plan held contacts for, as of any moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import find_incidents, is_incident
from list_pipeline.core.suppression.verdicts import CampaignContext
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.membership import members
from list_pipeline_tests.integration.accounts import Installation

POLICY = SuppressionPolicy()


def campaign_id(made: Installation) -> int:
    ((found,),) = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)
    return int(found)


def as_present(made: Installation, sweep: str, as_of: datetime) -> dict[str, int]:
    """Domain to hard bounces of the incidents that a plan of this campaign finds."""
    with made.services.database.begin() as connection:
        events = bounce_rows.events_of(connection, campaign_id(made), sweep)
        ids = [event.contact_id for event in events]
        domains = members.domains_of(connection, ids)
        per_domain = recipient_rows.recipients_per_domain(connection, campaign_id(made), ids)
    context = CampaignContext(campaign_id(made), 0, domains, per_domain, as_of)
    return {one.domain: one.hard_bounces for one in find_incidents(events, context, POLICY, as_of)}


def as_past(made: Installation, as_of: datetime) -> dict[str, int]:
    """Domain to hard bounces of the incidents that a plan of a later campaign knows of."""
    with made.services.database.begin() as connection:
        found = bounce_rows.bounces_by_domain(connection, [campaign_id(made)], as_of)
    return {one.domain: one.hard_bounces for one in found if is_incident(one.hard_bounces, one.recipients, POLICY)}


def test_as_of_every_moment_and_without_the_erased(seeded: Installation) -> None:
    seeded.decide_suppression()
    moments = [at for (at,) in seeded.query("select distinct occurred_at from bounce_event order by 1")]
    last = moments[-1]
    assert as_past(seeded, last)
    assert as_past(seeded, moments[0] - timedelta(seconds=1)) == {}
    for at in moments:
        assert as_past(seeded, at) == as_present(seeded, "24h", at)
    (domain,) = as_past(seeded, last)
    before = as_past(seeded, last)[domain]
    seeded.query(
        """update contact_list_membership set is_anonymised = true where contact_id = (
               select min(contact_id) from contact_list_membership join bounce_event using (contact_id)
               where bounce_class = 'hard' and lower(split_part(email, '@', 2)) = :domain) returning contact_id""",
        domain=domain,
    )
    assert as_past(seeded, last) == as_present(seeded, "24h", last)
    assert as_past(seeded, last).get(domain, 0) in (0, before - 1)


def test_a_later_reading_replaces_the_earlier_one(seeded: Installation) -> None:
    seeded.decide_suppression()
    (at,) = seeded.query("select max(occurred_at) from bounce_event")[0]
    assert as_past(seeded, at)
    seeded.query(
        """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
           select campaign_id, '72h', fetched_at + interval '2 days', true, 0 from bounce_fetch
           where campaign_id = :id returning 1""",
        id=campaign_id(seeded),
    )
    assert as_past(seeded, at) == as_present(seeded, "72h", at) == {}
