"""What a maintenance costs in requests to Mailjet: it depends on the failures, hardly on the size of the account.

The membership sync is an asset of its own and counted apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.runs.run import current
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.e2e.rehearsals import Rehearsal, Templates

pytestmark = pytest.mark.long

LARGE = 9500
"""Contacts of the account that the tests of size share: three lists of some 3,000, several pages each."""


@dataclass(frozen=True)
class Cost:
    """Requests to Mailjet of one maintenance, without those of the sync inside it, and its outcome."""

    by_resource: Counter[str]
    in_sync: int
    suppressed: int
    failed_contacts: int

    @property
    def total(self) -> int:
        return self.by_resource.total() - self.in_sync


def cost_of_maintenance(account: Rehearsal) -> Cost:
    """Maintain what is due, counting what arrives at the sandbox."""
    account.control.reset_requests()
    synced = account.scalar("select coalesce(sum(requests), 0) as n from sync_run")
    (maintained,) = account.maintain_due()
    assert maintained.report.facts.status == "success"
    others = ("POST api/", "POST v1/", "POST v1beta/")
    counts = {name: n for name, n in account.control.requests().items() if not name.startswith(others)}
    in_sync = account.scalar("select coalesce(sum(requests), 0) as n from sync_run") - synced
    facts = maintained.report.facts
    return Cost(Counter(counts), int(in_sync), facts.suppression.confirmed_total, sum(facts.bounces.values()))


def _seed(contacts: int, balance: str = "even") -> dict[str, object]:
    return {
        "scenario": "closed_cycle",
        "contacts": contacts,
        "seed": 7,
        "last_send_failures": "constant",
        "balance": balance,
        "schedule_next": False,
    }


@pytest.mark.slow
def test_an_account_of_9500_costs_what_one_of_3600_costs_but_for_the_pages_of_who_left(templates: Templates) -> None:
    found = {}
    for contacts in (3600, LARGE):
        with templates.rehearsal(seed=_seed(contacts)) as account:
            found[contacts] = cost_of_maintenance(account)
    small, large = found[3600], found[LARGE]
    assert small.failed_contacts == large.failed_contacts > 100
    assert small.suppressed == large.suppressed > 40
    pages = LARGE // 3 // 950
    more = large.total - small.total
    assert 0 <= more <= pages, f"those who left stand on more pages of a longer list: {small} against {large}"
    assert set(large.by_resource - small.by_resource) == {"GET listrecipient"}
    # The receivers' words that are read come on top, a sample of certain failures among them: one request each.
    assert large.total - large.by_resource["GET messagehistory/{id}"] < 70


def _suppress_many(account: Rehearsal, failing: int) -> tuple[str, int]:
    """Mail the first list so that this many of it complain, and maintain that campaign; its key."""
    first = account.campaign_lists[0]
    account.maintain_due()
    people = account.people()
    mailable = [
        contact_id
        for contact_id, row in sorted(account.members(first).items())
        if not row["IsUnsubscribed"] and not people[contact_id]["IsExcludedFromCampaigns"]
    ]
    assert len(mailable) >= 3000
    dead = mailable[:: len(mailable) // failing][:failing]
    campaign = account.control.send(
        first, "Client letter 4", profile="clean", outcomes=dict.fromkeys(dead, "complained")
    )
    account.pass_time(hours=1)
    account.synchronise()
    account.pass_time(hours=25)
    account.synchronise()
    account.control.reset_requests()
    (due,) = account.due()
    assert due.campaign_key == account.key_of(campaign)
    account.maintain(due.campaign_key)
    return due.campaign_key, len(dead)


def test_suppressing_245_contacts_of_a_send_to_3000_takes_one_or_two_bulk_jobs(templates: Templates) -> None:
    with templates.rehearsal(seed=_seed(LARGE), suppression_cap_percent=20.0) as account:
        key, dead = _suppress_many(account, 245)
        run = current(account.services, key)
        executed = suppression.execute_suppressions(account.services, run)
        assert executed.confirmed >= dead == 245
        assert 1 <= executed.jobs <= 2
        posts = account.control.requests()["POST contact/managemanycontacts"]
        rebalancing_jobs = account.scalar(
            "select count(*) from mailjet_job j join plan p using (plan_id) where p.kind = 'rebalancing'"
            " and p.campaign_id = (select id from campaign_schedule where campaign_key = :key)",
            key=key,
        )
        assert posts == executed.jobs + rebalancing_jobs
        changing = account.changing_requests()
        assert set(changing) == {"POST contact/managemanycontacts"}, "one by one is not how many are changed"


def test_reading_the_bounces_takes_a_page_for_each_kind_and_no_more(account: Rehearsal) -> None:
    cost = cost_of_maintenance(account)
    # A page of ten rows or more is followed by a look whether anything comes after it.
    assert cost.by_resource["GET bouncestatistics"] <= 2
    assert cost.by_resource["GET message"] == len(bounces.FAILED_STATUSES) == 7
    assert cost.by_resource["GET statcounters"] <= 2
    assert sorted(name for name in cost.by_resource if "{id}" in name) == [
        "GET campaigndraft/{id}/schedule",
        "GET contact/managemanycontacts/{id}",
        "GET messagehistory/{id}",
    ]


def test_the_receivers_words_are_asked_for_once_for_each_failure_that_they_can_matter_for(account: Rehearsal) -> None:
    answers = account.control.answers()
    cost = cost_of_maintenance(account)
    (send,) = account.control.ledger(answers["last_campaign_id"])
    refused = [one for one in send["failures"] if one["state_id"] == 6]
    without_state = [one for one in send["failures"] if one["state_id"] not in range(1, 22)]
    questions = sum(len(answers[key]) for key in ("disputed_first_hit", "disputed_second_hit", "soft_pattern"))
    certain = sum(len(answers[key]) for key in ("hard", "incident_domain", "first_hit"))
    most = account.services.settings.bounce_texts_max
    asked = cost.by_resource["GET messagehistory/{id}"]
    assert questions + len(refused) + len(without_state) < most
    assert asked == min(most, questions + len(refused) + len(without_state) + certain)


def test_maintaining_again_asks_mailjet_nothing(account: Rehearsal) -> None:
    (maintained,) = account.maintain_due()
    account.control.reset_requests()
    account.maintain(maintained.report.facts.links.partition)
    others = ("POST api/", "POST v1/", "POST v1beta/")
    assert [name for name in account.control.requests() if not name.startswith(others)] == []
