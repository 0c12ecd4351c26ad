"""A person who is erased is found nowhere, the counts stay, and whoever comes back is known again."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from typer.testing import CliRunner

from list_pipeline.cli import erasure as cli_erasure
from list_pipeline.cli.main import app
from list_pipeline.cli.program import ExitCode
from list_pipeline.core.erasure import KeptOff, Person
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError, TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.operations.plans.erasure_by_person import Erased, erase_person
from list_pipeline.operations.plans.single_contacts import take_back_unsubscription
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import Database, execute, fetch_scalar
from list_pipeline.storage.erasure import catalogue, records, rows
from list_pipeline.storage.membership import queue
from list_pipeline.storage.migrations import migrate
from list_pipeline_tests.integration.accounts import HARD, LIST_SIZE, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long


def address_of(made: Installation, contact_id: int) -> str:
    return str(made.control.contact(contact_id)["email"])


def erase(made: Installation, named: str | int, **how: Any) -> Erased:
    return erase_person(made.services, str(named), by="ada", reason="she wrote to us", progress=quietly, **how)


def found_of(made: Installation, contact_id: int, address: str) -> dict[str, int]:
    """Rows that name a person, by table."""
    with made.services.database.begin() as connection:
        return dict(catalogue.search(connection, Person(contact_id, -1, address)).rows)


def add_table(made: Installation, definition: str) -> None:
    with made.services.database.begin() as connection:
        execute(connection, f"create table {definition}")


def pseudonym_of(made: Installation, contact_id: int) -> int:
    with made.services.database.begin() as connection:
        return records.pseudonym_of(connection, contact_id)


def counts(made: Installation) -> list[tuple[Any, ...]]:
    """Numbers of rows that an erasure leaves as they are."""
    return [
        made.query(f"select count(*) from {table}")[0]
        for table in (
            "plan", "plan_item", "change", "change_step", "contact_suppression_history", "bounce_event",
            "campaign_recipient", "contact_list_membership", "list_membership", "list_maintenance_log", "agent_record",
            "notification", "review_item",
        )
    ]  # fmt: skip


def test_a_suppressed_person_is_found_nowhere_after_the_erasure_and_every_count_stays(maintained: Installation) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    address = address_of(small, dead)
    before, known = counts(small), found_of(small, dead, address)
    assert {"contact_list_membership", "contact_suppression_history", "plan_item", "change", "bounce_event"} <= set(
        known
    )
    done = erase(small, address)
    assert done.report is not None
    assert {one.table: one.before for one in done.report.tables} == known
    assert found_of(small, dead, address) == {}
    assert counts(small) == before
    assert set(done.report.kept_off_because) >= {KeptOff.SUPPRESSED, KeptOff.EXCLUDED}
    # One person under one number, whichever table is asked.
    number = pseudonym_of(small, dead)
    assert small.query(
        "select email, is_anonymised from contact_list_membership where contact_id = :id", id=number
    ) == [(f"erased{number}@domain.invalid", True)]
    assert small.query(
        "select count(*) from change join plan_item using (plan_id, contact_id) where contact_id = :id", id=number
    ) == [(1,)]
    assert small.query("select requested_by, reason, contact_id from erasure") == [("ada", "she wrote to us", None)]


def test_texts_and_json_of_every_kind_lose_address_and_id(small: Installation) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    local, domain = address.split("@")
    small.query(
        "insert into notification (message_key, text, blocks, state, created_at) values (:key, :text, cast(:blocks as jsonb),"
        " 'pending', now()) returning 1",
        key=f"contact:{someone}",
        text=f"Contact {someone} wrote as {local}%40{domain}, {address.upper()} and {local}=40{domain}",
        blocks=json.dumps([{"contact_ids": [someone, 7], "count": 5, address: {"to": f"<{address}>"}}]),
    )
    small.query(
        "insert into campaign_override (campaign_id, scheduled_at, overridden_by, overridden_at, note, rules)"
        " select id, now(), 'ada', now(), :note, array[:note] from campaign_schedule limit 1 returning 1",
        note=f"for {address}",
    )
    number = pseudonym_of(small, someone)
    done = erase(small, someone)
    assert done.report is not None
    assert small.query("select message_key, text, blocks from notification") == [
        (
            f"contact:{number}",
            f"Contact {number} wrote as [erased], [erased] and [erased]",
            [{"contact_ids": [number, 7], "count": 5, "[erased]": {"to": "<[erased]>"}}],
        )
    ]
    assert small.query("select note, rules from campaign_override") == [("for [erased]", ["for [erased]"])]


def test_a_table_that_is_added_later_is_searched_and_rewritten_too(small: Installation) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    add_table(small, "later (subscriber bigint, words text, more jsonb)")
    small.query(
        "insert into later values (null, :words, null), (null, null, cast(:more as jsonb)) returning 1",
        words=f"about {address}",
        more=json.dumps({"deep": [{"contact": someone}]}),
    )
    done = erase(small, someone)
    assert done.report is not None
    assert {one.table: one.before for one in done.report.tables}["later"] == 2
    assert small.query("select words, more from later order by words") == [
        ("about [erased]", None),
        (None, {"deep": [{"contact": pseudonym_of(small, someone)}]}),
    ]


def test_whoever_has_or_had_rows_that_cannot_be_read_is_erased_with_them(small: Installation) -> None:
    someone, other = small.account.people[5], small.account.people[6]
    address = address_of(small, someone)
    small.query(
        "insert into unreadable_row (kind, row_id, contact_id, problem, first_seen_at, last_seen_at, ended_at) values"
        " ('contact', :id, :id, 'no address', now(), now(), null), ('contact', :id, :id, 'no address', now(), now(), now()),"
        " ('listrecipient', 7, :id, 'no time', now(), now(), now()), ('contact', :other, :other, 'p', now(), now(), now()),"
        # Another thing of Mailjet's that happens to have the same number.
        " ('campaign', :id, null, 'no status', now(), now(), null) returning 1",
        id=someone,
        other=other,
    )
    done = erase(small, someone)
    assert done.report is not None
    ((before, removed, rewritten),) = [
        (one.before, one.removed, one.rewritten) for one in done.report.tables if one.table == "unreadable_row"
    ]
    assert (before, removed, rewritten) == (3, 3, 0)
    assert found_of(small, someone, address) == {}
    assert small.query("select kind, contact_id from unreadable_row order by kind") == [
        ("campaign", None),
        ("contact", other),
    ]


def test_what_the_search_still_finds_takes_the_erasure_back(small: Installation) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    # A column of which nobody knows that it names people: the search does, and nothing rewrites it.
    add_table(small, "later (subscriber bigint)")
    small.query("insert into later values (:id) returning 1", id=someone)
    before = found_of(small, someone, address)
    with pytest.raises(rows.ErasureIncompleteError, match=r"1 row of later"):
        erase(small, someone)
    assert found_of(small, someone, address) == before
    assert small.query("select count(*) from erasure") == [(0,)]


def test_every_number_of_the_schema_is_an_id_of_a_contact_or_searched_or_known_as_something_else(
    small: Installation,
) -> None:
    with small.services.database.begin() as connection:
        found = catalogue.columns(connection)
    named = {f"{one.table}.{one.name}" for one in found if one.is_number and one.name.endswith(("_id", "_ids"))}
    assert named == {f"{one.table}.{one.name}" for one in found if one.is_number and one.names_contacts}
    assert {"plan_item.contact_id", "erasure_due.contact_id", "campaign_recipient.contact_id"} <= named


def test_the_keyed_hash_is_an_hmac_with_a_key_of_the_installation_s_own(
    small: Installation, empty_database: str
) -> None:
    ((inner, outer),) = small.query("select inner_pad, outer_pad from erasure_key")
    key = bytes(one ^ 0x36 for one in inner)
    assert key == bytes(one ^ 0x5C for one in outer)
    assert len(set(key[:32])) > 8
    assert key[32:] == bytes(32)
    for text in ("", "address:jane@example.com", "ü" * 100):
        ((hashed,),) = small.query("select keyed_hash(:text)", text=text)
        assert bytes(hashed) == hmac.digest(key, text.encode(), "sha256")
    numbers = [number for (number,) in small.query("select contact_pseudonym(g) from generate_series(1, 500) g")]
    assert len(set(numbers)) == 500
    assert all(-(2**53) < number < 0 for number in numbers), "exact also where JSON is read as floating point"
    other = Database(empty_database)
    migrate(other)
    with other.begin() as connection:
        assert fetch_scalar(connection, "select inner_pad from erasure_key") != inner
    other.close()


SAME = (
    "jane@bücher.example", "Jane@BÜCHER.example", "jane@xn--bcher-kva.example", "JANE@XN--BCHER-KVA.EXAMPLE",
    "jane@bücher.example.", "jane@bu\u0308cher.example", "jane@bücher。example", "jane@ｂücher．example",
)  # fmt: skip
"""One address."""


def key_of(made: Installation, address: str) -> object:
    return made.query("select address_key(:address)", address=address)[0][0]


def test_every_spelling_of_an_address_has_one_key_and_no_other_address_has_it(small: Installation) -> None:
    assert len({key_of(small, address) for address in SAME}) == 1
    assert key_of(small, "ja\u0301ne@example.com") == key_of(small, "jáne@EXAMPLE.com.")
    others = ("jane@buecher.example", "jane@bucher.example", "jane@b.cher.example", "jane.@bücher.example", "jane@xn--",
              "jane@xn---", "jane@xn--99999999999", "jane@xn--bcher-kv", "jane", "@", "", "jane@")  # fmt: skip
    assert len({key_of(small, address) for address in (SAME[0], *others)}) == len(others) + 1
    # Keys that were made before hold for nearly every address.
    for usual in ("Jane.Doe@Example.com", "jane@bücher.example"):
        assert key_of(small, usual) == small.query("select address_key_before(:address)", address=usual)[0][0]


def test_a_host_is_read_as_python_reads_it(small: Installation) -> None:
    for label in ("bücher", "例え", "テスト", "пример", "ab-c-ü", "ü", "😀", "straße-1", "ελ", "ü" * 20, "aüaüaü"):
        coded = f"xn--{label.encode('punycode').decode()}"
        assert small.query("select readable_label(:coded)", coded=coded) == [(label,)]


def test_whoever_was_erased_before_spellings_were_told_alike_is_recognised_under_the_same_one(
    small: Installation,
) -> None:
    (coded, readable) = SAME[2], SAME[0]
    with small.services.database.begin() as connection:
        execute(
            connection,
            "insert into erased_person (pseudonym, address_key, kept_off_because, erased_at)"
            " values (-5, address_key_before(:address), '{suppressed}', now())",
            address=coded,
        )
        execute(
            connection,
            "insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
            " values (99999999, :email, now(), now())",
            email=coded,
        )
        assert queue.with_suppressed_address(connection, [99999999]) == {99999999}
    assert small.query("select address_key from erased_person") == [(key_of(small, readable),)]


def test_a_dry_run_says_the_same_and_writes_nothing(maintained: Installation) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    address = address_of(small, dead)
    known = found_of(small, dead, address)
    tried = erase(small, dead, dry_run=True)
    assert tried.is_dry_run
    assert found_of(small, dead, address) == known
    assert small.query("select count(*) from erased_person") == [(0,)]
    assert erase(small, dead).report == tried.report


@pytest.mark.parametrize("spelled", [str.upper, "{}.".format])
def test_whoever_was_suppressed_and_erased_is_recognised_when_imported_again(
    maintained: Installation, spelled: Callable[[str], str]
) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    address = address_of(small, dead)
    erase(small, dead, at_mailjet=True)
    assert dead not in small.members(ListRole.MASTER)
    again = small.control.sign_up(spelled(address), small.account.lists.master)
    synchronise(small.services, progress=quietly)
    with small.services.database.begin() as connection:
        offered = {one.contact_id for one in queue.newcomers(connection, 1000)}
        assert queue.with_suppressed_address(connection, [again]) == {again}
    assert again not in offered
    # Put on a campaign list by somebody, it is drift, and a repair is proposed that suppresses it.
    small.put_on(ListRole.CAMPAIGN_1, again)
    from list_pipeline.operations.drift.reconciliation import reconcile

    found = reconcile(small.services, progress=quietly)
    assert again in {one.contact_id for one in found.findings}


@pytest.mark.parametrize(
    ("before", "kept"),
    [("unsubscribed", KeptOff.UNSUBSCRIBED), ("complained", KeptOff.COMPLAINED), ("excluded", KeptOff.EXCLUDED)],
)
def test_whoever_unsubscribed_or_complained_or_was_excluded_is_not_enrolled_after_an_erasure(
    small: Installation, before: str, kept: KeptOff
) -> None:
    new = small.account.people[60]
    address = address_of(small, new)
    if before == "unsubscribed":
        small.control.unsubscribe(new)
    elif before == "complained":
        small.query(
            "update contact_list_membership set is_complaining = true where contact_id = :id returning 1", id=new
        )
    else:
        small.exclude(new)
    synchronise(small.services, full=True, progress=quietly)
    report = erase(small, new, at_mailjet=True).report
    assert report is not None
    assert report.kept_off_because == (kept,)
    again = small.control.sign_up(address, small.account.lists.master)
    synchronise(small.services, progress=quietly)
    small.maintain()
    assert small.places(again) == {ListRole.MASTER}


@pytest.mark.parametrize("is_excluded", [False, True])
def test_whoever_wants_mail_again_after_an_erasure_is_a_newcomer_unless_something_else_keeps_them_off(
    small: Installation, is_excluded: bool
) -> None:
    new = small.account.people[60]
    address = address_of(small, new)
    small.control.unsubscribe(new)
    if is_excluded:
        small.exclude(new)
    synchronise(small.services, full=True, progress=quietly)
    erase(small, new, at_mailjet=True)
    again = small.control.sign_up(address.upper(), small.account.lists.master)
    synchronise(small.services, progress=quietly)
    take_back_unsubscription(small.services, again, by="ada", note="wrote to us")
    with small.services.database.begin() as connection:
        offered = {one.contact_id for one in queue.newcomers(connection, 1000)}
        assert queue.with_suppressed_address(connection, [again]) == ({again} if is_excluded else set())
    assert (again in offered) is not is_excluded
    assert small.query("select kept_off_because from erased_person") == [(["excluded"] if is_excluded else [],)]


def test_whoever_was_kept_off_and_erased_and_is_listed_again_is_never_planned_to_move(small: Installation) -> None:
    dead, well = small.account.people[60], small.account.people[61]
    addresses = [address_of(small, one) for one in (dead, well)]
    small.exclude(dead)
    synchronise(small.services, full=True, progress=quietly)
    for one in (dead, well):
        erase(small, one, at_mailjet=True)
    again = [small.control.sign_up(address, small.account.lists.master) for address in addresses]
    for one in again:
        small.put_on(ListRole.CAMPAIGN_1, one)
    synchronise(small.services, full=True, progress=quietly)
    with small.services.database.begin() as connection:
        assert queue.with_suppressed_address(connection, again) == {again[0]}
        movable = {one.contact_id for one in queue.queue_ends(connection, ListRole.CAMPAIGN_1, 50, 50)}
    assert movable == small.members(ListRole.CAMPAIGN_1) - {again[0]}


def test_whoever_was_only_erased_is_not_put_back_on_a_list_and_a_real_newcomer_is(small: Installation) -> None:
    listed, new = small.account.people[5], small.account.people[60]
    addresses = [address_of(small, one) for one in (listed, new)]
    for one in (listed, new):
        erase(small, one, at_mailjet=True)
    again = [small.control.sign_up(address, small.account.lists.master) for address in addresses]
    synchronise(small.services, progress=quietly)
    with small.services.database.begin() as connection:
        offered = {one.contact_id for one in queue.newcomers(connection, 1000)}
        assert queue.removed_among(connection, again) == {again[0]}
    assert again[0] not in offered
    assert again[1] in offered, "nobody took this person off a list"


def test_an_erasure_explains_the_sizes_and_the_next_sync_finds_nothing_to_change(small: Installation) -> None:
    erase(small, small.account.people[5], at_mailjet=True)
    report = synchronise(small.services, progress=quietly)
    assert report.sizes[ListRole.CAMPAIGN_1].raw == LIST_SIZE - 1
    assert not report.full_lists
    small.control.reset_requests()
    again = synchronise(small.services, progress=quietly)
    assert again.rows_changed == 0


def test_erasing_here_alone_is_read_again_from_mailjet_and_known_as_erased(small: Installation) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    erase(small, someone)
    assert small.changing_requests() == {}
    synchronise(small.services, progress=quietly)
    assert found_of(small, someone, address) != {}, "Mailjet still has the person on a list"
    again = erase(small, address, at_mailjet=True)
    assert again.erased_before is not None
    assert again.report is not None
    assert found_of(small, someone, address) == {}
    assert small.query("select count(*) from contact_list_membership where contact_id < 0") == [(1,)]


def test_erasing_twice_says_when_and_an_unknown_contact_is_an_error(small: Installation) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    erase(small, someone, at_mailjet=True)
    for named in (someone, address):
        again = erase(small, named)
        assert again.report is None
        assert again.erased_before == small.clock.now()
    with pytest.raises(NotFoundError, match="no row knows this contact") as unknown:
        erase(small, "nobody@example.com")
    assert "nobody@" not in str(unknown.value)
    with pytest.raises(NotFoundError):
        erase(small, 99_999_999)


@pytest.mark.parametrize("by_id", [False, True])
def test_every_contact_with_the_address_is_erased_together(small: Installation, by_id: bool) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    small.query(
        "insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
        " values (99999999, :email, now(), now()) returning 1",
        email=address.upper(),
    )
    done = erase(small, someone if by_id else address)
    assert done.report is not None
    assert {one.table: one.before for one in done.report.tables}["contact_list_membership"] == 2
    assert found_of(small, someone, address) == found_of(small, 99_999_999, address) == {}
    assert small.query("select count(*) from erasure where finished_at is not null") == [(2,)]


def test_a_person_named_in_a_note_alone_is_taken_out_of_it(small: Installation) -> None:
    small.query(
        "insert into mode_change (changed_by, note, changed_at)"
        " values ('ada', 'asked by nobody@example.com', now()) returning 1"
    )
    done = erase(small, "nobody@example.com")
    assert done.report is not None
    assert [(one.table, one.before) for one in done.report.tables] == [("mode_change", 1)]
    assert small.query("select note from mode_change where note <> ''") == [("asked by [erased]",)]


def test_a_person_with_a_half_done_move_is_refused_until_it_is_done(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small() as made:
        made.decide_rebalancing()
        dying = Dying(nth=1, when="after", counting="POST /v3/REST/contact/managemanycontacts")
        with monkeypatch.context() as patch:
            dying.install(patch)
            with pytest.raises(Killed):
                made.maintain(run_id="dies")
        ((moved,),) = made.query(
            "select contact_id from change join change_step using (change_id) where state in"
            " ('submitting', 'submitted') order by contact_id limit 1"
        )
        # Nothing may be changed now, so nobody can finish it first.
        stopped = made.another(list_management_mode="read_only")
        with pytest.raises(RefusedError, match="half done"):
            erase_person(stopped, str(moved), by="ada", reason="r", progress=quietly)
        assert made.query("select count(*) from erased_person") == [(0,)]
        done = erase(made, moved)
        assert done.report is not None
        assert made.query(
            "select count(*) from change_step s join change c using (change_id) where c.contact_id = :id"
            " and s.state in ('submitting', 'submitted')",
            id=pseudonym_of(made, moved),
        ) == [(0,)]


def test_a_waiting_plan_leaves_the_erased_person_out(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        gone = made.account.people[HARD[0]]
        address = address_of(made, gone)
        done = erase(made, gone, at_mailjet=True)
        assert done.report is not None
        assert done.report.waiting_plans == (plan.plan_id,)
        from list_pipeline.operations.reviews.decisions import approve

        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        made.maintain(run_id="approved")
        notes = made.query(
            "select distinct s.state, s.note from change join change_step s using (change_id)"
            " where plan_id = :plan and contact_id = :id", plan=plan.plan_id, id=pseudonym_of(made, gone)
        )  # fmt: skip
        assert notes == [("skipped", "contact_gone")]
        made.assert_suppressed(made.account.ids(*HARD[1:]))
        synchronise(made.services, full=True, progress=quietly)
        assert found_of(made, gone, address) == {}
        assert not [request for request in made.control.requests() if "/-" in request], (
            "a pseudonym is no id of Mailjet's"
        )


def test_an_undo_leaves_an_erased_person_and_names_it(maintained: Installation) -> None:
    small = maintained
    gone = small.account.people[HARD[0]]
    erase(small, gone, at_mailjet=True)
    corrections = undo_maintenance(small.services, small.key, by="ada", note="", sweep=Sweep.H24, progress=quietly)
    left = {
        contact
        for one in corrections
        for reason, ids in one.refused.items()
        if "erased" in reason.words
        for contact in ids
    }
    assert left == {pseudonym_of(small, gone)}
    for role in CAMPAIGN_LISTS:
        assert gone not in small.members(role)


def test_a_deletion_at_mailjet_needs_a_mode_that_changes_lists_and_writes_nothing_without(
    install_small: Install,
) -> None:
    with install_small(list_management_mode="read_only") as made:
        someone = made.account.people[5]
        with pytest.raises(ChangesStoppedError, match="read_only"):
            erase(made, someone, at_mailjet=True)
        assert made.query("select count(*) from erasure") == [(0,)]
        assert made.changing_requests() == {}
        assert erase(made, someone).report is not None, "our own rows are no list"


def test_a_reviewer_has_to_be_named_and_a_reason(install_small: Install) -> None:
    with install_small(list_reviewers="ada,grace") as made:
        for by, reason in (("eve", "r"), ("", "r"), ("ada", "  ")):
            with pytest.raises(RefusedError):
                erase_person(made.services, str(made.account.people[5]), by=by, reason=reason, progress=quietly)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_erasure_that_died_at_mailjet_is_repeated_or_followed(
    small: Installation, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    someone = small.account.people[5]
    address = address_of(small, someone)
    with monkeypatch.context() as patch:
        Dying(nth=1, when=when, counting="DELETE /v4/contacts").install(patch)
        with pytest.raises(Killed):
            erase(small, someone, at_mailjet=True)
    assert small.query("select state, attempts from erasure") == [("submitting", 1)]
    assert found_of(small, someone, address)["erasure"] == 1
    erase(small, someone, at_mailjet=True)
    assert found_of(small, someone, address) == {}
    assert small.query("select state, contact_id from erasure") == [("confirmed", None)]


def test_a_deletion_without_effect_leaves_everything_as_it_was(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = small.account.people[5]
    from list_pipeline.integrations.mailjet.client import MailjetClient

    monkeypatch.setattr(MailjetClient, "erase_contact", lambda *_: None)
    with pytest.raises(TransientError, match="nothing was erased here"):
        erase(small, someone, at_mailjet=True)
    assert small.query("select state from erasure") == [("failed",)]
    assert small.query("select is_anonymised from contact_list_membership where contact_id = :id", id=someone) == [
        (False,)
    ]


@pytest.mark.parametrize(
    ("how", "is_noted"),
    [
        (("--also-at-mailjet", "--dry-run"), False),
        (("--also-at-mailjet",), False),
        (("--yes",), False),
        (("--also-at-mailjet", "--yes"), True),
    ],
)
def test_the_command_notes_the_switch_only_where_it_changes_something_at_mailjet(
    small: Installation, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...], is_noted: bool
) -> None:
    off = small.another(list_management_enabled=False)
    monkeypatch.setattr(cli_erasure, "opened_services", lambda: nullcontext(off))
    named = str(small.account.people[5])
    CliRunner().invoke(app, ["erase", named, "--by", "ada", "--reason", "r", *how])
    ((noted,),) = small.query("select count(*) from mode_state where switched_off_at is not null")
    assert noted == int(is_noted)


def test_the_command_asks_first_and_shows_no_address(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_erasure, "opened_services", lambda: nullcontext(small.services))
    address = address_of(small, small.account.people[5])
    asked = ["erase", address, "--by", "ada", "--reason", "r"]
    runner = CliRunner()
    refused = runner.invoke(app, asked, input="n\n")
    assert refused.exit_code == ExitCode.NOT_CONFIRMED
    assert small.query("select count(*) from erased_person") == [(0,)]
    shown = runner.invoke(app, [*asked, "--yes"])
    assert shown.exit_code == 0, shown.output
    assert "found the person nowhere" in shown.output
    assert address not in shown.output
    again = runner.invoke(app, [*asked, "--yes", "--json"])
    assert json.loads(again.stdout)["report"] is None
