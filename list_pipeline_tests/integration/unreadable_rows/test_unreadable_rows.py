"""Rows of Mailjet's that cannot be read: everything else goes on, and what they are about is left as it is until they can."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from list_pipeline.cli.main import app
from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.errors import IncompleteDataError, RefusedError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.bounces.fetch import fetch_bounces
from list_pipeline.operations.campaigns.before_changes import (
    is_enrolment_frozen,
    lists_kept_still,
    lists_not_rebalanced,
)
from list_pipeline.operations.campaigns.discovery import cycle_now, discover
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans.single_contacts import suppress
from list_pipeline.operations.rebalancing.plan_and_execute import execute_rebalancing
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.campaigns.recipients import unrecorded_in_cycle
from list_pipeline.storage.membership import members, queue
from list_pipeline.storage.unreadable_rows import holds_moves
from list_pipeline_tests.integration import drafts
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly

POISON = [
    "\x00",
    "ja\ud83dne@example.com",
    "a@example.com,b@example.com",
    "x" * 400 + "@example.com",
    None,
    7,
    ["a@b.example"],
]


def poison(made: Installation, path: str, field: str, value: object, **which: int) -> None:
    made.control.add_fault("poisoned_row", path=f"{path}$", field=field, value=value, count=None, **which)
    if path == "/contact" and "row" in which:
        made.control.add_fault(
            "poisoned_row", path=f"/contact/{which['row']}$", field=field, value=value, count=None, **which
        )


def unreadable(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select kind, contact_id from unreadable_row where ended_at is null order by kind, row_id")


def findings(made: Installation) -> list[str]:
    return [row[0] for row in made.query("select summary from review_item where details->>'about' = 'unreadable_rows'")]


def on_list(made: Installation, role: ListRole) -> set[int]:
    found = made.query(
        "select contact_id from list_membership where list_role = :role and left_at is null", role=role.value
    )
    return {row[0] for row in found}


def excluded(made: Installation) -> set[int]:
    return {row[0] for row in made.query("select contact_id from contact_list_membership where is_excluded")}


@pytest.mark.parametrize("value", POISON)
def test_one_contact_that_cannot_be_read_does_not_stop_the_first_sync(new_here: Installation, value: object) -> None:
    spoilt = new_here.account.people[5]
    poison(new_here, "/contact", "Email", value, row=spoilt)
    sync(new_here.services)
    for role in ALL_LISTS:
        assert on_list(new_here, role) == new_here.members(role)
    emails = dict(new_here.query("select contact_id, email from contact_list_membership"))
    assert emails.pop(spoilt) == f"unreadable-{spoilt}@domain.invalid"
    assert emails == {i: new_here.control.contact(i)["email"] for i in new_here.account.people.values() if i != spoilt}
    assert unreadable(new_here) == [("contact", spoilt)]


def test_a_contact_that_cannot_be_read_counts_as_present_and_enters_nothing(small: Installation) -> None:
    spoilt, newcomer = small.account.people[5], small.account.people[60]
    for contact_id in (spoilt, newcomer):
        poison(small, "/contact", "IsSpamComplaining", "perhaps", row=contact_id)
    sizes = sync(small.services, full=True).sizes
    assert sizes[ListRole.CAMPAIGN_1].mailable == len(small.members(ListRole.CAMPAIGN_1))
    with small.services.database.begin() as connection:
        assert queue.balance_sizes(connection) == (20, 20, 20)
        offered = {one.contact_id for one in queue.queue_ends(connection, ListRole.CAMPAIGN_1, 20, 20)}
        assert offered == small.members(ListRole.CAMPAIGN_1) - {spoilt}
        assert newcomer not in {one.contact_id for one in queue.newcomers(connection, 10)}
        assert members.addresses_of(connection, [spoilt, newcomer, small.account.people[6]]).keys() == {
            small.account.people[6]
        }
    with pytest.raises(RefusedError, match="cannot be read"):
        suppress(small.services, spoilt, by="A. Person", note="wrote to us", progress=quietly)
    assert small.changing_requests() == {}


def test_people_are_told_once_and_a_row_that_was_mended_counts_by_itself(small: Installation) -> None:
    spoilt = small.account.people[60]
    poison(small, "/contact", "Email", "a\x00b@example.com", row=spoilt)
    small.put_on(ListRole.CAMPAIGN_1, spoilt)
    sync(small.services, full=True)
    for _ in range(2):
        small.clock.advance(timedelta(hours=1))
        report = synchronise(small.services, progress=quietly)
    assert any("1 row of Mailjet cannot be read" in finding for finding in report.findings)
    (finding,) = findings(small)
    assert f"contact {spoilt}: Email is with control characters or spaces" in finding
    told = [one for one in small.cards() if "Cannot Be Read" in json.dumps(one)]
    assert len(told) == 1
    assert "example.com" not in json.dumps(told) + finding

    small.control.clear_faults()
    small.clock.advance(timedelta(hours=1))
    before = small.control.requests().get("GET contact/{id}", 0)
    synchronise(small.services, progress=quietly)
    assert small.control.requests()["GET contact/{id}"] == before + 1
    assert unreadable(small) == []
    with small.services.database.begin() as connection:
        assert members.addresses_of(connection, [spoilt]) == {spoilt: small.control.contact(spoilt)["email"]}
    assert len(findings(small)) == 1


def test_a_contact_whose_row_cannot_be_read_is_not_suppressed_and_the_others_are(small: Installation) -> None:
    spoilt = small.account.people[HARD[0]]
    poison(small, "/contact", "Email", "a,b@example.com", row=spoilt)
    sync(small.services, full=True)
    done = small.maintain()
    assert done.report.facts.status.value == "success"
    small.assert_suppressed(small.account.ids(*HARD[1:]))
    assert spoilt in small.members(ListRole.CAMPAIGN_3)
    assert spoilt not in small.excluded()


@pytest.mark.parametrize(
    ("field", "value"), [("IsUnsubscribed", "?"), ("SubscribedAt", "9999-12-31T23:59:59Z"), ("ID", None)]
)
def test_an_entry_of_a_list_that_cannot_be_read_keeps_its_contact_there(
    small: Installation, field: str, value: object
) -> None:
    spoilt = small.account.people[5]
    poison(small, "/listrecipient", field, value, contact=spoilt)
    sync(small.services, full=True)
    for role in ALL_LISTS:
        assert on_list(small, role) == small.members(role)
    assert {contact for _, contact in unreadable(small)} == {spoilt}
    assert len(findings(small)) == 1
    small.control.clear_faults()
    small.clock.advance(timedelta(hours=1))
    sync(small.services)
    assert unreadable(small) == []


def test_nobody_is_taken_for_gone_while_an_entry_does_not_say_whose_it_is(small: Installation) -> None:
    nameless = small.control.sign_up("new@example.org", small.account.lists.campaign_1)
    gone = small.account.people[6]
    small.take_off(ListRole.CAMPAIGN_1, gone)
    poison(small, "/listrecipient", "ContactID", "?", contact=nameless)
    report = sync(small.services, full=True)
    assert ListRole.CAMPAIGN_1 not in report.full_lists
    assert gone in on_list(small, ListRole.CAMPAIGN_1)
    assert unreadable(small) == [("listrecipient", None)]
    assert [one.contact_id for one in reconcile(small.services, progress=quietly).findings] == []
    small.control.clear_faults()
    assert ListRole.CAMPAIGN_1 in sync(small.services).full_lists
    assert on_list(small, ListRole.CAMPAIGN_1) == small.members(ListRole.CAMPAIGN_1)
    assert unreadable(small) == []


@pytest.mark.parametrize("role", [ListRole.CAMPAIGN_1, ListRole.MASTER])
def test_a_list_with_a_nameless_entry_is_not_rebalanced_and_suppressions_go_on(
    small: Installation, role: ListRole
) -> None:
    nameless = small.control.sign_up("new@example.org", small.account.lists[role])
    poison(small, "/listrecipient", "ContactID", "?", contact=nameless)
    sync(small.services, full=True)
    frozen = frozenset({role} - {ListRole.MASTER})
    with small.services.database.begin() as connection:
        cycle = cycle_now(connection, small.clock.now())
        assert lists_not_rebalanced(small.services, connection, cycle) == frozen
        assert is_enrolment_frozen(small.services, connection) is (role is ListRole.MASTER)
        assert lists_kept_still(small.services, connection, cycle) == frozenset()
    (finding,) = findings(small)
    assert "nobody is moved from or to that list" in finding
    assert "these contacts stay" not in finding
    small.maintain()
    assert frozen <= set(small.plan(PlanKind.REBALANCING).rebalancing_summary.frozen)
    assert all(step.list_role not in frozen for step in small.steps(PlanKind.REBALANCING))
    small.assert_suppressed(small.account.ids(*HARD))
    small.control.clear_faults()
    sync(small.services, full=True)
    with small.services.database.begin() as connection:
        assert lists_not_rebalanced(small.services, connection, cycle) == frozenset()
        assert not is_enrolment_frozen(small.services, connection)


def test_an_approved_move_is_not_made_once_an_entry_of_its_list_is_nameless(small: Installation) -> None:
    run = small.decide_rebalancing()
    nameless = small.control.sign_up("new@example.org", small.account.lists.campaign_3)
    poison(small, "/listrecipient", "ContactID", "?", contact=nameless)
    sync(small.services)
    assert unreadable(small) == [("listrecipient", None)]
    before = small.members(ListRole.CAMPAIGN_3)
    execute_rebalancing(small.services, run, quietly)
    ends = small.query(
        "select distinct state, note from change_step join change using (change_id) where plan_id = :plan",
        plan=small.plan(PlanKind.REBALANCING).plan_id,
    )
    assert ends == [("skipped", "list_frozen")]
    assert small.members(ListRole.CAMPAIGN_3) == before


def test_an_entry_that_names_somebody_else_when_it_is_looked_at_again_holds_up_no_sync(small: Installation) -> None:
    spoilt = small.account.people[5]
    poison(small, "/listrecipient", "IsUnsubscribed", "perhaps", contact=spoilt)
    sync(small.services, full=True)
    known = unreadable(small)
    assert known
    small.control.clear_faults()
    poison(small, "/listrecipient", "ContactID", 1, contact=spoilt)
    small.clock.advance(timedelta(hours=1))
    sync(small.services)
    assert unreadable(small) == known


def test_an_entry_that_we_know_says_whose_it_is_by_its_own_id(small: Installation) -> None:
    known, gone = small.account.people[5], small.account.people[6]
    small.take_off(ListRole.CAMPAIGN_1, gone)
    poison(small, "/listrecipient", "ContactID", 2**70, contact=known)
    assert ListRole.CAMPAIGN_1 in sync(small.services, full=True).full_lists
    assert on_list(small, ListRole.CAMPAIGN_1) == small.members(ListRole.CAMPAIGN_1)
    assert {contact for _, contact in unreadable(small)} == {known}


def test_nobody_counts_as_no_longer_excluded_or_unsubscribed_on_a_reading_with_a_nameless_row(
    small: Installation,
) -> None:
    person = small.account.people[7]
    small.control.unsubscribe(person, small.account.lists.campaign_1)
    sync(small.services)
    before = excluded(small)
    assert len(before) == 2
    poison(small, "/contact", "ID", "?", row=min(before))
    poison(small, "/listrecipient", "ContactID", None, contact=person)
    small.exclude(small.account.people[8])
    sync(small.services, thorough=True)
    assert excluded(small) == before | {small.account.people[8]}
    ((is_unsubscribed,),) = small.query(
        "select is_unsubscribed from contact_list_membership where contact_id = :i", i=person
    )
    assert is_unsubscribed is True


def test_a_spoilt_row_of_a_foreign_list_costs_nothing_and_one_of_the_five_stops_the_sync(small: Installation) -> None:
    poison(small, "/contactslist", "SubscriberCount", -3, row=small.account.lists.campaign_2)
    with pytest.raises(IncompleteDataError, match="row of a list cannot be read"):
        sync(small.services)
    small.control.clear_faults()
    sync(small.services)
    assert unreadable(small) == []


@pytest.mark.parametrize(
    "subject", ["Half \ud83d of it", "Nul\x00", "\x1b]0;owned\x07", 17, ["list"], None, "x" * 100_000]
)
def test_a_subject_that_cannot_be_stored_starts_its_campaign_all_the_same(
    new_here: Installation, subject: object
) -> None:
    spoilt = new_here.account.campaigns[2]
    poison(new_here, "/campaign", "Subject", subject, row=spoilt)
    found = discover(new_here.services)
    assert len(found.new) == 6
    assert unreadable(new_here) == []
    ((stored,),) = new_here.query("select subject from campaign_schedule where mailjet_campaign_id = :id", id=spoilt)
    assert len(stored) <= 1_000
    assert stored.isprintable()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ID", 2**80),
        ("ListID", "?"),
        ("SendStartAt", "0001-01-01T00:00:00Z"),
        ("IsDeleted", None),
        ("Status", {}),
        ("ID", "\x00"),
    ],
)
def test_a_send_that_cannot_be_read_does_not_stop_the_others_and_nobody_moves_until_it_can(
    new_here: Installation, field: str, value: object
) -> None:
    spoilt = new_here.account.campaigns[-1]
    poison(new_here, "/campaign", field, value, row=spoilt)
    assert len(discover(new_here.services).new) == 5
    assert [kind for kind, _ in unreadable(new_here)] == ["campaign"]
    with new_here.services.database.begin() as connection:
        cycle = cycle_now(connection, new_here.clock.now())
        assert len(lists_kept_still(new_here.services, connection, cycle)) == 3
    new_here.control.clear_faults()
    assert len(discover(new_here.services).new) == 1
    assert unreadable(new_here) == []
    with new_here.services.database.begin() as connection:
        assert not holds_moves(connection)


def kept_still(made: Installation) -> int:
    with made.services.database.begin() as connection:
        return len(lists_kept_still(made.services, connection, cycle_now(connection, made.clock.now())))


@pytest.mark.parametrize(
    ("fields", "holds_for"),
    [(("Status",), timedelta(days=20)), (("CreatedAt", "SendStartAt", "SendEndAt"), timedelta(days=21))],
)
def test_a_send_that_cannot_be_read_holds_nobody_once_no_cycle_would_wait_for_it(
    small: Installation, fields: tuple[str, ...], holds_for: timedelta
) -> None:
    spoilt = small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(days=1))
    for field in fields:
        poison(small, "/campaign", field, {}, row=spoilt)
    discover(small.services)
    small.clock.advance(holds_for - timedelta(hours=1))
    discover(small.services)
    assert kept_still(small) == 3
    small.clock.advance(timedelta(hours=2))
    discover(small.services)
    assert kept_still(small) == 0
    assert [kind for kind, _ in unreadable(small)] == ["campaign"]


def test_a_send_that_was_ignored_before_it_could_not_be_read_holds_nobody(small: Installation) -> None:
    mail = small.control.send(small.account.lists.campaign_1, "Welcome", profile="clean", workflow_id=77)
    small.clock.advance(timedelta(hours=1))
    discover(small.services)
    poison(small, "/campaign", "WorkflowID", "?", row=mail)
    discover(small.services)
    assert [kind for kind, _ in unreadable(small)] == ["campaign"]
    assert kept_still(small) == 0


def test_a_send_that_was_ignored_under_another_id_of_its_list_may_be_a_round(new_here: Installation) -> None:
    discover(new_here.another(mailjet_campaign_list_3_id=4_711))
    poison(new_here, "/campaign", "Status", {}, row=new_here.account.campaigns[-1])
    discover(new_here.services)
    assert kept_still(new_here) == 3


def test_a_send_that_is_known_goes_on_in_its_row_while_it_cannot_be_read(small: Installation) -> None:
    poison(small, "/campaign", "SendEndAt", "soon", row=small.account.campaigns[-1])
    assert discover(small.services).known == 5
    with small.services.database.begin() as connection:
        assert lists_kept_still(small.services, connection, cycle_now(connection, small.clock.now())) == frozenset()
    assert len(unreadable(small)) == 1


@pytest.mark.parametrize(
    ("log", "field"), [("bouncestatistics", "StateID"), ("message", "ArrivedAt"), ("message", "Status")]
)
def test_a_spoilt_row_of_a_log_counts_for_nobody_and_the_others_count(
    small: Installation, log: str, field: str
) -> None:
    spoilt = small.account.people[HARD[0]]
    poison(small, f"/{log}", field, {"nested": ["\x00"]}, contact=spoilt)
    run = small.begin()
    data = fetch_bounces(small.services, run.campaign, run.sweep)
    assert data.fetch.is_complete
    classes = {event.contact_id: event.bounce_class for event in data.events}
    assert classes.pop(spoilt) is BounceClass.UNKNOWN
    assert {i for i, kind in classes.items() if kind is BounceClass.HARD} == small.account.ids(*HARD[1:])
    assert ("bouncestatistics" if log == "bouncestatistics" else "message", spoilt) in unreadable(small)
    done = small.maintain()
    assert done.report.facts.status.value == "success"
    assert spoilt not in small.excluded()
    small.assert_suppressed(small.account.ids(*HARD[1:]))


def test_who_got_a_round_is_not_wholly_known_while_a_message_names_nobody(new_here: Installation) -> None:
    discover(new_here.services)
    sync(new_here.services)
    poison(new_here, "/message", "ContactID", "?", contact=new_here.account.people[30])
    assert record_recipients(new_here.services, quietly).unknown == {}
    assert set(unreadable(new_here)) == {("message", None)}
    with new_here.services.database.begin() as connection:
        # Person 30 is on list 2; everything else of the cycle is known.
        assert unrecorded_in_cycle(connection, 2) == {ListRole.CAMPAIGN_2}


def test_a_draft_that_cannot_be_read_holds_moves_and_one_that_is_known_stays_in_the_schedule(
    small: Installation,
) -> None:
    at = small.clock.now() + timedelta(days=2)
    known = drafts.schedule(small, at)
    assert len(discover_upcoming(small.services).new) == 1
    other = drafts.schedule(small, at, ListRole.CAMPAIGN_2)
    for draft in (known, other):
        poison(small, "/campaigndraft", "SegmentationID", "?", row=draft)
    found = discover_upcoming(small.services)
    assert (found.new, found.changed, found.retired) == ([], [], [])
    with small.services.database.begin() as connection:
        assert len(lists_kept_still(small.services, connection, cycle_now(connection, small.clock.now()))) == 3
    small.control.clear_faults()
    assert len(discover_upcoming(small.services).new) == 1
    assert unreadable(small) == []


@pytest.mark.parametrize("date", ["soon", None, "0001-01-01T00:00:00Z", {}, 7])
def test_a_draft_whose_schedule_cannot_be_read_is_named_and_the_others_are_followed(
    small: Installation, date: object
) -> None:
    at = small.clock.now() + timedelta(days=2)
    known = drafts.schedule(small, at)
    discover_upcoming(small.services)
    other = drafts.schedule(small, at, ListRole.CAMPAIGN_2)
    for draft in (known, other):
        small.control.add_fault(
            "poisoned_row", path=f"/campaigndraft/{draft}/schedule$", field="Date", value=date, count=None
        )
    good = drafts.schedule(small, at, ListRole.CAMPAIGN_3)
    found = discover_upcoming(small.services)
    assert (len(found.new), found.changed, found.retired) == (1, [], [])
    assert found.new[0].endswith(f"d{good}")
    assert small.query("select row_id, holds_moves from unreadable_row where ended_at is null order by row_id") == [
        (known, False),
        (other, True),
    ]
    small.control.clear_faults()
    assert len(discover_upcoming(small.services).new) == 1
    assert unreadable(small) == []


def test_a_draft_whose_id_cannot_be_read_is_not_taken_for_taken_back(small: Installation) -> None:
    known = drafts.schedule(small, small.clock.now() + timedelta(days=2))
    discover_upcoming(small.services)
    poison(small, "/campaigndraft", "ID", "\x00", row=known)
    assert discover_upcoming(small.services).retired == []


HOSTILE = st.one_of(
    st.text(st.characters(codec=None, categories=None), max_size=12),
    st.sampled_from(["\x00@example.com", "\ud83d@example.com", "9" * 40, "9999-12-31T23:59:59Z"]),
    st.integers(-(2**70), 2**70),
    st.none(),
    st.booleans(),
    st.lists(st.text(max_size=3), max_size=2),
)
FIELDS = {
    "/contact": ("Email", "Name", "IsExcludedFromCampaigns", "IsSpamComplaining", "CreatedAt"),
    "/listrecipient": ("ID", "ContactID", "IsUnsubscribed", "SubscribedAt", "UnsubscribedAt", "ListName"),
    "/campaign": (
        "ID",
        "ListID",
        "Subject",
        "FromName",
        "FromEmail",
        "CustomValue",
        "SendStartAt",
        "SendEndAt",
        "Status",
    ),
    "/contactslist": ("Name", "Address"),
    "/bouncestatistics": ("ID", "ContactID", "StateID", "IsStatePermanent", "IsBlocked", "BouncedAt", "Comments"),
    "/message": ("ID", "ContactID", "Status", "StateID", "ArrivedAt", "Subject"),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from([(path, field) for path, names in FIELDS.items() for field in names]),
    value=HOSTILE,
    person=st.integers(40, 46),
)
@example(where=("/message", "Status"), value="0", person=41)
def test_whatever_stands_in_one_row_the_synchronisation_and_the_bounces_go_on(
    small: Installation, where: tuple[str, str], value: object, person: int
) -> None:
    path, field = where
    # Another number in its place is a number that can be read.
    assume(not (field in ("ID", "ContactID", "ListID") and type(value) is int and 0 < value < 2**63))
    contact_id = small.account.people[person]
    which = {
        "/contact": {"row": contact_id},
        "/campaign": {"row": small.account.campaigns[1]},
        "/contactslist": {"row": small.account.lists.campaign_1},
    }.get(path, {"contact": contact_id})
    small.control.clear_faults()
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("delete from bounce_fetch")
    poison(small, path, field, value, **which)
    synchronise(small.services, full=True, progress=quietly)
    run = small.begin()
    data = fetch_bounces(small.services, run.campaign, run.sweep)
    assert data.fetch.is_complete
    failing = small.account.ids(40, 41, 42, 43, 44, 45, 46) - {contact_id}
    hard = {event.contact_id for event in data.events if event.bounce_class is BounceClass.HARD}
    assert hard & failing == small.account.ids(*HARD) - {contact_id}
    for role in ALL_LISTS:
        assert on_list(small, role) == small.members(role)


def test_the_command_line_shows_what_cannot_be_read(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(small, "/contact", "Email", "a\x00b@example.com", row=small.account.people[5])
    sync(small.services, full=True)
    monkeypatch.setenv("DATABASE_URL", small.database_url)
    shown = CliRunner().invoke(app, ["unreadable"])
    assert shown.exit_code == 0, shown.output
    assert str(small.account.people[5]) in shown.output
    assert "Email is with control characters or spaces" in shown.output
    assert "neither moved, enrolled nor suppressed" in shown.output
    (row,) = json.loads(CliRunner().invoke(app, ["unreadable", "--json"]).output)["rows"]
    assert (row["kind"], row["id"], row["ended_at"]) == ("contact", small.account.people[5], None)
    small.control.clear_faults()
    small.clock.advance(timedelta(hours=1))
    sync(small.services)
    assert "Every row at Mailjet can be read." in CliRunner().invoke(app, ["unreadable"]).output
    (row,) = json.loads(CliRunner().invoke(app, ["unreadable", "--ended", "5", "--json"]).output)["rows"]
    assert row["ended_at"] is not None
