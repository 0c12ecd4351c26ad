"""The states of the lists through whole maintenances: undisturbed, failed, killed, waiting, taken back."""

from __future__ import annotations

from datetime import date

import pytest

from list_pipeline.core.errors import IntegrationError
from list_pipeline.core.list_states.machines import ListEvent
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.list_states.checks import only_legal_transitions
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

OWN = ListRole.CAMPAIGN_3
Shown = list[tuple[str, str, str, str, str | None]]


def shown(made: Installation, role: ListRole | None = None) -> Shown:
    """The history without its instants."""
    found = state_history.history(made.services, role)
    return [(one.machine, one.from_state, one.event.value, one.to_state, one.campaign_key) for one in found]


def path(made: Installation, machine: str, role: ListRole = OWN) -> list[str]:
    """The states that a list came to, one after the other."""
    rows = [one for one in state_history.history(made.services, role) if one.machine == machine]
    return [rows[0].from_state, *(one.to_state for one in rows if one.to_state != one.from_state)]


def present(made: Installation, role: ListRole = OWN) -> dict[str, str]:
    return {row.machine: row.state for row in state_history.states(made.services) if row.list_role is role}


def campaign_id(made: Installation) -> int:
    ((found,),) = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)
    return int(found)


def assert_sound(made: Installation, *, unexpected: bool = False) -> None:
    result = only_legal_transitions(made.services)
    assert result.passed, result.words
    assert ("unexpectedly" in result.words) is unexpected
    assert made.query(
        "select count(*) from list_state_history group by list_role, machine, event_key having count(*) > 1"
    ) == []  # fmt: skip


