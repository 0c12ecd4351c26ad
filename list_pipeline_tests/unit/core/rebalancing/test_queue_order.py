"""First in, first out: which contacts are moved and enrolled."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.flows import EnrolNewcomers, RebalancingPolicy, plan_flows
from list_pipeline.core.rebalancing.queue_order import (
    EndsNeeded,
    Enrolment,
    Move,
    QueueEntry,
    choose_contacts,
    needed_from,
)

ONE, TWO, THREE = CAMPAIGN_LISTS
START = datetime(2025, 3, 1, tzinfo=UTC)
OFF = RebalancingPolicy(enrol=EnrolNewcomers.OFF)


def entry(contact_id: int, day: int = 0) -> QueueEntry:
    return QueueEntry(contact_id, START + timedelta(days=day))


def queues_of(sizes: tuple[int, int, int], days: int = 7) -> dict[ListRole, list[QueueEntry]]:
    """Queues with many equal times, so that the id decides as well."""
    return {
        role: [entry(1_000_000 * (number + 1) + i, i // days) for i in range(size)]
        for number, (role, size) in enumerate(zip(CAMPAIGN_LISTS, sizes, strict=True))
    }


def ids(queue: list[QueueEntry]) -> list[int]:
    return [one.contact_id for one in queue]


def test_towards_an_earlier_list_go_the_oldest_and_towards_a_later_list_the_newest() -> None:
    flows = plan_flows((60, 180, 60), 0)
    queues = queues_of((60, 180, 60))
    first, last = flows.moves[TWO, ONE], flows.moves[TWO, THREE]
    assert needed_from(flows) == {TWO: EndsNeeded(first, last)}
    chosen = choose_contacts(flows, queues, [])
    assert [m.contact_id for m in chosen if m.to_role is ONE] == ids(queues[TWO])[:first]
    assert [m.contact_id for m in chosen if m.to_role is THREE] == ids(queues[TWO])[-last:]


def test_one_end_is_dealt_out_in_the_order_of_the_lists() -> None:
    flows = plan_flows((10, 10, 100), 0)
    queue = queues_of((10, 10, 100))
    chosen = choose_contacts(flows, queue, [])
    to_one, to_two = flows.moves[THREE, ONE], flows.moves[THREE, TWO]
    assert [m.contact_id for m in chosen if m.to_role is ONE] == ids(queue[THREE])[:to_one]
    assert [m.contact_id for m in chosen if m.to_role is TWO] == ids(queue[THREE])[to_one : to_one + to_two]

    flows = plan_flows((100, 10, 10), 0)
    queue = queues_of((100, 10, 10))
    chosen = choose_contacts(flows, queue, [])
    to_three, to_two = flows.moves[ONE, THREE], flows.moves[ONE, TWO]
    assert [m.contact_id for m in chosen if m.to_role is THREE] == ids(queue[ONE])[-to_three:]
    assert [m.contact_id for m in chosen if m.to_role is TWO] == ids(queue[ONE])[-to_three - to_two : -to_three]


def test_equal_times_are_ordered_by_contact_id() -> None:
    flows = plan_flows((2, 2, 5), 0)
    assert dict(flows.moves) == {(THREE, ONE): 1, (THREE, TWO): 1}
    chosen = choose_contacts(flows, {THREE: [entry(i) for i in (9, 3, 7, 1, 5)]}, [])
    assert chosen == (Move(1, THREE, ONE), Move(3, THREE, TWO))


def test_newcomers_are_enrolled_oldest_first_and_the_older_ones_into_the_earlier_list() -> None:
    flows = plan_flows((100, 50, 50), 500)
    in_two, in_three = flows.enrolments[TWO], flows.enrolments[THREE]
    newcomers = [entry(i, day=-i) for i in range(500)]  # the higher the id, the older
    chosen = choose_contacts(flows, {}, newcomers)
    assert [e.contact_id for e in chosen if e.to_role is TWO] == list(range(499, 499 - in_two, -1))
    assert [e.contact_id for e in chosen if e.to_role is THREE] == list(
        range(499 - in_two, 499 - in_two - in_three, -1)
    )
    assert all(isinstance(one, Enrolment) for one in chosen)


def test_too_few_candidates_are_an_error_and_never_fewer_moves() -> None:
    flows = plan_flows((60, 180, 60), 0)
    queues = queues_of((60, 180, 60))
    with pytest.raises(IncompleteDataError, match="List 2 offered 10 of the"):
        choose_contacts(flows, {TWO: queues[TWO][:10]}, [])
    with pytest.raises(IncompleteDataError, match="List 2 offered 0"):
        choose_contacts(flows, {}, [])
    enrolling = plan_flows((100, 50, 50), 500)
    with pytest.raises(IncompleteDataError, match="newcomers offered 1 of"):
        choose_contacts(enrolling, {}, [entry(1)])


def test_a_contact_that_is_offered_twice_is_an_error() -> None:
    flows = plan_flows((60, 180, 60), 0)
    queue = queues_of((60, 180, 60))[TWO]
    with pytest.raises(IncompleteDataError, match=f"contact {queue[0].contact_id} was offered twice"):
        choose_contacts(flows, {TWO: [*queue, queue[0]]}, [])
    with pytest.raises(IncompleteDataError, match="offered twice"):
        choose_contacts(flows, {TWO: queue}, [queue[5]])


def test_a_queue_time_without_timezone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        QueueEntry(1, datetime(2025, 3, 1))  # noqa: DTZ001 - that is the fault


def test_a_plan_without_changes_needs_and_chooses_nobody() -> None:
    flows = plan_flows((50, 50, 50), 10)
    assert needed_from(flows) == {}
    assert choose_contacts(flows, {}, []) == ()


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.tuples(*[st.integers(0, 120)] * 3),
    newcomers=st.integers(0, 40),
    sent=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)),
    enrol=st.sampled_from(EnrolNewcomers),
    seed=st.integers(0, 1_000),
)
def test_nobody_is_chosen_twice_nobody_is_lost_and_no_queue_is_crossed(
    sizes: tuple[int, int, int], newcomers: int, sent: frozenset[ListRole], enrol: EnrolNewcomers, seed: int
) -> None:
    flows = plan_flows(sizes, newcomers, sent, policy=RebalancingPolicy(enrol=enrol))
    queues = queues_of(sizes)
    waiting = [entry(9_000_000 + i, i // 3) for i in range(newcomers)]
    shuffled = {role: random.Random(seed).sample(queue, len(queue)) for role, queue in queues.items()}
    chosen = choose_contacts(flows, shuffled, waiting)

    assert len({one.contact_id for one in chosen}) == len(chosen)
    after = {role: set(ids(queue)) for role, queue in queues.items()}
    for one in chosen:
        if isinstance(one, Move):
            after[one.from_role].remove(one.contact_id)
        after[one.to_role].add(one.contact_id)
    assert tuple(len(after[role]) for role in CAMPAIGN_LISTS) == flows.target_sizes
    assert len(set().union(*after.values())) == sum(flows.target_sizes)
    assert_not_crossed(queues, chosen)
    assert {one.contact_id for one in chosen if isinstance(one, Enrolment)} == set(
        ids(waiting)[: flows.enrolment_count]
    )


def assert_not_crossed(queues: Mapping[ListRole, list[QueueEntry]], chosen: tuple[Move | Enrolment, ...]) -> None:
    """Read in queue order, a donor's contacts end in lists of rising number: the stayers between the two ends."""
    goes_to = {one.contact_id: one.to_role for one in chosen}
    for role, queue in queues.items():
        rounds = [goes_to.get(contact_id, role).round_number for contact_id in ids(queue)]
        assert rounds == sorted(rounds)


@settings(deadline=None, max_examples=40)
@given(sizes=st.tuples(*[st.integers(0, 120)] * 3))
def test_the_two_ends_of_a_queue_are_enough_to_choose_the_same_contacts(sizes: tuple[int, int, int]) -> None:
    flows = plan_flows(sizes, 0, policy=OFF)
    queues = queues_of(sizes)
    ends = {
        role: queues[role][: needed.oldest] + queues[role][len(queues[role]) - needed.newest :]
        for role, needed in needed_from(flows).items()
    }
    assert choose_contacts(flows, ends, []) == choose_contacts(flows, queues, [])
