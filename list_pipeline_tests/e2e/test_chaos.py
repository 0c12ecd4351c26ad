"""A handful of the campaign of faults, and that the campaign can fail: its invariants see what is broken."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.sandbox.switches import SWITCHES
from list_pipeline_tests.chaos import kills, positions
from list_pipeline_tests.chaos.campaign import Grounds, cases_of, play, prepared
from list_pipeline_tests.chaos.invariants import AS_UNDISTURBED, broken
from list_pipeline_tests.chaos.jobs import JobDoesLess
from list_pipeline_tests.chaos.locks import HolderIsStopped
from list_pipeline_tests.chaos.refusals import JobIsRefused
from list_pipeline_tests.chaos.scene import Scene, staged
from list_pipeline_tests.chaos.worlds import World, WorldGoesOn

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """The accounts and their undisturbed ends."""
    with prepared(tmp_path_factory.mktemp("chaos"), seed=7) as made:
        yield made


@pytest.fixture
def scene(grounds: Grounds) -> Iterator[Scene]:
    """The small account after an undisturbed run."""
    with staged(grounds.templates["small"], grounds.admin, grounds.folder / "undisturbed") as made:
        assert made.run().status == 0
        yield made


def test_a_kill_right_after_a_job_was_accepted_is_survived(grounds: Grounds) -> None:
    reference = grounds.references["small"]
    nth = 1 + reference.requests.index("POST /v3/REST/contact/managemanycontacts")
    assert play(grounds, kills.Kill(nth, "after", reference.requests[nth - 1])).problems == []


def test_a_job_that_does_half_of_it_is_survived(grounds: Grounds) -> None:
    assert play(grounds, JobDoesLess("job_half_applied", 1)).problems == []


def test_a_holder_that_stops_and_wakes_up_when_another_has_gone_on_is_survived(grounds: Grounds) -> None:
    assert play(grounds, HolderIsStopped(2, "before")).problems == []


def test_a_job_that_is_refused_is_survived(grounds: Grounds) -> None:
    assert play(grounds, JobIsRefused("401-cut", 3, lasting=True)).problems == []


@pytest.mark.parametrize(("mode", "seed"), [("auto", 1), ("approval_required", 2)])
def test_in_a_world_of_people_and_failures_everybody_gets_each_cycle_once(
    grounds: Grounds, mode: str, seed: int
) -> None:
    assert play(grounds, WorldGoesOn(seed, 2, mode)).problems == []


def test_a_world_sees_who_was_mailed_twice_or_missed(grounds: Grounds) -> None:
    case = WorldGoesOn(3, 1, "auto")
    with staged(grounds.templates["larger"], grounds.admin, grounds.folder / "wrong", **case.settings) as scene:
        world = World(scene, random.Random(3))
        world.cycle, before = 3, world.standing()
        twice, missed, left = sorted(before)[:3]
        for role in CAMPAIGN_LISTS:
            world.send_round(role)
        world.send(before[twice], world.subject)
        world.left[left] = 0
        world.judge({missed: before[missed], -1: ListRole.CAMPAIGN_1})
        said = " ".join(world.problems)
    for words in ("twice, and named by no report", "missed: 1: -1", "mailed after leaving"):
        assert words in said


def test_what_a_person_breaks_is_seen_by_the_invariants(grounds: Grounds, scene: Scene) -> None:
    reference, people, lists = grounds.references["small"], scene.template.account.people, scene.template.account.lists
    assert broken(scene, reference, AS_UNDISTURBED) == []
    store = scene.server.account.store
    suppressed = min(scene.template.expected)
    store.execute("UPDATE contact SET excluded = 0 WHERE id = ?", (suppressed,))
    store.execute("DELETE FROM member WHERE contact_id = ?", (people[0],))
    store.execute("UPDATE member SET list_id = ? WHERE contact_id = ? AND list_id = ?",
                  (lists[ListRole.SUPPRESSION], people[1], lists[CAMPAIGN_LISTS[0]]))  # fmt: skip
    scene.execute("update plan set revision = 2 where kind = 'rebalancing'")
    scene.execute("delete from contact_suppression_history")
    said = " ".join(broken(scene, reference, AS_UNDISTURBED))
    for words in (
        "lost, on no list",
        "left the master list",
        "suppressed without evidence",
        "suppressed and not excluded",
        "suppressed without a row of history",
        "confirmed in the journal and not true at Mailjet",
        "second revision",
        "ends on other lists than undisturbed",
    ):
        assert words in said


def test_every_switch_has_another_position_and_names_are_unique(grounds: Grounds) -> None:
    assert {case.switch for case in positions.cases() if isinstance(case, positions.Otherwise)} == set(SWITCHES)
    names = [case.full_name for case in cases_of(grounds)]
    assert len(names) == len(set(names))
    requests = len(grounds.references["small"].requests)
    assert sum(1 for case in cases_of(grounds) if case.family == kills.Kill.family) == 2 * requests
