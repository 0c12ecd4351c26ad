"""An operator that knows its users no more is told half an hour after the launch, by the test of the maintenance, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.campaign_stages.early_incidents import Look
from list_pipeline.core.campaign_stages.wrapup import Figure
from list_pipeline.core.lists import ListRole
from list_pipeline.operations.campaign_stages.wrapup import wrap_up
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.campaign_stages.test_wrapup import cards, sent
from list_pipeline_tests.integration.conftest import Install, PlayedOnce
from list_pipeline_tests.integration.pages.visiting import Browser
from list_pipeline_tests.integration.suppression.test_outages import LARGE, World

STRUCK = 10


def mail_a_cycle(made: Installation) -> tuple[dict[ListRole, list[int]], int]:
    """Twenty people of a large operator on every list, to whom a whole cycle was delivered; they, and its number."""
    world = World(made)
    world.settle()
    world.cycle()
    return world.google, world.letters


@pytest.fixture
def world(install: Install, played_once: PlayedOnce) -> Iterator[World]:
    """That account, on which nothing was told yet."""
    played = played_once(mail_a_cycle)
    with install(played.account, played.template) as made:
        google, letters = played.result
        yield World(made, google, letters=letters)


def launch(world: World, outcomes: dict[int, str]) -> str:
    """The next letter to the first list, half an hour ago; its key."""
    made = world.made
    made.control.send(
        made.account.lists[ListRole.CAMPAIGN_1], f"Letter {world.letters + 1}", profile="clean", outcomes=outcomes
    )
    made.clock.advance(timedelta(minutes=32))
    discover(made.services)
    made.control.reset_requests()
    return made.key


def struck(world: World) -> dict[int, str]:
    return dict.fromkeys(world.google[ListRole.CAMPAIGN_1][:STRUCK], "user_unknown")


def asked(made: Installation) -> dict[str, int]:
    return {
        name: count for name, count in made.control.requests().items() if name.startswith("GET ") and "api/" not in name
    }


def kept(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select look, requests, groups from early_incident_look")


def test_the_operator_is_named_with_its_numbers_and_the_maintenance_says_the_same(world: World) -> None:
    made, key = world.made, launch(world, struck(world))
    found = wrap_up(made.services, key)
    assert found.early is not None
    (google,) = found.early.groups
    assert (google.where, google.attempted, google.hard) == ("Google", LARGE, STRUCK)
    assert dict(google.reasons) == {"user_unknown": STRUCK}
    (card,) = cards(made, "Unusual Bounces at Google")
    assert f"{STRUCK} of {LARGE} contacts that worked before bounced hard at Google" in card
    assert made.query(
        "select is_important from notification where message_key like '%wrapup%' order by 1 desc limit 1"
    ) == [(True,)]
    made.clock.advance(timedelta(hours=24))
    synchronise(made.services, progress=quietly)
    made.maintain()
    flagged = made.query(
        """select i.name, i.attempted, i.hard from incident_count i join campaign_schedule s on s.id = i.campaign_id
           where s.campaign_key = :k and i.is_flagged""",
        k=key,
    )
    assert ("Google", LARGE, STRUCK) in flagged


def test_nothing_follows_for_anybody_and_the_test_of_the_maintenance_is_not_anticipated(world: World) -> None:
    made = world.made
    before = (world.suppressed(), made.excluded())
    key = launch(world, struck(world))
    wrap_up(made.services, key)
    assert (world.suppressed(), made.excluded()) == before
    assert made.changing_requests() == {}
    for table in ("bounce_fetch", "bounce_event", "incident_count", "plan"):
        of_it = (
            f"select count(*) from {table} t join campaign_schedule s on s.id = t.campaign_id where s.campaign_key = :k"
        )
        assert made.query(of_it, k=key) == [(0,)], table


def test_it_costs_as_many_requests_as_are_documented_and_is_looked_at_once(world: World) -> None:
    made, key = world.made, launch(world, struck(world))
    found = wrap_up(made.services, key)
    requests = asked(made)
    # The figures of the wrap-up, of the recipients and of the bounces; one page of all messages, seven by their status; a
    # page of the bounce log, and the one that shows that nothing follows.
    assert requests == {"GET statcounters": 3, "GET message": 8, "GET bouncestatistics": 2}
    assert found.early is not None
    assert found.early.requests == sum(requests.values()) - 1
    made.control.reset_requests()
    again = wrap_up(made.services, key)
    assert (again.early, again.delivery) == (found.early, None)
    assert asked(made) == {}
    assert len(cards(made, "Unusual Bounces")) == 1


def test_scattered_bounces_and_those_of_newcomers_flag_nobody(world: World) -> None:
    made = world.made
    new = [made.control.sign_up(f"new-{n}@gmail.com", made.account.lists.campaign_1) for n in range(8)]
    scattered = [made.account.people[number] for number in (1, 4)]
    found = wrap_up(made.services, launch(world, dict.fromkeys([*new, *scattered], "user_unknown")))
    assert found.early is not None
    assert (found.early.look, found.early.groups) == (Look.READ, ())
    assert not cards(made, "Unusual Bounces")


def test_what_cannot_be_read_is_said_and_the_wrap_up_goes_out(world: World) -> None:
    made, key = world.made, launch(world, struck(world))
    made.control.add_fault("drop_before", path="bouncestatistics", count=None)
    found = wrap_up(made.services, key)
    assert found.early is not None
    assert found.early.look is Look.UNREAD
    (card,) = cards(made, "Campaign Wrap-Up")
    assert "Whether a mail operator stands out is not known" in card
    made.control.clear_faults()
    assert wrap_up(made.services, key).early == found.early
    ((look, _, groups),) = kept(made)
    assert (look, groups) == ("unread", [])


def test_a_bounce_log_that_is_late_does_not_hide_what_the_messages_show(world: World) -> None:
    made, key = world.made, launch(world, struck(world))
    made.control.set_switches(bounce_log_lag_seconds=7_200.0)
    found = wrap_up(made.services, key)
    assert found.early is not None
    assert [one.where for one in found.early.groups] == ["Google"]


def test_messages_that_lag_behind_the_counters_are_no_reading(world: World) -> None:
    made, key = world.made, launch(world, struck(world))
    made.control.set_switches(bounce_lag_seconds=7_200.0)
    found = wrap_up(made.services, key)
    assert found.early is not None
    assert found.early.look is Look.UNREAD
    assert "10 messages bounced hard by the counters, 0 were read" in found.early.why
    assert found.delivery is not None


def test_a_send_without_hard_bounces_costs_one_request_only(small: Installation) -> None:
    key = sent(small, p1="user_unknown", p2="user_unknown")
    small.control.reset_requests()
    found = wrap_up(small.services, key)
    assert asked(small) == {"GET statcounters": 1}
    assert found.early is not None
    assert (found.early.look, found.early.requests) == (Look.TOO_FEW, 0)


def test_a_wrap_up_that_was_told_before_is_not_looked_at_afterwards(small: Installation) -> None:
    key = sent(small, p1="user_unknown")
    wrap_up(small.services, key)
    small.query("delete from early_incident_look returning 1")
    small.control.reset_requests()
    assert wrap_up(small.services, key).early is None
    assert asked(small) == {}


def test_the_page_and_the_api_show_what_was_found_with_the_picture(world: World) -> None:
    made = world.made
    key = launch(world, struck(world))
    wrap_up(made.services, key)
    with served(made.services) as http:
        shown = Browser.signed_in(made.services, http).see(f"/admin/campaigns/{key}")
    assert f"{STRUCK} of {LARGE} contacts that worked before bounced hard at Google" in shown.words
    assert 'aria-label="Rates beside those of earlier sends"' in shown.answer.text
    assert "Same list: " in shown.words
    assert all(figure.label in shown.words for figure in Figure)
