"""A changed policy beside the present one: what it would have done otherwise is kept and told, and nothing of it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.replay.shadow import Shadow
from list_pipeline.core.told_events.events import EventKind
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.erasure_by_person import erase_person
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.operations.suppression.shadow import ShadowState, shadows, start_shadow, stop_shadow
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage import engagement
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

NO_GRACE = {"grace_days": "0"}


def start(made: Installation, changes: Mapping[str, str] = NO_GRACE, campaigns: int = 2, **more: str) -> Shadow:
    said = {"by": "A. Person", "note": "fewer second chances", **more}
    return start_shadow(made.services, policy_of(made.services), changes, campaigns=campaigns, **said)


def state(made: Installation) -> ShadowState:
    return shadows(made.services, 1)[0]


class Rounds:
    """Rounds of the small account, each with its maintenance; the report's text comes back."""

    def __init__(self, made: Installation) -> None:
        self.made, self.number = made, 0
        made.control.set_switches(preblock_after_hard_bounce=False)
        self.people: dict[ListRole, list[int]] = {}
        for role in CAMPAIGN_LISTS:
            for number in range(6):
                email = f"{role.value}.{number}@shadowed-{number}.example"
                made.control.sign_up(email, made.account.lists.master)
                self.people.setdefault(role, []).append(made.control.sign_up(email, made.account.lists[role]))

    def play(self, *dead: int) -> str:
        role = CAMPAIGN_LISTS[self.number % 3]
        self.made.control.send(
            self.made.account.lists[role],
            f"Letter {20 + self.number // 3}",
            profile="clean",
            outcomes=dict.fromkeys(dead, "user_unknown"),
        )
        self.number += 1
        self.made.clock.advance(timedelta(hours=25))
        synchronise(self.made.services, progress=quietly)
        done = workflow.maintain(self.made.services, self.made.key, run_id=self.made.key, progress=quietly)
        self.made.clock.advance(timedelta(days=3))
        return as_text(done.report.message)


@pytest.fixture
def rounds(small: Installation) -> Rounds:
    """A cycle in which everybody new is reached."""
    made = Rounds(small)
    for _ in range(3):
        made.play()
    return made


def test_a_shadow_tells_whom_it_would_have_suppressed_too_and_suppresses_nobody(rounds: Rounds) -> None:
    made, one, two = rounds.made, rounds.people[CAMPAIGN_LISTS[0]][0], rounds.people[CAMPAIGN_LISTS[1]][0]
    before = made.members(ListRole.SUPPRESSION)
    start(made, campaigns=3)
    report = rounds.play(one)
    assert "Campaign 1 of 3: With grace_days 0 the policy suppresses 1 contact more and 0 fewer" in report
    assert made.members(ListRole.SUPPRESSION) == before
    found = state(made)
    assert [(each.campaign, each.difference.contact_id) for each in found.differences] == [(made.key, one)]
    difference = found.differences[0].difference
    assert (difference.present_action, difference.present_rule) == ("monitor", "first_hit")
    assert (difference.shadow_action, difference.shadow_rule) == ("suppress", "hard_bounce")
    assert (found.figures.campaigns, found.figures.more, found.figures.more_good) == (1, 1, 0)

    rounds.play(two)
    assert state(made).shadow.ended_at is None
    last = rounds.play()
    assert "It ended with this one. In all: With grace_days 0 the policy suppresses 2 contacts more and 0 fewer" in last
    found = state(made)
    assert (found.shadow.ended_by, found.figures.campaigns) == (None, 3)
    assert found.shadow.ended_at is not None
    # Reached by the next letter: the shadow would have been wrong about both.
    rounds.play()
    assert "Shadow policy" not in rounds.play()
    assert state(made).figures.more_good == 2
    assert (
        state(made)
        .lines[1]
        .startswith("With grace_days 0 the policy suppresses 2 contacts more (2 of them alive since)")
    )


def test_who_opens_a_letter_after_the_shadow_would_have_suppressed_it_was_good(rounds: Rounds) -> None:
    made, one = rounds.made, rounds.people[CAMPAIGN_LISTS[0]][0]
    start(made)
    before = made.clock.now()
    rounds.play(one)

    def opens(at: datetime, *, is_prefetch: bool = False) -> int:
        with made.services.database.begin() as connection:
            engagement.note(connection, [engagement.Sign(one, None, EventKind.OPEN, at, is_prefetch)])
        return state(made).figures.more_good

    assert opens(before) == 0
    # A mail program that fetches shows that the address works, as a person does.
    assert opens(made.clock.now(), is_prefetch=True) == 1


