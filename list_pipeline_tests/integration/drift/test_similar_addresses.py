"""Contacts who may be suppressed persons under another address: found, asked about once, and never folded."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import execute
from list_pipeline.storage.membership.similar_addresses import similar_to_suppressed
from list_pipeline_tests.integration.accounts import Installation, quietly


def contact(connection: Connection, contact_id: int, email: str, *flags: str) -> None:
    named = "".join(f", {flag}" for flag in flags)
    execute(
        connection,
        f"""insert into contact_list_membership (contact_id, email, queued_at, last_updated{named})
            values (:id, :email, now(), now(){", true" * len(flags)})""",
        id=contact_id,
        email=email,
    )


@pytest.mark.parametrize(
    ("suppressed", "other", "is_like"),
    [
        ("person@one.example", "person+news@one.example", True),
        ("person+a@one.example", "Person@One.example", True),
        ("person+a@one.example", "person+b@one.example", True),
        ("a.person@gmail.com", "aperson@gmail.com", True),
        ("aperson@googlemail.com", "a.per.son+x@gmail.com", True),
        ("a.person@one.example", "aperson@one.example", False),
        ("person@one.example", "person+a@two.example", False),
        ("person@one.example", "PERSON@one.example", False),
        ("+a@one.example", "+b@one.example", False),
    ],
)
def test_a_plus_alias_is_like_its_address_and_dots_do_not_matter_at_gmail(
    connection: Connection, suppressed: str, other: str, is_like: bool
) -> None:
    contact(connection, 1, suppressed, "in_suppression_list")
    contact(connection, 2, other, "in_master_list")
    assert similar_to_suppressed(connection) == ((2,) if is_like else ())


def test_only_who_can_be_mailed_is_asked_about(connection: Connection) -> None:
    contact(connection, 1, "person@one.example", "in_suppression_list", "in_master_list", "is_excluded")
    contact(connection, 2, "person+listed@one.example", "in_campaign_list_2")
    contact(connection, 3, "person+nowhere@one.example")
    contact(connection, 4, "person+excluded@one.example", "in_master_list", "is_excluded")
    contact(connection, 5, "person+gone@one.example", "in_master_list", "is_unsubscribed")
    contact(connection, 6, "person+suppressed@one.example", "in_suppression_list")
    assert similar_to_suppressed(connection) == (2,)


def test_people_are_asked_once_and_no_more_when_nobody_is_mailed(small: Installation) -> None:
    email = small.control.contact(small.account.people[62])["email"]
    local, _, domain = email.partition("@")
    other = small.control.sign_up(f"{local}+again@{domain}", small.account.lists.master)

    def questions() -> list[tuple[str, list[int]]]:
        found = small.query(
            "select status, details -> 'contact_ids' from review_item where details ->> 'about' = 'other_spelling'"
        )
        return [(status, ids) for status, ids in found]

    for _ in range(2):
        synchronise(small.services, progress=quietly)
        assert questions() == [("open", [other])]
    told = small.query("select count(*) from notification where text like '%Another Address%'")
    assert told == [(1,)]
    # Nothing was folded.
    assert other not in small.members(ListRole.SUPPRESSION)
    small.exclude(other)
    synchronise(small.services, full=True, progress=quietly)
    close_ended(small.services)
    assert questions() == [("resolved", [other])]