def test_a_killed_maintenance_that_is_run_again_leaves_the_history_of_an_undisturbed_one(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small() as undisturbed:
        undisturbed.maintain()
        assert path(undisturbed, "health") == [
            "monitored", "checking", "needs_cleanup", "cleaning", "cleaned", "needs_rebalancing", "rebalancing",
            "rebalanced", "maintenance_complete", "monitored",
        ]  # fmt: skip
        assert path(undisturbed, "lifecycle") == [
            "created", "populated", "in_use", "analyzing", "needs_cleanup", "cleaned", "needs_rebalancing", "rebalanced",
            "ready",
        ]  # fmt: skip
        assert present(undisturbed, ListRole.CAMPAIGN_1) == {"health": "monitored", "lifecycle": "populated"}
        whole = shown(undisturbed)
        undisturbed.maintain()
        assert shown(undisturbed) == whole
        assert state_history.catch_up(undisturbed.services) == []
        assert_sound(undisturbed)
    with install_small() as made:
        # In the middle of the suppressions, then in the middle of the rebalancing.
        for nth in (1, 2):
            with monkeypatch.context() as patch:
                Dying(nth, "after", counting="managemanycontacts").install(patch)
                with pytest.raises(Killed):
                    made.maintain(made.another())
        made.maintain(made.another())
        assert shown(made) == whole
        assert_sound(made)


def test_a_failed_run_needs_attention_until_one_succeeds(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise IntegrationError("Moving contacts", "Mailjet is down", "Wait")

    with monkeypatch.context() as patch:
        patch.setattr(rebalancing, "execute_rebalancing", down)
        with pytest.raises(IntegrationError):
            small.maintain()
    assert present(small) == {"health": "needs_attention", "lifecycle": "needs_attention"}
    small.clock.sleep(3600)
    small.maintain(run_id="second")
    assert present(small) == {"health": "monitored", "lifecycle": "ready"}
    events = [event for machine, _, event, _, _ in shown(small, OWN) if machine == "health"]
    assert events.index("failed") < events.index("rebalanced") < events.index("completed")
    assert events.count("cleaned") == 1
    assert_sound(small)


def test_what_no_run_noted_is_noted_in_its_order_by_whoever_looks_next(maintained: Installation) -> None:
    small = maintained
    whole, own = shown(small), shown(small, OWN)
    small.query("delete from list_state_history returning 1")
    small.query("delete from list_state returning 1")
    assert {row.state for row in state_history.states(small.services) if row.list_role is OWN} == {"monitored", "ready"}
    assert sorted(map(str, shown(small))) == sorted(map(str, whole))
    assert shown(small, OWN) == own
    assert_sound(small)


def test_a_plan_that_waits_keeps_its_list_where_it_is_and_an_undo_takes_it_back(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        assert present(made) == {"health": "needs_cleanup", "lifecycle": "needs_cleanup"}
        for kind in (PlanKind.SUPPRESSION, PlanKind.REBALANCING):
            plan = made.plan(kind)
            reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
            made.maintain()
        assert present(made) == {"health": "monitored", "lifecycle": "ready"}
        events = [event for machine, _, event, _, _ in shown(made, OWN) if machine == "health"]
        assert {"cleanup_waits", "rebalancing_waits"} <= set(events)
        undo_maintenance(made.services, made.key, by="ada", despite_complaint=True)
        assert present(made) == {"health": "monitored", "lifecycle": "ready"}
        assert shown(made, OWN)[-1][2] == "undone"
        assert_sound(made)


def test_read_only_leaves_the_list_with_what_it_needs(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        made.maintain()
        made.maintain()
        assert present(made) == {"health": "needs_cleanup", "lifecycle": "needs_cleanup"}
        assert [event for _, _, event, _, _ in shown(made, OWN)].count("only_looked_at") == 4  # once a machine and look
        assert_sound(made)


def test_validations_and_weekly_checks_are_noted_once_and_again_when_they_change(small: Installation) -> None:
    services, campaign, week = small.services, campaign_id(small), date(2026, 11, 9)
    assert present(small) == {"health": "monitored", "lifecycle": "populated"}
    for _ in range(2):
        state_history.note_validated(services, OWN, campaign)
    assert present(small)["lifecycle"] == "validated"
    state_history.note_blocked(services, OWN, campaign)
    assert present(small)["lifecycle"] == "blocked"
    state_history.note_overridden(services, OWN, campaign)
    state_history.note_validated(services, OWN, campaign)
    for role in CAMPAIGN_LISTS:
        assert state_history.note_monitored(services, role, week)
        assert state_history.note_monitored(services, role, week) == []
    assert path(small, "lifecycle") == ["created", "populated", "validated", "blocked", "validated"]
    small.maintain()
    assert path(small, "lifecycle")[5:7] == ["in_use", "analyzing"]
    assert_sound(small)


def test_lists_more_than_fifteen_percent_apart_are_told_about_once(small: Installation) -> None:
    # The account is 14.3 % apart once its four are suppressed; three more who leave the list make it more.
    for number in (50, 51, 52):
        small.take_off(OWN, small.account.people[number])
    small.maintain()
    small.maintain()
    told = [message for message in small.cards() if "Far Apart" in str(message)]
    assert len(told) == 1
    assert "26.4 %" in told[0]["text"]
    assert ListEvent.SEVERE_IMBALANCE_FOUND in [one.event for one in state_history.history(small.services, OWN)]
    assert state_history.note(small.services, campaign_id(small), Sweep.H24) == []


def test_a_transition_that_nobody_made_is_found(maintained: Installation) -> None:
    small = maintained
    small.query("update list_state set state = 'healthy' where machine = 'health' returning 1")
    result = only_legal_transitions(small.services)
    assert not result.passed
    assert "is said to be healthy" in result.words


def test_a_campaign_that_was_sent_since_the_start_is_noted_before_its_maintenance(small: Installation) -> None:
    small.clock.sleep(24 * 3600)
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.sleep(3 * 3600)
    synchronise(small.services, progress=quietly)
    assert present(small, ListRole.CAMPAIGN_1) == {"health": "checking", "lifecycle": "in_use"}
    synchronise(small.services, progress=quietly)
    small.clock.sleep(24 * 3600)
    small.maintain()
    assert path(small, "lifecycle", ListRole.CAMPAIGN_1)[:4] == ["created", "populated", "in_use", "analyzing"]
    assert_sound(small)
