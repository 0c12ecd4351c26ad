"""Histories of single contacts at and beside the limits of each rule, judged whole: the failure, the past, the facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent, classify
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.past import Hit, Past
from list_pipeline.core.suppression.rules import decide, unanswered_since
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    Reach,
    SuppressionRule,
    Verdict,
    VerdictAction,
)
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CAMPAIGN,
    CONTACT,
    HOLD,
    KEEP,
    MONITOR,
    POLICY,
    SENT,
    SUPPRESS,
    incident,
)

R = SuppressionRule
NO_USER, EXCHANGE = "550 5.1.1 user unknown", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"
NEVER_ANSWERED = Reach(None)


def answered(days_ago: int) -> Reach:
    return Reach(SENT - timedelta(days=days_ago))


@dataclass(frozen=True)
class Mail:
    """One mail of a history. ``state``: Mailjet's; None with ``ok`` means that it was delivered."""

    days_ago: int
    state: int | None = None
    permanent: bool = False
    text: str | None = None
    ok: bool = False
    read: bool = True
    held: GroupKind | None = None
    soft: bool = False
    contradictory: bool = False
    sent_at: datetime | None = None
    late: timedelta = timedelta(minutes=5)

    @property
    def sent(self) -> datetime:
        return self.sent_at or SENT - timedelta(days=self.days_ago)

    def event(self) -> FailureEvent:
        status = MessageStatus.SOFT_BOUNCED if self.soft else MessageStatus.BOUNCE
        found = classify(self.state, self.permanent, status, self.text)
        number = CAMPAIGN - self.days_ago
        at = self.sent + self.late
        return FailureEvent(
            CONTACT, number, at, self.state, self.permanent, status, found, True, True, self.contradictory
        )

    def attempt(self) -> Attempt:
        number = CAMPAIGN - self.days_ago
        if self.ok or not self.read:
            return Attempt(number, self.sent, AttemptOutcome.DELIVERED if self.ok else AttemptOutcome.UNKNOWN)
        return Attempt(number, self.sent, AttemptOutcome.FAILED, self.event(), self.held)


def hard(days_ago: int = 0, **more: object) -> Mail:
    return Mail(days_ago, 1, True, **more)  # type: ignore[arg-type]


def doubtful(days_ago: int = 0, **more: object) -> Mail:
    return Mail(days_ago, 2, True, **more)  # type: ignore[arg-type]


def full(days_ago: int = 0, **more: object) -> Mail:
    return Mail(days_ago, 3, soft=True, **more)  # type: ignore[arg-type]


def blocked(days_ago: int = 0) -> Mail:
    return Mail(days_ago, 7)


def silent(days_ago: int = 0, **more: object) -> Mail:
    return Mail(days_ago, 12, **more)  # type: ignore[arg-type]


def untried(days_ago: int = 0) -> Mail:
    return Mail(days_ago, 14)


def reached(days_ago: int) -> Mail:
    return Mail(days_ago, ok=True)


def unread(days_ago: int) -> Mail:
    return Mail(days_ago, read=False)


def judged(
    now: Mail,
    *past: Mail,
    reach: Reach | None = None,
    in_incident: bool = False,
    knows_domain: bool = True,
    days_later: int = 0,
) -> Callable[[], Verdict]:
    """Judges the history when it is called."""
    return partial(_judge, now, past, reach, in_incident, knows_domain, days_later)


def _judge(
    now: Mail, past: Sequence[Mail], reach: Reach | None, in_incident: bool, knows_domain: bool, days_later: int
) -> Verdict:
    facts = ContactFacts(campaigns_count=1 + len(past), reach=reach)
    incidents = (incident(CONTACT),) if in_incident else ()
    domains = {CONTACT: "gone.example"} if knows_domain else {}
    campaign = CampaignContext(CAMPAIGN, 1000, domains, now.sent, incidents)
    as_of = max(AS_OF, now.event().occurred_at) + timedelta(days=days_later)
    (verdict,) = decide(
        [now.event()], {CONTACT: [one.attempt() for one in past]}, {CONTACT: facts}, campaign, POLICY, as_of
    )
    return verdict


SILENT = (silent(30), silent(60))
SUNDAY = datetime(2026, 10, 11, 7, tzinfo=UTC)  # 9 h of a clock that is set back on 25 October
TEMPORARY = "451 try again later"

