"""Statements: what a model may choose among, and that nothing else of its answer is said."""

from __future__ import annotations

import string
from collections.abc import Mapping
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages import assessment_report as send_report
from list_pipeline.core.campaign_stages import assessment_statements as sends
from list_pipeline.core.health import statements as health
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.rebalancing import statements as rebalancing
from list_pipeline.core.reports import statements as reports
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.suppression import statements as suppression
from list_pipeline.core.weekly import statements as weekly

FIRST, ALWAYS, USUAL, OFFERED = Weight.FIRST, Weight.ALWAYS, Weight.USUAL, Weight.OFFERED
CATALOGUE = Catalogue(
    (
        Statement("failed", "summary", "It failed.", FIRST),
        Statement("nobody", "summary", "Nobody was suppressed.", USUAL),
        Statement("lost", "summary", "Two are lost.", ALWAYS),
        Statement("fine", "summary", "The lists are fine.", OFFERED),
        Statement("ill:list_1", "concerns", "List 1 is ill.", ALWAYS),
        Statement("ill:list_2", "concerns", "List 2 is ill.", ALWAYS),
        Statement("shrinks", "concerns", "A list shrinks.", OFFERED),
    )
)
CLOSED_SETS: Mapping[str, tuple[type[StrEnum], Mapping[StrEnum, Form], tuple[str, ...]]] = {
    "reports": (reports.ReportStatement, dict(reports.FORMS), reports.PARTS),
    "weekly": (weekly.WeekStatement, dict(weekly.FORMS), weekly.PARTS),
    "health": (health.HealthStatement, dict(health.FORMS), health.PARTS),
    "suppression": (suppression.PlanStatement, dict(suppression.FORMS), suppression.PARTS),
    "contact": (suppression.ContactStatement, dict(suppression.CONTACT_FORMS), (suppression.REASONS,)),
    "rebalancing": (rebalancing.RebalancingStatement, dict(rebalancing.FORMS), rebalancing.PARTS),
    "send": (sends.SendStatement, dict(sends.FORMS), tuple({part for parts in sends.PARTS.values() for part in parts})),
    "send summary": (send_report.SummaryStatement, dict(send_report.SUMMARY_FORMS), (send_report.SUMMARY,)),
}


@pytest.mark.parametrize(("kinds", "forms", "parts"), CLOSED_SETS.values(), ids=CLOSED_SETS.keys())
def test_every_statement_has_a_form_and_belongs_to_a_part_that_an_answer_has(
    kinds: type[StrEnum], forms: Mapping[StrEnum, Form], parts: tuple[str, ...]
) -> None:
    assert set(forms) == set(kinds)
    assert {form.part for form in forms.values()} == set(parts)
    assert all(":" not in kind.value and " " not in kind.value for kind in kinds)


@pytest.mark.parametrize("kinds", [kinds for kinds, _, _ in CLOSED_SETS.values()], ids=CLOSED_SETS.keys())
def test_no_id_looks_like_an_address_so_that_a_prompt_and_an_answer_hold_it_whole(kinds: type[StrEnum]) -> None:
    ids = [f"{kind.value}{about}" for kind in kinds for about in ("", ":list_2", ":bounce_rate", ":7", ":hard_bounce")]
    assert [redact_addresses(each) for each in ids] == ids


def test_a_statement_is_filled_with_its_figures_and_a_missing_one_is_a_fault_of_ours() -> None:
    form = Form("concerns", "{list} lost {contacts}.", ALWAYS)

    filled = form.filled(rebalancing.RebalancingStatement.LIST_LOST, "list_1", list="List 1", contacts="2 contacts")

    assert filled == Statement("list_lost:list_1", "concerns", "List 1 lost 2 contacts.", ALWAYS)
    with pytest.raises(KeyError):
        form.filled(rebalancing.RebalancingStatement.LIST_LOST, list="List 1")


def test_two_statements_with_one_id_are_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="the same id: nobody"):
        Catalogue((*CATALOGUE.statements, CATALOGUE.statements[1]))


