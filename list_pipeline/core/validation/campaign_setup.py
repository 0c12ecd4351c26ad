"""The rules about the campaign itself: its draft at Mailjet, sender, content, test and neighbours.

Only what nobody could want sent is critical: no draft, no subject, no content, a sender that Mailjet refuses or that is none
of the company's, and no way to unsubscribe, which the law asks for (Directive 2002/58/EC, article 13; 15 USC 7704). All else is
named and left to people: a false block costs a send.

Belongs here: the facts and rules of that. Does not belong here: what can be told of a text (``mail_body``), and where the facts
come from (``operations.validation.campaign_setup``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.foreign_text import tamed
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.core.validation.checklist import RuleResult, ValidationRule, critical, passed, warning
from list_pipeline.core.validation.mail_body import (
    Difference,
    MailBody,
    Unsubscribing,
    difference,
    link_problem,
    placeholders_left,
    unsubscribing,
)
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.wording import count_text, instant_text, names_text

_LONGEST_SHOWN = 200
_REPAIR = "Correct the draft at Mailjet, then validate again."
_LOOK = "Look at the draft at Mailjet, then validate again."


class SenderStanding(StrEnum):
    """The sender's address or domain at Mailjet."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    """Named, and not verified: Mailjet refuses what it sends."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class EarlierCampaign:
    """The campaign that this one is compared with. ``body``: None where it cannot be read any more."""

    campaign_key: str
    round_number: int
    is_of_this_cycle: bool
    subject: str
    sender_email: str
    body: MailBody | None


@dataclass(frozen=True, slots=True)
class OtherSend:
    """Another campaign that is programmed for some of the same people, at an instant (UTC)."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeenTest:
    """A person's word that they saw a test of this campaign. ``is_of_this_content``: of what stands in it now."""

    by: str
    at: datetime
    is_of_this_content: bool


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """Everything that the rules look at. None means: not known. Instants in UTC.

    Attributes:
        scheduled_at: the time in our schedule. programmed_for: Mailjet's; None: it is not programmed.
        is_taken_back: a block of ours took the schedule back, and sets it again when the campaign may go.
        is_sent_here: a person approved that it is sent from here, which this validation is made for.
        allowed_senders: addresses, and domains as ``@example.com``, lower case; empty: nobody named any.
        earlier: the cycle's earlier round, else the campaign before; None: there is none.
        others: other sends within the window. unread: what kept the facts from being read, without secrets.
    """

    scheduled_at: datetime
    draft: DraftSeen | None = None
    programmed_for: datetime | None = None
    is_taken_back: bool = False
    is_sent_here: bool = False
    sender: SenderStanding | None = None
    allowed_senders: frozenset[str] = frozenset()
    body: MailBody | None = None
    earlier: EarlierCampaign | None = None
    others: Sequence[OtherSend] | None = None
    wants_test: bool = False
    test: SeenTest | None = None
    unread: str = ""


def judge_setup(facts: SetupFacts) -> tuple[RuleResult, ...]:
    """Every rule about the campaign, in order. Always all of them."""
    return (
        _draft_programmed(facts),
        _subject(facts),
        _sender_active(facts),
        _sender_expected(facts),
        _same_content(facts),
        _unsubscribe_link(facts),
        _text_part(facts),
        _links(facts),
        _test_send(facts),
        _no_collision(facts),
    )


def _unknown(facts: SetupFacts, rule: ValidationRule, what: str) -> RuleResult:
    why = f": {facts.unread}" if facts.unread else ""
    return warning(rule, f"{what} is not known{why}.", _LOOK)


def _draft_programmed(facts: SetupFacts) -> RuleResult:
    rule, draft = ValidationRule.DRAFT_PROGRAMMED, facts.draft
    if draft is None:
        if facts.unread:
            return _unknown(facts, rule, "Whether the draft is programmed")
        return critical(rule, "The draft is not there at Mailjet any more.", "Schedule the campaign again at Mailjet.")
    if draft.status == DraftStatus.SENT:
        return warning(rule, "Mailjet has begun to send it already.", "Nothing here stops it any more.")
    if facts.programmed_for is None and facts.is_taken_back:
        return passed(rule, "A block took its schedule back; it is set again when the campaign may go.")
    if facts.programmed_for is None and facts.is_sent_here:
        return passed(rule, "It is sent from here as soon as nothing blocks it; it is not programmed at Mailjet.")
    if facts.programmed_for is None:
        return critical(rule, "The draft is not programmed at Mailjet.", "Schedule the campaign again at Mailjet.")
    if facts.programmed_for != facts.scheduled_at:
        return warning(
            rule,
            f"It was moved at Mailjet from {instant_text(facts.scheduled_at)} to {instant_text(facts.programmed_for)}.",
            "Its list is validated again for the new time, by itself.",
        )
    return passed(rule, f"Mailjet has programmed it for {instant_text(facts.programmed_for)}.")


