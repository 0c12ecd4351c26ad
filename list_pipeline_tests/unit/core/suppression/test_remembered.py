"""What stays of a summarised past: every rule says the same with it as with everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.past import Hit, Past
from list_pipeline.core.suppression.remembered import KEPT_UNKNOWN, remembered
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.unreachable import lasting_streak
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    ContactFacts,
    CountedDeliveries,
    Reach,
)
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    CAMPAIGN,
    CONTACT,
    POLICY,
    SENT,
    context,
    delivered,
    failed,
    failure,
    unread,
)

OFTEN = st.sampled_from([1, 2, 3, 4, 5, 6, 12, 14, 16, 17, 19, 21, 22, None])
"""States of every class, those more often that an undisputed or a disputed hard bounce, a block or a silence comes of."""


@st.composite
def attempts(draw: st.DrawFn, first: int, last: int) -> tuple[Attempt, ...]:
    """Attempts of so many days before the judged campaign."""
    made: list[Attempt] = []
    for ago in draw(st.lists(st.integers(first, last), unique=True, max_size=14)):
        kind = draw(st.sampled_from(["delivered", "unread", "failed", "failed", "failed"]))
        if kind != "failed":
            made.append(delivered(ago) if kind == "delivered" else unread(ago))
            continue
        one = failed(draw(OFTEN) or 0, ago, permanent=draw(st.booleans()), contradictory=draw(st.booleans()))
        held_by = draw(st.sampled_from([None, None, *GroupKind]))
        made.append(replace(one, held_by=held_by, is_rejected=draw(st.integers(0, 9)) == 0))
    return tuple(made)


def _ordered(*history: Attempt) -> tuple[Attempt, ...]:
    return tuple(sorted(history, key=lambda one: (one.sent_at, one.campaign_id)))


@given(
    old=attempts(100, 130),
    young=attempts(1, 99),
    state=OFTEN,
    permanent=st.booleans(),
    reached_before=st.integers(0, 140) | st.none(),
    counted=st.integers(0, 200) | st.none(),
)
@settings(max_examples=600, deadline=None)
def test_every_verdict_is_the_same_with_what_stays_as_with_everything(
    old: tuple[Attempt, ...],
    young: tuple[Attempt, ...],
    state: int | None,
    permanent: bool,
    reached_before: int | None,
    counted: int | None,
) -> None:
    everything, rest = _ordered(*old, *young), _ordered(*remembered(old), *young)
    own = [one.sent_at for one in everything if one.outcome is AttemptOutcome.DELIVERED]
    reached = [] if reached_before is None else [SENT - timedelta(days=reached_before)]
    facts = ContactFacts(
        campaigns_count=1 + len(everything),
        # Whom a campaign reached is somebody at the domain.
        domain_reached_at=max([*own, *reached], default=None),
        reach=Reach(max([*own, *reached], default=None), MailHost.UNKNOWN),
        # Counted at the first start, long before what is old enough to be summarised is judged on.
        deliveries=None if counted is None else CountedDeliveries(3, SENT - timedelta(days=200 + counted)),
    )
    event = failure(state, permanent)

    def verdicts(history: tuple[Attempt, ...]) -> object:
        return [
            decide([event], {CONTACT: history}, {CONTACT: facts}, context(), policy, SENT + timedelta(days=1))
            # With the figures turned down, what is 100 days old lies within their reach.
            for policy in (
                POLICY,
                replace(POLICY, soft_span_days=0, second_hit_days=0, unreachable_days=10, silence_days=30),
            )
        ]

    assert verdicts(rest) == verdicts(everything)
    now = Hit(SENT, event)
    assert Past(now, rest).days_without_attempt() == Past(now, everything).days_without_attempt()
    assert lasting_streak(Past(now, rest), POLICY) == lasting_streak(Past(now, everything), POLICY)


@given(attempts(1, 130))
def test_what_stays_is_a_part_that_nothing_more_is_taken_from(history: tuple[Attempt, ...]) -> None:
    stays = remembered(history)
    assert set(stays) <= set(history)
    assert remembered(stays) == stays
    assert bool(stays) == bool(history)


def test_of_somebody_who_is_reached_one_attempt_stays() -> None:
    assert remembered([delivered(ago) for ago in range(700, 1000, 7)]) == (delivered(700),)


def test_failures_since_the_last_delivery_stay_and_those_before_go_but_the_last_hard_one_and_complaint() -> None:
    spam = failure(None, status=MessageStatus.SPAM, campaign_id=CAMPAIGN - 940, at=SENT - timedelta(days=940))
    assert spam.bounce_class is BounceClass.COMPLAINT
    complaint = Attempt(spam.campaign_id, spam.occurred_at, AttemptOutcome.FAILED, spam)
    stays = [complaint, failed(1, 900), delivered(850), failed(3, 800), unread(795), failed(6, 790)]
    goes = [delivered(960), failed(1, 930), failed(5, 920), unread(910), failed(6, 860)]
    assert remembered([*goes, *stays]) == tuple(stays)


def test_of_what_is_not_known_the_latest_rounds_of_a_streak_stay() -> None:
    assert remembered([unread(ago) for ago in range(1, 20)]) == tuple(unread(ago) for ago in range(KEPT_UNKNOWN, 0, -1))
    assert {one.campaign_id for one in remembered([unread(9), delivered(5)])} == {CAMPAIGN - 5}
