"""People are told of a likely import where surely too many of the new contacts bounced hard."""

from __future__ import annotations

import pytest

from list_pipeline.core.suppression.new_contacts import NewContacts, NewContactsPolicy


@pytest.mark.parametrize(
    ("attempted", "hard"), [(40, 5), (100, 10), (200, 20), (100, 24), (1000, 240), (500, 200), (5, 5)]
)
def test_a_tenth_a_quarter_or_more_of_the_new_contacts_look_imported(attempted: int, hard: int) -> None:
    assert NewContacts(attempted, hard).look_imported()


@pytest.mark.parametrize(
    ("attempted", "hard"), [(0, 0), (4, 4), (41, 5), (60, 6), (200, 6), (1000, 50), (1000, 60), (100, 0)]
)
def test_what_people_mistype_or_chance_explains_does_not(attempted: int, hard: int) -> None:
    assert not NewContacts(attempted, hard).look_imported()


def test_the_figures_decide() -> None:
    assert NewContacts(41, 5).look_imported(NewContactsPolicy(hard_percent=4.9))
    assert NewContacts(4, 4).look_imported(NewContactsPolicy(least_hard=4))


@pytest.mark.parametrize(("attempted", "hard"), [(1, 2), (1, -1)])
def test_more_bounces_than_contacts_are_impossible(attempted: int, hard: int) -> None:
    with pytest.raises(ValueError, match="between none and all"):
        NewContacts(attempted, hard)
