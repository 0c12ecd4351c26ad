"""Who is suppressed, on what evidence, and above all who is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from list_pipeline.core.bounces.classes import (
    BounceClass,
    BounceReason,
    DecidedBy,
    FailureEvent,
    restore_classification,
)
from list_pipeline.core.incidents.contacts import IncidentCause
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.evidence import ContactFlag
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    SuppressionRule,
    Verdict,
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
    context,
    delivered,
    failed,
    failure,
    incident,
    judge,
    plan_of,
    rule_of,
    unread,
)


class TestHardBounces:
    @pytest.mark.parametrize("state", [1, 4, 19])
    def test_a_certain_one_suppresses_at_once(self, state: int) -> None:
        verdict = judge(failure(state))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)
        assert (verdict.confidence, verdict.bounce_count) == (0.99, 1)
        assert verdict.policy_version == POLICY.version

    @pytest.mark.parametrize(("state", "permanent"), [(1, False), (2, True), (2, False), (4, False), (5, True)])
    def test_a_disputed_one_is_watched_at_first(self, state: int, permanent: bool) -> None:
        assert rule_of(judge(failure(state, permanent))) == (MONITOR, SuppressionRule.FIRST_DISPUTED_HIT)

    @pytest.mark.parametrize("state", [1, 2])
    def test_the_receivers_own_words_settle_a_disputed_one(self, state: int) -> None:
        verdict = judge(failure(state, False, text="550 5.1.1 user unknown"))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    def test_the_second_disputed_hit_a_week_later_suppresses(self) -> None:
        verdict = judge(failure(2), failed(2, 7))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        assert (verdict.confidence, verdict.bounce_count, verdict.is_borderline) == (0.80, 2, True)

    @pytest.mark.parametrize(
        "history",
        [
            (failed(2, 6),),
            (failed(2, 14), delivered(7)),
            (failed(2, 14, incident=True),),
            (failed(2, 14, contradictory=True),),
            (failed(3, 14),),
            (failed(7, 14, permanent=True),),
            (failed(14, 14),),
            (unread(14),),
            (delivered(14),),
        ],
        ids=[
            "too soon",
            "delivery between",
            "incident",
            "contradiction",
            "soft",
            "block",
            "untried",
            "unread",
            "delivered",
        ],
    )
    def test_what_is_no_second_hit_stays_watched(self, history: tuple[Attempt, ...]) -> None:
        assert rule_of(judge(failure(2), *history)) == (MONITOR, SuppressionRule.FIRST_DISPUTED_HIT)

    def test_an_unread_campaign_between_two_hits_is_no_delivery(self) -> None:
        assert judge(failure(2), failed(2, 14), unread(7)).rule is SuppressionRule.SECOND_HIT

    def test_a_hit_of_this_very_campaign_in_the_history_is_not_a_first_hit(self) -> None:
        same = Attempt(
            CAMPAIGN, SENT - timedelta(days=20), AttemptOutcome.FAILED, failure(2, at=SENT - timedelta(days=20))
        )
        assert judge(failure(2), same).rule is SuppressionRule.FIRST_DISPUTED_HIT

    def test_a_delivery_after_the_bounce_shows_that_the_address_works(self) -> None:
        later = Attempt(60, SENT + timedelta(days=2), AttemptOutcome.DELIVERED)
        verdict = judge(failure(1), later, as_of=SENT + timedelta(days=7))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.DELIVERED_SINCE)

    def test_a_failure_in_a_later_campaign_is_no_first_hit_and_no_delivery(self) -> None:
        at = SENT + timedelta(days=2)
        later = Attempt(60, at, AttemptOutcome.FAILED, failure(2, campaign_id=60, at=at))
        week = SENT + timedelta(days=7)
        assert judge(failure(2), later, as_of=week).rule is SuppressionRule.FIRST_DISPUTED_HIT
        assert judge(failure(2), failed(2, 7), later, as_of=week).rule is SuppressionRule.SECOND_HIT

    def test_a_delivery_after_the_moment_of_judging_was_not_known_then(self) -> None:
        later = Attempt(60, AS_OF + timedelta(hours=1), AttemptOutcome.DELIVERED)
        assert judge(failure(1), later).rule is SuppressionRule.HARD_BOUNCE

    def test_a_contradiction_keeps_the_contact(self) -> None:
        assert rule_of(judge(failure(1, contradictory=True))) == (KEEP, SuppressionRule.CONTRADICTION)

    def test_without_the_domain_nobody_can_exclude_an_incident(self) -> None:
        blind = CampaignContext(CAMPAIGN, 1000, {}, SENT)
        (verdict,) = decide([failure(1)], {}, {CONTACT: ContactFacts()}, blind, POLICY, AS_OF)
        assert rule_of(verdict) == (KEEP, SuppressionRule.FACTS_UNKNOWN)


class TestOrderOfThePast:
    """A history comes in any order, and a campaign that is left out ends nothing."""

    def test_attempts_behind_one_that_is_left_out_still_count(self) -> None:
        unknown_yet = Attempt(60, AS_OF + timedelta(days=1), AttemptOutcome.UNKNOWN)
        assert judge(failure(2), unknown_yet, failed(2, 7)).rule is SuppressionRule.SECOND_HIT

    def test_a_later_hit_is_stepped_over_and_not_taken_for_the_first_one(self) -> None:
        at = SENT + timedelta(days=10)
        later = Attempt(60, at, AttemptOutcome.FAILED, failure(2, campaign_id=60, at=at))
        month = SENT + timedelta(days=30)
        assert judge(failure(2), later, as_of=month).rule is SuppressionRule.FIRST_DISPUTED_HIT
        reached = Attempt(61, SENT + timedelta(hours=2), AttemptOutcome.UNKNOWN)
        verdict = judge(failure(2), failed(2, 7), reached, later, as_of=month)
        assert verdict.rule is SuppressionRule.SECOND_HIT
        assert "7 days apart" in verdict.explanation

    def test_what_becomes_known_at_the_very_moment_of_judging_is_known(self) -> None:
        assert judge(failure(1, at=AS_OF)).rule is SuppressionRule.HARD_BOUNCE
        sent = Attempt(60, AS_OF, AttemptOutcome.DELIVERED)
        assert judge(failure(1), sent).rule is SuppressionRule.DELIVERED_SINCE


class TestSoftPatterns:
    FULL = failure(3, False)

    def test_three_in_a_row_over_two_weeks_suppress(self) -> None:
        verdict = judge(self.FULL, failed(3, 14), failed(3, 7))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SOFT_PATTERN)
        assert (verdict.confidence, verdict.bounce_count, verdict.bounce_type) == (0.90, 3, "mailbox_full")

    @pytest.mark.parametrize(
        ("history", "rule"),
        [
            ((), SuppressionRule.SINGLE_SOFT),
            ((failed(3, 14),), SuppressionRule.SOFT_STREAK),
            ((failed(3, 13), failed(3, 7)), SuppressionRule.SOFT_STREAK),
            ((failed(3, 21), failed(3, 14), delivered(7)), SuppressionRule.SINGLE_SOFT),
            ((failed(3, 21), delivered(14), failed(3, 7)), SuppressionRule.SOFT_STREAK),
            ((failed(3, 21), failed(2, 14), failed(3, 7)), SuppressionRule.SOFT_STREAK),
            ((unread(21), unread(14)), SuppressionRule.SINGLE_SOFT),
            ((failed(14, 21), failed(14, 14)), SuppressionRule.SINGLE_SOFT),
        ],
        ids=[
            "one",
            "two",
            "13 days",
            "reset",
            "reset between",
            "disputed between",
            "unread",
            "untried",
        ],
    )
    def test_what_is_no_pattern_suppresses_nobody(self, history: tuple[Attempt, ...], rule: SuppressionRule) -> None:
        verdict = judge(self.FULL, *history)
        assert verdict.rule is rule
        assert verdict.action in {KEEP, MONITOR}

    @pytest.mark.parametrize(
        "between",
        [
            unread(10),
            failed(14, 10),
            failed(99, 10),
            failed(7, 10),
            failed(8, 10),
            failed(2, 10, incident=True),
            failed(3, 10, incident=True),
        ],
        ids=["unread", "untried", "unknown", "blocked", "content", "incident", "soft in an incident"],
    )
    def test_what_says_nothing_neither_counts_nor_resets(self, between: Attempt) -> None:
        assert judge(self.FULL, failed(3, 14), between, failed(3, 7)).rule is SuppressionRule.SOFT_PATTERN
        assert judge(self.FULL, failed(3, 14), between).rule is SuppressionRule.SOFT_STREAK

    def test_soft_failures_for_another_reason_are_no_part_of_the_pattern(self) -> None:
        other = failed(3, 7)
        assert other.event is not None
        busy = restore_classification(BounceClass.SOFT, BounceReason.GREYLISTED, False, DecidedBy.STATE)
        between = replace(other, event=replace(other.event, classification=busy))
        assert judge(self.FULL, failed(3, 21), failed(3, 14), between).rule is SuppressionRule.SINGLE_SOFT

    def test_an_old_pattern_is_not_acted_on(self) -> None:
        history = (failed(3, 14), failed(3, 7))
        assert judge(self.FULL, *history, as_of=SENT + timedelta(days=30)).rule is SuppressionRule.SOFT_PATTERN
        assert judge(self.FULL, *history, as_of=SENT + timedelta(days=31)).rule is SuppressionRule.SOFT_STREAK

    def test_a_contact_in_fewer_than_two_campaigns_is_too_new(self) -> None:
        verdict = judge(self.FULL, failed(3, 14), failed(3, 7), facts=ContactFacts(campaigns_count=1))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.NEW_CONTACT)
        verdict = judge(self.FULL, failed(3, 14), failed(3, 7), facts=ContactFacts(campaigns_count=2))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SOFT_PATTERN)

    def test_the_span_of_a_pattern_is_told_in_days(self) -> None:
        assert (
            "3 times with no delivery between, over 14 days"
            in judge(self.FULL, failed(3, 14), failed(3, 7)).explanation
        )

    def test_two_failures_far_apart_are_no_pattern_however_long_they_span(self) -> None:
        assert judge(self.FULL, failed(3, 40)).rule is SuppressionRule.SOFT_STREAK

    def test_a_contradictory_failure_between_says_nothing(self) -> None:
        between = failed(2, 10, contradictory=True)
        assert judge(self.FULL, failed(3, 14), between, failed(3, 7)).rule is SuppressionRule.SOFT_PATTERN

    def test_a_hard_bounce_for_the_same_reason_ends_the_streak(self) -> None:
        hard = failed(3, 7)
        assert hard.event is not None
        as_hard = restore_classification(BounceClass.HARD, hard.event.reason, False, DecidedBy.STATE)
        between = replace(hard, event=replace(hard.event, classification=as_hard))
        assert judge(self.FULL, failed(3, 21), failed(3, 14), between).rule is SuppressionRule.SINGLE_SOFT

    def test_a_later_delivery_ends_the_streak(self) -> None:
        later = Attempt(60, SENT + timedelta(days=2), AttemptOutcome.DELIVERED)
        verdict = judge(self.FULL, failed(3, 14), failed(3, 7), later, as_of=SENT + timedelta(days=7))
        assert rule_of(verdict) == (KEEP, SuppressionRule.SINGLE_SOFT)

    def test_a_later_soft_failure_does_not_lengthen_the_streak_of_this_campaign(self) -> None:
        at = SENT + timedelta(days=2)
        later = Attempt(60, at, AttemptOutcome.FAILED, failure(3, False, campaign_id=60, at=at))
        assert (
            judge(self.FULL, failed(3, 14), later, as_of=SENT + timedelta(days=7)).rule is SuppressionRule.SOFT_STREAK
        )

    def test_a_failure_that_became_known_later_was_an_unread_attempt_then(self) -> None:
        at = SENT - timedelta(days=7)
        late = Attempt(1, at, AttemptOutcome.FAILED, failure(3, False, campaign_id=1, at=AS_OF + timedelta(days=1)))
        assert judge(self.FULL, failed(3, 14), late).rule is SuppressionRule.SOFT_STREAK


class TestComplaints:
    def test_they_suppress_at_once_and_with_certainty(self) -> None:
        for event in (failure(21), failure(None, status=MessageStatus.SPAM)):
            verdict = judge(event)
            assert rule_of(verdict) == (SUPPRESS, SuppressionRule.COMPLAINT)
            assert verdict.confidence == 1.0

    def test_the_contacts_own_flag_is_enough_and_is_its_evidence(self) -> None:
        verdict = judge(None, facts=ContactFacts(is_complaining=True))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.COMPLAINT)
        assert verdict.evidence == (ContactFlag("IsSpamComplaining"),)
        assert verdict.has_evidence

    def test_a_flagged_contact_with_a_block_is_suppressed_for_the_flag_alone(self) -> None:
        verdict = judge(failure(7), facts=ContactFacts(is_complaining=True))
        assert verdict.action is SUPPRESS
        assert verdict.events == ()


class TestWhoIsNeverTouched:
    @pytest.mark.parametrize(
        ("facts", "rule"),
        [
            (ContactFacts(is_known=False), SuppressionRule.FACTS_UNKNOWN),
            (ContactFacts(is_recipient=False), SuppressionRule.NOT_A_RECIPIENT),
            (ContactFacts(is_anonymised=True), SuppressionRule.ANONYMISED),
            (ContactFacts(is_unreadable=True), SuppressionRule.UNREADABLE_ROW),
            (ContactFacts(is_unreadable=True, is_complaining=True), SuppressionRule.UNREADABLE_ROW),
            (ContactFacts(is_unreadable=True, in_suppression_list=True), SuppressionRule.UNREADABLE_ROW),
            (ContactFacts(in_suppression_list=True), SuppressionRule.ALREADY_SUPPRESSED),
        ],
    )
    @pytest.mark.parametrize("state", [1, 21])
    def test_even_a_certain_bounce_or_complaint_keeps_them(
        self, state: int, facts: ContactFacts, rule: SuppressionRule
    ) -> None:
        assert rule_of(judge(failure(state), facts=facts)) == (KEEP, rule)

    def test_a_flag_alone_concerns_only_recipients_of_whom_we_have_a_row(self) -> None:
        facts = {
            1: ContactFacts(is_complaining=True),
            2: ContactFacts(is_complaining=True, is_recipient=False),
            3: ContactFacts(is_complaining=True, is_known=False),
            4: ContactFacts(),
        }
        assert [verdict.contact_id for verdict in decide([], {}, facts, context(), POLICY, AS_OF)] == [1]

    def test_a_contact_without_any_facts_is_kept(self) -> None:
        (verdict,) = decide([failure()], {}, {}, context(), POLICY, AS_OF)
        assert rule_of(verdict) == (KEEP, SuppressionRule.FACTS_UNKNOWN)

    def test_unsubscribed_and_excluded_hide_no_dead_address(self) -> None:
        assert judge(failure(), facts=ContactFacts(is_unsubscribed=True, is_excluded=True)).action is SUPPRESS

    @pytest.mark.parametrize(
        ("state", "rule"),
        [(state, SuppressionRule.SENDER_FAULT) for state in (6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18)]
        + [(state, SuppressionRule.NOT_EVIDENCE) for state in (14, 15, 20)]
        + [(state, SuppressionRule.UNKNOWN) for state in (None, 22)],
    )
    def test_what_is_not_the_contacts_fault_keeps_it(self, state: int | None, rule: SuppressionRule) -> None:
        history = tuple(failed(state or 0, days, permanent=True) for days in (28, 21, 14, 7))
        assert rule_of(judge(failure(state), *history)) == (KEEP, rule)

    def test_what_happens_after_the_moment_of_judging_is_not_known(self) -> None:
        assert rule_of(judge(failure(at=AS_OF + timedelta(seconds=1)))) == (KEEP, SuppressionRule.NOT_KNOWN_YET)


class TestPreblockedAfterAHardBounce:
    @pytest.mark.parametrize("days_ago", [1, 7, 30, 400])
    def test_a_hard_bounce_that_we_read_suppresses_however_old_the_block_is(self, days_ago: int) -> None:
        verdict = judge(failure(14), failed(1, days_ago, permanent=True))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)
        assert (verdict.confidence, verdict.bounce_count, verdict.bounce_type) == (0.99, 1, "user_unknown")
        assert verdict.has_evidence
        assert verdict.is_permanent_hard

    def blocked(self, *history: Attempt, grace_days: int = 180) -> Verdict:
        """The verdict on a block a day after a hard bounce."""
        policy = replace(POLICY, grace_days=grace_days)
        past = {CONTACT: (*history, failed(1, 1, permanent=True))}
        (verdict,) = decide([failure(14)], past, {CONTACT: ContactFacts()}, context(), policy, AS_OF)
        return verdict

    @pytest.mark.parametrize(
        ("history", "grace_days", "waits"),
        [
            ((delivered(181),), 180, True),
            ((delivered(182),), 180, False),
            ((unread(10),), 180, False),
            ((failed(3, 10),), 180, False),
            ((delivered(2),), 1, True),
            ((delivered(2),), 0, False),
            ((Attempt(9, SENT - timedelta(days=1, hours=1), AttemptOutcome.DELIVERED),), 0, False),
            ((Attempt(9, SENT - timedelta(days=1), AttemptOutcome.DELIVERED),), 180, False),
        ],
    )
    def test_where_the_bounce_was_a_first_hit_a_block_right_after_it_is_no_other_occasion(
        self, history: tuple[Attempt, ...], grace_days: int, waits: bool
    ) -> None:
        verdict = self.blocked(*history, grace_days=grace_days)
        assert verdict.action is (KEEP if waits else SUPPRESS)

    def test_further_blocks_and_unread_campaigns_between_change_nothing(self) -> None:
        history = (failed(1, 28, permanent=True), failed(14, 21), unread(14), failed(3, 7))
        assert judge(failure(14), *history).rule is SuppressionRule.HARD_BOUNCE

    @pytest.mark.parametrize(
        "history",
        [
            (),
            (failed(14, 14),),
            (failed(1, 14, permanent=False),),
            (failed(3, 14), failed(3, 7)),
            (failed(7, 14, permanent=True),),
            (failed(1, 14, permanent=True, contradictory=True),),
            (failed(1, 14, permanent=True, incident=True),),
            (replace(failed(1, 14, permanent=True), is_rejected=True),),
            (failed(1, 14, permanent=True), replace(failed(14, 7), is_rejected=True)),
            (failed(1, 14, permanent=True), delivered(7)),
            (unread(14),),
        ],
        ids=[
            "nothing earlier",
            "an earlier block",
            "a disputed one",
            "soft",
            "the sender's fault",
            "a contradiction",
            "an incident",
            "rejected by a person",
            "rejected by a person after a block",
            "a delivery since the bounce",
            "unread",
        ],
    )
    def test_without_an_earlier_hard_bounce_that_counts_it_stays_no_evidence(
        self, history: tuple[Attempt, ...]
    ) -> None:
        assert rule_of(judge(failure(14), *history)) == (KEEP, SuppressionRule.NOT_EVIDENCE)

    def test_a_delivery_after_the_block_protects(self) -> None:
        verdict = judge(failure(14), failed(1, 14, permanent=True), delivered(-1), as_of=AS_OF + timedelta(days=2))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.DELIVERED_SINCE)

    def test_without_the_domain_nobody_can_exclude_an_incident_behind_it(self) -> None:
        blind = CampaignContext(CAMPAIGN, 1000, {}, SENT)
        past = {CONTACT: (failed(1, 14, permanent=True),)}
        (verdict,) = decide([failure(14)], past, {CONTACT: ContactFacts()}, blind, POLICY, AS_OF)
        assert rule_of(verdict) == (KEEP, SuppressionRule.NOT_EVIDENCE)

    def test_a_bounce_of_a_later_campaign_is_not_behind_the_block(self) -> None:
        verdict = judge(failure(14), failed(1, -1, permanent=True), as_of=AS_OF + timedelta(days=2))
        assert rule_of(verdict) == (KEEP, SuppressionRule.NOT_EVIDENCE)

    @pytest.mark.parametrize("state", [15, 20])
    def test_other_messages_that_mailjet_did_not_try_say_nothing(self, state: int) -> None:
        assert judge(failure(state), failed(1, 14, permanent=True)).rule is SuppressionRule.NOT_EVIDENCE

    def test_who_is_suppressed_so_is_not_offered_for_release(self) -> None:
        events = [failure(14, contact_id=1), failure(14, contact_id=2)]
        hit = failure(1, campaign_id=CAMPAIGN - 7, contact_id=1, at=SENT - timedelta(days=7))
        past = Attempt(CAMPAIGN - 7, SENT - timedelta(days=7), AttemptOutcome.FAILED, hit)
        (found,) = plan_of(events, {1: (past,)}).not_evidence
        assert found.contacts == 1


class TestIncidents:
    def in_one(self, *history: Attempt, event: FailureEvent | None = None, **facts: Any) -> Verdict:
        """The verdict on a contact whose failure is part of an incident."""
        campaign = replace(context(), incidents=(incident(CONTACT, 8),))
        known = ContactFacts(campaigns_count=1 + len(history), **facts)
        (verdict,) = decide([event or failure(1)], {CONTACT: history}, {CONTACT: known}, campaign, POLICY, AS_OF)
        return verdict

    @pytest.mark.parametrize("history", [(), (delivered(30),), (delivered(30), failed(1, 14, permanent=True))])
    def test_a_certain_hard_bounce_waits_whatever_was_before(self, history: tuple[Attempt, ...]) -> None:
        verdict = self.in_one(*history)
        assert rule_of(verdict) == (HOLD, SuppressionRule.HARD_BOUNCE)
        assert verdict.explanation == (
            "Held: more contacts of its mail operator or domain bounced at once than dead addresses explain."
        )

    def test_a_first_disputed_one_is_watched_and_a_second_one_waits(self) -> None:
        disputed = failure(1, permanent=False)
        assert rule_of(self.in_one(event=disputed)) == (MONITOR, SuppressionRule.FIRST_DISPUTED_HIT)
        assert rule_of(self.in_one(failed(2, 14), event=disputed)) == (HOLD, SuppressionRule.SECOND_HIT)

    def test_complaints_and_soft_patterns_do_not_wait(self) -> None:
        assert rule_of(self.in_one(event=failure(21))) == (SUPPRESS, SuppressionRule.COMPLAINT)
        full = self.in_one(failed(3, 14), failed(3, 7), event=failure(3, permanent=False))
        assert rule_of(full) == (SUPPRESS, SuppressionRule.SOFT_PATTERN)

    def test_where_the_refusals_that_were_read_refuse_us_it_waits_for_that(self) -> None:
        ours = replace(incident(CONTACT), cause=IncidentCause.SENDER)
        campaign = replace(context(), incidents=(ours,))
        (verdict,) = decide([failure(1)], {}, {CONTACT: ContactFacts()}, campaign, POLICY, AS_OF)
        assert verdict.action is HOLD
        assert verdict.explanation == (
            "Held: the refusals of its mail operator or domain that were read refuse us, not the contacts."
        )

    def test_others_of_the_campaign_do_not_wait(self) -> None:
        campaign = replace(context(), incidents=(incident(8, 9),))
        (verdict,) = decide([failure(1)], {}, {CONTACT: ContactFacts()}, campaign, POLICY, AS_OF)
        assert verdict.action is SUPPRESS


class TestAfterAnIncident:
    """The next rounds of a contact that bounced hard in one."""

    @staticmethod
    def struck(days_ago: int, by: GroupKind, state: int = 1, permanent: bool = True) -> Attempt:
        return replace(failed(state, days_ago, permanent=permanent), held_by=by)

    @pytest.mark.parametrize("kind", GroupKind)
    def test_refused_again_while_its_group_is_as_usual_it_is_suppressed(self, kind: GroupKind) -> None:
        verdict = judge(failure(1), delivered(30), self.struck(14, kind))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        assert verdict.is_permanent_hard

    def test_so_soon_it_is_no_other_occasion(self) -> None:
        verdict = judge(failure(1), delivered(30), self.struck(6, GroupKind.OPERATOR))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.FIRST_HIT)

    @pytest.mark.parametrize(("then", "now"), [(False, True), (True, False)])
    def test_neither_bounce_may_be_in_doubt(self, then: bool, now: bool) -> None:
        verdict = judge(failure(1, now), delivered(30), self.struck(14, GroupKind.OPERATOR, permanent=then))
        assert verdict.action is MONITOR

    @pytest.mark.parametrize("between", [failed(2, 10, incident=True), failed(3, 10), unread(10)])
    def test_what_says_nothing_hides_no_earlier_hit(self, between: Attempt) -> None:
        verdict = judge(failure(2), failed(2, 20), between)
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)

    def test_delivered_in_between_it_was_the_groups_fault(self) -> None:
        verdict = judge(failure(1), self.struck(14, GroupKind.OPERATOR), delivered(7))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.FIRST_HIT)

    @pytest.mark.parametrize("kind", GroupKind)
    def test_blocked_since_by_mailjet_it_is_kept(self, kind: GroupKind) -> None:
        verdict = judge(failure(14), delivered(30), self.struck(14, kind))
        assert rule_of(verdict) == (KEEP, SuppressionRule.NOT_EVIDENCE)


class TestDomainsThatAreGone:
    """A whole domain bounced, and nobody there was reached in that campaign or since."""

    struck = staticmethod(TestAfterAnIncident.struck)
    LAST = SENT - timedelta(days=30)

    def again(self, event: FailureEvent, *history: Attempt, reached: datetime | None = LAST) -> Verdict:
        campaign = replace(context(), incidents=(incident(CONTACT),) if event.counts else ())
        known = ContactFacts(campaigns_count=1 + len(history), domain_reached_at=reached)
        (verdict,) = decide([event], {CONTACT: history}, {CONTACT: known}, campaign, POLICY, AS_OF)
        return verdict

    def test_bouncing_again_as_a_whole_it_is_suppressed(self) -> None:
        verdict = self.again(failure(1), delivered(30), self.struck(14, GroupKind.DOMAIN))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)

    def test_who_was_never_reached_there_goes_with_it(self) -> None:
        verdict = self.again(failure(1), self.struck(14, GroupKind.DOMAIN))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    def test_blocked_by_mailjet_since_it_is_suppressed(self) -> None:
        verdict = self.again(failure(14), delivered(30), self.struck(14, GroupKind.DOMAIN))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    @pytest.mark.parametrize("state", [1, 14])
    @pytest.mark.parametrize("days", [7, 6])
    def test_a_week_apart_is_another_occasion_and_less_is_not(self, state: int, days: int) -> None:
        verdict = self.again(failure(state), delivered(30), self.struck(days, GroupKind.DOMAIN))
        waits = {1: HOLD, 14: KEEP}[state]
        assert verdict.action is (SUPPRESS if days == 7 else waits)

    def test_only_that_the_domain_is_gone_counts_beside_an_incident_of_its_operator(self) -> None:
        struck = self.struck(20, GroupKind.DOMAIN), self.struck(10, GroupKind.OPERATOR)
        verdict = self.again(failure(1), delivered(40), *struck)
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        assert "20 days apart" in verdict.explanation

    @pytest.mark.parametrize("state", [1, 14])
    @pytest.mark.parametrize(
        ("kind", "reached"),
        [
            (GroupKind.DOMAIN, SENT - timedelta(days=14)),
            (GroupKind.DOMAIN, SENT - timedelta(days=3)),
            (GroupKind.DOMAIN, None),
            (GroupKind.OPERATOR, LAST),
            (GroupKind.POOL, LAST),
        ],
    )
    def test_it_is_not_gone_where_anybody_was_reached_or_others_share_it(
        self, state: int, kind: GroupKind, reached: datetime | None
    ) -> None:
        verdict = self.again(failure(state), delivered(30), self.struck(14, kind), reached=reached)
        assert verdict.action in (HOLD, KEEP)


class TestOpinions:
    def test_they_can_lower_a_borderline_item_and_never_raise_it(self) -> None:
        second = judge(failure(2), failed(2, 7))
        assert second.more_careful(confidence=0.6).confidence == 0.6
        assert second.more_careful(confidence=0.95).confidence == 0.80
        assert second.more_careful(monitor=True).action is MONITOR
        assert second.more_careful() == second

    def test_they_turn_a_borderline_suppression_into_watching_and_are_quoted(self) -> None:
        verdict = judge(failure(2), failed(2, 7))
        watched = verdict.more_careful(monitor=True, said="it may be back")
        assert watched.action is MONITOR
        assert watched.explanation.startswith("Watched, because the advisor doubts that it should be suppressed: ")
        assert watched.explanation.endswith(" Advisor: it may be back")
        assert watched.more_careful(0.1) == watched
        assert (verdict.more_careful(0).confidence, verdict.more_careful(1).confidence) == (0, verdict.confidence)
        assert verdict.more_careful(1) == verdict
        pattern = judge(failure(3, False), failed(3, 14), failed(3, 7))
        assert pattern.is_borderline

    def test_only_a_complaint_by_flag_has_the_flag_for_evidence(self) -> None:
        verdict = judge(failure(1))
        assert not verdict.flagged_as_complaining
        assert ContactFlag("IsSpamComplaining") not in verdict.evidence

    @pytest.mark.parametrize("verdict", [judge(failure(1)), judge(failure(21)), judge(failure(7))])
    def test_they_change_nothing_that_is_certain_and_nothing_that_is_kept(self, verdict: Verdict) -> None:
        assert verdict.more_careful(confidence=0.1, monitor=True) == verdict

    @pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
    def test_a_confidence_that_is_no_share_is_refused(self, confidence: float) -> None:
        with pytest.raises(ValueError, match="share"):
            judge(failure(2), failed(2, 7)).more_careful(confidence=confidence)


class TestBadInput:
    def test_two_different_events_of_one_contact_have_to_be_reconciled_first(self) -> None:
        with pytest.raises(ValueError, match="reconcile"):
            decide([failure(1), failure(7)], {}, {}, context(), POLICY, AS_OF)

    def test_an_event_of_another_campaign_is_refused(self) -> None:
        with pytest.raises(ValueError, match="among those of campaign 50"):
            decide([failure(campaign_id=51)], {}, {}, context(), POLICY, AS_OF)

    def test_two_outcomes_of_one_campaign_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two different attempts"):
            judge(failure(3), delivered(7), unread(7))

    def test_somebody_elses_history_is_refused(self) -> None:
        other = Attempt(1, SENT, AttemptOutcome.FAILED, failure(2, contact_id=8, campaign_id=1))
        with pytest.raises(ValueError, match="contact 8"):
            judge(failure(2), other)

    def test_an_attempt_has_an_event_exactly_when_it_failed(self) -> None:
        with pytest.raises(ValueError, match="exactly when"):
            Attempt(1, SENT, AttemptOutcome.DELIVERED, failure(campaign_id=1))
        with pytest.raises(ValueError, match="exactly when"):
            Attempt(1, SENT, AttemptOutcome.FAILED)

    def test_an_attempts_instant_has_a_zone_and_its_event_is_its_own(self) -> None:
        with pytest.raises(ValueError, match="timezone-aware"):
            Attempt(1, datetime(2026, 11, 2), AttemptOutcome.UNKNOWN)  # noqa: DTZ001
        with pytest.raises(ValueError, match="attempt's campaign"):
            Attempt(1, SENT, AttemptOutcome.FAILED, failure(campaign_id=2))
