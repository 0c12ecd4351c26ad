"""Every filter that is sent exists: held against Mailjet's own description of its resources, where it is at hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from list_pipeline.core.observations import MessageStatus
from list_pipeline.integrations.mailjet import paging
from list_pipeline.integrations.mailjet.paging import (
    STATUS_NUMBERS,
    CampaignFilter,
    Collection,
    CounterFilter,
    RecipientFilter,
    written,
)
from list_pipeline_tests.paths import CHECKOUT

METADATA = CHECKOUT.parent / "shared" / "reference" / "mailjet_metadata.md"

COLLECTIONS = [value for value in vars(paging).values() if isinstance(value, Collection)]

DOCUMENTED_ELSEWHERE = {"statcounters": {CounterFilter.SOURCE_ID.value}}
"""In the guide and in a recording; the metadata calls it SourceIDs."""


@pytest.mark.skipif(not METADATA.exists(), reason="the digest of Mailjet's metadata is not beside this checkout")
@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.path)
def test_every_filter_is_one_that_mailjet_describes(collection: Collection[Any]) -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", METADATA.read_text(), re.MULTILINE | re.DOTALL))
    line = re.search(r"^- filters: (.*)$", sections[collection.path], re.MULTILINE)
    assert line is not None
    described = {entry.partition(":")[0].strip() for entry in line[1].split(",")}
    ours = {member.value for member in collection.filters}
    assert ours - described == DOCUMENTED_ELSEWHERE.get(collection.path, set())


@pytest.mark.skipif(not METADATA.exists(), reason="the digest of Mailjet's metadata is not beside this checkout")
@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.path)
def test_every_paged_collection_can_be_sorted_by_id(collection: Collection[Any]) -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", METADATA.read_text(), re.MULTILINE | re.DOTALL))
    assert re.search(r"^- sortable: .*\bID asc", sections[collection.path], re.MULTILINE)


def test_every_status_but_unknown_has_a_number_of_its_own() -> None:
    assert set(STATUS_NUMBERS) == set(MessageStatus) - {MessageStatus.UNKNOWN}
    assert len(set(STATUS_NUMBERS.values())) == len(STATUS_NUMBERS)


def test_values_are_written_as_mailjet_reads_them_and_none_is_left_out() -> None:
    query = {RecipientFilter.CONTACTS_LIST: 7, RecipientFilter.UNSUBSCRIBED: False, RecipientFilter.EXCLUDED: None}
    assert written(query) == {"ContactsList": "7", "Unsub": "false"}


def test_an_instant_is_written_in_utc_and_rounded_down() -> None:
    local = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert written({CampaignFilter.FROM_TS: local}) == {"FromTS": "2026-03-01T10:00:00Z"}


def test_an_instant_without_a_timezone_is_refused() -> None:
    naive = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="timezone"):
        written({CampaignFilter.FROM_TS: naive})
