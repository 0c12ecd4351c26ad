"""What people are shown through the cache, on PostgreSQL, Redis and the sandbox: never anything that no longer holds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from redis import Redis
from sqlalchemy import Engine, event

from list_pipeline.core.errors import IntegrationError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.integrations.cache import LIST_STATE, kind_of, list_metadata_key, membership_key
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.plans import single_contacts
from list_pipeline.operations.services import Services
from list_pipeline.operations.views import cache_warming
from list_pipeline.operations.views.cache_warming import CachedKind
from list_pipeline.operations.views.cached_reads import (
    ReadSession,
    all_metadata,
    campaigns,
    list_contacts,
    list_state,
    memberships,
    remote_places,
)
from list_pipeline.operations.views.cached_reads import membership as membership_of
from list_pipeline.storage.membership import data_versions
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline_tests.cached_values import prefix
from list_pipeline_tests.integration.accounts import HARD, Installation
from list_pipeline_tests.integration.conftest import Install


@pytest.fixture
def direct(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def cached(install_small: Install, direct: Redis, redis_url: str) -> Iterator[Installation]:
    """An installation that knows the small account, with nothing of it in Redis yet."""
    with install_small(redis_url=redis_url) as made:
        yield made


def requests(made: Installation) -> int:
    return sum(made.control.requests().values())


def versions(made: Installation) -> dict[str, str]:
    with made.services.database.begin() as connection:
        return dict(data_versions.data_versions(connection))


@contextmanager
def renewed(made: Installation, *subjects: str) -> Iterator[None]:
    """What happens inside renews the versions of these subjects and of no other."""
    before = versions(made)
    yield
    after = versions(made)
    assert {name for name in after if after[name] != before[name]} == set(subjects)


@contextmanager
def statements(made: Installation) -> Iterator[list[str]]:
    """The statements that this installation sends to PostgreSQL meanwhile."""
    said: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement.strip())

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# Reads


def test_a_second_look_costs_no_request_and_no_query_but_the_one_for_the_versions(cached: Installation) -> None:
    state, metadata = list_state(cached.services), all_metadata(cached.services)
    before = requests(cached)

    with statements(cached) as said:
        look = ReadSession(cached.services)
        again, metadata_again = list_state(cached.services, look), all_metadata(cached.services, look)
        all_metadata(cached.services, look)

    assert requests(cached) == before == 6
    assert [text for text in said if text.startswith(("select", "with"))] == [
        "select members::text, synced::text, campaigns::text from data_version"
    ]
    assert (again.value, again.as_of, again.is_cached) == (state.value, state.as_of, True)
    assert {role: shown.value for role, shown in metadata_again.items()} == {
        role: shown.value for role, shown in metadata.items()
    }
    assert not state.is_cached


def test_what_is_shown_is_what_the_account_holds(cached: Installation) -> None:
    for _ in range(2):
        state = list_state(cached.services).value
        metadata = all_metadata(cached.services)
        for role in ALL_LISTS:
            members = list_contacts(cached.services, role).value
            assert {one.contact_id for one in members} == cached.members(role)
            assert state.sizes[role][0] == metadata[role].value.raw == len(members)
            assert metadata[role].value.excluded == sum(one.is_excluded for one in members)
            assert metadata[role].value.last_synced_at is not None
        assert state.deviation_percent == 0
        everybody = sorted(cached.account.people.values())
        shown = memberships(cached.services, everybody)
        assert {contact_id: set(one.value.roles) for contact_id, one in shown.items()} == {
            contact_id: cached.places(contact_id) for contact_id in everybody
        }
        assert [one.maintenance for one in campaigns(cached.services).value] == [None] * 6
        (person,) = cached.account.ids(41)
        assert {place.role for place in remote_places(cached.services, person).value} == cached.places(person)


def test_a_contact_that_nobody_knows_is_nowhere_and_leaves_nothing_behind(cached: Installation, direct: Redis) -> None:
    assert membership_of(cached.services, 999_999_999) is None
    assert direct.get(prefix(cached.services) + membership_key(999_999_999)) is None


def test_no_value_in_redis_holds_an_address_or_a_part_of_one(cached: Installation, direct: Redis) -> None:
    cache_warming.warm(cached.services)
    for role in ALL_LISTS:
        list_contacts(cached.services, role)
    remote_places(cached.services, cached.account.people[1])
    keys = [key for key in direct.scan_iter(f"{prefix(cached.services)}*") if direct.type(key) == b"string"]

    assert len(keys) == 5 + 5 + 64 + 3
    everything = b"\n".join(keys + [direct.get(key) or b"" for key in keys])
    for forbidden in (b"@", b"person-", b"Person-", b"company-", b"example.com"):
        assert forbidden not in everything


def test_times_to_live_are_those_of_each_kind(cached: Installation, direct: Redis) -> None:
    cache_warming.warm(cached.services)
    remote_places(cached.services, cached.account.people[1])
    expected = {LIST_STATE: 3600, "campaign:schedules": 300, f"mailjet:contact:{cached.account.people[1]}:places": 60}

    for key, ttl_s in expected.items():
        assert ttl_s - 5 <= int(direct.ttl(prefix(cached.services) + key)) <= ttl_s


def test_sizes_are_asked_again_when_their_time_is_over_on_our_clock(cached: Installation) -> None:
    list_state(cached.services)
    cached.clock.advance(timedelta(minutes=59))
    assert list_state(cached.services).is_cached
    cached.clock.advance(timedelta(minutes=1))
    assert not list_state(cached.services).is_cached


def test_mailjet_being_down_is_an_error_only_where_nothing_is_cached(cached: Installation) -> None:
    list_state(cached.services)
    with cached.another(mailjet_base_url="http://127.0.0.1:9") as cut_off:
        assert list_state(cut_off).is_cached
        cache_warming.invalidate(cut_off, CachedKind.STATE)
        with pytest.raises(IntegrationError):
            list_state(cut_off)


# Changes


def test_a_look_after_each_kind_of_change_shows_what_holds_now(cached: Installation) -> None:
    services = cached.services
    (hard, *_), by_hand = sorted(cached.account.ids(*HARD)), cached.account.people[5]

    def assert_shown() -> None:
        for contact_id in (hard, by_hand):
            found = membership_of(services, contact_id)
            assert found is not None
            assert set(found.value.roles) == cached.places(contact_id)
        for role in ALL_LISTS:
            assert {one.contact_id for one in list_contacts(services, role).value} == cached.members(role)
            assert all_metadata(services)[role].value.raw == len(cached.members(role))
            assert list_state(services).value.sizes[role][0] == len(cached.members(role))

    cache_warming.warm(services)
    assert_shown()
    cached.maintain()
    assert_shown()
    assert campaigns(services).value[-1].maintenance == "success"
    single_contacts.suppress(services, by_hand, by="tester", note="asked for it")
    assert_shown()
    single_contacts.reinstate(services, by_hand, by="tester", note="a mistake")
    assert_shown()
    cached.take_off(ListRole.CAMPAIGN_1, by_hand)
    membership_sync.sync(services)
    assert_shown()


def test_another_process_that_never_reaches_redis_still_outdates_what_is_cached(cached: Installation) -> None:
    cache_warming.warm(cached.services)
    person = cached.account.people[5]
    before = membership_of(cached.services, person)
    assert before is not None
    assert before.is_cached
    cached.take_off(ListRole.CAMPAIGN_1, person)
    with cached.another(redis_url=None) as without:
        membership_sync.sync(without)

    after = membership_of(cached.services, person)
    assert after is not None
    assert after.value.roles == (ListRole.MASTER,)


def test_who_reads_before_a_change_and_writes_after_it_shows_nobody_what_was_before(cached: Installation) -> None:
    person = cached.account.people[5]
    slow = ReadSession(cached.services)
    cached.take_off(ListRole.CAMPAIGN_1, person)
    with cached.services.database.begin() as connection:
        (old,) = [dict(row) for row in data_versions.memberships(connection, [person])]
    membership_sync.sync(cached.services)
    cached.services.cache.keep({membership_key(person): old}, slow.version("members"))

    shown = membership_of(cached.services, person)
    assert shown is not None
    assert shown.value.roles == (ListRole.MASTER,)


def test_a_repeated_run_does_not_pass_an_old_count_for_a_new_one(cached: Installation) -> None:
    cached.maintain()
    taken_at = list_state(cached.services).as_of
    cached.clock.advance(timedelta(minutes=10))
    run = cached.begin()
    cache_warming.refresh(cached.services, run)
    state = list_state(cached.services)
    assert (state.is_cached, state.as_of) == (True, taken_at)

    single_contacts.suppress(cached.services, cached.account.people[5], by="tester", note="asked for it")
    cache_warming.refresh(cached.services, run)

    state = list_state(cached.services)
    assert (state.is_cached, state.as_of) == (False, cached.clock.now())
    assert state.value.sizes[ListRole.SUPPRESSION][0] == len(cached.members(ListRole.SUPPRESSION))


# Versions


def test_only_a_change_renews_a_version(cached: Installation) -> None:
    with renewed(cached, "synced"):
        membership_sync.sync(cached.services)
    with renewed(cached, "members"):
        cached.query(
            "update contact_list_membership set hard_bounce_count = 1 where contact_id = :id returning 1",
            id=cached.account.people[1],
        )
    with renewed(cached):
        cached.query("update contact_list_membership set hard_bounce_count = 1 where contact_id = -1 returning 1")
    with renewed(cached, "campaigns"):
        cached.begin()
    with renewed(cached, "campaigns"):
        cached.query("update cycle set closed_at = closed_at returning 1")
    with renewed(cached):
        cached.query("update list_maintenance_log set touched_at = now() returning 1")
    with renewed(cached, "members"), cached.services.database.begin() as connection:
        sync_rows.note_purged(connection, [cached.account.people[1]], cached.clock.now())
    assert cached.query("select count(*) from data_touched") == [(0,)]


@pytest.mark.parametrize("statement", ["delete from list_membership where contact_id = %s", "truncate list_membership"])
def test_a_change_by_hand_renews_the_version_too(cached: Installation, statement: str) -> None:
    with renewed(cached, "members"), psycopg.connect(cached.database_url) as connection:
        connection.execute("set search_path to public")
        connection.execute(
            statement.replace("list_membership", "list_pipeline.list_membership"),
            (cached.account.people[1],) if "%s" in statement else None,
        )


def test_what_is_rolled_back_renews_nothing(cached: Installation) -> None:
    with renewed(cached), psycopg.connect(cached.database_url) as connection:
        connection.execute("update list_pipeline.contact_list_membership set is_excluded = true")
        connection.rollback()


def test_a_version_is_not_seen_before_the_change_that_it_belongs_to(cached: Installation) -> None:
    with psycopg.connect(cached.database_url) as connection:
        with renewed(cached):
            connection.execute("update list_pipeline.contact_list_membership set is_excluded = true")
        with renewed(cached, "members"):
            connection.commit()


def test_writers_do_not_wait_for_each_other_but_at_their_commits(cached: Installation) -> None:
    change = "update list_pipeline.contact_list_membership set is_excluded = not is_excluded where contact_id = %s"
    one, two = cached.account.people[1], cached.account.people[2]
    with psycopg.connect(cached.database_url) as first, psycopg.connect(cached.database_url) as second:
        for connection in (first, second):
            connection.execute("set lock_timeout = '5s'")
        first.execute(change, (one,))
        second.execute(change, (two,))
        # Would stop both for good if the first statement of either had locked the versions.
        waiting = threading.Thread(target=lambda: first.execute(change, (two,)))
        waiting.start()
        second.commit()
        waiting.join(timeout=5)
        assert not waiting.is_alive()
        first.commit()


# Warming, emptying, inspecting, counting


def test_warming_costs_six_requests_once_a_minute_and_serves_every_look(cached: Installation) -> None:
    warmed = cache_warming.warm(cached.services)
    assert (warmed.counted, warmed.values, warmed.memberships) == (True, 7, 64)
    assert requests(cached) == 6
    assert not cache_warming.warm(cached.services).counted
    cached.clock.advance(timedelta(minutes=1))
    assert cache_warming.warm(cached.services).counted
    assert requests(cached) == 12

    assert list_state(cached.services).is_cached
    assert all(shown.is_cached for shown in all_metadata(cached.services).values())
    assert all(shown.is_cached for shown in memberships(cached.services, list(cached.account.people.values())).values())
    assert campaigns(cached.services).is_cached
    assert requests(cached) == 12


def test_warming_goes_on_without_mailjet_and_says_so(cached: Installation) -> None:
    with cached.another(mailjet_base_url="http://127.0.0.1:9") as cut_off:
        warmed = cache_warming.warm(cut_off)

    assert (warmed.is_reachable, warmed.counted, warmed.memberships) == (True, False, 64)
    assert warmed.problem


def test_warming_sends_nothing_without_redis(small: Installation) -> None:
    assert not cache_warming.warm(small.services).is_reachable
    with small.another(redis_url="redis://127.0.0.1:9/0") as gone:
        assert not cache_warming.warm(gone).is_reachable
    assert requests(small) == 0


def test_two_installations_share_a_redis_and_neither_shows_nor_forgets_what_the_other_keeps(
    cached: Installation, install_small: Install, direct: Redis, redis_url: str
) -> None:
    with install_small(redis_url=redis_url) as other:
        for made in (cached, other):
            cache_warming.warm(made.services)
        mine, theirs = prefix(cached.services), prefix(other.services)
        assert not mine.startswith(theirs)
        assert not theirs.startswith(mine)
        kept = {key: direct.get(key) for key in direct.scan_iter(f"{theirs}*") if direct.type(key) == b"string"}
        assert len(kept) > 64
        shown = [entry.key for entry in cache_warming.inspect(cached.services).entries]
        assert len(shown) == len(set(shown)) == 1 + 5 + 1

        cache_warming.invalidate(cached.services, CachedKind.ALL)

        assert cache_warming.inspect(cached.services).entries == []
        assert list(direct.scan_iter(f"{mine}list*")) == []
        assert {key: direct.get(key) for key in kept} == kept
        assert list_state(other.services).is_cached
        assert not list_state(cached.services).is_cached


def test_an_installation_keeps_its_name_whatever_changes_in_it_and_a_copy_of_its_database_has_another(
    cached: Installation, install_small: Install
) -> None:
    def name_of(made: Installation) -> str:
        with made.services.database.begin() as connection:
            return data_versions.installation_name(connection)

    name = name_of(cached)
    assert re.fullmatch("[0-9a-f]{16}", name)
    cached.maintain()
    assert name_of(cached) == name
    # The id travels with a dump; the database that it is restored into is another one.
    with install_small() as copied:
        (identity,) = cached.query("select installation_id::text from data_version")
        copied.query(f"update data_version set installation_id = '{identity[0]}' returning 1")
        assert name_of(copied) != name


def test_each_kind_is_forgotten_by_name_and_nothing_else(cached: Installation, direct: Redis) -> None:
    services, person = cached.services, cached.account.people[1]
    direct.set("somebody:else", "1")

    def kinds() -> set[str]:
        ours = prefix(services)
        keys = [key.decode().removeprefix(ours) for key in direct.scan_iter(f"{ours}*")]
        return {kind_of(key) for key in keys if not key.startswith("cache:")}

    expected = {
        CachedKind.STATE: {"state"},
        CachedKind.CAMPAIGNS: {"campaigns"},
        CachedKind.METADATA: {"metadata"},
        CachedKind.MEMBERSHIPS: {"membership"},
        CachedKind.CONTACTS: {"contacts"},
        CachedKind.MAILJET: {"mailjet"},
        CachedKind.ALL: {"state", "campaigns", "metadata", "membership", "contacts", "mailjet"},
    }
    assert set(expected) == set(CachedKind)
    for what, gone in expected.items():
        cache_warming.warm(services)
        list_contacts(services, ListRole.MASTER)
        remote_places(services, person)
        before = kinds()
        cache_warming.invalidate(services, what)
        assert before - kinds() == gone


def test_one_list_or_one_contact_is_forgotten_by_its_number(cached: Installation, direct: Redis) -> None:
    cache_warming.warm(cached.services)
    person, master = cached.account.people[1], cached.account.lists.master
    cache_warming.invalidate(cached.services, person)
    cache_warming.invalidate(cached.services, master)

    ours = prefix(cached.services)
    assert not direct.exists(*(ours + key for key in (membership_key(person), list_metadata_key(master), LIST_STATE)))
    assert direct.exists(ours + membership_key(cached.account.people[2])) == 1


def test_inspecting_tells_what_would_be_shown_what_is_outdated_and_what_is_garbage(
    cached: Installation, direct: Redis
) -> None:
    cache_warming.warm(cached.services)
    ours = prefix(cached.services)
    direct.set(ours + list_metadata_key(cached.account.lists.master), b"\xff garbage")
    direct.delete(ours + LIST_STATE)
    direct.rpush(ours + LIST_STATE, "a list and no text")
    found = cache_warming.inspect(cached.services)
    shown = {entry.key: entry.is_current for entry in found.entries}

    assert (found.is_reachable, found.is_whole, found.memberships, found.current_memberships) == (True, True, 64, 64)
    assert not shown[LIST_STATE]
    assert not shown[list_metadata_key(cached.account.lists.master)]
    assert shown[list_metadata_key(cached.account.lists.campaign_1)]
    assert shown["campaign:schedules"]

    cached.query("update contact_list_membership set is_excluded = true returning 1")
    after = cache_warming.inspect(cached.services)
    assert (after.memberships, after.current_memberships) == (64, 0)
    # Both are overwritten by the next look, whatever lies there.
    assert not list_state(cached.services).is_cached
    assert list_state(cached.services).is_cached


def test_a_day_of_looks_is_served_from_redis_by_more_than_the_wanted_share(cached: Installation) -> None:
    """A maintenance, a refresh each half hour, and two people who look at everything each quarter of an hour."""
    cached.maintain()
    asked = {"looks": 0, "warming": 0}
    for quarter in range(16):
        if quarter % 4 == 1:
            membership_sync.sync(cached.services)
        before = requests(cached)
        if quarter % 2 == 0:
            cache_warming.warm(cached.services)
        asked["warming"] += requests(cached) - before
        for _ in range(2):
            with cached.another() as person:
                look = ReadSession(person)
                list_state(person, look)
                all_metadata(person, look)
                campaigns(person, look)
                memberships(person, [cached.account.people[n] for n in range(quarter, quarter + 3)], look)
                for role in CAMPAIGN_LISTS:
                    list_contacts(person, role, look)
        asked["looks"] += requests(cached) - before
        cached.clock.advance(timedelta(minutes=15))
    rate = cache_warming.hit_rate(cached.services)

    assert rate is not None
    assert rate.is_as_wanted
    assert rate.share is not None
    assert rate.share > 0.8
    # 32 looks would ask Mailjet six times each; the sizes that the maintenance counted serve the first ones.
    assert asked == {"looks": 7 * 6, "warming": 7 * 6}


def test_without_redis_everything_is_read_each_time_and_nothing_is_counted(small: Installation) -> None:
    services: Services = small.services
    for _ in range(2):
        assert not list_state(services).is_cached
        assert not all_metadata(services)[ListRole.MASTER].is_cached
        assert len(list_contacts(services, ListRole.MASTER).value) == 64
    assert cache_warming.hit_rate(services) is None
    assert cache_warming.inspect(services).entries == []
    cache_warming.invalidate(services, CachedKind.ALL)
