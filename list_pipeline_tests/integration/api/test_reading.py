"""What can be read over HTTP: page by page, filtered, masked, and as the command line shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import Role
from list_pipeline.operations.reviews import decisions
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import (
    HARD,
    SENDER_FAULT,
    Account,
    Installation,
    copy_database,
    installation,
)
from list_pipeline_tests.integration.api.serving import Api, served

HOSTILE = "<script>alert(1)</script>\x1b[31m jane.doe@example.com \u202e"


@dataclass
class World:
    """An installation whose last campaign was maintained until a plan waits, and clients of its service."""

    made: Installation
    api: Api

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.api.ask(Role.READER, "GET", f"/api/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def pages(self, path: str, name: str) -> list[Any]:
        """Everything below a path, one entry a page."""
        found, after = [], 0
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=1&after={after}")
            assert len(page[name]) <= 1
            found += page[name]
            after = page["nextAfter"]
        return found


@pytest.fixture(scope="module")
def world(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    name = "list_pipeline_test_api_reading"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(hand_made, tmp_path_factory.mktemp("reading"), with_database(admin, name)) as made:
        made.maintain(made.another(list_management_mode="approval_required"))
        with made.services.database.begin() as connection:
            execute(connection, "update campaign_schedule set campaign_name = :name where id = 1", name=HOSTILE)
        with served(made.services) as http:
            yield World(made, Api(made.services, http))
    drop_database(admin, name)


PAGED: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "campaigns": ("campaigns", lambda one: one["number"], "select id from campaign_schedule"),
    "plans": ("plans", lambda one: one["number"], "select plan_id from plan"),
    "reviews?status=open": ("reviews", lambda one: one["reviewId"], "select review_id from review_item"),
    "list-management/logs": ("logs", lambda one: one["number"], "select id from list_maintenance_log"),
    "list-management/health-checks": ("checks", lambda one: one["number"], "select id from list_health_check"),
    "validations": ("validations", lambda one: one["number"], "select validation_id from campaign_validation"),
    "quarantined": ("quarantined", lambda one: -one["contactId"], "select -contact_id from quarantine"),
}


@pytest.mark.parametrize("path", PAGED)
def test_pages_show_everything_once_the_newest_first(path: str, world: World) -> None:
    name, number, stored = PAGED[path]
    found = [number(one) for one in world.pages(path, name)]
    assert found == sorted((one for (one,) in world.made.query(stored)), reverse=True)
    world.get(f"{path}{'&' if '?' in path else '?'}limit=201", 422)
    world.get(f"{path}{'&' if '?' in path else '?'}after=-1", 422)


def test_campaigns_are_filtered_by_state_list_and_cycle(world: World) -> None:
    everything = world.get("campaigns")["campaigns"]
    assert {one["status"] for one in world.get("campaigns?status=SENT")["campaigns"]} == {"SENT"}
    assert world.get("campaigns?status=BLOCKED")["campaigns"] == []
    for on_list in ("campaign_1", "campaign_3"):
        found = world.get(f"campaigns?list={on_list}")["campaigns"]
        assert [one["number"] for one in found] == [one["number"] for one in everything if one["list"] == on_list]
    assert world.get("campaigns?list=master")["campaigns"] == []
    found = world.get("campaigns?cycle=2")["campaigns"]
    assert [one["number"] for one in found] == [one["number"] for one in everything if one["cycle"] == 2]
    world.get("campaigns?status=sent", 422)
    world.get("campaigns?list=7", 422)


def test_a_campaign_is_told_in_the_order_in_which_it_happened(world: World) -> None:
    key = world.made.key
    story = world.get(f"campaigns/{key}")["story"]
    assert story["campaign"]["key"] == key
    assert [one["status"] for one in story["runs"]] == ["pending_review"]
    assert [(one["kind"], one["status"]) for one in story["plans"]] == [("suppression", "pending_review")]
    assert [one["plan"] for one in story["questions"]] == [story["plans"][0]["number"]]
    assert [one["at"] for one in story["timeline"]] == sorted(one["at"] for one in story["timeline"])
    assert [one["what"] for one in story["timeline"]][:1] == ["sent"]
    assert {"run_begun", "run_ended", "planned", "asked"} <= {one["what"] for one in story["timeline"]}
    world.get("campaigns/2020-01-01-r1-7", 404)


def test_lists_have_their_sizes_and_states(world: World) -> None:
    shown = world.get("lists")
    assert [one["list"] for one in shown["lists"]] == [role.value for role in ALL_LISTS]
    sizes = {one["list"]: one["raw"] for one in shown["lists"]}
    assert sizes == {role.value: len(world.made.members(role)) for role in ALL_LISTS}
    assert {one["machine"] for one in shown["lists"][1]["states"]} == {"health", "lifecycle"}
    assert shown["deviationPercent"] == 0.0


def test_a_contact_is_found_by_id_and_by_an_address_that_no_answer_repeats(world: World) -> None:
    person = world.made.account.people[HARD[0]]
    address = world.made.control.contact(person)["email"]
    by_id = world.get(f"contacts/{person}")
    found = world.api.ask(Role.READER, "POST", "/api/contacts/search", json={"contact": f" {address.upper()} "})
    assert (found.status_code, found.json()) == (200, by_id)
    card = by_id["card"]
    assert card["contactId"] == person
    assert "***" in card["headline"]
    assert card["stored"]["verdict"]["rule"] == "hard_bounce"
    nobody = world.api.ask(Role.READER, "POST", "/api/contacts/search", json={"contact": "jane.doe@example.com"})
    assert nobody.status_code == 404
    for text in (found.text, nobody.text, str(world.made.logs)):
        assert address.lower() not in text.lower()
        assert "jane.doe" not in text
    world.get("contacts/999", 404)
    world.get(f"contacts/{address}", 422)


def test_who_refused_us_and_the_figures_of_a_window_are_shown(world: World) -> None:
    faults = world.get("sender-faults")
    assert (faults["campaign"], faults["contacts"]) == (world.made.key, len([SENDER_FAULT]))
    world.get("sender-faults?campaign=2020-01-01-r1-7", 404)
    figures = world.get("metrics?days=7")["metrics"]
    assert [one["workflow"] for one in figures["workflows"]] == ["post_campaign_maintenance"]
    assert len(figures["rollbackTriggers"]) == 3
    world.get("metrics?days=0", 422)


def test_other_rules_are_asked_page_by_page(world: World) -> None:
    whole = world.get("replay?campaigns=6&rules=ours&rules=listmonk")
    assert [one["name"] for one in whole["replay"]["ruleSets"]] == ["ours", "listmonk"]
    assert len(whole["replay"]["campaigns"]) == 6
    found, after = [], 0
    while after is not None:
        page = world.get(f"replay?campaigns=6&rules=ours&rules=listmonk&limit=1&after={after}")
        found += page["replay"]["differences"]
        after = page["nextAfter"]
    assert found == whole["replay"]["differences"]
    changed = world.get("replay?campaigns=1&rules=ours&set=grace_days%3D90")
    assert len(changed["replay"]["ruleSets"]) == 2
    world.get("replay?set=nonsense", 422)
    world.get("replay?rules=nonsense", 409)
    world.get("replay?campaigns=13", 422)
    assert world.get("shadows")["shadows"] == []


def test_who_did_what_is_told_page_by_page(world: World) -> None:
    made = world.made
    plan = made.plan(PlanKind.SUPPRESSION)
    with made.services.database.begin() as connection:
        execute(
            connection,
            "insert into mode_change (mode, changed_by, note, changed_at) values ('read_only', 'Ada', 'a stop', :now)",
            now=made.clock.now(),
        )
    found, cursor = [], ""
    while cursor is not None:
        page = world.get(f"audit?limit=1{f'&cursor={cursor}' if cursor else ''}")
        found += page["entries"]
        cursor = page["nextCursor"]
    assert found == world.get("audit")["entries"]
    assert {"token_made", "lists_confirmed", "mode_read_only"} <= {one["what"] for one in found}
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    (stop,) = world.get("audit?by=ada")["entries"]
    assert (stop["by"], stop["note"]) == ("Ada", "a stop")
    decisions.reject(made.services, plan.plan_id, by="Linus", note="a test")
    (rejected,) = world.get(f"audit?campaign={made.key}")["entries"]
    assert (rejected["what"], rejected["by"], rejected["number"]) == ("plan_rejected", "Linus", plan.plan_id)
    assert world.get("audit?since=2030-01-01T00:00:00Z")["entries"] == []
    for cursor in ("nonsense", "WzEsMiwzXQ==", "e30=", "%00"):
        assert world.api.ask(Role.READER, "GET", f"/api/audit?cursor={cursor}").status_code in (409, 422)


def test_markup_control_characters_and_addresses_in_a_stored_name_do_no_harm(world: World) -> None:
    answer = world.api.ask(Role.READER, "GET", "/api/campaigns")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (name,) = [one["name"] for one in answer.json()["campaigns"] if one["number"] == 1]
    assert "jane.doe" not in answer.text
    assert "[address]" in name
    assert not {"\x1b", "\u202e"} & set(name)
    assert "\\u001b" not in answer.text
