"""The rules about a campaign's set-up and its sender's domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.core.validation.campaign_setup import (
    EarlierCampaign,
    OtherSend,
    SeenTest,
    SenderStanding,
    SetupFacts,
    judge_setup,
)
from list_pipeline.core.validation.checklist import (
    SETUP_RULES,
    TECHNICAL_RULES,
    Part,
    RuleResult,
    Severity,
    ValidationRule,
)
from list_pipeline.core.validation.mail_body import MailBody
from list_pipeline.core.validation.sending_domain import (
    DmarcPolicy,
    DomainFacts,
    RecordStatus,
    dmarc_policy,
    judge_domain,
)

AT = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
BODY = MailBody('<p>News</p><a href="[[UNSUB_LINK_EN]]">Unsubscribe</a>', "News")
DRAFT = DraftSeen(
    draft_id=7,
    list_id=1,
    segmentation_id=None,
    title="Letter 3, round 2",
    subject="Letter 3",
    sender_name="Firm",
    sender_email="news@firm.de",
    status=DraftStatus.PROGRAMMED,
)
EARLIER = EarlierCampaign("2026-11-13-r1-5", 1, True, "Letter 3", "news@firm.de", BODY)
GOOD = SetupFacts(
    scheduled_at=AT,
    draft=DRAFT,
    programmed_for=AT,
    sender=SenderStanding.ACTIVE,
    body=BODY,
    earlier=EARLIER,
    others=(),
)
DOMAIN = DomainFacts("firm.de", RecordStatus.OK, RecordStatus.OK, AT, DmarcPolicy.NONE)


def judged(rule: ValidationRule, **changed: Any) -> RuleResult:
    found = {result.rule: result for result in judge_setup(replace(GOOD, **changed))}
    assert tuple(found) == SETUP_RULES
    return found[rule]


def domain(rule: ValidationRule, **changed: Any) -> RuleResult:
    found = {result.rule: result for result in judge_domain(replace(DOMAIN, **changed))}
    assert tuple(found) == TECHNICAL_RULES
    return found[rule]


def test_a_campaign_that_is_set_up_passes_every_rule() -> None:
    results = [*judge_setup(GOOD), *judge_domain(DOMAIN)]
    assert [result.severity for result in results] == [Severity.PASSED] * len(results)
    assert all(result.words and not result.action for result in results)


def test_every_rule_belongs_to_one_part_and_asks_a_question() -> None:
    assert {rule.part for rule in SETUP_RULES} == {Part.SETUP}
    assert {rule.part for rule in TECHNICAL_RULES} == {Part.TECHNICAL}
    assert all(rule.question.endswith(".") or rule.question.endswith(")") for rule in ValidationRule)


def test_what_cannot_be_read_is_a_warning_with_the_reason_and_blocks_nothing() -> None:
    unknown = SetupFacts(scheduled_at=AT, unread="Mailjet refused the key")
    found = {result.rule: result for result in judge_setup(unknown)}
    asked = set(found) - {ValidationRule.TEST_SEND}
    assert {found[rule].severity for rule in asked} == {Severity.WARNING}
    assert all("Mailjet refused the key" in found[rule].words for rule in asked)
    of_domain = judge_domain(DomainFacts("firm.de", unread="Mailjet refused the key"))
    assert {result.severity for result in of_domain} == {Severity.WARNING}


def test_a_draft_that_is_gone_or_not_programmed_blocks() -> None:
    rule = ValidationRule.DRAFT_PROGRAMMED
    assert judged(rule, draft=None).severity is Severity.CRITICAL
    assert judged(rule, programmed_for=None).severity is Severity.CRITICAL
    # What a block of ours took back is not missing.
    assert judged(rule, programmed_for=None, is_taken_back=True).severity is Severity.PASSED


def test_a_draft_that_was_moved_or_has_begun_is_named() -> None:
    moved = judged(ValidationRule.DRAFT_PROGRAMMED, programmed_for=AT + timedelta(hours=1))
    assert moved.severity is Severity.WARNING
    assert "from 2026-11-20 09:15 UTC to 2026-11-20 10:15 UTC" in moved.words
    begun = judged(ValidationRule.DRAFT_PROGRAMMED, draft=replace(DRAFT, status=DraftStatus.SENT))
    assert begun.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("subject", "severity", "words"),
    [
        ("  ", Severity.CRITICAL, "There is no subject."),
        ("Dear *|FNAME|*", Severity.WARNING, "*|FNAME|*"),
        ("Letter 4", Severity.WARNING, "that of round 1 was “Letter 3”"),
        ("Letter 3 ", Severity.PASSED, "Letter 3"),
    ],
)
def test_the_subject(subject: str, severity: Severity, words: str) -> None:
    found = judged(ValidationRule.SUBJECT, draft=replace(DRAFT, subject=subject))
    assert found.severity is severity
    assert words in found.words


def test_the_subject_of_another_cycle_is_another_one() -> None:
    earlier = replace(EARLIER, is_of_this_cycle=False)
    assert (
        judged(ValidationRule.SUBJECT, draft=replace(DRAFT, subject="X"), earlier=earlier).severity is Severity.PASSED
    )


@pytest.mark.parametrize(
    ("standing", "severity"),
    [
        (SenderStanding.ACTIVE, Severity.PASSED),
        (SenderStanding.INACTIVE, Severity.CRITICAL),
        (SenderStanding.MISSING, Severity.CRITICAL),
        (None, Severity.WARNING),
    ],
)
def test_a_sender_that_mailjet_refuses_blocks(standing: SenderStanding | None, severity: Severity) -> None:
    assert judged(ValidationRule.SENDER_ACTIVE, sender=standing).severity is severity


@pytest.mark.parametrize(
    ("allowed", "severity"),
    [
        ({"news@firm.de"}, Severity.PASSED),
        ({"@firm.de"}, Severity.PASSED),
        ({"@other.de", "boss@firm.de"}, Severity.CRITICAL),
        ({"@rm.de"}, Severity.CRITICAL),
    ],
)
def test_a_sender_that_is_none_of_the_named_ones_blocks(allowed: set[str], severity: Severity) -> None:
    draft = replace(DRAFT, sender_email="News@Firm.de")
    found = judged(ValidationRule.SENDER_EXPECTED, draft=draft, allowed_senders=frozenset(allowed))
    assert found.severity is severity


def test_without_named_senders_a_change_is_a_warning_that_shows_no_address() -> None:
    found = judged(ValidationRule.SENDER_EXPECTED, draft=replace(DRAFT, sender_email="hello@new.de"))
    assert found.severity is Severity.WARNING
    assert "new.de" in found.words
    assert "hello@" not in found.words
    assert judged(ValidationRule.SENDER_EXPECTED, earlier=None).severity is Severity.PASSED


def test_a_content_that_differs_from_the_earlier_round_is_shown() -> None:
    body = replace(BODY, html=BODY.html.replace("News", "Old news of anna@firm.de"))
    found = judged(ValidationRule.SAME_CONTENT, body=body)
    assert found.severity is Severity.WARNING
    assert found.words == "The content differs from round 1: 1 line added, 1 line gone."
    assert found.details["removed"] == ["News"]
    assert "anna@firm.de" not in str(found.details)


def test_a_content_is_compared_within_its_cycle_only() -> None:
    body = replace(BODY, html=BODY.html.replace("News", "Other"))
    for earlier in (None, replace(EARLIER, is_of_this_cycle=False)):
        assert judged(ValidationRule.SAME_CONTENT, body=body, earlier=earlier).severity is Severity.PASSED
    gone = judged(ValidationRule.SAME_CONTENT, body=body, earlier=replace(EARLIER, body=None))
    assert gone.severity is Severity.WARNING


def test_a_mail_without_a_way_to_unsubscribe_blocks() -> None:
    rule = ValidationRule.UNSUBSCRIBE_LINK
    assert judged(rule, body=MailBody("<p>News</p>", "")).severity is Severity.CRITICAL
    own = judged(rule, body=MailBody('<a href="https://firm.de/out">Unsubscribe</a>', ""))
    assert own.severity is Severity.WARNING


def test_a_mail_without_content_blocks_and_one_without_a_text_part_warns() -> None:
    rule = ValidationRule.TEXT_PART
    assert judged(rule, body=MailBody("<p> </p>", "")).severity is Severity.CRITICAL
    assert judged(rule, body=replace(BODY, text=" ")).severity is Severity.WARNING
    assert judged(rule, body=MailBody("", "News")).severity is Severity.PASSED
    assert "*|FNAME|*" in judged(rule, body=replace(BODY, text="Dear *|FNAME|*")).words


def test_odd_links_are_named_each_once_and_never_with_an_address() -> None:
    bad = '<a href="http://firm.de/a">one</a>' * 2 + "".join(f'<a href="#">{n}</a>' for n in range(9))
    found = judged(ValidationRule.LINKS, body=MailBody(bad + '<a href="javascript:x">bob@firm.de</a>', ""))
    assert found.severity is Severity.WARNING
    assert found.words.startswith("The link “one” is not encrypted (http); the link “0” leads nowhere")
    assert found.words.endswith("8 further links like that.")
    assert "bob@firm.de" not in str(found)


def test_a_test_counts_for_the_content_that_was_seen() -> None:
    rule = ValidationRule.TEST_SEND
    seen = SeenTest("Ada", AT, True)
    assert judged(rule).severity is Severity.PASSED
    assert judged(rule, wants_test=True).severity is Severity.WARNING
    assert judged(rule, wants_test=True, test=seen).severity is Severity.PASSED
    changed = judged(rule, wants_test=True, test=replace(seen, is_of_this_content=False))
    assert changed.severity is Severity.WARNING
    assert "changed since Ada saw" in changed.words


def test_what_else_is_sent_to_these_people_is_named() -> None:
    found = judged(ValidationRule.NO_COLLISION, others=[OtherSend("Sale", AT + timedelta(hours=2))])
    assert found.severity is Severity.WARNING
    assert "“Sale” at 2026-11-20 11:15 UTC" in found.words


@pytest.mark.parametrize(
    ("status", "spf", "dkim"),
    [
        (RecordStatus.OK, Severity.PASSED, Severity.PASSED),
        (RecordStatus.ERROR, Severity.WARNING, Severity.CRITICAL),
        (RecordStatus.NOT_CHECKED, Severity.WARNING, Severity.WARNING),
        (None, Severity.WARNING, Severity.WARNING),
    ],
)
def test_the_records_that_mailjet_checks(status: RecordStatus | None, spf: Severity, dkim: Severity) -> None:
    assert domain(ValidationRule.SPF, spf=status).severity is spf
    assert domain(ValidationRule.DKIM, dkim=status).severity is dkim


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (("v=DMARC1; p=none",), DmarcPolicy.NONE),
        (("V=dmarc1;P=Reject;rua=mailto:x",), DmarcPolicy.REJECT),
        (("v=spf1 -all", "v=DMARC1; p=quarantine"), DmarcPolicy.QUARANTINE),
        (("v=DMARC1; p=none", "v=DMARC1; p=reject"), DmarcPolicy.UNREADABLE),
        (("v=DMARC1; p=sometimes",), DmarcPolicy.UNREADABLE),
        (("v=DMARC1",), DmarcPolicy.UNREADABLE),
        (("anything",), DmarcPolicy.MISSING),
        ((), DmarcPolicy.MISSING),
    ],
)
def test_a_dmarc_record_is_read_as_receivers_read_it(records: tuple[str, ...], expected: DmarcPolicy) -> None:
    assert dmarc_policy(records) is expected


def test_dmarc_that_is_missing_unreadable_or_unknown_is_a_warning() -> None:
    for policy in (DmarcPolicy.MISSING, DmarcPolicy.UNREADABLE, None):
        assert domain(ValidationRule.DMARC, dmarc=policy).severity is Severity.WARNING
    assert domain(ValidationRule.DMARC, dmarc=None, asks_dns=False).severity is Severity.PASSED
