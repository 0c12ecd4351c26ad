"""Where contacts stand in the series that Mailjet sorts by id: as they do when everybody in front of them is counted."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.operations.membership.sync import sync
from list_pipeline.storage.membership import members
from list_pipeline_tests.integration.accounts import Installation

NUMBERS = st.sets(st.integers(1, 60))
EVERYBODY: dict[str, str] = {
    "in the list": "select contact_id, recipient_id from list_membership where list_role = :role and left_at is null"
    " order by recipient_id",
    "unsubscribed": "select contact_id, recipient_id from list_membership where list_role = :role and left_at is null"
    " and is_unsubscribed order by recipient_id",
    "excluded": "select contact_id, contact_id from contact_list_membership where is_excluded and :role <> '' order by 1",
}


def in_front(made: Installation, series: str, role: ListRole, row_id: int) -> int:
    """How many of a series stand in front of an id, one by one."""
    return sum(other < row_id for _, other in made.query(EVERYBODY[series], role=role.value))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=NUMBERS, gone=NUMBERS, unsubscribed=NUMBERS, role=st.sampled_from(ALL_LISTS))
def test_a_place_is_the_number_of_those_in_front(
    small: Installation, asked: set[int], gone: set[int], unsubscribed: set[int], role: ListRole
) -> None:
    ids = {number: contact for number, contact in small.account.people.items() if number <= 60}
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("update list_membership set left_at = null, is_unsubscribed = false")
        connection.exec_driver_sql(
            "update list_membership set left_at = now() where contact_id = any(%s)", ([ids[one] for one in gone],)
        )
        connection.exec_driver_sql(
            "update list_membership set is_unsubscribed = true where contact_id = any(%s)",
            ([ids[one] for one in unsubscribed],),
        )
    wanted = [ids[one] for one in sorted(asked)]
    with small.services.database.begin() as connection:
        listed = members.places_in_order(connection, role, wanted)
        among_unsubscribed = members.places_among_unsubscribed(connection, role, wanted)
        among_excluded = members.places_among_excluded(connection, wanted)
    on_it = {contact for contact, _ in small.query(EVERYBODY["in the list"], role=role.value)}
    assert {place.contact_id for place in listed} == on_it & set(wanted)
    assert {place.contact_id for place in among_unsubscribed} == on_it & set(wanted)
    assert {place.contact_id for place in among_excluded} == set(wanted)
    for series, places in (
        ("in the list", listed),
        ("unsubscribed", among_unsubscribed),
        ("excluded", among_excluded),
    ):
        assert [place.row_id for place in places] == sorted(place.row_id for place in places)
        for place in places:
            assert place.rank == in_front(small, series, role, place.row_id), series


def test_where_nobody_is_asked_about_nobody_has_a_place(small: Installation) -> None:
    sync(small.services)
    with small.services.database.begin() as connection:
        assert members.places_in_order(connection, ListRole.MASTER, []) == ()
        assert members.places_among_excluded(connection, [10**9]) == ()
