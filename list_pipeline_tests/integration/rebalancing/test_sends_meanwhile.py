"""A send that begins while contacts change lists: whatever the moment and the list, each of them gets the cycle exactly once.

The judge is the sandbox's own log of what it sent to whom.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from list_pipeline.core.errors import UnavailableError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.plans import single_contacts
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import Maintenance, current
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation, Killed, quietly
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.interception import before, is_job
from list_pipeline_tests.integration.rebalancing.test_open_cycle import mails, send

ONE, TWO, THREE = CAMPAIGN_LISTS

LETTER = "Letter 3"


def moves(made: Installation, kind: PlanKind = PlanKind.REBALANCING) -> dict[int, tuple[ListRole | None, ListRole]]:
    """The contacts of the plan to the lists they leave and join."""
    with made.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, made.plan(kind).plan_id, {ItemAction.MOVE, ItemAction.ENROL})
    return {item.contact_id: (item.from_role, item.to_role) for item in items if item.to_role is not None}


def one_move(made: Installation) -> tuple[set[int], ListRole, ListRole]:
    """Everybody who leaves a list for another, and the two lists of the first of them."""
    found = {contact_id: pair for contact_id, pair in moves(made).items() if pair[0] is not None}
    home, new = min(found.values())
    assert home is not None
    return set(found), home, new


def begin_sending(made: Installation, role: ListRole) -> None:
    """Mailjet begins to send the next round, to one list."""
    made.control.send(made.account.lists[role], LETTER, profile="clean")


def once(
    monkeypatch: pytest.MonkeyPatch, is_moment: Callable[[httpx.Request], bool], act: Callable[[], object]
) -> None:
    """Somebody acts right before the first request of the product that is the moment."""
    before(monkeypatch, is_moment, act)


def moment(made: Installation, name: str, home: ListRole, new: ListRole) -> Callable[[httpx.Request], bool]:
    """A moment of a move: the job that adds is handed in, sends are looked at after it, the job that removes is handed in."""
    added: list[str] = []

    def is_moment(request: httpx.Request) -> bool:
        posted = json.loads(request.content) if is_job(request) else {}
        actions = {(one["ListID"], one["Action"]) for one in posted.get("ContactsLists", ())}
        is_adding = (made.account.lists[new], "addnoforce") in actions
        if name == "between":
            added.extend(["job"] * is_adding)
            return bool(added) and request.url.path.endswith("/REST/campaign")
        return is_adding if name == "adding" else (made.account.lists[home], "remove") in actions

    return is_moment


def go_on(made: Installation, run: Maintenance) -> bool:
    """What the sensors do until the rebalancing is at its end; whether it had to wait."""
    has_waited = False
    for _ in range(20):
        try:
            rebalancing.execute_rebalancing(made.another(), run, quietly)
        except UnavailableError:
            has_waited = True
            made.clock.sleep(900)
            continue
        assert made.query("select count(*) from change_step where state = 'planned'") == [(0,)]
        return has_waited
    pytest.fail("it never ends")


def end_the_cycle(made: Installation) -> None:
    """The rounds that are still to come, each with the day until it is due."""
    made.clock.advance(timedelta(hours=25))
    sent = {one["list_id"] for one in made.control.ledger() if one["subject"] == LETTER}
    for role in CAMPAIGN_LISTS:
        if made.account.lists[role] not in sent:
            send(made, role)


def assert_each_got_it_once(made: Installation, contacts: set[int]) -> None:
    got = mails(made)
    assert not [contact_id for contact_id, count in got.items() if count > 1]
    assert {contact_id: got[contact_id] for contact_id in contacts} == dict.fromkeys(contacts, 1)
    for contact_id in contacts:
        assert len(made.places(contact_id) & set(CAMPAIGN_LISTS)) == 1


@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize("at", ["adding", "between", "removing"])
def test_a_send_that_begins_in_the_middle_of_moves_reaches_each_of_them_once(
    small: Installation, monkeypatch: pytest.MonkeyPatch, which: str, at: str
) -> None:
    run = small.decide_rebalancing()
    movers, home, new = one_move(small)
    role = home if which == "old" else new
    once(monkeypatch, moment(small, at, home, new), lambda: begin_sending(small, role))
    waited = go_on(small, run)
    # Whether somebody was on the new list in time is known when Mailjet shows the messages.
    assert waited == ((which, at) == ("new", "adding"))
    end_the_cycle(small)
    assert_each_got_it_once(small, movers)


@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize(
    "who", ["the maintenance", *(pytest.param(who, marks=pytest.mark.long) for who in ("somebody else", "an undo"))]
)
def test_a_round_that_is_sent_while_moves_lie_half_done_reaches_each_of_them_once(
    small: Installation, which: str, who: str
) -> None:
    key, run = small.key, small.decide_rebalancing()
    movers, home, new = one_move(small)

    def dies_before_removing(words: str) -> None:
        if "remove" in words:
            raise Killed

    with pytest.raises(Killed):
        rebalancing.execute_rebalancing(small.services, run, dies_before_removing)
    begin_sending(small, home if which == "old" else new)
    small.clock.advance(timedelta(hours=1))
    again = small.another()
    if who == "the maintenance":
        rebalancing.execute_rebalancing(again, run, quietly)
    elif who == "somebody else":
        single_contacts.suppress(again, small.account.people[47], by="Ada", note="asked us to", progress=quietly)
    else:
        undo_maintenance(again, key, by="Ada", progress=quietly)
    end_the_cycle(small)
    assert_each_got_it_once(small, movers)


@pytest.mark.long
@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize("at", ["adding", "between", "removing"])
def test_a_send_that_begins_in_the_middle_of_an_undo_reaches_each_of_them_once(
    small: Installation, monkeypatch: pytest.MonkeyPatch, which: str, at: str
) -> None:
    run = small.decide_rebalancing()
    movers, home, new = one_move(small)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    # The way back: from the new list to the old one.
    once(monkeypatch, moment(small, at, new, home), lambda: begin_sending(small, new if which == "old" else home))
    with contextlib.suppress(UnavailableError):
        undo_maintenance(small.services, run.campaign.key, by="Ada", progress=quietly)
    small.clock.advance(timedelta(hours=1))
    for correction in to_carry_out(small.services):
        carry_out_correction(small.another(), correction.plan_id, quietly)
    end_the_cycle(small)
    assert_each_got_it_once(small, movers)


def test_a_newcomer_whose_list_is_sent_while_it_joins_gets_at_most_one_mail_of_the_cycle(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    enrolled = {contact_id: new for contact_id, (home, new) in moves(small).items() if home is None}
    joined = next(iter(enrolled.values()))
    once(monkeypatch, moment(small, "adding", joined, joined), lambda: begin_sending(small, joined))
    go_on(small, run)
    end_the_cycle(small)
    got = mails(small)
    assert not [contact_id for contact_id, count in got.items() if count > 1]
    assert {len(small.places(contact_id) & set(CAMPAIGN_LISTS)) for contact_id in enrolled} == {1}


def test_nothing_is_begun_before_a_send_that_is_scheduled_while_a_job_takes_long(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    small.control.set_switches(job_latency_seconds=300.0)
    _, home, new = one_move(small)

    def act() -> None:
        for role in CAMPAIGN_LISTS:
            schedule(small, small.clock.now() + timedelta(minutes=40), role)

    once(monkeypatch, moment(small, "adding", home, new), act)
    executed = rebalancing.execute_rebalancing(small.another(mailjet_job_contacts=1), run, quietly)
    begun = {step.contact_id for step in small.steps(PlanKind.REBALANCING) if step.state == "confirmed"}
    assert len(begun) == 1
    assert (executed.confirmed, executed.skipped, executed.failed, executed.open) == (1, 2, 0, 0)
    for contact_id, (home, _) in moves(small).items():
        if contact_id not in begun:
            assert small.places(contact_id) & set(CAMPAIGN_LISTS) == ({home} if home else set())
    notes = small.query("select distinct note from change_step where state = 'skipped' and note <> 'not_a_member'")
    assert notes == [("list_being_sent",)]
    told = as_text(workflow.write_report_and_states(small.services, current(small.services, small.key)).message)
    assert "2 stay where they were, because a send to one of their lists is near" in told


# The rule itself, for each list, is held by the unit tests of ``core.plans.sends_meanwhile``.
@pytest.mark.parametrize(
    "role", [ListRole.MASTER, TWO, *(pytest.param(role, marks=pytest.mark.long) for role in (ONE, THREE))]
)
def test_a_list_that_others_change_at_large_in_the_middle_is_left_alone_but_for_what_was_begun(
    small: Installation, monkeypatch: pytest.MonkeyPatch, role: ListRole
) -> None:
    run = small.decide_rebalancing()
    small.control.set_switches(job_latency_seconds=300.0)
    movers, home, new = one_move(small)
    planned = moves(small)

    def act() -> None:
        if role is ListRole.MASTER:
            for number in range(15):
                small.control.sign_up(f"imported-{number}@example.net", small.account.lists.master)
        else:
            for contact_id in sorted(small.members(role) - movers)[:12]:
                small.take_off(role, contact_id)
        synchronise(small.another(), progress=quietly)

    once(monkeypatch, moment(small, "adding", home, new), act)
    rebalancing.execute_rebalancing(small.another(mailjet_job_contacts=1), run, quietly)
    begun = min(movers)
    left_alone = {
        contact_id
        for contact_id, (old, joined) in planned.items()
        if contact_id != begun and role in (old or ListRole.MASTER, joined)
    }
    assert bool(left_alone) is (role is not ONE)
    for contact_id, (old, joined) in planned.items():
        expected = old if contact_id in left_alone else joined
        assert small.places(contact_id) & set(CAMPAIGN_LISTS) == ({expected} if expected else set())
    skipped = small.query(
        "select distinct contact_id from change join change_step using (change_id) where note = 'list_frozen'"
    )
    assert {contact_id for (contact_id,) in skipped} == left_alone
    told = as_text(workflow.write_report_and_states(small.services, current(small.services, small.key)).message)
    kept = f"{len(left_alone)} stay where they were, because one of their lists is frozen for rebalancing"
    assert (kept in told) is bool(left_alone)


def test_a_redo_leaves_a_list_alone_that_others_change_at_large_while_it_is_carried_out(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on(small, small.decide_rebalancing())
    movers, home, new = one_move(small)
    planned = moves(small)
    undo_maintenance(small.services, small.key, by="ada", note="a mistake", progress=quietly)
    small.control.set_switches(job_latency_seconds=300.0)

    def act() -> None:
        for contact_id in sorted(small.members(TWO) - movers)[:12]:
            small.take_off(TWO, contact_id)
        synchronise(small.another(), progress=quietly)

    once(monkeypatch, moment(small, "adding", home, new), act)
    redo_maintenance(small.another(mailjet_job_contacts=1), small.key, by="ada", note="no mistake", progress=quietly)
    skipped = {
        int(contact_id)
        for (contact_id,) in small.query(
            """select distinct contact_id from change join change_step using (change_id) join plan using (plan_id)
               where change_step.note = 'list_frozen' and plan.kind = 'redo'"""
        )
    }
    assert skipped == {contact_id for contact_id, pair in planned.items() if TWO in pair} - {min(movers)} != set()
    for contact_id, (old, joined) in planned.items():
        expected = old if contact_id in skipped else joined
        assert small.places(contact_id) & set(CAMPAIGN_LISTS) == ({expected} if expected else set())


def test_who_got_a_cycle_twice_because_both_lists_were_sent_in_the_middle_is_named(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    movers, home, new = one_move(small)
    once(
        monkeypatch,
        moment(small, "between", home, new),
        lambda: [begin_sending(small, home), begin_sending(small, new)],
    )
    go_on(small, run)
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    twice = {contact_id for contact_id, count in mails(small).items() if count > 1}
    assert twice
    assert twice <= movers
    ((words,),) = small.query("select summary from review_item where details ->> 'about' = 'mailed_twice'")
    assert all(str(contact_id) in words for contact_id in twice)
    assert {len(small.places(contact_id) & set(CAMPAIGN_LISTS)) for contact_id in movers} == {1}


def test_a_repair_takes_a_contact_off_the_list_whose_round_would_be_its_second(small: Installation) -> None:
    twice = small.account.people[1]
    small.put_on(TWO, twice)
    plan_id = approved_repair(small)
    # It was to stay on list 1, where it was first; then list 2 is sent, and list 1 would be its second mail.
    send(small, TWO)
    done = carry_out_correction(small.services, plan_id, quietly)
    assert done.refused == {Refusal.CYCLE_CHANGED: (twice,)}
    ((blocks,),) = small.query("select blocks::text from notification where message_key like 'correction%'")
    assert "0 of 0" not in blocks
    assert "the open cycle twice" in blocks
    carry_out_correction(small.services, approved_repair(small), quietly)
    assert small.places(twice) & set(CAMPAIGN_LISTS) == {TWO}
    end_the_cycle(small)
    assert_each_got_it_once(small, {twice})


def approved_repair(made: Installation) -> int:
    """A person lets the repair of a reconciliation through; its number."""
    ((plan_id, content_hash),) = reconcile(made.services, progress=quietly).proposals
    reviews.approve(made.services, plan_id, by="Ada", content_hash=content_hash)
    return plan_id
