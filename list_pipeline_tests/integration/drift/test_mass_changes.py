"""What others change at large at Mailjet is found, freezes the list for rebalancing, is told once, and waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import timedelta

import pytest
import typer
from typer.testing import CliRunner

from list_pipeline.cli import mass_changes as cli_mass_changes
from list_pipeline.cli.common import NotConfirmedError
from list_pipeline.core.drift.mass_changes import MASS_CHANGES, MassChangeKind, MassChangeStatus
from list_pipeline.core.errors import IntegrationError, NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.journal import StepState
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.campaigns import before_changes
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.membership.sync import ListGoneError
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.rebalancing.plan_and_execute import execute_rebalancing
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.reviews import mass_changes as answers
from list_pipeline.operations.safety import restore_guard
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage import mass_changes as rows
from list_pipeline.storage.mass_changes import MassChange
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, plain_client, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

ONE, TWO, THREE = CAMPAIGN_LISTS
OPEN = MassChangeStatus.OPEN


def hour_later(made: Installation, hours: float = 1) -> None:
    """The hourly sync."""
    made.clock.advance(timedelta(hours=hours))
    synchronise(made.services, progress=quietly)


def take_off(made: Installation, role: ListRole, contact_ids: Iterable[int]) -> None:
    for contact_id in contact_ids:
        made.take_off(role, contact_id)


def put_on(made: Installation, role: ListRole, contact_ids: Iterable[int]) -> None:
    for contact_id in contact_ids:
        made.put_on(role, contact_id)


def found(made: Installation, status: MassChangeStatus | None = None) -> list[MassChange]:
    with made.services.database.begin() as connection:
        every = rows.mass_changes(connection, since=made.clock.now() - timedelta(days=90))
    return [one for one in every if status in (None, one.status)]


def what(made: Installation, status: MassChangeStatus | None = None) -> set[tuple[ListRole, MassChangeKind, int]]:
    return {(one.figures.role, one.figures.kind, one.figures.contacts) for one in found(made, status)}


def questions(made: Installation, status: str = "open") -> list[str]:
    return [
        str(summary)
        for (summary,) in made.query(
            "select summary from review_item where details ? 'mass_change' and status = :s order by review_id", s=status
        )
    ]


def told(made: Installation, word: str = "at Large") -> list[str]:
    return [str(message["text"]) for message in made.cards() if word in str(message["text"])]


def mailable(made: Installation, role: ListRole) -> list[int]:
    """Who is on a campaign list and nowhere else where it should not be, and may be mailed; oldest first."""
    return [
        contact_id
        for (contact_id,) in made.query(
            "select c.contact_id from contact_list_membership c join list_membership l using (contact_id)"
            " where l.list_role = :role and l.left_at is null and not c.is_unsubscribed and not c.is_excluded"
            " and not c.is_complaining and not c.is_anonymised and not c.in_suppression_list"
            " and c.in_campaign_list_1::int + c.in_campaign_list_2::int + c.in_campaign_list_3::int = 1"
            " and not exists (select from contact_suppression_history h where h.contact_id = c.contact_id)"
            " order by l.recipient_id",
            role=role.value,
        )
    ]


def test_a_fifth_of_a_list_taken_off_by_hand_is_told_once_and_the_list_is_not_refilled(seeded: Installation) -> None:
    size = len(seeded.members(TWO))
    gone = mailable(seeded, TWO)[:196]
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 196)}
    (question,) = questions(seeded)
    assert f"196 of {size:,} contacts" in question
    assert "List 2" in question
    (message,) = told(seeded)
    assert f"196 of {size:,} contacts" in message
    hour_later(seeded)
    before = seeded.members(TWO)
    ended = seeded.maintain()
    plan = seeded.plan(PlanKind.REBALANCING)
    steps = seeded.steps(PlanKind.REBALANCING)
    assert all(TWO is not step.list_role for step in steps), ended
    assert TWO in plan.rebalancing_summary.frozen
    # Suppressions go on, and nobody else came or went.
    assert seeded.members(TWO) <= before
    assert len(told(seeded)) == len(questions(seeded)) == 1


def test_two_removals_of_half_the_size_within_a_day_count_together(seeded: Installation) -> None:
    people = mailable(seeded, TWO)
    take_off(seeded, TWO, people[:30])
    hour_later(seeded)
    assert found(seeded) == []
    take_off(seeded, TWO, people[30:60])
    hour_later(seeded, hours=12)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 60)}


def test_the_same_two_removals_a_day_apart_are_ordinary_life(seeded: Installation) -> None:
    people = mailable(seeded, TWO)
    for part in (people[:30], people[30:60]):
        take_off(seeded, TWO, part)
        hour_later(seeded, hours=25)
    assert found(seeded) == []


def test_taken_off_and_deleted_count_together_and_end_together(seeded: Installation) -> None:
    people, size = mailable(seeded, TWO), len(seeded.members(TWO))
    part = size * 4 // 100
    for one in people[:part]:
        seeded.control.gdpr_delete(one)
    take_off(seeded, TWO, people[part : 2 * part])
    hour_later(seeded)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, part), (TWO, MassChangeKind.GONE, part)}
    assert len(questions(seeded)) == len(told(seeded)) == 1
    hour_later(seeded)
    assert len(what(seeded, OPEN)) == 2
    put_on(seeded, TWO, people[part : 2 * part])
    hour_later(seeded)
    assert what(seeded, OPEN) == set()
    assert questions(seeded) == []


def test_what_goes_on_of_an_open_mass_change_is_the_same_matter(seeded: Installation) -> None:
    people = mailable(seeded, TWO)
    for part in (people[:60], people[60:100]):
        take_off(seeded, TWO, part)
        hour_later(seeded, hours=3)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 100)}
    assert len(questions(seeded)) == len(told(seeded)) == 1


def test_taken_back_by_hand_it_ends_by_itself_and_is_no_growth(seeded: Installation) -> None:
    gone = mailable(seeded, TWO)[:120]
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    put_on(seeded, TWO, gone[:60])
    hour_later(seeded, hours=30)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 120)}
    put_on(seeded, TWO, gone[60:])
    hour_later(seeded)
    assert what(seeded) == {(TWO, MassChangeKind.LEFT, 120)}
    assert found(seeded, MassChangeStatus.RESOLVED)
    assert questions(seeded) == []
    hour_later(seeded)
    assert len(told(seeded, "taken back")) == 1


def test_whoever_takes_them_off_and_puts_them_back_between_two_looks_changed_nothing(seeded: Installation) -> None:
    gone = mailable(seeded, TWO)[:60]
    take_off(seeded, TWO, gone)
    put_on(seeded, TWO, gone)
    hour_later(seeded)
    assert found(seeded) == []


def test_accepted_the_list_is_rebalanced_again_and_nobody_is_asked_a_second_time(seeded: Installation) -> None:
    take_off(seeded, TWO, mailable(seeded, TWO)[:196])
    hour_later(seeded)
    (one,) = found(seeded, OPEN)
    answers.accept(seeded.services, one.matter, by="ada", note="they moved to another brand")
    seeded.maintain()
    hour_later(seeded)
    assert found(seeded, OPEN) == []
    assert questions(seeded) == []
    assert len(told(seeded, "accepted")) == 1
    plan = seeded.plan(PlanKind.REBALANCING)
    assert TWO not in plan.rebalancing_summary.frozen
    assert plan.gate is not None
    (check,) = [check for check in plan.gate.checks if check.name == "taken_off"]
    assert check.passed
    with pytest.raises(NotFoundError):
        answers.accept(seeded.services, one.matter, by="ada", note="again")


def test_repaired_everybody_is_back_who_may_be_mailed_and_nobody_else(seeded: Installation) -> None:
    before = seeded.members(TWO)
    gone = mailable(seeded, TWO)[:100]
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    (one,) = found(seeded, OPEN)
    unsubscribed, excluded, complained, suppressed, erased, elsewhere, off_master = gone[:7]
    seeded.control.unsubscribe(unsubscribed)
    seeded.exclude(excluded)
    seeded.control.complain(complained)
    seeded.put_on(ListRole.SUPPRESSION, suppressed)
    hour_later(seeded)
    made = answers.repair(seeded.services, one.matter, by="ada", note="a mistake with an import")
    # What becomes true between plan and execution is seen as well.
    seeded.control.gdpr_delete(erased)
    seeded.put_on(THREE, elsewhere)
    seeded.take_off(ListRole.MASTER, off_master)
    with pytest.raises(RefusedError, match="repairs it"):
        answers.repair(seeded.services, one.matter, by="ada", note="again")
    # A reconciliation lets repairs lapse that nobody needs, and this is none of its own.
    reconcile(seeded.services, progress=quietly)
    hour_later(seeded)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 100)}
    reviews.approve(seeded.services, made.plan_id, by="ben", content_hash=made.content_hash)
    done = carry_out_correction(seeded.services, made.plan_id, quietly)
    assert done.facts.is_complete
    stay = {unsubscribed, excluded, complained, suppressed, erased, elsewhere, off_master}
    assert seeded.members(TWO) == before - stay
    assert not stay & seeded.members(TWO)
    hour_later(seeded)
    assert what(seeded, OPEN) == set()
    assert what(seeded, MassChangeStatus.REPAIRED) == {(TWO, MassChangeKind.LEFT, 100)}
    assert questions(seeded) == []
    assert told(seeded, "Repair of a mass change")
    assert told(seeded, "Mass change repaired")


def test_taken_off_once_more_after_a_repair_it_is_a_matter_of_its_own(seeded: Installation) -> None:
    gone = mailable(seeded, TWO)[:60]
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    (one,) = found(seeded, OPEN)
    made = answers.repair(seeded.services, one.matter, by="ada", note="a mistake")
    reviews.approve(seeded.services, made.plan_id, by="ben", content_hash=made.content_hash)
    carry_out_correction(seeded.services, made.plan_id, quietly)
    hour_later(seeded)
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    assert [(found_one.status, found_one.figures.contacts) for found_one in found(seeded)] == [
        (MassChangeStatus.REPAIRED, 60),
        (OPEN, 60),
    ]


def test_an_approved_rebalancing_that_waits_leaves_a_list_alone_that_is_changed_meanwhile(seeded: Installation) -> None:
    for contact_id in mailable(seeded, THREE)[:40]:
        seeded.control.unsubscribe(contact_id)
    hour_later(seeded)
    run = seeded.decide_rebalancing(seeded.another(list_management_mode="approval_required"))
    plan = seeded.plan(PlanKind.REBALANCING)
    assert plan.status is PlanStatus.PENDING_REVIEW
    reviews.approve(seeded.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    with seeded.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id)
    role = min(role for item in items for role in (item.from_role, item.to_role) if role in CAMPAIGN_LISTS)
    planned = {item.contact_id for item in items}
    take_off(seeded, role, [one for one in mailable(seeded, role) if one not in planned][:80])
    execute_rebalancing(seeded.services, run, quietly)
    ends = seeded.query(
        "select distinct s.state, s.note from change c join change_step s using (change_id)"
        " where c.plan_id = :plan and c.change_id in (select change_id from change_step where list_role = :role)",
        plan=plan.plan_id,
        role=role.value,
    )
    assert ends == [("skipped", "list_frozen")]
    assert told(seeded)


# On a small account, whose every contact is known: twelve of twenty are a mass


def test_the_first_look_at_an_account_is_no_change(new_here: Installation) -> None:
    synchronise(new_here.services, progress=quietly)
    hour_later(new_here)
    assert found(new_here) == []
    assert new_here.query("select count(*) from list_edit") == [(0,)]


def test_a_quiet_sync_asks_mailjet_nothing_more_and_writes_nothing(small: Installation) -> None:
    small.control.reset_requests()
    hour_later(small)
    assert small.query("select count(*) from list_edit") == [(0,)]
    # The sizes, the sends and the drafts, a tail and the unsubscribed of each list, the excluded; nothing about changes.
    quiet = sum(small.control.requests().values())
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    hour_later(small)
    small.control.reset_requests()
    hour_later(small)
    assert found(small, OPEN)
    assert sum(n for name, n in small.control.requests().items() if "api/" not in name) <= quiet


def test_nine_of_twenty_freeze_nothing_and_ten_do(small: Installation) -> None:
    people = [small.account.people[number] for number in range(20, 30)]
    take_off(small, TWO, people[:-1])
    hour_later(small)
    assert found(small) == []
    take_off(small, TWO, people[-1:])
    hour_later(small)
    assert what(small, OPEN) == {(TWO, MassChangeKind.LEFT, MASS_CHANGES.least)}


def _exclude(made: Installation, people: set[int]) -> None:
    for one in people:
        made.exclude(one)


def _unsubscribe(made: Installation, people: set[int]) -> None:
    for one in people:
        made.control.unsubscribe(one, made.account.lists[TWO])


def _erase(made: Installation, people: set[int]) -> None:
    for one in people:
        made.control.gdpr_delete(one)


def _put_on_another(made: Installation, people: set[int]) -> None:
    put_on(made, THREE, people)


def _suppress(made: Installation, people: set[int]) -> None:
    put_on(made, ListRole.SUPPRESSION, people)


@pytest.mark.parametrize(
    ("edit", "role", "kind"),
    [
        (_exclude, TWO, MassChangeKind.EXCLUDED),
        (_unsubscribe, TWO, MassChangeKind.UNSUBSCRIBED),
        (_erase, TWO, MassChangeKind.GONE),
        (_put_on_another, THREE, MassChangeKind.CAME),
        (_suppress, ListRole.SUPPRESSION, MassChangeKind.CAME),
    ],
)
def test_a_mass_change_of_every_kind_is_found_and_asked_about_once(
    small: Installation, edit: Callable[[Installation, set[int]], None], role: ListRole, kind: MassChangeKind
) -> None:
    edit(small, small.account.ids(*range(20, 32)))
    hour_later(small)
    hour_later(small)
    assert (role, kind, 12) in what(small, OPEN)
    assert len(questions(small)) == len(told(small)) == 1


def test_flags_that_are_lifted_at_large_are_a_mass_change_too(small: Installation) -> None:
    people = small.account.ids(*range(20, 32))
    _exclude(small, people)
    _unsubscribe(small, people)
    hour_later(small)
    answers.accept(small.services, found(small)[0].matter, by="ada", note="meant")
    hour_later(small, hours=48)
    for one in people:
        small.exclude(one, False)
        small.control.subscribe(small.control.contact(one)["email"], small.account.lists[TWO])
    hour_later(small)
    kinds = {kind for role, kind, _ in what(small, OPEN) if role is TWO}
    assert kinds == {MassChangeKind.INCLUDED, MassChangeKind.SUBSCRIBED}


def test_an_import_into_the_master_list_enrols_nobody_until_it_is_accepted(install_small: Install) -> None:
    with install_small(enrol_newcomers="all") as made:
        for number in range(15):
            made.control.sign_up(f"imported-{number}@example.net", made.account.lists.master)
        hour_later(made)
        assert what(made, OPEN) == {(ListRole.MASTER, MassChangeKind.CAME, 15)}
        before = set[int]().union(*map(made.members, CAMPAIGN_LISTS))
        made.maintain()
        assert set[int]().union(*map(made.members, CAMPAIGN_LISTS)) <= before
        with made.services.database.begin() as connection:
            assert before_changes.is_enrolment_frozen(made.services, connection)
        answers.accept(made.services, found(made)[0].matter, by="ada", note="our trade fair")
        with made.services.database.begin() as connection:
            assert not before_changes.is_enrolment_frozen(made.services, connection)


def test_what_is_done_every_week_is_usual_after_three_times_and_what_is_new_is_not(small: Installation) -> None:
    asked = []
    for week in range(5):
        for number in range(12):
            small.control.sign_up(f"week-{week}-{number}@example.net", small.account.lists.master)
        hour_later(small, hours=1)
        asked.append(bool(found(small, OPEN)))
        for one in found(small, OPEN):
            answers.accept(small.services, one.matter, by="ada", note="the weekly import")
        # The lists are looked at in between, as every hour.
        for _ in range(6):
            hour_later(small, hours=24)
        hour_later(small, hours=23)
    assert asked == [True, True, True, False, False]
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    hour_later(small)
    assert what(small, OPEN) == {(TWO, MassChangeKind.LEFT, 12)}


def test_an_incomplete_sync_judges_nothing_and_the_next_complete_one_does(small: Installation) -> None:
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    small.control.add_fault("status", status=500, path="/REST/contact$", count=None)
    with pytest.raises(IntegrationError):
        hour_later(small)
    assert found(small) == []
    small.control.clear_faults()
    hour_later(small)
    assert what(small, OPEN) == {(TWO, MassChangeKind.LEFT, 12)}


def test_our_own_work_is_no_mass_change_however_much_it_is(install_small: Install) -> None:
    """Thirty on one list more than on the others: moved, undone, redone, and each step seen by a sync."""
    with install_small(list_balance_threshold=1.0, list_balance_target=0.5) as made:
        moved = small_imbalance(made)
        assert moved >= MASS_CHANGES.least
        undo_maintenance(made.services, made.key, by="ada")
        hour_later(made)
        redo_maintenance(made.services, made.key, by="ada")
        hour_later(made)
        assert found(made, OPEN) == []


def small_imbalance(made: Installation) -> int:
    """An accepted import of thirty onto List 1, rebalanced; how many were moved off it."""
    for number in range(30):
        one = made.control.sign_up(f"more-{number}@example.net", made.account.lists.master)
        made.put_on(ONE, one)
    hour_later(made)
    answers.accept(made.services, found(made, OPEN)[0].matter, by="ada", note="an import")
    hour_later(made)
    made.maintain()
    plan = made.plan(PlanKind.REBALANCING)
    if plan.status is PlanStatus.PENDING_REVIEW:
        reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        made.maintain(run_id="second")
    hour_later(made)
    return sum(step.list_role is ONE and step.state is StepState.CONFIRMED for step in made.steps(PlanKind.REBALANCING))


def test_work_of_ours_that_the_sync_sees_before_the_journal_knows_it_is_ours(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    dying = Dying(nth=1, when="after", counting="managemanycontacts")
    with monkeypatch.context() as patched:
        dying.install(patched)
        with pytest.raises(Killed):
            suppression.execute_suppressions(small.services, run, quietly)
    small.clock.advance(timedelta(minutes=30))
    synchronise(small.services, progress=quietly)
    edits = small.query("select distinct is_explained from list_edit")
    assert edits == [(True,)]


def test_a_reconciliation_that_finds_it_first_asks_one_question(small: Installation) -> None:
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    small.clock.advance(timedelta(hours=1))
    reconcile(small.services, progress=quietly)
    assert what(small, OPEN) == {(TWO, MassChangeKind.LEFT, 12)}
    assert small.query("select count(*) from review_item where status = 'open'") == [(1,)]
    assert len(told(small)) == 1


def test_a_list_that_is_deleted_is_told_once_and_ends_when_it_is_back(small: Installation) -> None:
    list_id = small.account.lists[TWO]
    with small.server.account.store.lock:
        small.server.account.store.execute("UPDATE list SET is_deleted = 1 WHERE id = ?", (list_id,))
    for _ in range(2):
        with pytest.raises(ListGoneError):
            hour_later(small)
    assert what(small, OPEN) == {(TWO, MassChangeKind.LIST_GONE, 20)}
    assert len(questions(small)) == len(told(small, "No Longer Has List 2")) == 1
    with pytest.raises(RefusedError):
        answers.accept(small.services, found(small)[0].matter, by="ada", note="meant")
    with small.server.account.store.lock:
        small.server.account.store.execute("UPDATE list SET is_deleted = 0 WHERE id = ?", (list_id,))
    hour_later(small)
    assert found(small, OPEN) == []
    assert questions(small) == []


def test_another_list_in_a_role_is_a_matter_of_its_confirmation_and_no_mass_change(small: Installation) -> None:
    with plain_client(small.server) as http:
        made = http.post("/contactslist", json={"Name": "Another"}).json()
    other = small.another(mailjet_campaign_list_2_id=int(made["Data"][0]["ID"]))
    small.clock.advance(timedelta(hours=1))
    synchronise(other, progress=quietly)
    assert found(small) == []


def test_nobody_accepts_or_repairs_without_a_name_and_a_reason(small: Installation) -> None:
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    hour_later(small)
    matter = found(small)[0].matter
    for decide in (answers.accept, answers.repair):
        with pytest.raises(RefusedError, match="reason"):
            decide(small.services, matter, by="ada", note=" ")
        with pytest.raises(RefusedError, match="person"):
            decide(small.services, matter, by="", note="meant")
        with pytest.raises(NotAReviewerError):
            decide(small.another(list_reviewers="ben"), matter, by="ada", note="meant")
        with pytest.raises(NotFoundError):
            decide(small.services, matter + 7, by="ada", note="meant")
    assert found(small, OPEN)


def test_what_cannot_be_put_back_is_not_repaired(small: Installation) -> None:
    _exclude(small, small.account.ids(*range(20, 32)))
    hour_later(small)
    with pytest.raises(RefusedError, match="nobody was taken off"):
        answers.repair(small.services, found(small)[0].matter, by="ada", note="a mistake")


def test_drift_that_is_accepted_leaves_a_mass_change_open(small: Installation) -> None:
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    take_off(small, ONE, small.account.ids(1))
    reconcile(small.services, progress=quietly)
    restore_guard.accept(small.services, by="ada")
    assert found(small, OPEN)
    assert questions(small)


def test_what_a_restored_database_does_not_know_of_its_own_work_is_asked_about_once(small: Installation) -> None:
    """Twelve suppressed and taken off a list, and no step of the journal says so."""
    for one in small.account.ids(*range(20, 32)):
        small.put_on(ListRole.SUPPRESSION, one)
        small.exclude(one)
        small.take_off(TWO, one)
    hour_later(small, hours=30)
    assert restore_guard.why_stopped(small.services)
    assert found(small) == []
    restore_guard.accept(small.services, by="ada")
    take_off(small, ONE, small.account.ids(*range(12)))
    hour_later(small)
    assert what(small, OPEN) == {(ONE, MassChangeKind.LEFT, 12)}


def test_after_an_absence_what_others_took_off_meanwhile_is_a_mass_change(small: Installation) -> None:
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    hour_later(small, hours=30)
    assert restore_guard.why_stopped(small.services) is None
    assert what(small, OPEN) == {(TWO, MassChangeKind.LEFT, 12)}
    assert len(told(small)) == len(questions(small)) == 1


def test_the_command_shows_what_is_open_and_decides(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_mass_changes, "opened_services", lambda: nullcontext(small.services))
    app = typer.Typer()
    app.callback()(lambda: None)
    cli_mass_changes.register(app)

    def said(*arguments: str) -> str:
        answer = CliRunner().invoke(app, ["mass-changes", *arguments], env={"COLUMNS": "250"})
        if answer.exception is not None:
            raise answer.exception
        assert "@" not in answer.output
        return answer.output

    assert "Nobody changed a list at large" in said()
    take_off(small, TWO, small.account.ids(*range(20, 32)))
    hour_later(small)
    (number,) = {str(one.matter) for one in found(small)}
    assert "12 of 20 contacts (60 %) were taken off List 2" in said()
    who = ("--by", "A. Person", "--note", "a mistake")
    with pytest.raises(RefusedError, match="Give one of both"):
        said("--accept", number, "--repair", number, *who)
    with pytest.raises(RefusedError, match="there is no reason"):
        said("--accept", number, "--by", "ada", "--yes")
    with pytest.raises(NotFoundError):
        said("--accept", "99", *who, "--yes")
    with pytest.raises(NotConfirmedError):
        said("--accept", number, *who)
    assert found(small, OPEN)
    assert "puts 12 contacts back, 0 stay off" in said("--repair", number, *who)
    assert "open, plan" in said()
    assert f"Mass change {number} is accepted by A. Person" in said("--accept", number, *who, "--yes")
    assert "accepted by A. Person: a mistake" in said()
    # What was meant is not put back by a plan that still waits.
    assert small.query("select status, decided_by from plan where kind = 'repair'") == [("rejected", "A. Person")]


def test_a_repair_says_how_many_would_enter_automations(install_small: Install) -> None:
    with install_small(lists_with_automations="campaign_2") as made:
        take_off(made, TWO, made.account.ids(*range(20, 32)))
        hour_later(made)
        repair = answers.repair(made.services, found(made)[0].matter, by="ada", note="a mistake")
        entering = "12 contacts would enter automations at Mailjet, and may be mailed at once: 12 of List 2"
        ((question,),) = made.query("select summary from review_item where plan_id = :plan", plan=repair.plan_id)
        assert entering in question
        assert repair.entering == f"{entering}."
        assert [one for one in made.cards() if entering in str(one)]


def test_a_repair_that_is_approved_is_carried_out_and_one_that_nobody_needs_lapses(small: Installation) -> None:
    people = small.account.ids(*range(20, 32))
    take_off(small, TWO, people)
    hour_later(small)
    matter = found(small)[0].matter
    made = answers.repair(small.services, matter, by="ada", note="a mistake")
    put_on(small, TWO, people)
    hour_later(small)
    assert found(small, OPEN) == []
    assert small.query("select status from plan where kind = 'repair'") == [("expired",)]
    assert small.query("select count(*) from review_item where status = 'open'") == [(0,)]
    small.clock.advance(timedelta(hours=30))
    take_off(small, TWO, people)
    hour_later(small)
    again = answers.repair(small.services, found(small, OPEN)[0].matter, by="ada", note="a mistake")
    assert again.plan_id != made.plan_id
    reviews.approve(small.services, again.plan_id, by="ben", content_hash=again.content_hash)
    with pytest.raises(RefusedError, match="is approved"):
        answers.accept(small.services, found(small, OPEN)[0].matter, by="ada", note="meant")


def test_a_repair_waits_while_its_list_is_being_sent_and_then_puts_back_who_missed_the_round(
    small: Installation,
) -> None:
    people = small.account.ids(*range(20, 32))
    take_off(small, TWO, people)
    hour_later(small)
    made = answers.repair(small.services, found(small)[0].matter, by="ada", note="a mistake")
    reviews.approve(small.services, made.plan_id, by="ben", content_hash=made.content_hash)
    small.control.send(small.account.lists[TWO], "Letter 3", profile="clean", duration_seconds=7200)
    small.clock.advance(timedelta(minutes=1))
    waits = carry_out_correction(small.services, made.plan_id, quietly)
    assert waits.facts.waits == len(people)
    assert not people & small.members(TWO)
    assert to_carry_out(small.services) == []
    hour_later(small, hours=4)
    assert [one.plan_id for one in to_carry_out(small.services)] == [made.plan_id]
    assert carry_out_correction(small.services, made.plan_id, quietly).facts.done == len(people)
    assert people <= small.members(TWO)


def test_whoever_got_the_open_cycle_elsewhere_is_not_put_back_where_it_is_still_to_be_sent(small: Installation) -> None:
    people = small.account.ids(*range(20, 32))
    take_off(small, TWO, people)
    hour_later(small)
    moved = small.account.people[20]
    small.put_on(ONE, moved)
    small.control.send(small.account.lists[ONE], "Letter 3", profile="clean")
    small.take_off(ONE, moved)
    hour_later(small, hours=2)
    made = answers.repair(small.services, found(small)[0].matter, by="ada", note="a mistake")
    reviews.approve(small.services, made.plan_id, by="ben", content_hash=made.content_hash)
    done = carry_out_correction(small.services, made.plan_id, quietly)
    assert done.refused == {Refusal.CYCLE_CHANGED: (moved,)}
    assert people - {moved} == people & small.members(TWO)
