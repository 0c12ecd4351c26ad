"""The rules about the domain that the sender writes from: SPF, DKIM and DMARC.

Since February 2024 Google and Yahoo ask whoever sends more than 5,000 mails a day for all three
(https://support.google.com/a/answer/81126). A broken DKIM record lets nearly everything be refused or filed as spam, so it is
critical; SPF counts for less here, since Mailjet's own envelope carries it.

Belongs here: the facts and rules of that. Does not belong here: where they come from: the first two from Mailjet's periodic
check, DMARC, about which Mailjet tells nothing, from DNS.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.validation.checklist import RuleResult, ValidationRule, critical, passed, warning
from list_pipeline.core.wording import instant_text


class RecordStatus(StrEnum):
    """The result of Mailjet's check of a record."""

    OK = "ok"
    ERROR = "error"
    NOT_CHECKED = "not_checked"


class DmarcPolicy(StrEnum):
    """What a domain asks of receivers for mail that fails (RFC 7489, 6.3), or that it asks for nothing."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    """A record that is not written as it should be: receivers take it for none."""


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """The sender's domain. None means: not known. ``checked_at``: Mailjet's last look at the first two (UTC).

    ``asks_dns``: this installation may ask DNS, which alone knows of DMARC.
    ``unread``: what kept Mailjet's part from being read, without secrets.
    """

    domain: str = ""
    spf: RecordStatus | None = None
    dkim: RecordStatus | None = None
    checked_at: datetime | None = None
    dmarc: DmarcPolicy | None = None
    asks_dns: bool = True
    unread: str = ""


def judge_domain(facts: DomainFacts) -> tuple[RuleResult, ...]:
    """Every rule about the domain, in order. Always all of them."""
    return _spf(facts), _dkim(facts), _dmarc(facts)


def dmarc_policy(records: tuple[str, ...]) -> DmarcPolicy:
    """The policy that the TXT records of ``_dmarc.<domain>`` name (RFC 7489, 6.3 and 6.6.3).

    Args:
        records: the texts, each with its parts joined.
    """
    found = [record for record in records if record.strip().lower().startswith("v=dmarc1")]
    if not found:
        return DmarcPolicy.MISSING
    if len(found) > 1:
        return DmarcPolicy.UNREADABLE
    tags = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (tag.partition("=") for tag in found[0].split(";"))
    }
    asked = tags.get("p", "")
    return DmarcPolicy(asked) if asked in ("none", "quarantine", "reject") else DmarcPolicy.UNREADABLE


def _unknown(facts: DomainFacts, rule: ValidationRule, name: str) -> RuleResult:
    why = f": {facts.unread}" if facts.unread else ""
    return warning(
        rule,
        f"Whether {name} is set up is not known{why}.",
        "Look at the domain at Mailjet (Sender domains & addresses).",
    )


def _set_up(name: str) -> str:
    return (
        f"Set {name} up as Mailjet shows it (Sender domains & addresses), have it checked there, then validate again."
    )


def _checked(facts: DomainFacts) -> str:
    return f" (Mailjet looked at {instant_text(facts.checked_at)})" if facts.checked_at is not None else ""


def _spf(facts: DomainFacts) -> RuleResult:
    rule = ValidationRule.SPF
    match facts.spf:
        case None:
            return _unknown(facts, rule, "SPF")
        case RecordStatus.OK:
            return passed(rule, f"SPF of {facts.domain} is set up{_checked(facts)}.")
        case RecordStatus.ERROR:
            return warning(rule, f"SPF of {facts.domain} does not name Mailjet{_checked(facts)}.", _set_up("SPF"))
        case RecordStatus.NOT_CHECKED:
            return warning(rule, f"Mailjet has not checked the SPF record of {facts.domain}.", _set_up("SPF"))


def _dkim(facts: DomainFacts) -> RuleResult:
    rule = ValidationRule.DKIM
    match facts.dkim:
        case None:
            return _unknown(facts, rule, "DKIM")
        case RecordStatus.OK:
            return passed(rule, f"DKIM of {facts.domain} is set up{_checked(facts)}.")
        case RecordStatus.ERROR:
            return critical(
                rule,
                f"DKIM of {facts.domain} is broken{_checked(facts)}: large providers refuse such mail or file it as spam.",
                _set_up("DKIM"),
            )
        case RecordStatus.NOT_CHECKED:
            return warning(rule, f"Mailjet has not checked the DKIM record of {facts.domain}.", _set_up("DKIM"))


def _dmarc(facts: DomainFacts) -> RuleResult:
    rule = ValidationRule.DMARC
    match facts.dmarc:
        case None if not facts.asks_dns:
            return passed(rule, "DMARC is not looked up: MAIL_HOST_RESOLVER is empty.")
        case None:
            return warning(
                rule,
                "Whether DMARC is set up is not known: Mailjet does not tell it, and DNS gave no answer.",
                "Look up the TXT record of _dmarc below the sender's domain.",
            )
        case DmarcPolicy.MISSING:
            return warning(
                rule,
                f"{facts.domain} has no DMARC record: Google and Yahoo ask large senders for one.",
                "Publish one, to begin with “v=DMARC1; p=none; rua=mailto:…”.",
            )
        case DmarcPolicy.UNREADABLE:
            return warning(
                rule,
                f"The DMARC record of {facts.domain} is not written as it should be, so receivers ignore it.",
                "Publish exactly one record with “v=DMARC1; p=none”, quarantine or reject.",
            )
        case _:
            return passed(rule, f"DMARC of {facts.domain} is set up: p={facts.dmarc.value}.")
