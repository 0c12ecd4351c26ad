"""A campaign that is scheduled at Mailjet: found, validated, blocked, let go, sent; its list frozen in between."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import DraftStatus
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import LIST_RULES, Severity, ValidationRule
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming, to_validate
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance.workflow import maintain
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation import validate as validate_module
from list_pipeline.operations.validation.campaign_block import override
from list_pipeline.operations.validation.validate import Validation, validate
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, plain_client, quietly
from list_pipeline_tests.integration.drafts import schedule, unschedule

RUNS = "select attempt, status from list_maintenance_log where maintenance_type = :type order by attempt"


def row(made: Installation, draft: int) -> tuple[Any, ...]:
    """Key, status, whether it is retired, and whether it was sent."""
    (found,) = made.query(
        """select campaign_key, status, retired_at is not null, mailjet_campaign_id is not null from campaign_schedule
           where mailjet_draft_id = :draft""",
        draft=draft,
    )
    return found


def frozen(made: Installation) -> frozenset[ListRole]:
    with made.services.database.begin() as connection:
        return sent_campaigns.lists_being_sent(connection)


def tomorrow_at(made: Installation, hour: int) -> datetime:
    return made.clock.now().replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=1)


def severities(found: Validation) -> dict[ValidationRule, Severity]:
    return {result.rule: result.severity for result in found.results}


def scheduled_campaign(made: Installation, services: Services | None = None) -> tuple[int, str, datetime]:
    """A campaign to list 1 in about five hours, so that its validation is due now: draft, key and time of sending."""
    at = made.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=6)
    draft = schedule(made, at)
    (key,) = discover_upcoming(services or made.services).new
    return draft, key, at


def put_back_by_a_person(made: Installation) -> int:
    """Somebody who was suppressed long ago is put on list 1 by hand, and made mailable; the contact's id."""
    contact_id = made.account.people[62]
    made.put_on(ListRole.CAMPAIGN_1, contact_id)
    made.exclude(contact_id, False)
    return contact_id


def slack_titles(made: Installation) -> list[str]:
    return [str(text) for (text,) in made.query("select text from notification order by notification_id")]


def test_a_good_list_is_made_ready_and_frozen_until_the_end_of_sending(small: Installation) -> None:
    draft, key, at = scheduled_campaign(small)
    assert key == f"{at:%Y-%m-%d}-r1-d{draft}"
    found = validate(small.services, key)
    assert not found.stored.is_blocking
    assert {rule for rule, severity in severities(found).items() if severity is Severity.CRITICAL} == set()
    assert severities(found)[ValidationRule.LIST_SIZE] is Severity.PASSED
    assert severities(found)[ValidationRule.NOBODY_SUPPRESSED] is Severity.PASSED
    assert row(small, draft)[1] == "READY"
    assert f"{at:%Y-%m-%d %H:%M} UTC" in found.fate
    assert frozen(small) == {ListRole.CAMPAIGN_1}
    assert small.query(
        "select status, maintenance_type from list_maintenance_log where campaign_schedule_id = :id",
        id=found.campaign.campaign_id,
    ) == [("success", "pre_campaign_validation")]
    # Sent: the same row, the same key, a round of a cycle; frozen while it is sent, and not longer.
    small.clock.set(at + timedelta(minutes=1))
    assert discover(small.services).new == []
    assert row(small, draft) == (key, row(small, draft)[1], False, True)
    small.clock.advance(timedelta(hours=2))
    discover(small.services)
    discover_upcoming(small.services)
    assert row(small, draft) == (key, "SENT", False, True)
    assert small.query("select cycle_id is not null from campaign_schedule where campaign_key = :k", k=key) == [(True,)]
    assert frozen(small) == frozenset()
    with pytest.raises(RefusedError, match="sent already"):
        validate(small.services, key)


