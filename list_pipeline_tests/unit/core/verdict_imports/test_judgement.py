"""What becomes of each row of a file, and whether its plan may run by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.corrections import ContactNow
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.verdict_imports.files import ImportRow, Said
from list_pipeline.core.verdict_imports.judgement import (
    CONFIDENCE_OF_A_VERIFIER,
    ImportGateFacts,
    Judged,
    KnownContacts,
    LeftRow,
    judge,
    judge_gate,
    left_words,
    lines_text,
)

POLICY = SuppressionPolicy()
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
MAILED = ContactNow(frozenset({ListRole.MASTER, ListRole.CAMPAIGN_1}))
SUPPRESSED = ContactNow(frozenset({ListRole.MASTER, ListRole.SUPPRESSION}), is_excluded=True)


def row(line: int, contact: str, said: Said = Said.UNDELIVERABLE) -> ImportRow:
    return ImportRow(line, contact, said)


def beside(line: int, contact: str, address: str) -> ImportRow:
    """A row with an id and an address."""
    return ImportRow(line, contact, Said.UNDELIVERABLE, address)


def judged(*rows: ImportRow, now: ContactNow = MAILED, reached: datetime | None = None) -> Judged:
    known = KnownContacts(
        {"jane@example.com": (17,), "twice@example.com": (17, 18)},
        {17: now, 18: MAILED},
        {} if reached is None else {17: reached},
    )
    return judge(rows, known, NOW, POLICY)


@pytest.mark.parametrize("contact", ["17", "jane@example.com", "Jane@Example.COM"])
def test_an_undeliverable_contact_is_suppressed(contact: str) -> None:
    found = judged(row(2, contact))
    (item,) = found.items
    assert (item.contact_id, item.action, item.to_role) == (17, ItemAction.SUPPRESS, ListRole.SUPPRESSION)
    assert (item.rule, item.reason, item.has_evidence) == ("import", "manual", True)
    assert item.confidence == CONFIDENCE_OF_A_VERIFIER
    assert "verifier" in item.explanation
    assert found.left == {}


@pytest.mark.parametrize(
    "line",
    [beside(2, "17", "Jane@example.com"), beside(2, "1", "jane@example.com"), beside(2, "17", "twice@example.com")],
    ids=["both name it", "the id is the verifier's own", "the id tells who of two"],
)
def test_an_id_and_an_address_that_name_the_same_contact_suppress_it(line: ImportRow) -> None:
    assert [item.contact_id for item in judged(line).items] == [17]


def test_a_listed_contact_is_meant_by_a_person() -> None:
    (item,) = judged(row(2, "17", Said.LISTED), reached=NOW).items
    assert item.confidence == 1.0
    assert "Named by a person" in item.explanation


@pytest.mark.parametrize(
    ("line", "now", "left"),
    [
        (row(4, "17", Said.DELIVERABLE), MAILED, LeftRow.DELIVERABLE),
        (row(4, "17", Said.UNCLEAR), MAILED, LeftRow.UNCLEAR),
        (row(4, "99"), MAILED, LeftRow.UNKNOWN),
        (row(4, "nobody@example.com"), MAILED, LeftRow.UNKNOWN),
        (row(4, "twice@example.com"), MAILED, LeftRow.AMBIGUOUS),
        (beside(4, "18", "jane@example.com"), MAILED, LeftRow.TWO_CONTACTS),
        (beside(4, "17", "nobody@example.com"), MAILED, LeftRow.TWO_CONTACTS),
        (beside(4, "99", "nobody@example.com"), MAILED, LeftRow.UNKNOWN),
        (beside(4, "99", "twice@example.com"), MAILED, LeftRow.AMBIGUOUS),
        (row(4, ""), MAILED, LeftRow.NO_CONTACT),
        (row(4, "jane"), MAILED, LeftRow.NO_CONTACT),
        (row(4, "17"), ContactNow(frozenset(), is_gone=True), LeftRow.GONE),
        (row(4, "17"), ContactNow(MAILED.lists, is_unreadable=True), LeftRow.UNREADABLE),
        (row(4, "17"), SUPPRESSED, LeftRow.ALREADY),
        (row(4, "17"), ContactNow(frozenset()), LeftRow.NOT_MAILED),
    ],
)
def test_a_row_that_leads_to_nothing_says_why(line: ImportRow, now: ContactNow, left: LeftRow) -> None:
    found = judged(line, now=now)
    assert found.items == ()
    assert found.left == {left: (4,)}
    assert left.words


@pytest.mark.parametrize(
    "now",
    [
        ContactNow(SUPPRESSED.lists, is_excluded=False),
        ContactNow(SUPPRESSED.lists | {ListRole.CAMPAIGN_2}, is_excluded=True),
        ContactNow(MAILED.lists, is_excluded=True),
        ContactNow(frozenset({ListRole.MASTER}), is_excluded=True),
    ],
)
def test_half_a_suppression_is_completed(now: ContactNow) -> None:
    assert len(judged(row(2, "17"), now=now).items) == 1


@pytest.mark.parametrize(("days", "stays"), [(0, True), (180, True), (181, False)])
def test_a_contact_that_was_reached_lately_stays_in_spite_of_a_verifier(days: int, stays: bool) -> None:
    found = judged(row(2, "17"), reached=NOW - timedelta(days=days))
    assert found.left == ({LeftRow.REACHED: (2,)} if stays else {})
    assert (found.items == ()) is stays


def test_rows_of_one_contact_count_once_and_must_agree() -> None:
    assert [one.contact_id for one in judged(row(2, "17"), row(3, "jane@example.com")).items] == [17]
    found = judged(row(5, "jane@example.com", Said.DELIVERABLE), row(2, "17"), row(3, "18"))
    assert [one.contact_id for one in found.items] == [18]
    assert found.left == {LeftRow.DISAGREES: (2, 5)}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["17", "18", "99", "", "jane@example.com", "twice@example.com", "x"]), st.sampled_from(Said)
        ),
        max_size=12,
    )
)
def test_every_row_has_one_end(given_rows: list[tuple[str, Said]]) -> None:
    rows = [row(line, contact, said) for line, (contact, said) in enumerate(given_rows, start=1)]
    found = judged(*rows)
    left = [line for lines in found.left.values() for line in lines]
    assert len(left) == len(set(left)) <= len(rows)
    suppressed = {one.contact_id for one in found.items}
    assert suppressed <= {17, 18}
    assert all(
        said in (Said.UNDELIVERABLE, Said.LISTED) for contact, said in given_rows if contact in map(str, suppressed)
    )


def test_the_reasons_are_told_with_the_first_lines() -> None:
    assert left_words({LeftRow.UNKNOWN: (4,), LeftRow.UNCLEAR: tuple(range(1, 13))}) == [
        "1 row left out, no contact of ours has this id or address: line 4",
        f"12 rows left out, {LeftRow.UNCLEAR.words}: lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more",
    ]
    assert lines_text(range(1, 11)) == "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"


def gate(items: int, **facts: Any) -> GateDecision:
    usual = {"mailable": 1_000, "suppressed_before": 0, "since": NOW, "mode": Mode.AUTO, "flag_enabled": True}
    planned = judge(
        [row(line, str(line)) for line in range(1, items + 1)],
        KnownContacts({}, dict.fromkeys(range(1, items + 1), MAILED), {}),
        NOW,
        POLICY,
    ).items
    return judge_gate(planned, ImportGateFacts(**{"items": items, **usual, **facts}), POLICY)


def failed(decision: GateDecision) -> list[str]:
    return [check.name for check in decision.failed_checks]


def test_an_import_within_the_cap_runs_by_itself() -> None:
    found = gate(100)
    assert (found.outcome, failed(found), found.alert) == (GateOutcome.APPROVED, [], False)
    assert (found.may_run, found.waiting) == (tuple(range(1, 101)), ())


@pytest.mark.parametrize("facts", [{"mailable": 999}, {"suppressed_before": 1}, {"mailable": 0}])
def test_an_import_above_the_cap_waits_and_is_told(facts: dict[str, object]) -> None:
    found = gate(100, **facts)
    assert (found.outcome, failed(found), found.alert) == (GateOutcome.NEEDS_REVIEW, ["cap"], True)
    assert (found.may_run, found.waiting) == ((), tuple(range(1, 101)))


def test_the_cap_is_told_with_its_figures() -> None:
    (words,) = [check.words for check in gate(90, suppressed_before=20).checks if check.name == "cap"]
    assert words == (
        "90 planned and 20 of other imports since 2026-11-30 are 11 % of the 1,000 contacts on the campaign lists; the cap is "
        "10 %."
    )
    assert not any("other imports" in check.words for check in gate(1).checks)


@pytest.mark.parametrize(
    ("facts", "outcome", "alert"),
    [
        ({"mode": Mode.APPROVAL_REQUIRED}, GateOutcome.NEEDS_REVIEW, False),
        ({"mode": Mode.READ_ONLY}, GateOutcome.READ_ONLY, False),
        ({"mode": Mode.READ_ONLY, "mailable": 5}, GateOutcome.READ_ONLY, True),
        ({"flag_enabled": False}, GateOutcome.REFUSED, False),
        ({"automations": Automations(frozenset({ListRole.SUPPRESSION}))}, GateOutcome.NEEDS_REVIEW, False),
    ],
)
def test_mode_switch_and_automations_hold_an_import(
    facts: dict[str, object], outcome: GateOutcome, alert: bool
) -> None:
    found = gate(1, **facts)
    assert (found.outcome, found.alert) == (outcome, alert)
    assert found.may_run == ()
    assert found.waiting == ((1,) if outcome is GateOutcome.NEEDS_REVIEW else ())


def test_an_import_of_nobody_passes() -> None:
    assert gate(0, mailable=0, suppressed_before=50).outcome is GateOutcome.APPROVED