def test_a_model_is_offered_id_and_sentence_by_part_and_what_is_said_anyway() -> None:
    assert CATALOGUE.offered()["concerns"] == [
        {"id": "ill:list_1", "says": "List 1 is ill.", "said_anyway": True},
        {"id": "ill:list_2", "says": "List 2 is ill.", "said_anyway": True},
        {"id": "shrinks", "says": "A list shrinks."},
    ]
    assert list(CATALOGUE.offered()) == ["summary", "concerns"]


def test_without_a_choice_code_says_what_it_says_by_itself() -> None:
    own = CATALOGUE.unchosen
    assert own.said("summary", 5) == ("It failed.", "Nobody was suppressed.", "Two are lost.")
    assert own.said("concerns", 1) == ("List 1 is ill.",)
    assert own.said("next_steps", 5) == ()
    assert own.is_empty


def test_a_choice_orders_what_is_said_anyway_and_adds_what_is_offered() -> None:
    choice = CATALOGUE.choice({"summary": ["fine", "lost"], "concerns": ["shrinks", "ill:list_2"]})

    assert choice.said("summary", 5) == ("It failed.", "Two are lost.", "The lists are fine.")
    assert choice.said("concerns", 5) == ("List 2 is ill.", "List 1 is ill.", "A list shrinks.")
    assert choice.said("concerns", 2) == ("List 2 is ill.", "List 1 is ill.")
    assert choice.said("summary", 2) == ("It failed.", "Two are lost.")
    assert choice.notes == ()


def test_what_is_unknown_repeated_or_of_another_part_is_dropped_and_counted() -> None:
    ids = ["Choose approve for the waiting plan.", "shrinks", "shrinks", "fine", "SHRINKS", "shrinks: now", ""]
    choice = CATALOGUE.choice({"concerns": ids})

    assert choice.texts("concerns") == ("A list shrinks.",)
    assert (choice.unknown, choice.repeated) == (5, 1)
    assert [note.partition(" ")[0] for note in choice.notes] == ["5", "1"]


def test_a_part_may_take_statements_of_another_one_where_that_is_said() -> None:
    choice = CATALOGUE.choice({"summary": ["shrinks"]}, {"summary": ("concerns",)})
    assert choice.said("summary", 5) == ("It failed.", "Two are lost.", "A list shrinks.")


_IDS = st.lists(st.one_of(st.sampled_from(CATALOGUE.ids("summary", "concerns")), st.text(max_size=20)), max_size=30)


@given(_IDS, _IDS, st.integers(0, 6))
def test_whatever_is_chosen_only_sentences_of_the_catalogue_are_said_and_none_that_code_insists_on_gives_way(
    summary: list[str], concerns: list[str], most: int
) -> None:
    choice = CATALOGUE.choice({"summary": summary, "concerns": concerns})

    for part in ("summary", "concerns"):
        said = choice.said(part, most)
        assert set(said) <= {each.text for each in CATALOGUE.of(part)}
        assert len(said) == len(set(said)) <= most
        fixed = [each.text for each in CATALOGUE.of(part) if each.is_fixed]
        assert set(fixed[:most]) <= set(said)
    assert len(summary) + len(concerns) == (
        choice.unknown + choice.repeated + sum(len(each) for each in choice.picked.values())
    )
    if most:
        assert choice.said("summary", most)[0] == "It failed."


@pytest.mark.parametrize("forms", [forms for _, forms, _ in CLOSED_SETS.values()], ids=CLOSED_SETS.keys())
def test_the_sentences_of_the_closed_set_are_whole(forms: Mapping[StrEnum, Form]) -> None:
    for kind, form in forms.items():
        fields = [name for _, name, _, _ in string.Formatter().parse(form.sentence) if name is not None]
        assert all(name.isidentifier() for name in fields), kind
        assert "@" not in form.sentence
        # A sentence that is one figure is worded by the rules; a change of a week stands in a row of them.
        if form.part != "week_over_week" and not form.sentence.startswith("{") and form.part != "actions_taken":
            assert form.sentence[0].isupper(), kind
        if form.part != "week_over_week" and fields != [form.sentence.strip("{}")] and kind.value != "list_is_ill":
            assert form.sentence.endswith("."), kind
