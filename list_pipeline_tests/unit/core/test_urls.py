"""What the address of a service may be: encrypted unless it is this machine, and with no secret where it is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from list_pipeline.core.urls import (
    check_dns_servers,
    check_error_tracker,
    check_link_base,
    check_postgres_url,
    check_redis_url,
    check_service_url,
    check_webhook,
    dns_servers,
    encrypted_postgres_url,
    is_loopback,
)

SECRET = "hush"  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_service_url, "https://api.example.com"),
        (check_service_url, "http://127.0.0.1:8025/v3"),
        (check_service_url, "http://[::1]:8025"),
        (check_service_url, "http://LOCALHOST:1"),
        (check_service_url, "https://api.example.com./"),
        (check_service_url, "https://xn--bcher-kva.example"),
        (check_webhook, f"https://hooks.example.com/services/T0/B0/{SECRET}?wait=true"),
        (check_error_tracker, f"https://{SECRET}@o1.ingest.example.com/42"),
        (check_error_tracker, f"http://{SECRET}@127.0.0.1:9000/42"),
        (check_link_base, "http://lists.example.com/app"),
        (check_link_base, "https://lists.example.com/#"),
        (check_redis_url, f"rediss://:{SECRET}@cache.example.com:6380/0"),
        (check_redis_url, "redis://127.0.0.2:6379"),
        (check_redis_url, "unix:///run/redis.sock"),
        (check_redis_url, "unix:///run/redis.sock?db=2"),
        (check_redis_url, "redis://127.0.0.1/?db=3"),
        (check_redis_url, "rediss://cache.example.com/15?ssl_cert_reqs=required&ssl_check_hostname=True"),
        (check_redis_url, "rediss://127.0.0.1/0?ssl_cert_reqs=none"),
        (check_redis_url, "redis://127.0.0.1/"),
        (check_postgres_url, f"postgresql://user:{SECRET}@db.example.com/lists"),
        (check_postgres_url, "postgresql+psycopg2://user@db.example.com/lists?sslmode=verify-full"),
        (check_postgres_url, "postgresql:///lists?host=/var/run/postgresql&sslmode=disable"),
        (check_postgres_url, "postgresql://user@127.0.0.1:5432,[::1]:5433/lists?sslmode=disable"),
        (check_postgres_url, "postgresql://user:hu%40sh@db.example.com/lists"),  # pragma: allowlist secret
    ],
)
def test_what_is_encrypted_or_stays_on_this_machine_is_taken(check: Callable[[str], None], value: str) -> None:
    check(value)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_service_url, "http://hush.example.com"),
        (check_service_url, "http://127.0.0.1.example.com/hush"),
        (check_service_url, "file:///etc/hush"),
        (check_service_url, f"https://user:{SECRET}@api.example.com"),
        (check_service_url, "https://"),
        (check_service_url, "hush"),
        (check_service_url, "https://api.example.com:hush"),
        (check_service_url, f"https://api.example.com/v3?key={SECRET}"),
        (check_service_url, f"https://api.example.com/v3#{SECRET}"),
        (check_service_url, "http://127.0.0.1?@hush.example.com"),
        (check_service_url, "http://127.0.0.1\\hush.example.com"),
        (check_service_url, "https://api.example.com\n.hush.example.com"),
        (check_service_url, " https://hush.example.com"),
        (check_service_url, "https://hush example.com"),
        (check_service_url, "https://api.hush%00.com"),
        (check_service_url, "https://hush..example.com"),
        (check_service_url, "https://hush.ｅxample.com"),
        (check_webhook, f"http://hooks.example.com/{SECRET}"),
        (check_webhook, f"https://{SECRET}@hooks.example.com/"),
        (check_error_tracker, f"http://{SECRET}@o1.ingest.example.com/42"),
        (check_error_tracker, f"file:///{SECRET}@/42"),
        (check_error_tracker, f"https://{SECRET}@127.0.0.1@example.com/42"),
        (check_link_base, f"https://lists.example.com/?token={SECRET}"),
        (check_link_base, "javascript:alert('hush')"),
        (check_link_base, "data:text/html,hush"),
        (check_link_base, "//hush.example.com"),
        (check_redis_url, f"redis://:{SECRET}@cache.example.com:6379"),
        (check_redis_url, "http://hush"),
        (check_redis_url, "rediss://:hu@sh@cache.example.com"),
        (check_postgres_url, f"mysql://user:{SECRET}@127.0.0.1/lists"),
        (check_postgres_url, "hush"),
        (check_postgres_url, f"postgresql://user:{SECRET}@db.example.com/lists?sslmode=prefer"),
        (check_postgres_url, f"postgresql://user:{SECRET}@db.example.com/lists?sslmode=disable"),
        (
            check_postgres_url,
            f"postgresql://user:{SECRET}@127.0.0.1,db.example.com/lists?sslmode=disable",
        ),
        (
            check_postgres_url,
            f"postgresql://user:{SECRET}@/lists?host=db.example.com&sslmode=allow",
        ),
        (check_postgres_url, "postgresql://hush@db.example.com/lists?sslmode=disable&sslmode=require"),
        (check_postgres_url, "postgresql:///hush?service=elsewhere&sslmode=disable"),
        (check_postgres_url, "postgresql://user:p@hush@db.example.com/lists"),
        (check_postgres_url, "postgresql://user:p/w@hush/lists"),
        (check_postgres_url, "postgresql://user:p#w@hush/lists"),
        (check_postgres_url, "postgresql://user:p?w@hush/lists"),
        # libpq reads on behind the #, and takes the last; SQLAlchemy joins two hosts.
        (check_postgres_url, "postgresql://user@hush/lists?sslmode=require#&sslmode=disable"),
        (check_postgres_url, "postgresql:///lists?host=hush&host=127.0.0.1&sslmode=disable"),
        (check_postgres_url, "postgresql://user@hush/lists?sslmode=require&sslmode="),
        (check_postgres_url, f"postgresql://127.0.0.1/lists?password={SECRET}&password={SECRET}"),
        (check_redis_url, "redis://127.0.0.1/hush"),
        (check_redis_url, "redis://127.0.0.1:6379/-1"),
        (check_redis_url, "redis://127.0.0.1/1/2"),
        (check_redis_url, "redis://127.0.0.1/ 1"),
        (check_redis_url, "rediss://cache.example.com/١"),
        (check_redis_url, "redis://127.0.0.1/?db=hush"),
        (check_redis_url, "redis://127.0.0.1/1?db=2"),
        (check_redis_url, "redis://127.0.0.1?db=1&db=2"),
        (check_redis_url, "unix:///run/redis.sock?db=hush"),
        (check_redis_url, "unix://hush"),
        (check_redis_url, f"rediss://:{SECRET}@cache.example.com/0?ssl_cert_reqs=none"),
        (check_redis_url, f"rediss://:{SECRET}@cache.example.com/0?ssl_cert_reqs=OPTIONAL"),
        (check_redis_url, f"rediss://:{SECRET}@cache.example.com/0?ssl_check_hostname=false"),
        (check_link_base, "https://lists.example.com/|hush"),
        (check_link_base, "https://lists.example.com/><hush"),
        (check_link_base, "https://lists.example.com/\u202ehush"),
    ],
)
def test_what_others_could_read_or_is_of_another_kind_is_refused_unshown(
    check: Callable[[str], None], value: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("character", "＃？＠℀：／")
@pytest.mark.parametrize(
    ("check", "url"),
    [
        (check_service_url, "https://user:{}@api.example.com"),
        (check_webhook, "https://{}.example.com/hook"),
        (check_link_base, "https://user:{}@ui.example.com"),
        (check_error_tracker, "https://{}@errors.example.com/1"),
        (check_redis_url, "rediss://user:{}@cache.example.com/0"),
        (check_postgres_url, "postgresql://user:{}@db.example.com/lists"),
        (encrypted_postgres_url, "postgresql://user:{}@db.example.com/lists"),
    ],
)
def test_what_no_program_can_take_apart_is_refused_without_a_word_of_it(
    check: Callable[[str], object], url: str, character: str
) -> None:
    for value in (url.format(f"{SECRET}{character}x"), url.format(f"[{SECRET}")):
        with pytest.raises(ValueError, match=r".") as caught:
            check(value)
        assert SECRET not in f"{caught.value} {caught.value.__cause__} {caught.value.args}"


def test_a_remote_postgresql_without_a_mode_is_asked_for_tls() -> None:
    remote = encrypted_postgres_url(f"postgresql://user:{SECRET}@db.example.com:5432/lists?application_name=x")
    assert remote == f"postgresql://user:{SECRET}@db.example.com:5432/lists?application_name=x&sslmode=require"
    for same in (
        "postgresql://user@db.example.com/lists?sslmode=verify-full",
        "postgresql://user@localhost/lists",
        "postgresql://user@/lists?host=/run/postgresql",
    ):
        assert encrypted_postgres_url(same) == same


@pytest.mark.parametrize("url", ["postgresql:///lists", "postgresql://user@/lists", "postgresql:///lists?service=x"])
def test_a_host_that_something_else_may_name_is_asked_for_tls_too(url: str) -> None:
    assert encrypted_postgres_url(url) == f"{url}{'&' if '?' in url else '?'}sslmode=require"


def test_where_dagster_reads_the_url_itself_the_mode_has_to_be_named() -> None:
    check_postgres_url("postgresql://user@db.example.com/dagster?sslmode=require", mode_needed=True)
    check_postgres_url("postgresql://user@localhost/dagster", mode_needed=True)
    check_postgres_url("postgresql:///dagster?host=/run/postgresql", mode_needed=True)
    for named in (
        "postgresql://user@db.example.com/dagster",
        "postgresql:///dagster?service=elsewhere",
        "postgresql:///dagster",
    ):
        with pytest.raises(ValueError, match="sslmode"):
            check_postgres_url(named, mode_needed=True)


@pytest.mark.parametrize("option", ["password", "sslpassword"])
def test_where_dagster_reads_the_url_itself_no_password_stands_where_it_is_shown(option: str) -> None:
    url = f"postgresql+psycopg2://user@127.0.0.1/dagster?{option}={SECRET}"
    check_postgres_url(url)
    with pytest.raises(ValueError, match=option) as caught:
        check_postgres_url(url, mode_needed=True)
    assert SECRET not in str(caught.value)


def test_a_name_is_no_loopback_because_it_looks_like_one() -> None:
    assert not is_loopback("127.0.0.1.example.com")
    assert not is_loopback(None)
    assert is_loopback("127.8.8.8")


@pytest.mark.parametrize(
    ("value", "servers"),
    [
        ("192.0.2.53", [("192.0.2.53", None)]),
        ("192.0.2.53:5353 , 2001:db8::53", [("192.0.2.53", 5353), ("2001:db8::53", None)]),
        ("[2001:db8::53]:1", [("2001:db8::53", 1)]),
        ("192.0.2.53:65535", [("192.0.2.53", 65_535)]),
        ("[2001:db8::53]", [("2001:db8::53", None)]),
    ],
)
def test_dns_servers_are_addresses_with_or_without_a_port(value: str, servers: list[tuple[str, int | None]]) -> None:
    assert dns_servers(value) == servers


@pytest.mark.parametrize(
    "value", ["", "dns.example", "192.0.2.53:x", "192.0.2.53,", "192.0.2.53:0", "192.0.2.53:65536"]
)
def test_what_is_no_dns_server_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="DNS server"):
        dns_servers(value)


def test_no_dns_server_and_those_of_the_machine_are_fine() -> None:
    for value in ("", " ", "system", " system "):
        check_dns_servers(value)
    with pytest.raises(ValueError, match="addresses of DNS servers"):
        check_dns_servers("systems")
