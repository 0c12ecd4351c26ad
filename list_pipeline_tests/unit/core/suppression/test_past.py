"""How far apart and how old the failures of a contact may be: days between sends, ageing, grace, a silent year."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.suppression.past import days_between
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    CountedDeliveries,
    SuppressionRule,
    Verdict,
)
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CAMPAIGN,
    CONTACT,
    KEEP,
    MONITOR,
    POLICY,
    SENT,
    SUPPRESS,
    context,
    delivered,
    failed,
    failure,
    judge,
    rule_of,
    unread,
)

FULL = failure(3, False)
DAY = timedelta(days=1)


def sent(state: int, sent_at: datetime, failed_at: datetime, permanent: bool = False, number: int = 1) -> Attempt:
    event = failure(state, permanent, campaign_id=number, at=failed_at)
    return Attempt(number, sent_at, AttemptOutcome.FAILED, event)


def judged(state: int, sent_at: datetime, failed_at: datetime, *history: Attempt) -> Verdict:
    """The verdict on a disputed or soft failure of a campaign that was sent at another time than the failure."""
    campaign = CampaignContext(CAMPAIGN, 1000, {CONTACT: "one.example"}, sent_at)
    event = failure(state, False, at=failed_at)
    facts = {CONTACT: ContactFacts(campaigns_count=9)}
    (verdict,) = decide([event], {CONTACT: history}, facts, campaign, POLICY, failed_at + DAY)
    return verdict


class TestDays:
    def test_they_are_those_between_the_dates_in_utc(self) -> None:
        late, early = (
            datetime.fromisoformat("2026-11-01T23:59:59+00:00"),
            datetime.fromisoformat("2026-11-02T00:00:00Z"),
        )
        assert (days_between(late, early), days_between(early, late), days_between(late, late)) == (1, -1, 0)
        # The same instant by another clock, on which it is the day after.
        assert days_between(late.astimezone(timezone(timedelta(hours=2))), early) == 1

    @given(st.integers(-500, 500), st.integers(0, 86_399), st.integers(0, 86_399))
    def test_the_time_of_day_changes_nothing(self, days: int, first: int, second: int) -> None:
        midnight = SENT.replace(hour=0)
        began = midnight + timedelta(seconds=first)
        assert days_between(began, midnight + timedelta(days=days, seconds=second)) == days

    def test_weekly_sends_are_two_weeks_apart_however_late_each_failure_comes(self) -> None:
        first, second = SENT - 14 * DAY, SENT - 7 * DAY
        history = (sent(3, first, first + 2 * DAY), sent(3, second, second, number=2))
        verdict = judged(3, SENT, SENT + timedelta(minutes=1), *history)
        assert verdict.rule is SuppressionRule.SOFT_PATTERN
        assert "over 14 days" in verdict.explanation
        late = judged(3, SENT - DAY, SENT + 2 * DAY, *history)
        assert late.rule is SuppressionRule.SOFT_STREAK

    def test_three_sundays_across_the_change_of_the_clocks_are_a_pattern(self) -> None:
        sundays = [
            datetime.fromisoformat(day) for day in ("2026-10-18T08:00Z", "2026-10-25T09:00Z", "2026-11-01T09:00Z")
        ]
        spring = [
            datetime.fromisoformat(day) for day in ("2026-03-22T09:00Z", "2026-03-29T08:00Z", "2026-04-05T08:00Z")
        ]
        for first, second, third in (sundays, spring):
            history = (sent(3, first, first), sent(3, second, second, number=2))
            assert judged(3, third, third, *history).rule is SuppressionRule.SOFT_PATTERN

    def test_a_second_hit_is_a_week_after_the_first_by_the_dates_of_the_sends(self) -> None:
        first = SENT - 7 * DAY
        late = sent(2, first + timedelta(hours=14), first + 3 * DAY)
        verdict = judged(2, SENT, SENT + timedelta(minutes=1), late)
        assert verdict.rule is SuppressionRule.SECOND_HIT
        assert "7 days apart" in verdict.explanation
        # Seven days between the failures, and six between the sends.
        early = sent(2, SENT - 6 * DAY, SENT - 6 * DAY)
        assert judged(2, SENT, SENT + DAY, early).rule is SuppressionRule.FIRST_DISPUTED_HIT

    @pytest.mark.parametrize(
        ("hours", "rule"), [(24, SuppressionRule.SECOND_HIT), (23.99, SuppressionRule.FIRST_DISPUTED_HIT)]
    )
    def test_two_failures_within_a_day_are_one_occasion_however_far_apart_their_sends_were(
        self, hours: float, rule: SuppressionRule
    ) -> None:
        # The first one's server tried for a week, and gave up in the same incident.
        late = sent(2, SENT - 7 * DAY, SENT + DAY - timedelta(hours=hours))
        assert judged(2, SENT, SENT + DAY, late).rule is rule


class TestAgeing:
    @pytest.mark.parametrize(
        ("days", "rule"), [(180, SuppressionRule.SOFT_PATTERN), (181, SuppressionRule.SOFT_STREAK)]
    )
    def test_a_streak_spans_at_most_half_a_year(self, days: int, rule: SuppressionRule) -> None:
        assert judge(FULL, failed(3, days), failed(3, 90)).rule is rule

    def test_three_full_mailboxes_in_two_years_are_one(self) -> None:
        assert judge(FULL, failed(3, 730), failed(3, 365)).rule is SuppressionRule.SINGLE_SOFT

    @pytest.mark.parametrize(("silent", "rule"), [(3, SuppressionRule.SOFT_PATTERN), (4, SuppressionRule.SOFT_STREAK)])
    def test_a_streak_spans_at_most_six_rounds_of_the_contact(self, silent: int, rule: SuppressionRule) -> None:
        between = [unread(40 - number) for number in range(silent)]
        assert judge(FULL, failed(3, 60), *between, failed(3, 7)).rule is rule

    def test_full_and_blocked_in_turns_are_a_pattern(self) -> None:
        turns = [failed(3 if number % 2 == 0 else 7, 30 * number) for number in range(12, 0, -1)]
        verdict = judge(FULL, *turns)
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SOFT_PATTERN)
        assert "3 times with no delivery between, over 120 days" in verdict.explanation

    def test_rounds_that_were_sent_later_are_not_among_the_six(self) -> None:
        later = [Attempt(60 + number, SENT + number * DAY, AttemptOutcome.UNKNOWN) for number in range(1, 6)]
        week = SENT + 7 * DAY
        assert judge(FULL, failed(3, 14), failed(3, 7), *later, as_of=week).rule is SuppressionRule.SOFT_PATTERN

    @pytest.mark.parametrize(
        ("days", "rule"), [(400, SuppressionRule.SECOND_HIT), (401, SuppressionRule.FIRST_DISPUTED_HIT)]
    )
    def test_a_first_hit_is_forgotten_after_400_days(self, days: int, rule: SuppressionRule) -> None:
        assert judge(failure(2), failed(2, days)).rule is rule

    def test_a_hit_too_near_hides_none_before_it(self) -> None:
        verdict = judge(failure(2), failed(2, 30), failed(2, 6))
        assert verdict.rule is SuppressionRule.SECOND_HIT
        assert "30 days apart" in verdict.explanation


class TestSilence:
    WORDS = " The contact had not been mailed for {} days."

    @pytest.mark.parametrize("event", [failure(1), failure(2), FULL])
    def test_a_year_without_mail_is_named(self, event: object) -> None:
        silent = judge(event, unread(365))  # type: ignore[arg-type]
        assert silent.explanation.endswith(self.WORDS.format(365))
        assert "mailed for" not in judge(event, unread(364)).explanation  # type: ignore[arg-type]

    def test_it_changes_nothing_else(self) -> None:
        silent = judge(failure(2), failed(2, 400))
        assert rule_of(silent) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        assert silent.explanation.endswith("400 days apart with no delivery between." + self.WORDS.format(400))

    def test_who_was_never_mailed_before_was_not_silent(self) -> None:
        assert "mailed for" not in judge(failure(1)).explanation

    def test_what_mailjet_did_not_try_is_no_mail_and_what_it_tried_is(self) -> None:
        assert judge(failure(2), failed(3, 500), failed(14, 100)).explanation.endswith(self.WORDS.format(500))
        assert "mailed for" not in judge(failure(2), failed(3, 500), failed(7, 100)).explanation

    def test_a_later_campaign_is_not_taken_for_an_earlier_one(self) -> None:
        later = Attempt(60, SENT + DAY, AttemptOutcome.UNKNOWN)
        verdict = judge(failure(2), failed(3, 500), later, as_of=SENT + 7 * DAY)
        assert verdict.explanation.endswith(self.WORDS.format(500))


class TestGrace:
    def graced(self, *history: Attempt, permanent: bool = True) -> Verdict:
        return judge(failure(1, permanent), *history, facts=ContactFacts(campaigns_count=9))

    def test_the_first_hard_bounce_of_who_was_reached_lately_is_watched(self) -> None:
        verdict = self.graced(delivered(30))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.FIRST_HIT)
        assert verdict.explanation == (
            "Watched: user unknown, at an address that worked until lately; a second failure counts."
        )
        assert verdict.confidence is None

    @pytest.mark.parametrize(("days", "action"), [(180, MONITOR), (181, SUPPRESS)])
    def test_lately_is_half_a_year(self, days: int, action: object) -> None:
        assert self.graced(delivered(days)).action is action

    @pytest.mark.parametrize("history", [(), (unread(30),), (failed(3, 30),), (failed(7, 30),)])
    def test_who_was_never_reached_is_suppressed_at_once(self, history: tuple[Attempt, ...]) -> None:
        assert rule_of(self.graced(*history)) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    def test_the_second_hit_finishes_it_and_the_permanence_flag_keeps_it_automatic(self) -> None:
        verdict = self.graced(delivered(60), failed(1, 30, permanent=True))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        assert (verdict.is_permanent_hard, verdict.bounce_count) == (True, 2)
        assert POLICY.review_confidence <= (verdict.confidence or 0)

    def test_a_delivery_between_gives_grace_anew(self) -> None:
        verdict = self.graced(failed(1, 60, permanent=True), delivered(30))
        assert verdict.rule is SuppressionRule.FIRST_HIT

    def test_a_disputed_hit_is_what_it_was(self) -> None:
        assert self.graced(delivered(30), permanent=False).rule is SuppressionRule.FIRST_DISPUTED_HIT

    def test_a_delivery_that_came_later_is_no_grace_but_shows_that_the_address_works(self) -> None:
        later = Attempt(60, SENT + DAY, AttemptOutcome.DELIVERED)
        facts = {CONTACT: ContactFacts(campaigns_count=9)}
        (verdict,) = decide([failure(1)], {CONTACT: [later]}, facts, context(), POLICY, SENT + 7 * DAY)
        assert verdict.rule is SuppressionRule.DELIVERED_SINCE

    def test_without_a_figure_there_is_no_grace_even_on_the_same_day(self) -> None:
        today = Attempt(60, SENT - timedelta(hours=1), AttemptOutcome.DELIVERED)
        rules = {}
        for days in (0, 1):
            (verdict,) = decide(
                [failure(1)],
                {CONTACT: [today]},
                {CONTACT: ContactFacts()},
                context(),
                replace(POLICY, grace_days=days),
                AS_OF,
            )
            rules[days] = rule_of(verdict)
        assert rules == {0: (SUPPRESS, SuppressionRule.HARD_BOUNCE), 1: (MONITOR, SuppressionRule.FIRST_HIT)}


class TestGraceByMailjetsCount:
    """At the first start nothing was read yet that says whether an address ever worked."""

    def judged(self, count: int, *history: Attempt, days_ago: int = 1, grace_days: int = 180) -> Verdict:
        counted = CountedDeliveries(count, SENT - timedelta(days=days_ago))
        facts = ContactFacts(campaigns_count=9, deliveries=counted)
        policy = replace(POLICY, grace_days=grace_days)
        (verdict,) = decide([failure(1)], {CONTACT: history}, {CONTACT: facts}, context(), policy, AS_OF)
        return verdict

    def test_who_took_mail_before_is_watched_at_the_first_hard_bounce(self) -> None:
        assert rule_of(self.judged(1)) == (MONITOR, SuppressionRule.FIRST_HIT)

    def test_who_never_took_any_is_suppressed_at_once(self) -> None:
        assert rule_of(self.judged(0)) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    @pytest.mark.parametrize(("days", "action"), [(180, MONITOR), (181, SUPPRESS), (-180, MONITOR), (-181, SUPPRESS)])
    def test_the_count_holds_for_half_a_year_around_its_moment(self, days: int, action: object) -> None:
        assert self.judged(9, days_ago=days).action is action

    def test_without_a_figure_there_is_no_grace(self) -> None:
        assert self.judged(9, days_ago=0, grace_days=0).action is SUPPRESS

    @pytest.mark.parametrize(("count", "action"), [(1, SUPPRESS), (2, MONITOR)])
    def test_one_that_was_counted_since_may_be_the_message_that_came_back(self, count: int, action: object) -> None:
        assert self.judged(count, days_ago=-1).action is action

    @pytest.mark.parametrize(("count", "action"), [(1, MONITOR), (0, SUPPRESS)])
    def test_what_was_counted_right_at_the_start_is_older_than_the_send(self, count: int, action: object) -> None:
        assert self.judged(count, days_ago=0).action is action

    @pytest.mark.parametrize(("count", "waits"), [(1, False), (2, True)])
    def test_an_earlier_bounce_had_grace_by_what_was_counted_before_it(self, count: int, waits: bool) -> None:
        """The hit is a day old and was counted an hour after it began; a block right after a first hit is no second one."""
        facts = ContactFacts(deliveries=CountedDeliveries(count, SENT - timedelta(hours=23)))
        history = [failed(1, 1, permanent=True)]
        (verdict,) = decide([failure(14)], {CONTACT: history}, {CONTACT: facts}, context(), POLICY, AS_OF)
        assert verdict.action is (KEEP if waits else SUPPRESS)

    @pytest.mark.parametrize(("count", "action"), [(2, SUPPRESS), (3, MONITOR)])
    def test_a_later_send_that_may_have_been_counted_is_taken_off(self, count: int, action: object) -> None:
        later = Attempt(60, SENT + timedelta(hours=6), AttemptOutcome.UNKNOWN)
        facts = ContactFacts(deliveries=CountedDeliveries(count, SENT + timedelta(hours=6)))
        (verdict,) = decide([failure(1)], {CONTACT: [later]}, {CONTACT: facts}, context(), POLICY, AS_OF)
        assert verdict.action is action

    def test_one_that_failed_or_came_after_the_count_is_not(self) -> None:
        refused = failed(7, 0)
        refused = replace(refused, campaign_id=60, sent_at=SENT + timedelta(hours=1),
                          event=replace(refused.event, campaign_id=60, occurred_at=SENT + timedelta(hours=1)))  # type: ignore[type-var]  # fmt: skip
        after = Attempt(61, SENT + timedelta(hours=7), AttemptOutcome.UNKNOWN)
        facts = ContactFacts(deliveries=CountedDeliveries(2, SENT + timedelta(hours=6)))
        (verdict,) = decide([failure(1)], {CONTACT: [refused, after]}, {CONTACT: facts}, context(), POLICY, AS_OF)
        assert verdict.action is MONITOR

    @pytest.mark.parametrize("own", [delivered(181), failed(3, 30)])
    def test_what_we_read_ourselves_counts_instead(self, own: Attempt) -> None:
        assert rule_of(self.judged(9, own)) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    @pytest.mark.parametrize("own", [unread(30), failed(7, 30), failed(14, 30)])
    def test_a_campaign_that_says_nothing_of_the_mailbox_leaves_the_count(self, own: Attempt) -> None:
        assert rule_of(self.judged(9, own)) == (MONITOR, SuppressionRule.FIRST_HIT)

    @pytest.mark.parametrize(("days", "rule"), [(6, SuppressionRule.FIRST_HIT), (7, SuppressionRule.SECOND_HIT)])
    def test_a_second_hit_finishes_it_as_after_a_delivery(self, days: int, rule: SuppressionRule) -> None:
        assert self.judged(9, failed(1, days, permanent=True)).rule is rule

    def test_a_count_of_no_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="timezone-aware"):
            CountedDeliveries(1, SENT.replace(tzinfo=None))
