"""What there is to repair after a campaign, read from the failures of several campaigns."""

from __future__ import annotations

import pytest

from list_pipeline.core.bounces.classes import BounceReason
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.sender_faults.listing import FaultTrend
from list_pipeline.operations.bounces.fetch import fetch_bounces
from list_pipeline.operations.sender_faults.listing import faults_after, faults_listed
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import SENDER_FAULT, Installation


def test_the_refused_contact_is_listed_with_its_cause(small: Installation) -> None:
    run = small.begin()
    assert faults_after(small.services, run.campaign, run.sweep) == ()
    fetch_bounces(small.services, run.campaign, run.sweep)
    (found,) = faults_after(small.services, run.campaign, run.sweep)
    assert (found.reason, found.contacts) == (BounceReason.SENDER_BLOCKED, 1)
    assert found.advice
    assert faults_after(small.services, run.campaign, Sweep.H72) == ()


def test_earlier_campaigns_that_were_read_whole_are_compared(small: Installation) -> None:
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    (found,) = faults_after(small.services, run.campaign, run.sweep)
    assert (set(found.before), found.trend) == ({0}, FaultTrend.NEW)

    change(
        small,
        """
        insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,
                                  in_message_log)
        select f.campaign_id, f.sweep, :contact, f.fetched_at, 'block', 'sender_blocked', true, true
        from bounce_fetch f join campaign_schedule s on s.id = f.campaign_id where s.id <> :id
        order by s.send_start_at limit 1
        """,
        contact=small.account.people[SENDER_FAULT],
        id=run.campaign.campaign_id,
    )
    (again,) = faults_after(small.services, run.campaign, run.sweep)
    assert again.before == (1, *found.before[1:])
    assert again.trend is FaultTrend.AS_BEFORE

    change(small, "update bounce_fetch set is_complete = false where campaign_id <> :id", id=run.campaign.campaign_id)
    (alone,) = faults_after(small.services, run.campaign, run.sweep)
    assert (alone.before, alone.trend) == ((), FaultTrend.UNKNOWN)


def test_an_erased_contact_is_counted_without_its_domain(small: Installation) -> None:
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    change(
        small,
        "update contact_list_membership set is_anonymised = true, email = 'erased' where contact_id = :id",
        id=small.account.people[SENDER_FAULT],
    )
    (found,) = faults_after(small.services, run.campaign, run.sweep)
    assert (found.operator, found.contacts) == ("other domains", 1)


def test_without_a_key_it_is_the_campaign_that_was_read_last(small: Installation) -> None:
    run = small.begin()
    with pytest.raises(NotFoundError, match="no failures were read of it"):
        faults_listed(small.services, run.campaign.key)
    with pytest.raises(NotFoundError):
        faults_listed(small.services, "2020-01-01-r1-1")
    earlier = faults_listed(small.services, None)
    assert (earlier.campaign_key != run.campaign.key, earlier.contacts) == (True, 0)

    fetch_bounces(small.services, run.campaign, run.sweep)
    found = faults_listed(small.services, None)
    assert found == faults_listed(small.services, run.campaign.key)
    assert (found.campaign_key, found.contacts) == (run.campaign.key, 1)

    change(small, "delete from bounce_fetch")
    with pytest.raises(NotFoundError, match="no campaign's failures were read yet"):
        faults_listed(small.services, None)


def change(made: Installation, statement: str, **parameters: object) -> None:
    with made.services.database.begin() as connection:
        execute(connection, statement, **parameters)
