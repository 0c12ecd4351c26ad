"""The documented rules of other tools, over the failures that we keep.

Belongs here: what each tool counts, and how often it takes. Does not belong here: our own rules (``rule_sets``).

What the tools have in common: a failure is of some kind, each kind has a number, and the contact is gone at that many failures
of the kind, counted over its whole life; no delivery resets a count, and no outage is told from dead addresses. What was not
tried at all (Mailjet's preblocks, duplicates, its own scan, broken templates), and what is not over yet, is no failure for any
of them, and who complains is gone at once. Sources, as of November 2026:

- listmonk: its schema (bounce actions: hard 1 blocklist, soft 2 none, complaint 1 blocklist) and its bounce mailbox, where a
  text with an enhanced code 5.x.x is hard: https://github.com/knadh/listmonk at 911e0b77.
- CiviCRM: CRM/Mailing/BAO/BouncingEmail and its bounce types (Invalid, Inactive and Spam 1, the others 3) of
  https://github.com/civicrm/civicrm-core. Its counts begin anew when a person resets them, which no replay does.
- Mailchimp: https://mailchimp.com/help/soft-vs-hard-bounces: hard at once, 7 soft ones without activity and 15 with. A hard
  bouncer who was active lately is not removed at once; opens are not known here, so everybody counts as not active, which
  removes more than Mailchimp does.
- any 5xx: the naive rule that one permanent refusal is enough, whoever it was meant for.

Mailjet tells these tools no SMTP code. Where the receiver's words were read they have one; else the permanence flag says
whether a refusal was permanent, and the message's status whether Mailjet calls it a hard bounce.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.replay.rule_sets import Judgement, Outcome, Told

_R = BounceReason

_NOT_TRIED = frozenset(
    {
        _R.PREBLOCKED,
        _R.DUPLICATE_IN_CAMPAIGN,
        _R.BLACKLISTED,
        _R.SPAM_PREBLOCKED,
        _R.BAD_TEMPLATE,
        _R.TEMPLATE_ERROR,
        _R.STILL_TRYING,
    }
)
_ENHANCED = re.compile(r"\b([245])\.\d{1,2}\.\d{1,3}\b")
_REPLY = re.compile(r"\b([45])\d\d\b")

COMPLAINT = "complaint"


def _kind_for_anybody(event: FailureEvent) -> str:
    return "permanent" if _is_permanent(event) else "passing"


def _is_permanent(event: FailureEvent) -> bool:
    said = _ENHANCED.search(event.server_words) or _REPLY.search(event.server_words)
    if said is not None:
        return said[1] == "5"
    return event.is_permanent is True or event.status is MessageStatus.HARD_BOUNCED


def _kind_for_listmonk(event: FailureEvent) -> str:
    said = _ENHANCED.search(event.server_words)
    is_hard = said[1] == "5" if said is not None else event.status is MessageStatus.HARD_BOUNCED
    return "hard" if is_hard else "soft"


_CIVICRM_KINDS: Mapping[BounceReason, str] = {
    _R.USER_UNKNOWN: "Invalid",
    _R.TYPOFIX: "Invalid",
    _R.MAILBOX_INACTIVE: "Inactive",
    _R.MAILBOX_FULL: "Quota",
    _R.INVALID_DOMAIN: "Dns",
    _R.NO_MAIL_HOST: "Host",
    _R.CONNECTION_ISSUE: "Host",
    _R.ACCESS_DENIED: "Relay",
    _R.SENDER_BLOCKED: "Spam",
    _R.CONTENT_BLOCKED: "Spam",
    _R.POLICY_ISSUE: "Spam",
}
"""Our reasons by the kind whose patterns describe them; the rest is Syntax, where CiviCRM puts what it does not know."""


def _kind_for_civicrm(event: FailureEvent) -> str:
    return _CIVICRM_KINDS.get(event.reason, "Syntax")


def _kind_for_mailchimp(event: FailureEvent) -> str:
    return "hard" if event.bounce_class is BounceClass.HARD else "soft"


@dataclass(frozen=True, slots=True)
class PeerRules:
    """The rules of another tool.

    Attributes:
        kind_of: the kind of a failure.
        enough: how many failures of a kind remove; a kind that is not there never does.
    """

    name: str
    title: str
    kind_of: Callable[[FailureEvent], str]
    enough: Mapping[str, int]

    def judge(self, told: Told) -> tuple[Judgement, ...]:
        """One answer for each contact that failed, or that Mailjet flags as complaining."""
        mailed = {contact_id for contact_id, known in told.facts.items() if known.is_recipient}
        complaining = {contact_id for contact_id in mailed if told.facts[contact_id].is_complaining}
        events = {
            event.contact_id: event
            for event in told.events
            if event.contact_id in mailed and event.occurred_at <= told.as_of
        }
        return tuple(
            self._judgement(contact_id, events.get(contact_id), contact_id in complaining, told)
            for contact_id in sorted(events.keys() | complaining)
        )

    def _judgement(self, contact_id: int, event: FailureEvent | None, is_complaining: bool, told: Told) -> Judgement:
        kind = self._kind(event) if event is not None else None
        if is_complaining or kind == COMPLAINT:
            return Judgement(contact_id, Outcome.REMOVED, COMPLAINT, "Removed: this person reported a message as spam.")
        if kind is None:
            return Judgement(contact_id, Outcome.KEPT, "not_tried", "Kept: nothing was tried, or it is not over yet.")
        past = (one.event for one in told.history.get(contact_id, ()) if one.sent_at <= told.as_of)
        counted = Counter(self._kind(one) for one in past if one is not None and one.occurred_at <= told.as_of)
        number, enough = counted[kind] + 1, self.enough.get(kind)
        if enough is not None and number >= enough:
            words = f"Removed: {kind}, {number} of {enough}."
            return Judgement(contact_id, Outcome.REMOVED, kind.lower(), words)
        words = f"Kept: {kind}, {number} of {enough}." if enough is not None else f"Kept: {kind} never removes."
        return Judgement(contact_id, Outcome.KEPT, kind.lower(), words)

    def _kind(self, event: FailureEvent) -> str | None:
        """None: no failure to these tools."""
        if event.bounce_class is BounceClass.COMPLAINT:
            return COMPLAINT
        if event.reason in _NOT_TRIED:
            return None
        return self.kind_of(event)


PEERS = (
    PeerRules("listmonk", "its default actions", _kind_for_listmonk, {"hard": 1}),
    PeerRules(
        "civicrm",
        "its default thresholds",
        _kind_for_civicrm,
        {"Invalid": 1, "Inactive": 1, "Spam": 1, "Quota": 3, "Host": 3, "Dns": 3, "Relay": 3, "Syntax": 3},
    ),
    PeerRules("mailchimp", "its documented rules", _kind_for_mailchimp, {"hard": 1, "soft": 7}),
    PeerRules("any-5xx", "one permanent refusal is enough", _kind_for_anybody, {"permanent": 1}),
)
"""The tools whose rules are documented."""
