"""Taking back and correcting on a page: shown first, asked for by whoever signed in, carried out by a run; and the mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.run_requests.carrying_out import carry_out_request
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.pages.visiting import Browser, Shown


@dataclass
class Desk:
    """A service after a maintenance, and people at its pages."""

    small: Installation
    services: Services
    http: httpx.Client

    def person(self, role: Role = Role.REVIEWER, name: str = "Ada") -> Browser:
        return Browser.signed_in(self.services, self.http, role, name)

    def confirmed(self, who: Browser, path: str, **fields: str) -> Shown:
        """What somebody sees who opens a page and says yes."""
        return who.send(path, {**who.see(path).fields, **fields})

    def carried_out(self, who: Browser, asked: Shown) -> Shown:
        """The page of a request, once a run had it."""
        assert asked.status == 303, asked.words
        place = asked.answer.headers["location"]
        assert "waits for its run" in who.see(place).words
        carry_out_request(self.services, int(place.rpartition("/")[2]), quietly)
        return who.see(place)

    @property
    def requests(self) -> list[tuple[object, ...]]:
        return self.small.query("select kind, requested_by from run_request order by request_id")


@pytest.fixture
def desk(small: Installation) -> Iterator[Desk]:
    small.maintain()
    with served(small.services) as http:
        yield Desk(small, small.services, http)


def test_a_maintenance_is_taken_back_and_done_again_after_somebody_saw_what_would_happen(desk: Desk) -> None:
    ada, small = desk.person(), desk.small
    suppressed = small.account.ids(*HARD, COMPLAINED)
    campaign, undo = f"/admin/campaigns/{small.key}", f"/admin/campaigns/{small.key}/undo?sweep=24h"
    assert undo in ada.see(campaign).links
    small.control.reset_requests()
    before = ada.see(undo).words
    assert f"{len(suppressed) - 1} contacts suppressed: back onto the lists that they were on" in before
    assert "1 stays as it is: complained about spam" in before
    stale = desk.confirmed(ada, undo, shown="0" * 64, note="all well")
    assert (stale.status, "something else by now than the page showed" in stale.words) == (409, True)
    assert desk.requests == []

    asked = desk.confirmed(ada, undo, note="the wrong list")
    assert small.control.requests() == {}
    assert desk.requests == [("undo", "Ada")]
    done = desk.carried_out(ada, asked)
    assert "taken back" in done.words
    assert "“the wrong list”" in done.words
    assert small.members(ListRole.SUPPRESSION) & suppressed == small.account.ids(COMPLAINED)
    assert asked.answer.headers["location"] in ada.see("/admin/audit?by=ada").links

    redo = undo.replace("/undo?", "/redo?")
    assert redo in ada.see(campaign).links
    assert "suppressed again" in ada.see(redo).words
    desk.carried_out(ada, desk.confirmed(ada, redo))
    small.assert_suppressed(suppressed)
    assert redo not in ada.see(campaign).links


def test_somebody_is_brought_back_and_who_complained_only_where_that_is_ticked(desk: Desk) -> None:
    ada, people = desk.person(), desk.small.account.people
    one = f"/admin/contacts/{people[HARD[0]]}"
    assert f"{one}/reinstate" in ada.see(one).links
    assert "done" in desk.carried_out(ada, desk.confirmed(ada, f"{one}/reinstate", note="wrote to us")).words
    assert ListRole.SUPPRESSION not in desk.small.places(people[HARD[0]])
    assert f"{one}/reinstate" not in ada.see(one).links
    assert ada.see(f"{one}/reinstate", status=404)

    complained = f"/admin/contacts/{people[COMPLAINED]}/reinstate"
    refused = desk.confirmed(ada, complained)
    assert (refused.status, "complained about spam" in refused.words) == (409, True)
    assert "done" in desk.carried_out(ada, desk.confirmed(ada, complained, despite_complaint="on")).words


def test_a_quarantine_is_ended_and_a_contact_suppressed(desk: Desk) -> None:
    ada, person = desk.person(), desk.small.account.people[7]
    path = f"/admin/contacts/{person}"
    quarantine_by_hand(desk.services, [person], days=3, by="Grace", note="a try", progress=quietly)
    assert f"{path}/release" in ada.see(path).links
    assert "done" in desk.carried_out(ada, desk.confirmed(ada, f"{path}/release")).words
    assert person not in desk.small.excluded()
    assert f"{path}/release" not in ada.see(path).links

    assert desk.confirmed(ada, f"{path}/suppress", note="").status == 409
    assert "done" in desk.carried_out(ada, desk.confirmed(ada, f"{path}/suppress", note="asked by phone")).words
    desk.small.assert_suppressed({person})


def test_whoever_may_not_decide_sees_what_would_happen_and_asks_for_nothing(desk: Desk) -> None:
    key, person = desk.small.key, desk.small.account.people[HARD[0]]
    for role in (Role.READER, Role.OPERATOR):
        looking = desk.person(role, role.value.title())
        for path in (f"/admin/campaigns/{key}/undo", f"/admin/contacts/{person}/reinstate"):
            assert "may look, not decide" in looking.see(path).words
            token = looking.see("/admin/contacts").fields["form_token"]
            assert looking.send(path, {"form_token": token, "note": "x"}).status == 403
    ada = desk.person()
    assert ada.send(f"/admin/campaigns/{key}/undo", {}, origin="https://elsewhere.example").status == 403
    assert desk.requests == []


def test_anybody_who_starts_work_stops_everything_and_only_an_administrator_lets_it_go_on(desk: Desk) -> None:
    looking, working = desk.person(Role.READER, "Linus"), desk.person(Role.OPERATOR, "Ken")
    deciding, leading = desk.person(), desk.person(Role.ADMINISTRATOR, "Grace")
    seen = leading.see("/admin/mode").fields
    refused = looking.send("/admin/mode", {**looking.see("/admin/contacts").fields, "mode": "read_only"})
    assert refused.status == 403
    stopped = working.send("/admin/mode", {**working.see("/admin/mode").fields, "mode": "read_only", "note": "odd"})
    assert "Everything is stopped" in working.see(stopped.answer.headers["location"]).words
    assert operating_mode(desk.services) is Mode.READ_ONLY
    assert "/admin/mode" in working.see("/admin/waiting").links

    assert deciding.send("/admin/mode", {**deciding.see("/admin/contacts").fields, "mode": "auto"}).status == 403
    late = leading.send("/admin/mode", {**seen, "mode": "auto"})
    assert (late.status, "another one by now" in late.words) == (409, True)
    assert leading.send("/admin/mode", {**leading.see("/admin/mode").fields, "mode": "everything"}).status == 409
    assert operating_mode(desk.services) is Mode.READ_ONLY
    blocked = deciding.see(f"/admin/campaigns/{desk.small.key}/undo")
    assert "It would be refused" in blocked.words
    assert desk.confirmed(deciding, f"/admin/campaigns/{desk.small.key}/undo").status == 409

    asked = {**leading.see("/admin/mode").fields, "mode": "auto", "note": "looked at it"}
    again = leading.send("/admin/mode", asked)
    assert "You set the mode" in leading.see(again.answer.headers["location"]).words
    assert operating_mode(desk.services) is Mode.AUTO
    history = leading.see("/admin/mode").words
    assert "Ken: nothing is changed. “odd”" in history
    assert "Grace: automatic. “looked at it”" in history
