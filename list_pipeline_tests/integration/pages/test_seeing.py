"""What the pages show: every number as the database has it, each of a marketer's questions answered, and nothing that harms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import Role
from list_pipeline.core.wording import percent_text
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import HARD, Account, Installation, copy_database, installation, quietly
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.pages.visiting import Browser, Shown

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m jane.doe@example.com \u202e{{ 7 * 7 }}"


@dataclass
class World:
    """An installation whose last campaign was maintained to the end, and somebody who looks at it."""

    made: Installation
    browser: Browser

    def see(self, path: str, status: int = 200) -> Shown:
        return self.browser.see(f"/admin/{path}", status)

    def number(self, statement: str) -> int:
        ((found,),) = self.made.query(statement)
        return int(found)


@pytest.fixture(scope="module")
def world(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    name = "list_pipeline_test_pages_seeing"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(hand_made, tmp_path_factory.mktemp("seeing"), with_database(admin, name)) as made:
        made.maintain()
        made.clock.advance(datetime(2026, 11, 16, 10, 30, tzinfo=UTC) - made.clock.now())
        check_week(made.services, progress=quietly)
        # Somebody who was suppressed long ago is put back by hand, so that a campaign is blocked.
        made.put_on(ListRole.CAMPAIGN_1, made.account.people[62])
        made.exclude(made.account.people[62], False)
        schedule(made, made.clock.now().replace(minute=0) + timedelta(hours=6))
        (key,) = discover_upcoming(made.services).new
        validate(made.services, key)
        with served(made.services) as http:
            yield World(made, Browser.signed_in(made.services, http, Role.READER, name="Ada"))
    drop_database(admin, name)


def test_sizes_of_the_lists_are_those_of_the_database(world: World) -> None:
    shown = world.see("waiting").words
    for role in ALL_LISTS:
        assert f"{role.label} " in shown
    raw = [len(world.made.members(role)) for role in ALL_LISTS]
    cells = world.see("waiting").answer.text.split('<td class="number">')
    assert [int(cells[2 + 2 * place].split("<")[0].replace(",", "")) for place in range(len(raw))] == raw


def test_the_link_of_a_slack_message_leads_to_the_maintenance_with_its_figures(world: World) -> None:
    number = world.number("select max(id) from list_maintenance_log where contacts_suppressed > 0")
    shown = world.see(f"list-management/{number}")
    suppressed = world.number(f"select contacts_suppressed from list_maintenance_log where id = {number}")
    assert f"Suppressed {suppressed}" in shown.words
    assert "The report" in shown.words
    assert f"/admin/plans/{world.made.plan(PlanKind.SUPPRESSION).plan_id}" in shown.links
    assert f"/admin/campaigns/{world.made.key}" in shown.links
    before = world.number(
        "select mailable_count from list_snapshot where phase = 'before' and list_role = 'campaign_1'"
    )
    assert f"List 1 {before:,}" in shown.words
    world.see("list-management/9999", 404)
    assert str(number) in world.see("list-management").words


def test_a_campaign_tells_what_happened_to_it_in_order(world: World) -> None:
    listed = world.see("campaigns")
    assert f"/admin/campaigns/{world.made.key}" in listed.links
    shown = world.see(f"campaigns/{world.made.key}").words
    places = [shown.index(one) for one in ("Sent to", "began.", "Plan ", "was carried out")]
    assert places == sorted(places)
    world.see("campaigns/2020-01-01-r1-7", 404)


def test_why_a_customer_gets_no_mail_is_found_by_number_and_by_an_address_that_nothing_repeats(world: World) -> None:
    person = world.made.account.people[HARD[0]]
    address = world.made.control.contact(person)["email"]
    found = world.browser.send("/admin/contacts", {**world.see("contacts").fields, "contact": f" {address.upper()} "})
    assert (found.status, found.answer.headers["location"]) == (303, f"/admin/contacts/{person}")
    shown = world.see(f"contacts/{person}")
    assert "***" in shown.words
    assert "suppress" in shown.words.lower()
    assert len(world.see(f"contacts/{person}?full=true").words) >= len(shown.words)
    for wanted, status in (("jane.doe@example.com", 404), ("7" * 18, 404), ("", 422), ("x" * 300, 422), ("a\0b", 404)):
        answer = world.browser.send("/admin/contacts", {**world.see("contacts").fields, "contact": wanted})
        assert answer.status == status, wanted
        assert "jane.doe" not in answer.answer.text
    assert address.lower() not in (found.answer.text + shown.answer.text + str(world.made.logs)).lower()
    assert "jane.doe" not in str(world.made.logs)
    world.see("contacts/0", 404)
    world.see(f"contacts/{address}", 404)


def test_what_a_month_cost_is_told_by_operator_as_the_database_has_it(world: World) -> None:
    shown = world.see("losses").words
    lost = world.number(
        """select count(distinct contact_id) from contact_suppression_history
           where date_trunc('month', suppressed_at at time zone 'UTC') = (
               select date_trunc('month', max(suppressed_at) at time zone 'UTC') from contact_suppression_history)"""
    )
    assert f"Contacts lost {lost}" in shown
    mails = world.number(
        """select count(*) from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
           where date_trunc('month', coalesce(s.send_start_at, s.send_end_at) at time zone 'UTC') = (
               select date_trunc('month', max(suppressed_at) at time zone 'UTC') from contact_suppression_history)"""
    )
    assert f"Mails sent {mails:,}" in shown
    assert "What to repair on our side" in shown
    world.see("losses?month=2026-13", 404)
    world.see("losses?month=2099-01", 409)
    assert "Nothing was sent" in world.see("losses?month=2019-01").words


def test_what_was_lost_to_microsoft_is_a_line_of_its_own(world: World) -> None:
    with world.made.services.database.begin() as connection:
        execute(
            connection,
            """update contact_list_membership set email = split_part(email, '@', 1) || '@' || 'outlook' || '.com'
               where contact_id in (select contact_id from contact_suppression_history order by contact_id limit 2)""",
        )
    text = world.see("losses").answer.text
    line = text[text.index("Microsoft (Outlook.com)") :].partition("</tr>")[0]
    assert '<td data-label="Lost" class="number">2</td>' in line
    ((hard,),) = world.made.query(
        """select count(*) from bounce_event b join contact_list_membership c using (contact_id)
           where c.email like '%outlook%' and b.bounce_class = 'hard' and b.campaign_id in (
               select id from campaign_schedule where date_trunc('month', coalesce(send_start_at, send_end_at)) = (
                   select date_trunc('month', max(suppressed_at)) from contact_suppression_history))
             and b.sweep = (select f.sweep from bounce_fetch f where f.campaign_id = b.campaign_id and f.is_complete
                            order by fetched_at desc limit 1)"""
    )
    assert f'<td data-label="Dead addresses" class="number">{hard}</td>' in line


def test_the_dashboard_has_its_panels_with_the_figures_of_the_database(world: World) -> None:
    shown = world.see("dashboard?days=365")
    for panel in ("Now", "Bounces", "Balance", "Suppressed contacts", "Moved contacts", "Advisors", "Errors",
                  "Messages to people", "Were we right?", "What to repair on our side"):  # fmt: skip
        assert panel in shown.words
    for key, bounced, processed in world.made.query(
        """select distinct on (s.id) campaign_key, bounced, processed from campaign_metrics m
           join campaign_schedule s on s.id = m.campaign_schedule_id where processed > 0 order by s.id, collected_at desc"""
    ):
        assert key in shown.words
        assert f"{bounced} of {processed}" in shown.words
    written = world.number("select count(*) from notification")
    assert f"Written {written}" in shown.words
    assert shown.tags.count("svg") == 4
    assert "messages to be told" in world.see("dashboard/now").words
    for days in ("0", "367", "x", "9" * 30):
        world.see(f"dashboard?days={days}", 404)


def test_the_link_of_the_weekly_message_leads_to_the_week_with_its_figures(world: World) -> None:
    number = world.number("select id from list_health_check")
    ((size, deviation, urgency, issues),) = world.made.query(
        "select campaign_list_1_size, balance_deviation, urgency, critical_issue_count from list_health_check where id = :id",
        id=number,
    )
    shown = world.see(f"list-health/{number}").words
    assert f"List 1 {size:,}" in shown
    assert f"Farthest from the mean {percent_text(deviation)}" in shown
    assert f"Critical issues {issues}" in shown
    assert f"done {urgency}" in shown
    assert "The report" in shown
    assert f"/admin/list-health/{number}" in world.see("list-health").links
    world.see("list-health/99", 404)


def test_why_a_campaign_is_blocked_is_said_rule_by_rule(world: World) -> None:
    ((number, key),) = world.made.query(
        "select validation_id, campaign_key from campaign_validation join campaign_schedule on id = campaign_id"
    )
    campaign = world.see(f"campaigns/{key}")
    assert f"/admin/validations/{number}" in campaign.links
    assert "BLOCKED" in campaign.words
    shown = world.see(f"validations/{number}").words
    assert "blocks the campaign" in shown
    assert "Found 1 suppressed contact that would be mailed." in shown
    world.see("validations/99", 404)


def test_pages_have_no_inline_script_or_style_and_nothing_from_elsewhere(world: World) -> None:
    number = world.number("select max(id) from list_maintenance_log where contacts_suppressed > 0")
    paths = ("waiting", "dashboard", "calendar", "campaigns", f"campaigns/{world.made.key}", "losses", "audit", "plans",
             "audience", "audience?look=true",
             "list-health", "contacts", f"plans/{world.made.plan(PlanKind.SUPPRESSION).plan_id}",
             f"list-management/{number}")  # fmt: skip
    for path in paths:
        shown = world.see(path)
        assert "style" not in shown.tags
        assert "style" not in shown.attributes
        assert not [name for name in shown.attributes if name.startswith("on")]
        assert shown.answer.text.count("<script") == 1
        outside = [link for link in shown.links if not link.startswith(("/admin", "#"))]
        # The message itself, in Slack.
        assert all(link in str(world.made.query("select permalink from notification")) for link in outside), path
        assert shown.tags.count("h1") == shown.tags.count("main") == 1


def test_every_link_of_every_page_leads_somewhere(world: World) -> None:
    left, seen = ["/admin/waiting"], set[str]()
    while left:
        path = left.pop()
        if path.partition("#")[0] in seen or not path.startswith("/admin/"):
            continue
        seen.add(path.partition("#")[0])
        # A person asks less often than a test.
        with world.made.services.database.begin() as connection:
            execute(connection, "delete from api_caller")
        left += [link for link in world.browser.see(path).links if len(seen) < 120]
    assert len(seen) > 20


def test_a_hostile_name_is_shown_as_text_without_its_address_and_its_control_characters(world: World) -> None:
    with world.made.services.database.begin() as connection:
        execute(connection, "update campaign_schedule set campaign_name = :name", name=HOSTILE)
    for path in ("campaigns", f"campaigns/{world.made.key}"):
        shown = world.see(path)
        assert "<script>alert(1)</script>" in shown.words
        assert "img" not in shown.tags
        assert "{{ 7 * 7 }}" in shown.words
        assert "jane.doe" not in shown.answer.text
        assert "[address]" in shown.words
        assert not {"\x1b", "\u202e"} & set(shown.answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "static/../app.py", "static/%2e%2e/app.py", "static/..%2fapp.py", "static//etc/passwd", "plans/1%00", "plans/-1",
        "plans/99999999999", "plans/1/../../x", "campaigns/..%2f..", "campaigns/%3Cb%3E", "templates/base.html",
        "plans/1?after=-1", "audit?cursor=%00", "list-health/1;select", "contacts/1e3",
    ],
)  # fmt: skip
def test_tricks_with_paths_lead_nowhere(path: str, world: World) -> None:
    answer = world.browser.http.get(f"/admin/{path}")
    assert answer.status_code in (404, 405, 409), answer.text
    assert "Traceback" not in answer.text
    assert "<b>" not in answer.text