def test_plans_are_the_same_with_and_without_a_shadow(rounds: Rounds) -> None:
    made = rounds.made
    start(made, {"grace_days": "0", "incidents.least_hard": "1"})
    made.control.reset_requests()
    rounds.play(rounds.people[CAMPAIGN_LISTS[0]][0])
    assert made.query(
        "select i.action, i.rule from plan_item i join plan p using (plan_id) where p.kind = 'suppression'"
        " order by p.plan_id desc limit 1"
    ) == [("monitor", "first_hit")]
    flagged = "select count(*) from incident_count where is_flagged"
    assert made.query(flagged) == [(0,)]


def test_whoever_the_shadow_would_have_suppressed_is_not_asked_about_again(rounds: Rounds) -> None:
    made, lonely = rounds.made, rounds.people[CAMPAIGN_LISTS[0]][0]
    start(made, campaigns=9)
    for dead in ((lonely,), (), (), (lonely,)):
        rounds.play(*dead)
    # The present policy suppresses at the second hit: both agree on that contact by then.
    assert lonely in made.members(ListRole.SUPPRESSION)
    assert [one.difference.contact_id for one in state(made).differences] == [lonely]


def test_a_person_ends_it_and_what_it_found_stays(rounds: Rounds) -> None:
    made = rounds.made
    start(made)
    rounds.play(rounds.people[CAMPAIGN_LISTS[0]][0])
    ended = stop_shadow(made.services, by="B. Person", note="seen enough")
    assert ended.shadow.ended_by == "B. Person"
    assert ended.figures.more == 1
    assert ended.lines[0] == "Shadow policy, ended by B. Person after 1 of 2 campaigns: seen enough"
    assert "Shadow policy" not in rounds.play(rounds.people[CAMPAIGN_LISTS[1]][0])
    assert state(made).figures.more == 1
    with pytest.raises(RefusedError, match="none runs"):
        stop_shadow(made.services, by="B. Person", note="again")


def test_one_runs_at_a_time(small: Installation) -> None:
    start(small)
    with pytest.raises(RefusedError, match="another one runs"):
        start(small, {"soft_attempts": "4"})
    assert small.query("select count(*) from shadow_policy") == [(1,)]


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        (NO_GRACE, {"by": ""}),
        (NO_GRACE, {"by": "jane.doe@example.com"}),
        (NO_GRACE, {"note": " "}),
        ({}, {}),
        ({"grace_days": "180"}, {}),
        ({"grace": "1"}, {}),
        ({"grace_days": "-1"}, {}),
    ],
)
def test_what_makes_no_sense_is_not_started(
    small: Installation, changes: Mapping[str, str], more: Mapping[str, str]
) -> None:
    with pytest.raises(RefusedError):
        start(small, changes, **more)
    for campaigns in (0, 501):
        with pytest.raises(RefusedError):
            start(small, campaigns=campaigns)
    assert small.query("select count(*) from shadow_policy") == [(0,)]


def test_who_may_not_decide_may_not_start_or_stop_one(install_small: Install) -> None:
    with install_small(list_reviewers="A. Person") as made:
        with pytest.raises(NotAReviewerError):
            start(made, by="B. Person")
        start(made)
        with pytest.raises(NotAReviewerError):
            stop_shadow(made.services, by="B. Person", note="a try")
        assert state(made).shadow.started_by == "A. Person"


def test_a_shadow_whose_figures_are_no_policy_any_more_stops_no_maintenance(small: Installation) -> None:
    start(small)
    with small.services.database.begin() as connection:
        execute(connection, """update shadow_policy set figures = '{"a_figure_of_before": "3"}'""")
    small.maintain()
    assert small.query("select count(*) from plan where kind = 'suppression'") == [(1,)]
    assert small.query("select count(*) from shadow_comparison") == [(0,)]
    assert [one["event"] for one in small.logs if one.get("what") == "comparing the shadow policy"] == [
        "what follows a step failed"
    ]


def test_an_erased_person_is_in_no_difference(small: Installation) -> None:
    start(small, {"second_hit_days": "8", "grace_days": "5"})
    small.maintain()
    dead = small.account.people[HARD[0]]
    with small.services.database.begin() as connection:
        execute(
            connection,
            "insert into shadow_difference select shadow_id, campaign_id, sweep, :id, 'keep', 'r', 'suppress', 'r'"
            " from shadow_comparison on conflict do nothing",
            id=dead,
        )
    erase_person(small.services, str(dead), reason="asked by letter", by="A. Person")
    assert small.query("select count(*) from shadow_difference where contact_id = :id", id=dead) == [(0,)]
    assert small.query("select count(*) from shadow_difference") != [(0,)]


def test_nothing_is_said_where_no_shadow_ever_ran(small: Installation) -> None:
    assert shadows(small.services, 5) == ()
    small.maintain()
    assert small.query("select count(*) from shadow_comparison") == [(0,)]
