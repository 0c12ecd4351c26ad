"""What the address of a service may be: encrypted unless it is this machine, of the kind that is expected, and without secrets
in places where they are shown.

Pure rules on text. Does not belong here: which setting is of which kind (``settings``). A message of a rule never holds the
value: a secret may stand in it, also in the wrong variable.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""This machine, where rehearsals have their sandbox: plain http is allowed there, and no proxy stands in between."""

ENCRYPTED_SSL_MODES = frozenset({"require", "verify-ca", "verify-full"})
"""``sslmode`` of libpq that never falls back to plain text: table 32.1 of https://www.postgresql.org/docs/current/libpq-ssl.html"""


def is_loopback(host: str | None) -> bool:
    """Whether a host's name or address is this machine; the whole of 127.0.0.0/8 is."""
    if host is None:
        return False
    try:
        return host.lower() in LOOPBACK_HOSTS or ip_address(host).is_loopback
    except ValueError:
        return False


def check_service_url(value: str) -> None:
    """The base URL of an HTTP service that secrets and addresses are sent to.

    Raises:
        ValueError: not https (http is allowed on this machine), without a host, or with a user or password in it.
    """
    parts = _split(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https:// unless it points to this machine")
    _refuse_user(parts)


def check_link_base(value: str) -> None:
    """The base of links that people click.

    Raises:
        ValueError: neither https:// nor http://, without a host, or with a user or password in it.
    """
    parts = _split(value)
    if parts.scheme not in ("https", "http"):
        raise ValueError("must begin with https:// or http://")
    _refuse_user(parts)


def check_redis_url(value: str) -> None:
    """Redis: ``rediss://`` (encrypted), a socket, or ``redis://`` on this machine.

    Raises:
        ValueError: another kind, or readable by others on its way.
    """
    parts = urlsplit(value)
    if parts.scheme == "unix":
        return
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError("must begin with rediss://, redis:// or unix://")
    _refuse_ambiguous_user(parts)
    if not _host(parts):
        raise ValueError("names no host")
    if parts.scheme == "redis" and not is_loopback(parts.hostname):
        raise ValueError("must begin with rediss:// (TLS) unless it points to this machine")


def check_postgres_url(value: str, *, mode_needed: bool = False) -> None:
    """PostgreSQL: ``postgresql://``, with or without a driver, encrypted unless it is this machine or a socket.

    Args:
        mode_needed: a remote host needs its ``sslmode`` here; else ``encrypted_postgres_url`` asks for TLS where none is named.

    Raises:
        ValueError: another database, no valid URL, a password that is not escaped, or an ``sslmode`` that permits plain text.
    """
    parts = urlsplit(value)
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    _refuse_ambiguous_user(parts)
    mode = dict(parse_qsl(parts.query)).get("sslmode")
    if mode not in ENCRYPTED_SSL_MODES and (mode is not None or mode_needed) and not _is_local_postgres(parts):
        raise ValueError(f"sslmode must be one of {', '.join(sorted(ENCRYPTED_SSL_MODES))} unless it is this machine")


def encrypted_postgres_url(value: str) -> str:
    """The URL with ``sslmode=require`` added where it names a remote host and no mode: the driver's own default, ``prefer``,
    goes on in plain text where the server refuses TLS, or somebody in between says so."""
    parts = urlsplit(value)
    if _is_local_postgres(parts) or "sslmode" in dict(parse_qsl(parts.query)):
        return value
    return parts._replace(query="&".join(filter(None, [parts.query, "sslmode=require"]))).geturl()


def _is_local_postgres(parts: SplitResult) -> bool:
    """Every host of a PostgreSQL URL is this machine or the folder of a socket; several are separated by commas."""
    _, _, named = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query))
    hosts = [
        unquote(host) for text in (named, query.get("host"), query.get("hostaddr")) if text for host in text.split(",")
    ]
    return all(host.startswith("/") or is_loopback(_without_port(host)) for host in hosts)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _split(value: str) -> SplitResult:
    parts = urlsplit(value)
    if not _host(parts):
        raise ValueError("names no host, as https://host does")
    return parts


def _host(parts: SplitResult) -> str | None:
    try:
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError("has a port that is no number") from None
    return parts.hostname


def _refuse_user(parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise ValueError("must hold no user or password: addresses are shown")


def _refuse_ambiguous_user(parts: SplitResult) -> None:
    # The text up to the last @ would be taken for the user, or the text behind the first one for the host, and shown.
    if parts.netloc.count("@") > 1 or "@" in parts.path + parts.query + parts.fragment:
        raise ValueError("holds more than one @: write %40 for an @ in a user or password, %2F for /, %23 for #")
