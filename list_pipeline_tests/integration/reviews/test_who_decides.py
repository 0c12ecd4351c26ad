"""Who may decide: with LIST_REVIEWERS set nobody else changes anything, whichever way it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.dead_jobs import declare_dead
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate, suppress, take_back_unsubscription
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews import mass_changes
from list_pipeline.operations.reviews.closed_cycles import close_cycle, reopen_cycle
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.reviews.findings import close_finding
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.reviews.unreadable_sends import rule_on_unreadable
from list_pipeline.operations.safety.restore_guard import accept
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.campaign_block import override
from list_pipeline.storage.plans import undone
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

Ask = Callable[[Installation, Services, str], object]


def _suppressed(made: Installation) -> int:
    return min(made.account.ids(*HARD))


ASKED: dict[str, Ask] = {
    "suppress": lambda made, it, by: suppress(it, made.account.people[5], by=by, note="asked", progress=quietly),
    "reinstate": lambda made, it, by: reinstate(it, _suppressed(made), by=by, note="asked", progress=quietly),
    "undo": lambda made, it, by: undo_maintenance(it, made.key, by=by, progress=quietly),
    "undo despite complaints": lambda made, it, by: undo_maintenance(
        it, made.key, by=by, despite_complaint=True, progress=quietly
    ),
    "redo": lambda made, it, by: redo_maintenance(it, made.key, by=by, progress=quietly),
    "mode auto": lambda made, it, by: choose_mode(it, Mode.AUTO, by=by),
    "mode graduated": lambda made, it, by: choose_mode(it, None, by=by),
    "accept drift": lambda made, it, by: accept(it, by=by),
    "accept a mass change": lambda made, it, by: mass_changes.accept(it, 1, by=by, note="asked"),
    "repair a mass change": lambda made, it, by: mass_changes.repair(it, 1, by=by, note="asked"),
    "a round": lambda made, it, by: rule_on_round(it, made.key, RoundRuling.NOT_A_ROUND, by=by),
    "a dead job": lambda made, it, by: declare_dead(it, 1, by=by, note="asked"),
    "an unsubscription": lambda made, it, by: take_back_unsubscription(it, made.account.people[5], by=by, note="asked"),
    "the five lists": lambda made, it, by: confirm_lists(it, by=by),
    "an unreadable row": lambda made, it, by: rule_on_unreadable(it, 1, is_no_round=True, by=by, note="asked"),
    "an open cycle": lambda made, it, by: close_cycle(it, by=by, note="asked"),
    "a closed cycle": lambda made, it, by: reopen_cycle(it, by=by, note="asked"),
    "a finding": lambda made, it, by: close_finding(it, 1, by=by, note="asked"),
    "a blocked campaign": lambda made, it, by: override(it, made.key, by=by, note="asked"),
}


@pytest.fixture
def maintained(install_small: Install) -> Iterator[Installation]:
    with install_small() as made:
        made.maintain()
        yield made


@pytest.mark.parametrize("way", ASKED)
def test_a_stranger_changes_nothing(maintained: Installation, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(undone, "was_undone", lambda *_: True)
    theirs = maintained.another(list_reviewers="ada, grace")
    rows = "select (select count(*) from plan), (select count(*) from mode_change), (select count(*) from change)"
    before, lists = maintained.query(rows), maintained.control.digest()
    for name in (
        "mallory",
        "Ada L.",
        "nobody",
        "gate",
        " ",
        "ada@example.com",
        "ada at example.com <ada_at_example.com>",
    ):
        with pytest.raises(RefusedError) as caught:
            ASKED[way](maintained, theirs, name)
        assert isinstance(caught.value, NotAReviewerError) or "a person has to be named" in str(caught.value)
    assert maintained.query(rows) == before
    assert maintained.control.digest() == lists


def test_a_reviewer_may_whatever_the_case_of_the_name(maintained: Installation) -> None:
    theirs = maintained.another(list_reviewers="Ada Lovelace, grace")
    (done, *_) = undo_maintenance(theirs, maintained.key, by=" ada LOVELACE ", progress=quietly)
    assert done.facts.requested_by == "ada LOVELACE"


def test_everybody_with_a_name_may_stop_and_only_a_reviewer_lets_it_go_on(maintained: Installation) -> None:
    theirs = maintained.another(list_reviewers="ada")
    assert choose_mode(theirs, Mode.READ_ONLY, by="mallory", note="the lists look wrong") is Mode.READ_ONLY
    with pytest.raises(NotAReviewerError):
        choose_mode(theirs, None, by="mallory")
    assert choose_mode(theirs, None, by="ada") is Mode.AUTO
    changes = maintained.query("select mode, changed_by, note from mode_change order by mode_change_id")
    assert changes == [("read_only", "mallory", "the lists look wrong"), (None, "ada", None)]
    told = [message["text"] for message in maintained.cards()][-2:]
    assert "stopped" in told[0]
    assert "Mode: auto" in told[1]


def test_notes_are_stored_without_addresses(maintained: Installation) -> None:
    note = "jane.doe@example.com asked for it, see jane=40example.com"
    suppress(maintained.services, maintained.account.people[5], by="ada", note=note, progress=quietly)
    undo_maintenance(maintained.services, maintained.key, by="ada", note=note, progress=quietly)
    choose_mode(maintained.services, Mode.READ_ONLY, by="ada", note=note)
    stored = maintained.query(
        """select note from plan union all select explanation from plan_item union all select note from mode_change"""
    )
    assert "jane" not in str(stored)
    assert str(stored).count("[address] asked for it") >= 4
