"""The check-list of a campaign before it is sent: its rules, and the result of each.

A critical result blocks the campaign, a warning only reports. What is not known never passes: where it could hide
somebody who must not be mailed it is critical, else a warning.

Belongs here: which rules there are, and how bad a result is. Does not belong here: how each is decided (``rules`` about the
list, ``campaign_setup``, ``sending_domain``), and what a block does (``operations.validation.campaign_block``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from list_pipeline.core.health.assessment import HealthPolicy
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.wording import limit_text


class Severity(StrEnum):
    """The result of a rule, from best to worst."""

    PASSED = "passed"
    WARNING = "warning"
    CRITICAL = "critical"


class Part(StrEnum):
    """The parts of the check-list, in the order in which they are shown."""

    LIST = "list"
    SETUP = "setup"
    TECHNICAL = "technical"

    @property
    def label(self) -> str:
        """For people."""
        return {"list": "The list", "setup": "The campaign", "technical": "The sender's domain"}[self.value]


class ValidationRule(StrEnum):
    """The rules, in the order in which they are shown."""

    LIST_EXISTS = "list_exists"
    LIST_SIZE = "list_size"
    NOBODY_SUPPRESSED = "nobody_suppressed"
    NOBODY_WAITING = "nobody_waiting"
    NOBODY_TWICE = "nobody_twice"
    UNSUBSCRIBED_AND_EXCLUDED = "unsubscribed_and_excluded"
    FRESH_DATA = "fresh_data"
    BALANCE = "balance"
    BOUNCE_RATE = "bounce_rate"
    LIST_HEALTH = "list_health"
    SENT_ONCE_A_CYCLE = "sent_once_a_cycle"

    DRAFT_PROGRAMMED = "draft_programmed"
    SUBJECT = "subject"
    SENDER_ACTIVE = "sender_active"
    SENDER_EXPECTED = "sender_expected"
    SAME_CONTENT = "same_content"
    UNSUBSCRIBE_LINK = "unsubscribe_link"
    TEXT_PART = "text_part"
    LINKS = "links"
    TEST_SEND = "test_send"
    NO_COLLISION = "no_collision"

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"

    @property
    def question(self) -> str:
        """The question that the rule asks, the same in every deployment: a figure that is a setting goes by its name."""
        return _QUESTIONS[self]

    @property
    def part(self) -> Part:
        """The part of the check-list that it belongs to."""
        if self in TECHNICAL_RULES:
            return Part.TECHNICAL
        return Part.SETUP if self in SETUP_RULES else Part.LIST


SETUP_RULES = (
    ValidationRule.DRAFT_PROGRAMMED,
    ValidationRule.SUBJECT,
    ValidationRule.SENDER_ACTIVE,
    ValidationRule.SENDER_EXPECTED,
    ValidationRule.SAME_CONTENT,
    ValidationRule.UNSUBSCRIBE_LINK,
    ValidationRule.TEXT_PART,
    ValidationRule.LINKS,
    ValidationRule.TEST_SEND,
    ValidationRule.NO_COLLISION,
)
TECHNICAL_RULES = (ValidationRule.SPF, ValidationRule.DKIM, ValidationRule.DMARC)
LIST_RULES = tuple(rule for rule in ValidationRule if rule not in (*SETUP_RULES, *TECHNICAL_RULES))

_QUESTIONS: Mapping[ValidationRule, str] = MappingProxyType(
    {
        ValidationRule.LIST_EXISTS: "The list exists at Mailjet and is not deleted.",
        ValidationRule.LIST_SIZE: (
            f"As many contacts would be mailed as expected, give or take {VALIDATION.tolerance_contacts} or "
            f"{limit_text(VALIDATION.tolerance_percent)}, whichever is more."
        ),
        ValidationRule.NOBODY_SUPPRESSED: "Nobody on the list is suppressed and could still be mailed.",
        ValidationRule.NOBODY_WAITING: "Nobody on the list waits for a decision to be suppressed.",
        ValidationRule.NOBODY_TWICE: (
            "Nobody on the list got the open cycle already, and nobody stands on another list that is still to be sent in it."
        ),
        ValidationRule.UNSUBSCRIBED_AND_EXCLUDED: "Nobody would be mailed who unsubscribed on another list.",
        ValidationRule.FRESH_DATA: (
            f"The list was read from Mailjet within {VALIDATION.stale_after // timedelta(hours=1)} hours, and nothing is "
            "changing it right now."
        ),
        ValidationRule.BALANCE: (
            "The three lists deviate from their mean by no more than LIST_BALANCE_THRESHOLD, which a maintenance repairs."
        ),
        ValidationRule.BOUNCE_RATE: (
            f"The list's last campaign did not bounce above {limit_text(HealthPolicy().bounces_concerning)}."
        ),
        ValidationRule.LIST_HEALTH: "The assessment of the list's health is of low or medium urgency.",
        ValidationRule.SENT_ONCE_A_CYCLE: "The list was not sent yet in the open cycle.",
        ValidationRule.DRAFT_PROGRAMMED: "The draft is there at Mailjet, and programmed for the time in our schedule.",
        ValidationRule.SUBJECT: "There is a subject, without placeholders left, and the cycle's earlier round had the same.",
        ValidationRule.SENDER_ACTIVE: "Mailjet has verified the sender's address or domain.",
        ValidationRule.SENDER_EXPECTED: "The sender is one of CAMPAIGN_SENDERS; without them, that of the campaign before.",
        ValidationRule.SAME_CONTENT: "A reader sees what the cycle's earlier round showed; else the difference is named.",
        ValidationRule.UNSUBSCRIBE_LINK: "A reader can unsubscribe with one click, and Mailjet learns of it.",
        ValidationRule.TEXT_PART: "There is something to read, also for who reads no HTML, and no placeholder is left.",
        ValidationRule.LINKS: "Each link leads to an encrypted page of a host with a name. None of them is opened.",
        ValidationRule.TEST_SEND: "A person said that they saw a test of exactly this content (REQUIRE_TEST_SEND).",
        ValidationRule.NO_COLLISION: (
            f"Within {VALIDATION.collision_window // timedelta(hours=1)} hours nothing else is sent to these people."
        ),
        ValidationRule.SPF: "Mailjet finds its hosts in the SPF record of the sender's domain.",
        ValidationRule.DKIM: "Mailjet finds its key in the DKIM record of the sender's domain.",
        ValidationRule.DMARC: "The sender's domain says by DMARC what becomes of mail that fails both.",
    }
)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule. ``words``: its finding; ``action``: what to do about it; ``details``: figures and ids."""

    rule: ValidationRule
    severity: Severity
    words: str
    action: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


def verdict(results: Iterable[RuleResult]) -> Severity:
    """The worst of the results; without any, critical: nothing was looked at."""
    order = list(Severity)
    return max((result.severity for result in results), key=order.index, default=Severity.CRITICAL)


def passed(rule: ValidationRule, words: str, **details: Any) -> RuleResult:
    """A rule that holds."""
    return RuleResult(rule, Severity.PASSED, words, "", details)


def warning(rule: ValidationRule, words: str, action: str, **details: Any) -> RuleResult:
    """A rule that does not hold, or of which it is not known, and which lets the campaign go."""
    return RuleResult(rule, Severity.WARNING, words, action, details)


def critical(rule: ValidationRule, words: str, action: str, **details: Any) -> RuleResult:
    """A rule that does not hold, or of which it is not known, and which blocks the campaign."""
    return RuleResult(rule, Severity.CRITICAL, words, action, details)