HISTORIES: dict[str, tuple[Callable[[], Verdict], VerdictAction, SuppressionRule]] = {
    # Grace
    "never delivered to, surely dead": (judged(hard()), SUPPRESS, R.HARD_BOUNCE),
    "delivered to 180 days ago": (judged(hard(), reached(180)), MONITOR, R.FIRST_HIT),
    "delivered to 181 days ago": (judged(hard(), reached(181)), SUPPRESS, R.HARD_BOUNCE),
    "an unread campaign is no delivery": (judged(hard(), unread(14)), SUPPRESS, R.HARD_BOUNCE),
    "a first hit and no delivery since, grace of the first": (
        judged(hard(), hard(14), reached(28)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "a delivery between two hits": (judged(hard(), reached(14), hard(28)), MONITOR, R.FIRST_HIT),
    # Second hit
    "six days apart": (judged(doubtful(), doubtful(6)), MONITOR, R.FIRST_DISPUTED_HIT),
    "seven days apart": (judged(doubtful(), doubtful(7)), SUPPRESS, R.SECOND_HIT),
    "seven dates apart and less than seven days of hours": (
        judged(doubtful(), doubtful(7, sent_at=datetime(2026, 10, 26, 23, 59, tzinfo=UTC))),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "six dates apart and more than six days of hours": (
        judged(doubtful(), doubtful(6, sent_at=datetime(2026, 10, 27, 0, 1, tzinfo=UTC))),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "the first one failed six days late": (
        judged(doubtful(), doubtful(7, late=timedelta(days=6, hours=1))),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "400 days apart": (judged(doubtful(), doubtful(400)), SUPPRESS, R.SECOND_HIT),
    "401 days apart": (judged(doubtful(), doubtful(401)), MONITOR, R.FIRST_DISPUTED_HIT),
    "our own fault between two hits": (judged(doubtful(), blocked(7), doubtful(14)), SUPPRESS, R.SECOND_HIT),
    "a hit that one source denies": (
        judged(doubtful(), doubtful(14, contradictory=True)),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "in an incident now": (judged(hard(), in_incident=True), HOLD, R.HARD_BOUNCE),
    "in an incident before, as usual now": (
        judged(hard(), hard(14, held=GroupKind.OPERATOR), reached(28)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "doubtful in an incident before": (
        judged(doubtful(), doubtful(14, held=GroupKind.OPERATOR)),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    # Soft streaks
    "13 days of full mailboxes": (judged(full(), full(6), full(13)), MONITOR, R.SOFT_STREAK),
    "14 days of full mailboxes": (judged(full(), full(7), full(14)), SUPPRESS, R.SOFT_PATTERN),
    "two full mailboxes": (judged(full(), full(14)), MONITOR, R.SOFT_STREAK),
    "three Sundays across a change of the clocks": (
        judged(
            full(sent_at=SUNDAY + timedelta(days=14, hours=1)),
            full(7, sent_at=SUNDAY + timedelta(days=7)),
            full(14, sent_at=SUNDAY),
        ),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "three Sundays, the clocks set forward": (
        judged(
            full(sent_at=SUNDAY + timedelta(days=14, hours=-1)),
            full(7, sent_at=SUNDAY + timedelta(days=7)),
            full(14, sent_at=SUNDAY),
        ),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "full, blocked, full, blocked, full": (
        judged(full(), blocked(7), full(14), blocked(21), full(28)),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "untried and unread between": (
        judged(full(), untried(7), full(14), unread(21), full(28)),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "a delivery between": (judged(full(), reached(7), full(14), full(21)), KEEP, R.SINGLE_SOFT),
    "another fault of the contact's between": (judged(full(), doubtful(7), full(14), full(21)), KEEP, R.SINGLE_SOFT),
    "a streak of 180 days": (judged(full(), full(90), full(180)), SUPPRESS, R.SOFT_PATTERN),
    "a streak of 181 days": (judged(full(), full(90), full(181)), MONITOR, R.SOFT_STREAK),
    "within six rounds": (
        judged(full(), blocked(7), full(14), blocked(21), blocked(28), full(35)),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "over seven rounds": (
        judged(full(), blocked(7), full(14), blocked(21), blocked(28), blocked(35), full(42)),
        MONITOR,
        R.SOFT_STREAK,
    ),
    "three full mailboxes in two years": (judged(full(), full(365), full(730)), KEEP, R.SINGLE_SOFT),
    # Without a state
    "no state and no words": (judged(Mail(0, None, True)), KEEP, R.UNKNOWN),
    "no state, softly, full by its words": (
        judged(Mail(0, None, text="552 mailbox full", soft=True)),
        KEEP,
        R.SINGLE_SOFT,
    ),
    "full by its words three times": (
        judged(
            Mail(0, None, text="552 mailbox full", soft=True),
            full(7),
            Mail(14, None, text="552 5.2.2 over quota", soft=True),
        ),
        SUPPRESS,
        R.SOFT_PATTERN,
    ),
    "no state, permanent, unknown by its words": (judged(Mail(0, None, True, NO_USER)), SUPPRESS, R.HARD_BOUNCE),
    "the same of a contact that worked": (judged(Mail(0, None, True, NO_USER), reached(14)), MONITOR, R.FIRST_HIT),
    "no state, no flag, unknown by its words": (judged(Mail(0, None, False, NO_USER)), MONITOR, R.FIRST_DISPUTED_HIT),
    "no state, permanent, unknown by its code": (judged(Mail(0, None, True, "550 5.1.1")), SUPPRESS, R.HARD_BOUNCE),
    "no state, permanent, words before the code": (
        judged(Mail(0, None, True, "550 5.1.1 mailbox full")),
        KEEP,
        R.SINGLE_SOFT,
    ),
    "no state, permanent, about us": (judged(Mail(0, None, True, "550 5.1.1 blacklisted")), KEEP, R.SENDER_FAULT),
    "no state, permanent, it passes": (judged(Mail(0, None, True, TEMPORARY)), KEEP, R.UNKNOWN),
    "a number that is new": (judged(Mail(0, 99, True, NO_USER)), MONITOR, R.FIRST_DISPUTED_HIT),
    # Words
    "a block list under an unknown user": (judged(hard(text="550 5.1.1 listed at Spamhaus")), KEEP, R.SENDER_FAULT),
    "storage under an unknown user": (judged(hard(text="552 exceeded storage allocation")), KEEP, R.SINGLE_SOFT),
    "try again under an unknown user": (
        judged(hard(text="550 mailbox unavailable, try again later")),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "a sender unknown at the receiver": (judged(hard(text="550 sender user unknown")), KEEP, R.SENDER_FAULT),
    "Exchange's refusal, once": (judged(Mail(0, 6, text=EXCHANGE)), MONITOR, R.FIRST_DISPUTED_HIT),
    "Exchange's refusal, six days later": (
        judged(Mail(0, 6, text=EXCHANGE), Mail(6, 6, text=EXCHANGE)),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "Exchange's refusal, seven days later": (
        judged(Mail(0, 6, text=EXCHANGE), Mail(7, 6, text=EXCHANGE)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "Exchange's refusal, and a delivery between": (
        judged(Mail(0, 6, text=EXCHANGE), reached(7), Mail(14, 6, text=EXCHANGE)),
        MONITOR,
        R.FIRST_DISPUTED_HIT,
    ),
    "access denied without words": (judged(Mail(0, 6), Mail(7, 6), Mail(14, 6)), KEEP, R.SENDER_FAULT),
    # A domain without an answer
    "no answer, 60 days": (judged(silent(), *SILENT, reach=NEVER_ANSWERED), SUPPRESS, R.SECOND_HIT),
    "no answer, 59 days": (judged(silent(), silent(30), silent(59), reach=NEVER_ANSWERED), KEEP, R.SENDER_FAULT),
    "no answer in two campaigns": (judged(silent(), silent(60), reach=NEVER_ANSWERED), KEEP, R.SENDER_FAULT),
    "no answer, and how the domain answers is not known": (judged(silent(), *SILENT), KEEP, R.SENDER_FAULT),
    "somebody there was answered with the first": (judged(silent(), *SILENT, reach=answered(60)), KEEP, R.SENDER_FAULT),
    "somebody there was answered before": (judged(silent(), *SILENT, reach=answered(61)), SUPPRESS, R.SECOND_HIT),
    "DNS names a host": (
        judged(silent(), *SILENT, reach=replace(NEVER_ANSWERED, mail_host=MailHost.FOUND)),
        KEEP,
        R.SENDER_FAULT,
    ),
    "DNS names no host": (
        judged(silent(), *SILENT, reach=replace(NEVER_ANSWERED, mail_host=MailHost.NONE)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "the contact was reached between": (
        judged(silent(), silent(30), reached(45), silent(60), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "a server refused between": (
        judged(silent(), silent(30), blocked(45), silent(60), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "untried and unread between, and no host": (
        judged(silent(), untried(15), Mail(30, 5), unread(45), silent(60), reach=NEVER_ANSWERED),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "no host at last": (judged(Mail(0, 5), *SILENT, reach=NEVER_ANSWERED), SUPPRESS, R.SECOND_HIT),
    "no host at last, in an incident": (
        judged(Mail(0, 5), *SILENT, reach=NEVER_ANSWERED, in_incident=True),
        HOLD,
        R.SECOND_HIT,
    ),
    "our fault now, no answer before": (
        judged(blocked(), silent(30), silent(60), silent(90), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "no answer in two campaigns, and others there were answered": (
        judged(silent(), silent(60), reach=answered(10)),
        KEEP,
        R.SENDER_FAULT,
    ),
    "a failure that nobody knows between": (
        judged(silent(), silent(30), Mail(45), silent(60), reach=NEVER_ANSWERED),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "no host once": (judged(Mail(0, 5), reach=NEVER_ANSWERED), MONITOR, R.FIRST_DISPUTED_HIT),
    "no answer in an incident of the operator": (
        judged(silent(), silent(30, held=GroupKind.OPERATOR), silent(60), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "no answer in an incident of the domain": (
        judged(silent(), silent(30, held=GroupKind.DOMAIN), silent(60), reach=NEVER_ANSWERED),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "no answer, the first 400 days ago": (
        judged(silent(), silent(200), silent(400), reach=NEVER_ANSWERED),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "no answer, the first 401 days ago": (
        judged(silent(), silent(200), silent(401), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "no answer, one of them denied": (
        judged(silent(), silent(30, contradictory=True), silent(60), reach=NEVER_ANSWERED),
        KEEP,
        R.SENDER_FAULT,
    ),
    "no answer, at a domain that is not known": (
        judged(silent(), *SILENT, reach=NEVER_ANSWERED, knows_domain=False),
        KEEP,
        R.SENDER_FAULT,
    ),
    # Complaints and what Mailjet did not try
    "a complaint": (judged(Mail(0, 21), reached(7)), SUPPRESS, R.COMPLAINT),
    "blocked, and nothing before": (judged(untried(), untried(30), untried(60)), KEEP, R.NOT_EVIDENCE),
    "blocked after a certain bounce": (judged(untried(), hard(7)), SUPPRESS, R.HARD_BOUNCE),
    "blocked six days after a first hit": (judged(untried(), hard(6), reached(20)), KEEP, R.NOT_EVIDENCE),
    "blocked seven days after a first hit": (judged(untried(), hard(7), reached(20)), SUPPRESS, R.HARD_BOUNCE),
    "blocked after an incident": (
        judged(untried(), untried(30), hard(90, held=GroupKind.OPERATOR)),
        KEEP,
        R.NOT_EVIDENCE,
    ),
    "blocked once, 60 days after a doubtful bounce": (judged(untried(), doubtful(60)), KEEP, R.NOT_EVIDENCE),
    "blocked twice, 60 days after a doubtful bounce": (
        judged(untried(), untried(30), doubtful(60)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "blocked twice, 60 days after a certain bounce": (
        judged(untried(), untried(30), hard(60)),
        SUPPRESS,
        R.HARD_BOUNCE,
    ),
    "blocked twice, at a domain that is not known": (
        judged(untried(), untried(30), doubtful(60), knows_domain=False),
        KEEP,
        R.NOT_EVIDENCE,
    ),
    "blocked twice, and a delivery later": (
        judged(untried(), untried(30), doubtful(60), reached(-7), days_later=8),
        MONITOR,
        R.DELIVERED_SINCE,
    ),
    "blocked twice, 59 days after a doubtful bounce": (
        judged(untried(), untried(30), doubtful(59)),
        KEEP,
        R.NOT_EVIDENCE,
    ),
    "blocked twice, and a delivery between": (
        judged(untried(), untried(30), reached(45), doubtful(60)),
        KEEP,
        R.NOT_EVIDENCE,
    ),
    "blocked twice, and our fault between": (
        judged(untried(), untried(30), blocked(45), doubtful(60)),
        SUPPRESS,
        R.SECOND_HIT,
    ),
    "blocked twice after a full mailbox": (
        judged(untried(), untried(30), full(60), doubtful(90)),
        KEEP,
        R.NOT_EVIDENCE,
    ),
    "blocked twice after a doubtful bounce in an incident": (
        judged(untried(), untried(30), doubtful(60, held=GroupKind.OPERATOR)),
        KEEP,
        R.NOT_EVIDENCE,
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_is_judged(name: str) -> None:
    judge, action, rule = HISTORIES[name]
    verdict = judge()
    assert (verdict.action, verdict.rule) == (action, rule), verdict.explanation


@pytest.mark.parametrize(("days", "is_named"), [(364, False), (365, True)])
def test_a_year_without_mail_is_named(days: int, is_named: bool) -> None:
    verdict = judged(doubtful(), reached(days))()
    assert (f"not been mailed for {days} days" in verdict.explanation) is is_named


def test_what_no_server_answered_is_shown_as_disputed_hard_bounces() -> None:
    verdict = judged(silent(), *SILENT, reach=NEVER_ANSWERED)()
    assert (verdict.confidence, verdict.bounce_count, verdict.has_evidence, verdict.is_permanent_hard) == (
        0.80,
        3,
        True,
        False,
    )
    assert [event.campaign_id for event in verdict.events] == [CAMPAIGN - 60, CAMPAIGN - 30, CAMPAIGN]
    assert verdict.bounce_type == "connection_issue"
    assert {(event.bounce_class, event.classification.is_disputed) for event in verdict.events} == {
        (BounceClass.HARD, True)
    }
    assert "3 campaigns" in verdict.explanation


def test_a_doubt_that_mailjet_leaves_open_rests_on_the_bounce_before_its_blocks() -> None:
    verdict = judged(untried(), untried(30), doubtful(60))()
    assert (verdict.confidence, verdict.bounce_count, verdict.bounce_type) == (0.80, 1, "mailbox_inactive")


@pytest.mark.parametrize("now", [silent(), Mail(0, 5)], ids=["no connection", "no host"])
def test_a_delivery_afterwards_shows_that_the_domain_answers(now: Mail) -> None:
    later = Mail(-7, ok=True)
    facts = ContactFacts(campaigns_count=4, reach=NEVER_ANSWERED)
    campaign = CampaignContext(CAMPAIGN, 1000, {CONTACT: "gone.example"}, SENT)
    history = {CONTACT: [one.attempt() for one in (later, *SILENT)]}
    (verdict,) = decide([now.event()], history, {CONTACT: facts}, campaign, POLICY, SENT + timedelta(days=8))
    assert verdict.action in (KEEP, MONITOR)


class TestWhoseDomainIsAskedAbout:
    CAMPAIGN_OF_TODAY = CampaignContext(CAMPAIGN, 1000, {CONTACT: "gone.example"}, SENT)

    def asked(self, now: Mail, *past: Mail, as_of: datetime = AS_OF) -> dict[int, datetime]:
        history = {CONTACT: [one.attempt() for one in past]}
        return unanswered_since([now.event()], history, self.CAMPAIGN_OF_TODAY, POLICY, as_of)

    def test_those_who_got_no_answer_for_long_each_with_the_first_of_these_sends(self) -> None:
        assert self.asked(silent(), *SILENT) == {CONTACT: SENT - timedelta(days=60)}

    @pytest.mark.parametrize(
        ("now", "past"),
        [
            (silent(), (silent(60),)),
            (silent(), (silent(30), silent(59))),
            (silent(contradictory=True), SILENT),
            (hard(), SILENT),
            (silent(), ()),
        ],
        ids=["two campaigns", "59 days", "one source denies it", "another failure", "no history"],
    )
    def test_nobody_else(self, now: Mail, past: tuple[Mail, ...]) -> None:
        assert self.asked(now, *past) == {}

    def test_a_failure_counts_from_the_moment_at_which_it_is_known(self) -> None:
        known_at = silent().event().occurred_at
        assert self.asked(silent(), *SILENT, as_of=known_at) != {}
        assert self.asked(silent(), *SILENT, as_of=known_at - timedelta(seconds=1)) == {}


class TestBlockedForLong:
    def blocked(self, now: Mail, *past: Attempt, rounds: int = 2) -> bool:
        figures = replace(POLICY, blocked_rounds=rounds)
        known = Past(Hit(now.sent, now.event()), tuple(sorted(past, key=lambda one: one.sent_at)))
        return known.hit_blocked_for_long(figures) is not None

    def test_each_block_is_one_campaign(self) -> None:
        hit = doubtful(60).attempt()
        assert not self.blocked(untried(), untried(30).attempt(), hit, rounds=3)
        assert self.blocked(untried(), untried(15).attempt(), untried(30).attempt(), hit, rounds=3)

    def test_only_a_block_for_a_bounce_is_one(self) -> None:
        hit = doubtful(60).attempt()
        assert self.blocked(untried(), untried(30).attempt(), hit)
        assert not self.blocked(Mail(0, 20), untried(30).attempt(), hit)

    def test_a_person_who_said_no_is_not_asked_again(self) -> None:
        rejected = replace(doubtful(60).attempt(), is_rejected=True)
        assert not self.blocked(untried(), untried(30).attempt(), rejected)
        assert not self.blocked(untried(), replace(untried(30).attempt(), is_rejected=True), doubtful(60).attempt())