def test_a_suppressed_contact_put_back_by_a_person_blocks_until_it_is_taken_off(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    contact_id = put_back_by_a_person(small)
    found = validate(small.services, key)
    assert found.stored.is_blocking
    result = next(result for result in found.results if result.rule is ValidationRule.NOBODY_SUPPRESSED)
    assert result.details["contact_ids"] == [contact_id]
    assert small.query("select status, blocked_by from campaign_schedule where campaign_key = :k", k=key) == [
        ("BLOCKED", "validation")
    ]
    # Without the setting nothing is changed at Mailjet, and the message says so plainly.
    assert "Mailjet will still send it" in found.fate
    assert any("Campaign Blocked" in text and "Mailjet will still send it" in text for text in slack_titles(small))
    small.exclude(contact_id)
    again = validate(small.services, key)
    assert not again.stored.is_blocking
    assert small.query("select status, blocked_by from campaign_schedule where campaign_key = :k", k=key) == [
        ("READY", None)
    ]
    assert to_validate(small.services) == []


def test_an_earlier_contact_id_of_a_suppressed_address_is_recognised(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    small.query(
        """insert into contact_suppression_history (contact_id, email, suppressed_at, reason, added_to_suppression_list)
           select 999, upper(email), :now, 'hard_bounce', true from contact_list_membership where contact_id = :id
           returning id""",
        now=small.clock.now(),
        id=small.account.people[3],
    )
    found = validate(small.services, key)
    result = next(result for result in found.results if result.rule is ValidationRule.NOBODY_SUPPRESSED)
    assert result.details["contact_ids"] == [small.account.people[3]]


def test_a_block_that_a_person_set_is_not_lifted_by_a_clean_validation(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    small.query(
        "update campaign_schedule set status = 'BLOCKED', blocked_by = 'Ana' where campaign_key = :k returning id",
        k=key,
    )
    assert not validate(small.services, key).stored.is_blocking
    assert row(small, draft)[1] == "BLOCKED"
    override(small.services, key, by="Ana", note="seen")
    assert row(small, draft)[1] == "READY"


def test_an_override_is_recorded_and_the_same_findings_do_not_block_again(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    put_back_by_a_person(small)
    validate(small.services, key)
    with pytest.raises(RefusedError, match="there is no reason"):
        override(small.services, key, by="Ana", note="  ")
    done = override(small.services, key, by="Ana", note="agreed with legal")
    assert "Mailjet sends it" in done.fate
    assert small.query("select overridden_by, note, rules from campaign_override") == [
        ("Ana", "agreed with legal", ["nobody_suppressed"])
    ]
    again = validate(small.services, key)
    assert (again.stored.verdict, again.stored.is_blocking) == (Severity.CRITICAL, False)
    assert row(small, draft)[1] == "READY"
    with pytest.raises(RefusedError, match="not blocked"):
        override(small.services, key, by="Ana", note="seen")
    with pytest.raises(RefusedError, match="a person has to be named"):
        override(small.services, key, by="", note="seen")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancelled_schedule_is_restored_by_the_override_also_after_a_kill(
    small: Installation, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    services = small.another(block_cancels_schedule=True)
    draft, key, at = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    with monkeypatch.context() as patched:
        Dying(1, when, counting="DELETE").install(patched)
        with pytest.raises(Killed):
            validate(services, key)
    assert small.query("select action, state from schedule_change") == [("cancel", "submitting")]
    small.clock.advance(timedelta(minutes=20))
    assert [one.campaign_key for one in to_validate(services)] == [key]
    fresh = small.another(block_cancels_schedule=True)
    found = validate(fresh, key)
    assert found.is_continued
    assert "was cancelled" in found.fate
    assert small.query("select count(*) from campaign_validation") == [(1,)]
    assert fresh.mailjet.drafts.one(draft).status == DraftStatus.DRAFT
    # A cancelled campaign is not taken for one that somebody took back, and its list may be repaired.
    discover_upcoming(fresh)
    assert row(small, draft) == (key, "BLOCKED", False, False)
    assert frozen(small) == frozenset()
    assert to_validate(fresh) == []
    with monkeypatch.context() as patched:
        Dying(1, when, counting=f"POST /v3/REST/campaigndraft/{draft}/schedule").install(patched)
        with pytest.raises(Killed):
            override(fresh, key, by="Ana", note="seen")
    last = small.another(block_cancels_schedule=True)
    assert "was restored" in override(last, key, by="Ana", note="seen").fate
    assert last.mailjet.drafts.scheduled_for(draft) == at
    assert small.query("select action, state, reversed_at is not null from schedule_change order by 1") == [
        ("cancel", "confirmed", True),
        ("restore", "confirmed", False),
    ]
    assert small.query("select count(*) from campaign_override") == [(1,)]
    discover_upcoming(last)
    assert row(small, draft) == (key, "READY", False, False)
    assert frozen(small) == {ListRole.CAMPAIGN_1}
    assert to_validate(last) == []


def test_a_clean_validation_restores_what_the_block_cancelled(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    draft, key, at = scheduled_campaign(small, services)
    contact_id = put_back_by_a_person(small)
    validate(services, key)
    small.exclude(contact_id)
    assert "was restored" in validate(services, key).fate
    assert services.mailjet.drafts.scheduled_for(draft) == at
    assert row(small, draft)[1] == "READY"


def test_an_override_after_the_time_of_sending_says_that_it_has_to_be_scheduled_again(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    draft, key, at = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    validate(services, key)
    small.clock.set(at + timedelta(minutes=5))
    assert "has passed" in override(services, key, by="Ana", note="seen").fate
    assert services.mailjet.drafts.one(draft).status == DraftStatus.DRAFT
    # Scheduled again by a person, it is a campaign like any other: validated, and no second row.
    schedule(small, small.clock.now() + timedelta(hours=2), draft=draft)
    assert discover_upcoming(services).changed == [key]
    assert row(small, draft)[0] == key
    assert [one.campaign_key for one in to_validate(services)] == [key]


def test_in_read_only_a_validation_makes_no_changing_request(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True, list_management_mode="read_only")
    _, key, _ = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    small.control.reset_requests()
    found = validate(services, key)
    assert small.changing_requests() == {}
    assert found.stored.is_blocking
    assert "Mailjet will still send it" in found.fate
    assert "read_only" in found.fate


def test_an_override_of_a_cancelled_campaign_waits_for_the_mode(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    _, key, _ = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    validate(services, key)
    with pytest.raises(ChangesStoppedError, match="LIST_MANAGEMENT_ENABLED"):
        override(small.another(list_management_enabled=False), key, by="Ana", note="seen")
    assert small.query("select count(*) from campaign_override") == [(0,)]


def test_a_deleted_list_blocks_and_nothing_that_is_not_known_passes(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    small.server.account.store.execute(
        "UPDATE list SET is_deleted = 1 WHERE id = ?", (small.account.lists[ListRole.CAMPAIGN_1],)
    )
    found = severities(validate(small.services, key))
    assert found[ValidationRule.LIST_EXISTS] is Severity.CRITICAL
    assert found[ValidationRule.NOBODY_SUPPRESSED] is Severity.CRITICAL
    passed = {rule for rule, severity in found.items() if severity is Severity.PASSED}
    assert passed & set(LIST_RULES) == {ValidationRule.FRESH_DATA}


def test_a_validation_that_cannot_read_is_told_once_and_tried_again(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    small.server.account.store.execute(
        "UPDATE list SET is_deleted = 1 WHERE id = ?", (small.account.lists[ListRole.SUPPRESSION],)
    )
    keys = []
    for _ in range(2):
        (wanted,) = to_validate(small.services)
        keys.append(wanted.run_key)
        with pytest.raises(RemoteNotFoundError):
            validate(small.services, key)
        assert to_validate(small.services) == []  # not at once
        small.clock.advance(timedelta(minutes=6))
    assert len(set(keys)) == 2
    assert row(small, draft)[1] == "SCHEDULED"
    assert sum("Validation Failed" in text for text in slack_titles(small)) == 1


def test_a_validation_that_is_at_work_is_not_ended_by_another_one(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key, _ = scheduled_campaign(small)
    real = validate_module.sync

    def interrupted(services: Services, *, thorough: bool) -> object:
        with pytest.raises(RefusedError, match="another run does so now"):
            validate(small.another(), key)
        return real(services, thorough=thorough)

    with monkeypatch.context() as patched:
        patched.setattr(validate_module, "sync", interrupted)
        found = validate(small.services, key)
    assert not found.stored.is_blocking
    assert small.query(RUNS, type="pre_campaign_validation") == [(1, "success")]


def test_a_validation_that_died_is_made_again_once_it_gave_no_sign_of_life_for_a_while(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key, _ = scheduled_campaign(small)
    with monkeypatch.context() as patched:
        Dying(1, "before", counting="GET /v3/REST/listrecipient").install(patched)
        with pytest.raises(Killed):
            validate(small.services, key)
    with pytest.raises(RefusedError, match="another run does so now"):
        validate(small.another(), key)
    small.clock.advance(timedelta(minutes=15))
    validate(small.another(), key)
    assert small.query(RUNS, type="pre_campaign_validation") == [(1, "failed"), (2, "success")]


def test_a_run_goes_on_with_its_own_validation_at_once(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key, _ = scheduled_campaign(small)
    with monkeypatch.context() as patched:
        Dying(1, "before", counting="GET /v3/REST/listrecipient").install(patched)
        with pytest.raises(Killed):
            validate(small.services, key, run_id="run")
    validate(small.another(), key, run_id="run")
    assert small.query(RUNS, type="pre_campaign_validation") == [(1, "failed"), (2, "success")]


def test_a_validation_is_asked_for_from_its_due_time_on(small: Installation) -> None:
    at = tomorrow_at(small, 7)
    schedule(small, at)
    discover_upcoming(small.services)
    small.clock.set(at.replace(hour=3, minute=44, second=59))
    assert to_validate(small.services) == []
    small.clock.advance(timedelta(seconds=1))
    assert len(to_validate(small.services)) == 1


def test_what_is_scheduled_at_short_notice_is_validated_at_once(small: Installation) -> None:
    schedule(small, small.clock.now() + timedelta(minutes=30))
    discover_upcoming(small.services)
    assert len(to_validate(small.services)) == 1


def test_a_look_by_hand_days_before_the_send_freezes_nothing_and_replaces_nothing(small: Installation) -> None:
    at = tomorrow_at(small, 10) + timedelta(days=2)
    schedule(small, at)
    (key,) = discover_upcoming(small.services).new
    validate(small.services, key)
    assert frozen(small) == frozenset()
    small.clock.set(at.replace(hour=6))
    assert [one.campaign_key for one in to_validate(small.services)] == [key]


def test_a_programmed_draft_that_a_page_lacks_is_asked_for_by_itself_and_not_retired(small: Installation) -> None:
    scheduled_campaign(small)
    small.control.add_fault("short_page", path="campaigndraft$", rows=1, count=None)
    assert discover_upcoming(small.services).retired == []


def test_drafts_that_mailjet_does_not_filter_are_told_apart_by_their_status(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    small.control.set_switches(draft_filters_ignored=True)
    with plain_client(small.server) as http:
        http.delete(f"/campaigndraft/{draft}/schedule")
    assert discover_upcoming(small.services).retired == [key]


def test_drafts_are_followed_and_retired_with_a_flag(small: Installation) -> None:
    at = tomorrow_at(small, 10)
    draft = schedule(small, at)
    elsewhere = schedule(small, at, ListRole.MASTER)
    found = discover_upcoming(small.services)
    (key,) = found.new
    assert len(found.ignored) == 1
    assert str(elsewhere) in found.ignored[0]
    assert discover_upcoming(small.services).new == []
    unschedule(small, draft)
    assert discover_upcoming(small.services).retired == [key]
    assert row(small, draft) == (key, "SCHEDULED", True, False)
    with pytest.raises(RefusedError, match="not scheduled"):
        validate(small.services, key)
    schedule(small, at + timedelta(days=1), draft=draft)
    assert discover_upcoming(small.services).changed == [key]
    assert row(small, draft) == (key, "SCHEDULED", False, False)
    with pytest.raises(NotFoundError):
        validate(small.services, "2020-01-01-r1-d1")


@pytest.mark.parametrize("how", ["unscheduled", "missed"])
def test_a_freeze_of_a_campaign_that_is_never_sent_ends_by_itself(small: Installation, how: str) -> None:
    draft, key, at = scheduled_campaign(small)
    validate(small.services, key)
    assert frozen(small) == {ListRole.CAMPAIGN_1}
    if how == "unscheduled":
        unschedule(small, draft)
        discover_upcoming(small.services)
    else:
        # Mailjet took it back just before its time, and nobody looked at the drafts since.
        small.clock.set(at - timedelta(seconds=1))
        unschedule(small, draft)
        small.clock.set(at + timedelta(hours=23))
        discover(small.services)
        assert frozen(small) == {ListRole.CAMPAIGN_1}
        small.clock.advance(timedelta(hours=1, seconds=1))
        discover(small.services)
    assert frozen(small) == frozenset()


def approved_repair(made: Installation, contact_id: int) -> int:
    """The reconciliation proposed to take a contact off list 1, and a person approved that; the plan's number."""
    item = PlanItem(
        contact_id, ItemAction.REMOVE, rule="in_two_campaign_lists", from_role=ListRole.CAMPAIGN_1, reason="repair"
    )
    now = made.clock.now()
    with made.services.database.begin() as connection:
        plan = plan_rows.save_plan(
            connection,
            campaign_id=None,
            kind=PlanKind.REPAIR,
            sweep=None,
            content_hash="0" * 64,
            policy_version="test",
            status=PlanStatus.PENDING_REVIEW,
            summary=RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 1),
            items=[item],
            now=now,
            requested_by="reconciliation",
        )
        plan_rows.decide(connection, plan.plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED, "Ana", now)
    return plan.plan_id


def test_rebalancing_and_repairs_leave_a_validated_list_alone(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    twice = small.account.people[25]
    small.put_on(ListRole.CAMPAIGN_1, twice)  # on list 2 before
    validate(small.services, key)
    # Eight people of list 2 are gone: a rebalancing would take from list 1, and does not.
    for number in range(30, 38):
        small.take_off(ListRole.CAMPAIGN_2, small.account.people[number])
    before = small.members(ListRole.CAMPAIGN_1)
    small.decide_rebalancing()
    plan = small.plan(PlanKind.REBALANCING)
    assert plan.rebalancing_summary.frozen == (ListRole.CAMPAIGN_1,)
    assert not any("campaign_1" in flow for flow in plan.rebalancing_summary.moves)
    # A repair that takes somebody off one of two lists is what the blocked campaign waits for, so it does not.
    plan_id = approved_repair(small, twice)
    assert carry_out_correction(small.services, plan_id, quietly).facts.is_complete
    assert small.members(ListRole.CAMPAIGN_1) == before - {twice}
    assert to_carry_out(small.services) == []


def test_a_repair_waits_while_its_list_is_being_sent_and_says_so(small: Installation) -> None:
    twice = small.account.people[25]
    small.put_on(ListRole.CAMPAIGN_1, twice)  # on list 2 before
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=7200)
    small.clock.advance(timedelta(minutes=1))
    before = small.members(ListRole.CAMPAIGN_1)
    plan_id = approved_repair(small, twice)
    waits = carry_out_correction(small.services, plan_id, quietly)
    assert small.members(ListRole.CAMPAIGN_1) == before
    assert (waits.facts.waits, waits.refused) == (1, {Refusal.LIST_BEING_SENT: [twice]})
    small.clock.sleep(3600)
    assert to_carry_out(small.services) == [], "asking again is no use while the list is being sent"
    small.clock.sleep(7200)
    discover(small.services)
    assert [one.plan_id for one in to_carry_out(small.services)] == [plan_id]
    # Mailed through list 1, it would get the letter again through list 2 alone: it stays, and is proposed the other way.
    record_recipients(small.services, progress=quietly)
    done = carry_out_correction(small.services, plan_id, quietly)
    assert done.refused == {Refusal.CYCLE_CHANGED: (twice,)}
    reconcile(small.services, progress=quietly)
    proposed = "select i.from_role from plan_item i join plan p using (plan_id) where p.status = 'pending_review'"
    assert small.query(proposed) == [("campaign_2",)]


def test_who_waits_to_be_suppressed_blocks(small: Installation) -> None:
    small.decide_suppression(small.another(list_management_mode="approval_required"))
    at = small.clock.now() + timedelta(hours=1)
    schedule(small, at, ListRole.CAMPAIGN_3)
    (key,) = discover_upcoming(small.services).new
    found = validate(small.services, key)
    result = next(result for result in found.results if result.rule is ValidationRule.NOBODY_WAITING)
    assert result.severity is Severity.CRITICAL
    assert set(result.details["contact_ids"]) == small.account.ids(41, 42, 43, 44)


@pytest.mark.long
def test_our_own_changes_are_expected_and_others_are_named(small: Installation) -> None:
    sent = small.key
    schedule(small, small.clock.now() + timedelta(hours=5), ListRole.CAMPAIGN_3)
    (key,) = discover_upcoming(small.services).new
    small.clock.advance(timedelta(minutes=1))
    # Four people of list 3 are suppressed, and others moved there.
    assert maintain(small.services, sent, progress=quietly).report.facts.status is RunStatus.SUCCESS
    found = validate(small.services, key)
    size = next(result for result in found.results if result.rule is ValidationRule.LIST_SIZE)
    assert size.details["discrepancy"] == 0
    # Without the snapshot of the maintenance, the journal alone explains the difference.
    small.query("delete from list_snapshot where phase = 'after' returning campaign_id")
    explained = next(r for r in validate(small.services, key).results if r.rule is ValidationRule.LIST_SIZE)
    assert explained.details["discrepancy"] == 0
    for number in range(48, 60):
        small.control.unsubscribe(small.account.people[number], small.account.lists[ListRole.CAMPAIGN_3])
    sync(small.services)
    others = next(r for r in validate(small.services, key).results if r.rule is ValidationRule.LIST_SIZE)
    assert others.severity is Severity.WARNING
    assert others.details["unsubscribed_since"] >= 11