def _subject(facts: SetupFacts) -> RuleResult:
    rule, draft = ValidationRule.SUBJECT, facts.draft
    if draft is None:
        return _unknown(facts, rule, "The subject")
    subject = draft.subject.strip()
    if not subject:
        return critical(rule, "There is no subject.", _REPAIR)
    if left := placeholders_left(subject):
        return warning(
            rule, f"Mailjet does not fill in {_shown_all(left)} in the subject “{_shown(subject)}”.", _REPAIR
        )
    earlier = facts.earlier
    if earlier is not None and earlier.is_of_this_cycle and earlier.subject.strip() != subject:
        return warning(
            rule,
            f"The subject is “{_shown(subject)}”, that of round {earlier.round_number} was “{_shown(earlier.subject)}”: "
            "the rounds cannot be compared.",
            "Use the same subject, if that was not meant.",
        )
    return passed(rule, f"“{_shown(subject)}”")


def _sender_active(facts: SetupFacts) -> RuleResult:
    rule = ValidationRule.SENDER_ACTIVE
    match facts.sender:
        case None:
            return _unknown(facts, rule, "Whether Mailjet has verified the sender")
        case SenderStanding.ACTIVE:
            return passed(rule, "Mailjet has verified the sender.")
        case SenderStanding.INACTIVE:
            return critical(
                rule,
                "Mailjet has not verified the sender, and will refuse to send for it.",
                "Verify it at Mailjet (Sender domains & addresses), then validate again.",
            )
        case SenderStanding.MISSING:
            return critical(
                rule,
                "Mailjet does not know the sender, and will refuse to send for it.",
                "Add and verify it at Mailjet (Sender domains & addresses), or choose another, then validate again.",
            )


def _sender_expected(facts: SetupFacts) -> RuleResult:
    rule, draft = ValidationRule.SENDER_EXPECTED, facts.draft
    if draft is None or not draft.sender_email:
        return _unknown(facts, rule, "The sender")
    address = draft.sender_email.casefold()
    domain = "@" + address.rpartition("@")[2]
    if facts.allowed_senders:
        if facts.allowed_senders & {address, domain}:
            return passed(rule, f"The sender at {domain[1:]} is one of CAMPAIGN_SENDERS.")
        return critical(
            rule,
            f"The sender at {domain[1:]} is none of CAMPAIGN_SENDERS.",
            "Choose the right sender in the draft at Mailjet, or add this one to CAMPAIGN_SENDERS, then validate again.",
        )
    if facts.earlier is None:
        return passed(rule, f"The sender is at {domain[1:]}; there is no earlier campaign to compare with.")
    if facts.earlier.sender_email.casefold() == address:
        return passed(rule, f"The sender is that of {facts.earlier.campaign_key}.")
    was = facts.earlier.sender_email.rpartition("@")[2]
    return warning(
        rule,
        f"The sender is another one than that of {facts.earlier.campaign_key}: at {_shown(domain[1:])}, before at "
        f"{_shown(was)}.",
        "Receivers know senders by their reputation: choose the same one, if that was not meant.",
    )


def _same_content(facts: SetupFacts) -> RuleResult:
    rule, earlier = ValidationRule.SAME_CONTENT, facts.earlier
    if facts.body is None:
        return _unknown(facts, rule, "The content")
    if earlier is None or not earlier.is_of_this_cycle:
        return passed(rule, "This is the first round of its cycle: there is nothing to compare with.")
    if earlier.body is None:
        return warning(
            rule,
            f"The content of round {earlier.round_number} cannot be read at Mailjet any more, so it was not compared.",
            "Compare it by eye.",
        )
    found = difference(earlier.body, facts.body)
    if not found:
        return passed(rule, f"A reader sees what round {earlier.round_number} showed.")
    return warning(
        rule,
        f"The content differs from round {earlier.round_number}: {_counted(found)}.",
        "Look at the difference: rounds with different contents cannot be compared.",
        added=_some(found.added),
        removed=_some(found.removed),
        new_hosts=_some(found.new_hosts),
    )


