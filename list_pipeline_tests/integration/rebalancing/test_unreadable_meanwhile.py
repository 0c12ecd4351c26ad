"""A contact that cannot be read any more in the middle of its move ends on one list, as soon as its address is known."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest

from list_pipeline.core.errors import UnavailableError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans.execution import UnreadableMeanwhileError, finish_half_done
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.rebalancing.test_sends_meanwhile import moment, once, one_move

PARTS = [("contact", "Email", "a b"), ("listrecipient", "IsUnsubscribed", "?"), ("listrecipient", "ContactID", "?")]


@pytest.mark.parametrize(("resource", "part", "value"), PARTS)
@pytest.mark.parametrize("at", ["adding", "between", "removing"])
def test_who_cannot_be_read_any_more_in_the_middle_of_a_move_ends_on_one_list(
    small: Installation, monkeypatch: pytest.MonkeyPatch, at: str, resource: str, part: str, value: object
) -> None:
    run = small.decide_rebalancing()
    movers, home, new = one_move(small)
    spoilt = min(movers)

    def act() -> None:
        which = {"row": spoilt} if resource == "contact" else {"contact": spoilt}
        for path in (f"/{resource}$", f"/contact/{spoilt}$" if resource == "contact" else "/listrecipient/[0-9]+$"):
            small.control.add_fault("poisoned_row", path=path, field=part, value=value, count=None, **which)
        sync(small.another(), full=True)

    once(monkeypatch, moment(small, at, home, new), act)
    # Only the contact's own row tells its address; an entry that cannot be read keeps no removal back.
    waits = resource == "contact" and at != "removing"
    with pytest.raises(UnavailableError, match="list-pipeline unreadable") if waits else nullcontext():
        rebalancing.execute_rebalancing(small.services, run, quietly)
    others = movers - {spoilt}
    assert others
    for contact_id in others:
        assert len(small.places(contact_id) & set(CAMPAIGN_LISTS)) == 1
    assert small.query("select 1 from change_step where note = 'contact_gone'") == []
    small.control.clear_faults()
    small.clock.advance(timedelta(hours=2))
    sync(small.services, full=True)
    finish_half_done(small.services, quietly)
    assert small.places(spoilt) & set(CAMPAIGN_LISTS) == {new}
    assert small.query("select count(*) from change_step where state not in ('confirmed', 'skipped')") == [(0,)]


def test_one_who_cannot_be_read_any_more_keeps_nobody_else_from_being_taken_back(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    movers, home, new = one_move(small)
    spoilt = min(movers)
    others = sorted(movers - {spoilt})
    before = {one: small.places(one) for one in others}

    def act() -> None:
        for path in ("/contact$", f"/contact/{spoilt}$"):
            small.control.add_fault("poisoned_row", path=path, field="Email", value="a b", count=None, row=spoilt)
        sync(small.another(), full=True)

    once(monkeypatch, moment(small, "between", home, new), act)
    with pytest.raises(UnreadableMeanwhileError, match="list-pipeline unreadable"):
        rebalancing.execute_rebalancing(small.services, run, quietly)
    # It stands on two lists because it waits, which is no reason to take everybody back by itself.
    assert small.query("select 1 from plan where kind = 'rollback'") == []
    assert {frozenset(small.places(one) & set(CAMPAIGN_LISTS)) for one in others} == {frozenset({new})}
    undo_maintenance(small.services, small.key, by="ada", note="a test", progress=quietly)
    assert {one: small.places(one) for one in others} == before
    small.control.clear_faults()
    small.clock.advance(timedelta(hours=2))
    sync(small.services, full=True)
    finish_half_done(small.services, quietly)
    assert len(small.places(spoilt) & set(CAMPAIGN_LISTS)) == 1
