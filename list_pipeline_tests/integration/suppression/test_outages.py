"""An operator that knows its users no more for an evening, as in December 2020, and a company that is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from list_pipeline.core.evidence_card.card import answer
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.dns_server import dns_server

LARGE, COMPANY = 20, 4
"""Contacts at the operator on each list, and of the company."""


@dataclass
class World:
    """The small account with people of a large operator and of a company on every list, mailed for a cycle."""

    made: Installation
    google: dict[ListRole, list[int]] = field(default_factory=dict)
    company: dict[ListRole, list[int]] = field(default_factory=dict)
    letters: int = 2

    def settle(self) -> None:
        for role in CAMPAIGN_LISTS:
            for number in range(LARGE):
                self._join(self.google, f"{role.value}.{number}@{'gmail' if number % 2 else 'googlemail'}.com", role)
            for number in range(COMPANY):
                self._join(self.company, f"{role.value}.{number}@company-that-closed.example", role)

    def _join(self, group: dict[ListRole, list[int]], email: str, role: ListRole) -> None:
        lists = self.made.account.lists
        self.made.control.sign_up(email, lists.master)
        group.setdefault(role, []).append(self.made.control.sign_up(email, lists[role]))

    def round(self, role: ListRole, outcomes: Mapping[int, str] | None = None) -> None:
        """A send, and its maintenance a day later; the next may be sent two days after that."""
        made = self.made
        made.control.send(made.account.lists[role], f"Letter {self.letters}", profile="clean", outcomes=outcomes or {})
        made.clock.advance(timedelta(hours=25))
        synchronise(made.services, progress=quietly)
        workflow.maintain(made.services, made.key, run_id=made.key, progress=quietly)
        close_ended(made.services)
        made.clock.advance(timedelta(days=2))

    def cycle(self, dead: Iterable[int] = (), struck: Iterable[int] = ()) -> None:
        """The next letter to all three lists. ``dead`` bounce wherever they stand, ``struck`` those of the first list only."""
        self.letters += 1
        for role in CAMPAIGN_LISTS:
            outcomes = dict.fromkeys(dead, "user_unknown")
            if role is ListRole.CAMPAIGN_1:
                outcomes |= dict.fromkeys(struck, "user_unknown")
            self.round(role, outcomes)

    def suppressed(self) -> set[int]:
        return self.made.members(ListRole.SUPPRESSION)

    def questions(self) -> list[tuple[str, str]]:
        found = self.made.query(
            "select status, details ->> 'group' from review_item where kind = 'incident' order by 2"
        )
        return [(status, group) for status, group in found]


HOSTED = [f"shop-{number}.example" for number in range(LARGE)]
"""Companies with names of their own, whose mail lies with one operator."""


@dataclass
class HostedWorld(World):
    """The same where everybody at the operator is at a company's own domain."""

    def settle(self) -> None:
        for role in CAMPAIGN_LISTS:
            for domain in HOSTED:
                self._join(self.google, f"{role.value}@{domain}", role)


@pytest.fixture
def world(small: Installation) -> World:
    made = World(small)
    made.settle()
    made.cycle()
    return made


@pytest.mark.parametrize("is_blocked", [False, True], ids=["tried again", "blocked by Mailjet since"])
def test_nobody_good_is_suppressed_and_who_is_dead_goes_unasked(world: World, is_blocked: bool) -> None:
    world.made.control.set_switches(preblock_after_hard_bounce=is_blocked)
    before = world.suppressed()
    good, dead = world.google[ListRole.CAMPAIGN_1][2:10], set(world.google[ListRole.CAMPAIGN_1][:2])
    company = {one for members in world.company.values() for one in members}
    world.cycle(dead={*dead, *company}, struck=good)
    assert world.suppressed() - before == set()
    assert ("open", "Google") in world.questions()
    assert ("open", "company-that-closed.example") in world.questions()
    assert not set(good) & world.made.excluded()

    # Who is blocked is not tried again, whatever would become of it.
    world.cycle(dead=() if is_blocked else {*dead, *company})
    gone = world.suppressed() - before
    # Mailjet blocks whoever bounced at the operator: nobody can tell the dead from the others, and all of them stay.
    assert gone == company | (set() if is_blocked else dead)
    assert {status for status, _ in world.questions()} == {"resolved"}
    if not is_blocked:
        card = evidence_card(world.made.services, str(good[0]))
        assert answer(card)[0].startswith("Kept: the question about its incident ended by itself on ")
        assert answer(card)[0].endswith(" reached it, so the address works.")
        assert not [one for one in card.changed if one.change.startswith("a delivery since")]
    for _ in range(2):
        world.cycle()
        assert not set(good) & world.suppressed()