def _counted(found: Difference) -> str:
    parts = [
        f"{count_text(len(found.added), 'line')} added" if found.added else "",
        f"{count_text(len(found.removed), 'line')} gone" if found.removed else "",
        f"links to {names_text([_shown(host) for host in found.new_hosts])} are new" if found.new_hosts else "",
    ]
    cut = ", of its first lines" if found.is_partial else ""
    return ", ".join(part for part in parts if part) + cut


def _unsubscribe_link(facts: SetupFacts) -> RuleResult:
    rule = ValidationRule.UNSUBSCRIBE_LINK
    if facts.body is None:
        return _unknown(facts, rule, "Whether a reader can unsubscribe")
    match unsubscribing(facts.body):
        case Unsubscribing.MAILJET:
            return passed(rule, "A reader unsubscribes by Mailjet's own link.")
        case Unsubscribing.OWN:
            return warning(
                rule,
                "The link to unsubscribe is the sender's own: Mailjet does not learn of it, and mails them again.",
                "Use Mailjet's variable ([[UNSUB_LINK_EN]]), or make sure that your page unsubscribes them at Mailjet.",
            )
        case Unsubscribing.NONE:
            return critical(
                rule,
                "There is no link to unsubscribe.",
                "Put Mailjet's variable ([[UNSUB_LINK_EN]]) into the mail, then validate again.",
            )


def _text_part(facts: SetupFacts) -> RuleResult:
    rule, body = ValidationRule.TEXT_PART, facts.body
    if body is None:
        return _unknown(facts, rule, "The content")
    if not body.visible_lines:
        return critical(rule, "There is nothing to read in it.", _REPAIR)
    if left := placeholders_left(f"{body.html}\n{body.text}"):
        return warning(rule, f"Mailjet does not fill in {_shown_all(left)}.", _REPAIR, placeholders=_some(left))
    if not body.html.strip():
        return passed(rule, "It is a mail of plain text.")
    if not body.text.strip():
        return warning(
            rule,
            "It has no text part: who reads no HTML sees nothing, and filters mistrust it.",
            "Add a text part to the draft at Mailjet.",
        )
    return passed(rule, "It has an HTML part and a text part.")


def _links(facts: SetupFacts) -> RuleResult:
    rule = ValidationRule.LINKS
    if facts.body is None:
        return _unknown(facts, rule, "Where its links lead to")
    links = facts.body.links
    wrong = [f"“{_shown(each.words or each.target)}” {problem}" for each in links if (problem := link_problem(each))]
    if not links:
        return passed(rule, "There are no links.")
    if not wrong:
        return passed(rule, f"{count_text(len(links), 'link')}, none of them odd; none was opened.")
    wrong = list(dict.fromkeys(wrong))
    more = f", and {count_text(len(wrong) - 3, 'further link')} like that" if len(wrong) > 3 else ""
    return warning(rule, f"The link {'; the link '.join(wrong[:3])}{more}.", _REPAIR, links=_some(wrong))


def _test_send(facts: SetupFacts) -> RuleResult:
    rule, test = ValidationRule.TEST_SEND, facts.test
    if test is not None and test.is_of_this_content:
        return passed(rule, f"{test.by} saw a test of this content at {instant_text(test.at)}.")
    if not facts.wants_test:
        return passed(rule, "Nobody has to say that they saw a test (REQUIRE_TEST_SEND is off).")
    happened = (
        "Nobody said that they saw a test of it."
        if test is None
        else f"It was changed since {test.by} saw a test of it at {instant_text(test.at)}."
    )
    return warning(
        rule, happened, "Send a test from Mailjet, look at it, then say so: `list-pipeline test-seen KEY --by NAME`."
    )


def _no_collision(facts: SetupFacts) -> RuleResult:
    rule = ValidationRule.NO_COLLISION
    if facts.others is None:
        return _unknown(facts, rule, "Whether something else is sent to these people")
    if not facts.others:
        return passed(rule, "Nothing else is programmed for these people around that time.")
    named = [
        f"“{_shown(each.name)}” at {instant_text(each.at)}" for each in facts.others[: VALIDATION.most_shown_lines]
    ]
    return warning(
        rule,
        f"The same people are to get something else as well: {names_text(named)}.",
        "Move one of them, if that was not meant.",
        others=named,
    )


def _shown(text: str) -> str:
    """A text of strangers, as a finding may show it."""
    return redact_foreign_text(tamed(" ".join(text.split()), _LONGEST_SHOWN))


def _shown_all(texts: Sequence[str]) -> str:
    return names_text([f"“{_shown(text)}”" for text in texts])


def _some(texts: Sequence[str]) -> list[str]:
    return [_shown(text) for text in texts[: VALIDATION.most_shown_lines]]
