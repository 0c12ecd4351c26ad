"""The check-list beyond the list: the campaign's set-up and its sender, read from the rehearsal Mailjet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.validation.checklist import Part, RuleResult, Severity, ValidationRule
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.validation.campaign_block import override
from list_pipeline.operations.validation.campaign_setup import keep_test
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.sandbox.faults import FaultRule
from list_pipeline.sandbox.mailjet.senders import set_domain, set_sender
from list_pipeline_tests.integration.accounts import Installation, plain_client
from list_pipeline_tests.integration.drafts import schedule


def scheduled_campaign(made: Installation) -> tuple[int, str, datetime]:
    """A campaign to list 1 in about five hours: draft, key and time of sending."""
    at = made.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=6)
    draft = schedule(made, at)
    (key,) = discover_upcoming(made.services).new
    return draft, key, at


def checked(made: Installation, key: str) -> Mapping[ValidationRule, RuleResult]:
    return {result.rule: result for result in validate(made.services, key).results}


def write(made: Installation, draft: int, html: str, text: str = "News") -> None:
    """Somebody writes the content of a draft at Mailjet."""
    with plain_client(made.server) as http:
        body = {"Html-part": html, "Text-part": text}
        assert http.post(f"/campaigndraft/{draft}/detailcontent", json=body).status_code == 201


def test_one_validation_judges_list_campaign_and_domain(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    found = checked(small, key)
    assert list(found) == list(ValidationRule)
    beyond = [each for each in found.values() if each.rule.part is not Part.LIST]
    assert {each.rule: each.words for each in beyond if each.severity is not Severity.PASSED} == {}
    assert any("The campaign 10 of 10, The sender's domain 3 of 3" in json.dumps(card) for card in small.cards())


def test_a_sender_that_is_not_verified_blocks_the_campaign_and_says_nothing_about_the_list(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    set_sender(small.server.account, "*@sender.example", "Inactive")
    found = validate(small.services, key)
    assert found.stored.is_blocking
    assert {each.rule for each in found.results if each.severity is Severity.CRITICAL} == {ValidationRule.SENDER_ACTIVE}
    assert small.query("select status from campaign_schedule where campaign_key = :key", key=key) == [
        (CampaignStatus.BLOCKED,)
    ]
    assert small.query("select count(*) from list_state_history where to_state ilike '%blocked%'") == [(0,)]
    set_sender(small.server.account, "news@sender.example", "Active")
    assert not validate(small.services, key).stored.is_blocking


def test_a_broken_dkim_record_blocks_and_a_broken_spf_record_warns(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    set_domain(small.server.account, "sender.example", spf="Error", dkim="Error")
    found = checked(small, key)
    assert found[ValidationRule.DKIM].severity is Severity.CRITICAL
    assert found[ValidationRule.SPF].severity is Severity.WARNING


def test_a_content_without_a_link_to_unsubscribe_blocks(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    write(small, draft, "<p>Buy now, <a href='http://shop.sender.example'>here</a></p>", text="")
    found = checked(small, key)
    assert found[ValidationRule.UNSUBSCRIBE_LINK].severity is Severity.CRITICAL
    assert found[ValidationRule.LINKS].severity is Severity.WARNING
    assert found[ValidationRule.TEXT_PART].severity is Severity.WARNING


def test_what_else_goes_to_the_same_list_is_named(small: Installation) -> None:
    _, key, at = scheduled_campaign(small)
    schedule(small, at + timedelta(hours=3))
    schedule(small, at + timedelta(hours=3), ListRole.CAMPAIGN_2)
    schedule(small, at + timedelta(days=2))
    found = checked(small, key)[ValidationRule.NO_COLLISION]
    assert found.severity is Severity.WARNING
    assert len(found.details["others"]) == 1


def test_a_key_that_may_not_see_senders_keeps_nothing_else_from_being_judged(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    small.server.account.faults.add(FaultRule("status", path="/v3/REST/sender", status=403, count=None))
    found = checked(small, key)
    assert found[ValidationRule.SENDER_ACTIVE].severity is Severity.WARNING
    assert found[ValidationRule.NOBODY_SUPPRESSED].severity is Severity.PASSED
    assert not [each for each in found.values() if each.severity is Severity.CRITICAL]


def test_a_test_counts_until_the_content_is_changed(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    services = small.another(require_test_send=True)

    def found() -> RuleResult:
        return {each.rule: each for each in validate(services, key).results}[ValidationRule.TEST_SEND]

    assert found().severity is Severity.WARNING
    keep_test(services, key, by="Ada", note="on a phone")
    assert found().severity is Severity.PASSED
    write(small, draft, '<p>Other</p><a href="[[UNSUB_LINK_EN]]">Unsubscribe</a>')
    assert "changed since Ada saw" in found().words
    assert small.query("select tested_by, note from campaign_test") == [("Ada", "on a phone")]


def test_the_campaigns_page_says_who_let_it_go(small: Installation) -> None:
    _, key, _ = scheduled_campaign(small)
    set_sender(small.server.account, "*@sender.example", "Inactive")
    validate(small.services, key)
    override(small.services, key, by="Ada", note="the sender is new")
    said = [(one.words, one.by) for one in campaign_story(small.services, key).timeline]
    assert ("Let go in spite of what its validation found.", "Ada") in said
    assert "Attempt 1 at the validation began." in [words for words, _ in said]


def test_only_a_campaign_that_is_still_to_come_is_tested(small: Installation) -> None:
    draft, key, _ = scheduled_campaign(small)
    small.server.account.store.execute("DELETE FROM draft WHERE id = ?", (draft,))
    with pytest.raises(RefusedError, match="its draft is not there"):
        keep_test(small.services, key, by="Ada")
