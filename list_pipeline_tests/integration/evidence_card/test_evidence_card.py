"""The evidence card of contacts of every kind: the answer, what would have changed it, and who decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.evidence_card.card import EvidenceCard, answer, headline, sections
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans import redo, single_contacts, undo
from list_pipeline.operations.plans.erasure_by_person import erase_person
from list_pipeline.operations.reviews.decisions import reject, reject_item
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import to_json
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, SENDER_FAULT, SOFT, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

CHANGED, AHEAD = "What would have changed it", "What would change it from here"
DECISIONS = "Plans and decisions"
ACTIVE, NEW, PUT_THERE_BY_OTHERS = 0, 60, 62


def card_of(made: Installation, number: int) -> EvidenceCard:
    """The card of a person of the small account."""
    return evidence_card(made.services, str(made.account.people[number]))


def first_line(made: Installation, number: int) -> str:
    return answer(card_of(made, number))[0]


def told(card: EvidenceCard, title: str, *, full: bool = True) -> tuple[str, ...]:
    return next((one.lines for one in sections(card, full=full) if one.title == title), ())


def written(card: EvidenceCard) -> str:
    lines = [line for one in sections(card, full=True) for line in one.lines]
    return "\n".join([headline(card), *answer(card), *lines])


def another_cycle(made: Installation, **outcomes: Any) -> None:
    """The next three rounds, read by a sync; the last one is due for its maintenance."""
    for number, role in enumerate(CAMPAIGN_LISTS):
        made.clock.advance(timedelta(days=4) if number else timedelta(days=10))
        made.control.send(made.account.lists[role], "Letter 3", profile="clean", **outcomes)
    made.clock.advance(timedelta(hours=25, minutes=10))
    synchronise(made.services, progress=quietly)


def test_each_kind_of_contact_reads_why_it_is_where_it_is(maintained: Installation) -> None:
    small = maintained
    assert first_line(small, ACTIVE) == "Active: no failure is known."
    assert first_line(small, NEW) == "Active: it was never mailed."
    assert first_line(small, HARD[0]).startswith("Suppressed since 2026-11-15 ")
    assert first_line(small, HARD[0]).endswith(": the address cannot receive mail (user unknown).")
    assert first_line(small, COMPLAINED).endswith(": this person reported a message as spam.")
    assert first_line(small, SOFT) == "Watched: mailbox full 2 times in a row, not enough to act on."
    assert first_line(small, SENDER_FAULT) == "Kept: the receiver refused us, not this contact."
    assert first_line(small, PUT_THERE_BY_OTHERS).startswith("On the suppression list, and not by us")


def test_each_kind_of_contact_reads_what_would_have_changed_it(maintained: Installation) -> None:
    small = maintained
    assert told(card_of(small, HARD[0]), CHANGED) == (
        "A delivery since 2026-11-14: watched, and not suppressed.",
        "An incident at its mail operator on 2026-11-14: held until a mailing answers.",
        "Had the receiver's words left a doubt: watched, and not suppressed.",
    )
    assert told(card_of(small, COMPLAINED), CHANGED) == (
        "Had this person not complained: nothing would have been decided, and the contact stays.",
    )
    assert told(card_of(small, SOFT), AHEAD) == (
        "The same failure once more, at least 1 day later and with no further delivery before it: suppressed.",
    )
    # That there is no such user would have been a first hit only, at an address that worked.
    assert told(card_of(small, SENDER_FAULT), CHANGED) == ("No single other fact.",)
    for number in (ACTIVE, NEW, PUT_THERE_BY_OTHERS):
        assert told(card_of(small, number), CHANGED) == ()


def test_an_address_names_the_contact_as_its_id_does_and_is_shown_nowhere(small: Installation) -> None:
    small.maintain()
    person = small.account.people[HARD[0]]
    address = small.control.contact(person)["email"]
    small.logs.clear()
    by_address = evidence_card(small.services, f" {address.upper()} ")
    assert by_address == evidence_card(small.services, str(person))
    assert by_address.masked == "p***@c***.com"
    domain = address.partition("@")[2]
    for said in (written(by_address), repr(by_address), repr(small.logs)):
        assert address not in said
        assert domain not in said


def test_nothing_is_changed_and_mailjet_is_not_asked(small: Installation) -> None:
    small.maintain()
    small.control.reset_requests()
    before = small.query("select count(*), max(changed_at) from change_step")
    for number in (*range(0, 64, 7), *HARD):
        card_of(small, number)
    assert small.query("select count(*), max(changed_at) from change_step") == before
    assert small.control.requests() == {}


def test_the_rules_of_today_give_every_verdict_of_the_account_again(seeded: Installation) -> None:
    seeded.maintain()
    judged = seeded.query(
        """select contact_id, rule, is_held, action from (
               select i.*, row_number() over (partition by rule, is_held, action order by contact_id) as nth
               from plan_item i join plan p using (plan_id) where p.kind = 'suppression') one where nth <= 2"""
    )
    assert len({rule for _, rule, _, _ in judged}) >= 10
    assert len({(held, action) for _, _, held, action in judged}) == 4
    cards = [evidence_card(seeded.services, str(contact_id)) for contact_id, *_ in judged]
    assert [card.not_replayed for card in cards if card.not_replayed] == []


def test_who_is_held_or_in_doubt_waits_for_a_person_until_one_says_no(seeded: Installation) -> None:
    answers = seeded.control.answers()
    seeded.maintain()
    held, doubtful = answers["incident_domain"][0], answers["disputed_second_hit"][0]
    card = evidence_card(seeded.services, str(held))
    assert answer(card)[0].startswith(
        "Held, and its next mailing or a person decides: more contacts of its mail operator or domain"
    )
    assert "Without the incident at its domain on 2026-11-19: watched, and not suppressed." in told(card, CHANGED)
    assert "6 of 8 (75 %) bounced hard." in told(card, "Others in the same campaign")[0]
    card = evidence_card(seeded.services, str(doubtful))
    assert answer(card)[0].startswith("To be suppressed, and a person decides: no mail host, the second failure")
    assert "A delivery between 2026-11-07 and 2026-11-19: watched, and not suppressed." in told(card, CHANGED)
    for contact_id, kind in ((held, "incident"), (doubtful, "plan")):
        ((number,),) = seeded.query(
            "select review_id from review_item where kind = :kind and (kind = 'incident' or contact_id = :id)",
            kind=kind,
            id=contact_id,
        )
        reject_item(seeded.services, number, by="ada", note="one provider")
        card = evidence_card(seeded.services, str(contact_id))
        assert answer(card)[0].startswith("Kept: ada rejected its suppression on 2026-11-20 ")
        assert any(line.endswith(": one provider.") and "rejected by ada" in line for line in told(card, DECISIONS))


def test_a_first_hit_is_watched_and_told_when_the_second_counts(seeded: Installation) -> None:
    seeded.maintain()
    card = evidence_card(seeded.services, str(seeded.control.answers()["disputed_first_hit"][0]))
    assert answer(card)[0].startswith("Watched: first report of")
    assert told(card, AHEAD)[0].startswith("The same failure once more, at least 7 days later")


def test_a_plan_that_a_person_rejects_and_the_later_look_at_it(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        assert first_line(made, HARD[0]).startswith("To be suppressed, and a person decides: the address cannot")
        assert "The gate says of its plan: " in first_line(made, HARD[0])
        reject(made.services, made.plan(PlanKind.SUPPRESSION).plan_id, by="ada", note="not now")
        assert first_line(made, HARD[0]).startswith("Kept: ada rejected its suppression on 2026-11-15 ")
        made.clock.advance(timedelta(hours=48))
        workflow.maintain(made.services, made.key, sweep=Sweep.H72, run_id="later", progress=quietly)
        assert first_line(made, HARD[0]) == (
            "Kept: a person rejected this suppression after an earlier look at the same campaign."
        )
        assert told(card_of(made, HARD[0]), CHANGED) == ("Without a person's rejection: suppressed.",)


def test_a_person_suppresses_reinstates_undoes_and_does_it_again(maintained: Installation) -> None:
    small = maintained
    people = small.account.people
    single_contacts.suppress(small.services, people[ACTIVE], by="ada", note="asked by phone", progress=quietly)
    assert first_line(small, ACTIVE).endswith(" by ada: asked by phone.")
    assert told(card_of(small, ACTIVE), CHANGED) == ("Nothing: a person asked for it, and no rule decided.",)
    single_contacts.reinstate(small.services, people[HARD[0]], by="bob", note="wrote to us", progress=quietly)
    undo.undo_maintenance(small.services, small.key, by="eve", note="wrong list", progress=quietly)
    for number, by in ((HARD[0], "bob"), (HARD[1], "eve")):
        assert first_line(small, number).startswith(f"Active again: its suppression was taken back by {by} on ")
        assert answer(card_of(small, number))[1] == "Gets mail, on List 3."
    redo.redo_maintenance(small.services, small.key, by="eve", note="right list", progress=quietly)
    assert first_line(small, HARD[1]).startswith("Suppressed since ")
    assert len(told(card_of(small, HARD[1]), DECISIONS)) == 3
    assert told(card_of(small, HARD[1]), CHANGED)[0] == "A delivery since 2026-11-14: watched, and not suppressed."


def test_who_was_reached_since_reads_that_the_address_works(maintained: Installation) -> None:
    small = maintained
    another_cycle(small)
    small.maintain(run_id="second")
    line = first_line(small, SOFT)
    assert line.startswith("Watched: mailbox full 2 times in a row, not enough to act on. Since then 20")
    assert line.endswith(" reached it, so the address works.")
    assert told(card_of(small, SOFT), AHEAD) == (
        "The same failure 3 more times, at least 7 days apart and with no further delivery before it: suppressed.",
    )


def test_who_unsubscribed_gets_no_mail_for_that(small: Installation) -> None:
    small.control.unsubscribe(small.account.people[5], small.account.lists[CAMPAIGN_LISTS[0]])
    sync(small.services, full=True)
    assert answer(card_of(small, 5)) == ("Active: no failure is known.", "Gets no mail: unsubscribed on 2026-11-15.")


def test_a_contact_that_cannot_be_read_is_left_alone(small: Installation) -> None:
    person = small.account.people[HARD[0]]
    small.query(
        """insert into unreadable_row (kind, row_id, contact_id, problem, first_seen_at, last_seen_at)
           values ('contact', :id, :id, 'its address is no text', now(), now()) returning 1""",
        id=person,
    )
    small.maintain()
    assert first_line(small, HARD[0]) == (
        "Left alone: what Mailjet shows of it cannot be read (its address is no text)."
    )
    assert told(card_of(small, HARD[0]), CHANGED) == ("Had its row at Mailjet been readable: suppressed.",)


def test_of_an_erased_person_only_that_is_known(maintained: Installation) -> None:
    small = maintained
    person = small.account.people[HARD[0]]
    address = small.control.contact(person)["email"]
    erase_person(small.services, str(person), by="ada", reason="she wrote to us", progress=quietly)
    for named, shown in ((str(person), f"Contact {person}"), (address, "A person who was erased")):
        card = evidence_card(small.services, named)
        assert headline(card) == shown
        assert answer(card)[0].startswith("Erased on 2026-11-15 ")
        assert answer(card)[1].endswith(": suppressed, excluded and hard bounced.")
        assert sections(card, full=True) == ()


def test_who_comes_back_after_an_erasure_is_kept_off_the_lists_for_what_is_kept(small: Installation) -> None:
    small.query(
        """insert into erased_person (pseudonym, address_key, kept_off_because, erased_at)
           select -7, address_key, array['suppressed', 'hard_bounced'], now() from contact_list_membership
           where contact_id = :id returning 1""",
        id=small.account.people[NEW],
    )
    assert answer(card_of(small, NEW))[1] == (
        "Gets no mail: on no campaign list. Somebody with this address was erased. "
        "Never put on a campaign list again by the product: hard bounced and suppressed."
    )


def test_of_whom_there_is_no_row_what_mailjet_reported_is_told(small: Installation) -> None:
    person, run = small.account.people[HARD[0]], small.observe()
    small.query("delete from list_membership where contact_id = :id returning 1", id=person)
    row = small.query("delete from contact_list_membership where contact_id = :id returning to_jsonb(contact_list_membership)",
                      id=person)  # fmt: skip
    suppression.plan_suppression(small.services, run)
    card = card_of(small, HARD[0])
    assert answer(card)[0].startswith("Not known: Mailjet reported a failure of it, and we have no row of it.")
    assert told(card, CHANGED) == ("Had it been known whose address it is: suppressed.",)
    ((columns,),) = small.query(
        """select string_agg(column_name, ', ') from information_schema.columns
           where table_schema = 'list_pipeline' and table_name = 'contact_list_membership' and is_generated = 'NEVER'"""
    )
    small.query(
        f"""insert into contact_list_membership ({columns}) overriding system value
            select {columns} from jsonb_populate_record(null::contact_list_membership, cast(:row as jsonb)) returning 1""",
        row=to_json(row[0][0]),
    )
    assert first_line(small, HARD[0]) == "Kept: we have no row for this contact, so nothing is certain about it."
    assert told(card_of(small, HARD[0]), CHANGED) == ("Had it been known whose address it is: suppressed.",)


def test_an_unknown_contact_is_an_error_that_says_what_to_do(small: Installation) -> None:
    for named in ("4711", "nobody@company-1.example.com", "no id", "9" * 30, ""):
        with pytest.raises(NotFoundError) as error:
            evidence_card(small.services, named)
        assert "company-1" not in str(error.value)
        assert error.value.next_step


def test_an_address_of_several_contacts_names_none_of_them(small: Installation) -> None:
    one, other = small.account.people[1], small.account.people[2]
    small.query("update contact_list_membership set email = (select email from contact_list_membership"
                " where contact_id = :one) where contact_id = :other returning 1", one=one, other=other)  # fmt: skip
    with pytest.raises(RefusedError, match=f"{other}, {one}"):
        evidence_card(small.services, small.control.contact(one)["email"])
    assert f"The same address is known as contact {other} too." in answer(evidence_card(small.services, str(one)))[1]


def test_a_verdict_that_the_rows_of_today_do_not_give_again_is_said_to_be(maintained: Installation) -> None:
    small = maintained
    small.query("update bounce_event set bounce_class = 'block', reason = 'sender_blocked' returning 1")
    (line,) = told(card_of(small, HARD[0]), CHANGED)
    assert line.startswith("Not known: on what is stored now, the policy of today (2026-")
    assert line.endswith("decides otherwise: Kept: the receiver refused us, not this contact.")
    small.query("delete from bounce_fetch returning 1")
    assert told(card_of(small, HARD[0]), CHANGED) == (
        "Not known: the reading of the failures that was judged is not kept.",
    )


@contextmanager
def counted(made: Installation) -> Iterator[list[str]]:
    """The statements to the database within a block."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engine = made.services.database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_card_takes_few_statements_however_long_the_history(maintained: Installation) -> None:
    small = maintained
    taken = []
    for cycle in range(2):
        with counted(small) as seen:
            card_of(small, SOFT)
        taken.append(len(seen))
        another_cycle(small)
        small.maintain(run_id=f"cycle-{cycle}")
    assert taken[0] == taken[1] <= 23
    with counted(small) as seen:
        card_of(small, HARD[0])
    assert len(seen) <= 23