@pytest.mark.parametrize("is_asked", [True, False], ids=["DNS is asked", "nobody is asked"])
def test_companies_whose_mail_lies_with_one_operator_are_held_under_its_name_where_dns_is_asked(
    install_small: Install, is_asked: bool
) -> None:
    zone = {domain: {"MX": ["10 aspmx.l.google.com."]} for domain in HOSTED}
    with (
        dns_server(zone) as server,
        install_small(mail_host_resolver=server.address if is_asked else "") as made,
    ):
        world = HostedWorld(made)
        world.settle()
        world.cycle()
        struck = world.google[ListRole.CAMPAIGN_1][:8]
        before = world.suppressed()
        world.cycle(struck=struck)
        assert world.suppressed() == before
        assert world.questions() == [("open", "Google" if is_asked else "other domains")]
        held = {row[0] for row in made.query("select contact_id from plan_item where rule = 'incident'")}
        assert held == set(struck)
        for _ in range(2):
            world.cycle()
        assert world.suppressed() == before
        assert {status for status, _ in world.questions()} == {"resolved"}


def test_a_dirty_import_is_no_incident_and_is_suppressed_at_once(world: World) -> None:
    imported: dict[ListRole, list[int]] = {}
    for number in range(12):
        world._join(imported, f"bought.{number}@gmail.com", ListRole.CAMPAIGN_1)
    dirty = imported[ListRole.CAMPAIGN_1]
    before = world.suppressed()
    world.cycle(dead=dirty)
    assert world.suppressed() - before == set(dirty)
    assert world.questions() == []
    ((said,),) = world.made.query(
        "select concerns from (select ai_assessments -> 'reporting' ->> 'concerns' as concerns from list_maintenance_log) r"
        " where concerns like '%import%'"
    )
    assert "12 of 12 (100 %) contacts that nothing was delivered to before bounced hard: an import of bad" in said


def test_one_hard_bounce_of_a_contact_that_worked_is_a_first_hit_and_the_second_suppresses(world: World) -> None:
    world.made.control.set_switches(preblock_after_hard_bounce=False)
    before, lonely = world.suppressed(), world.google[ListRole.CAMPAIGN_2][0]
    world.cycle(dead=[lonely])
    assert world.suppressed() == before
    assert world.made.query("select action from plan_item where rule = 'first_hit'") == [("monitor",)]
    world.cycle(dead=[lonely])
    assert world.suppressed() - before == {lonely}


@pytest.mark.parametrize("is_counted", [True, False], ids=["took mail before", "never took any"])
def test_at_the_first_start_mailjets_count_of_deliveries_gives_grace(small: Installation, is_counted: bool) -> None:
    world = World(small)
    world.settle()
    synchronise(small.services, progress=quietly)
    new = world.google[ListRole.CAMPAIGN_1]
    known = small.query(
        "select delivered_count from contact_list_membership where contact_id = any(:ids) and delivered_counted_at is not null",
        ids=new,
    )
    assert known == [(0,)] * len(new)
    small.query(
        "update contact_list_membership set delivered_count = :count where contact_id = any(:ids) returning 1",
        ids=new,
        count=5 * is_counted,
    )
    before, lonely = world.suppressed(), new[:1]
    world.round(ListRole.CAMPAIGN_1, dict.fromkeys(lonely, "user_unknown"))
    assert world.suppressed() - before == (set() if is_counted else set(lonely))
    rule = small.query("select rule, action from plan_item where contact_id = :id", id=lonely[0])
    assert rule == ([("first_hit", "monitor")] if is_counted else [("hard_bounce", "suppress")])


def test_at_the_first_start_an_outage_among_contacts_that_mailjet_delivered_to_is_told(small: Installation) -> None:
    world = World(small)
    world.settle()
    synchronise(small.services, progress=quietly)
    new = world.google[ListRole.CAMPAIGN_1]
    small.query(
        "update contact_list_membership set delivered_count = 5 where contact_id = any(:ids) returning 1", ids=new
    )
    before = world.suppressed()
    world.round(ListRole.CAMPAIGN_1, dict.fromkeys(new[:10], "user_unknown"))
    assert world.suppressed() == before
    assert world.questions() == [("open", "Google")]
