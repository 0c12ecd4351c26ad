"""What the address of a service may be: encrypted unless it is this machine, of the kind that is expected, and without secrets
in places where they are shown.

Pure rules on text. Does not belong here: which setting is of which kind (``settings``). A message of a rule never holds the
value: a secret may stand in it, also in the wrong variable.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_LOOPBACK_NAME = "localhost"

ENCRYPTED_SSL_MODES = frozenset({"require", "verify-ca", "verify-full"})
"""``sslmode`` of libpq that never falls back to plain text: table 32.1 of https://www.postgresql.org/docs/current/libpq-ssl.html"""

_VERIFIED_REDIS = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
"""Options of redis-py that decide whether the certificate is verified, as they have to be where they are named."""
_NOT_IN_LINKS = re.compile(r"[<>|\"'`]")
"""What ends a link in Slack or in HTML."""

WHERE_POSTGRES_IS = ("PGHOSTADDR", "PGSERVICE")
"""Variables of libpq by which a URL that names this machine leads to another one. ``PGHOST`` counts where it names none."""

_HOST_NAME = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|[0-9a-f:.]+", re.ASCII | re.IGNORECASE)
"""A name or an address; names in other scripts are written in Punycode (xn--)."""
_NOT_IN_URLS = re.compile(r"[\s\\\x00-\x1f\x7f]")
"""Programs do not agree on these: some leave them out, some take ``\\`` for ``/``, and some for a part of the host."""


def is_loopback(host: str | None) -> bool:
    """Whether a host's name or address is this machine; the whole of 127.0.0.0/8 is. Rehearsals have their sandbox there: plain
    http is allowed, and so no proxy of the environment may stand in between."""
    if host is None:
        return False
    try:
        return host.lower() == _LOOPBACK_NAME or ip_address(host).is_loopback
    except ValueError:
        return False


def check_service_url(value: str) -> None:
    """The base URL of an HTTP service that secrets and addresses are sent to.

    Raises:
        ValueError: not https (http is allowed on this machine), without a host, with a user or password in it, or with a query
            or fragment, to which no path can be added.
    """
    parts = _encrypted(value)
    _refuse_user(parts)
    if parts.query or parts.fragment:
        raise ValueError("must hold no ? and no #: it is where paths begin, and is shown")


def check_webhook(value: str) -> None:
    """A URL that is a secret itself and is posted to as it stands.

    Raises:
        ValueError: not https (http is allowed on this machine), without a host, or with a user or password in it.
    """
    _refuse_user(_encrypted(value))


def check_error_tracker(value: str) -> None:
    """A DSN of Sentry: its key is the user.

    Raises:
        ValueError: not https (http is allowed on this machine), without a host, or with more than one ``@``.
    """
    _refuse_ambiguous_user(_encrypted(value))


def check_link_base(value: str) -> None:
    """The base of links that people click.

    Raises:
        ValueError: neither https:// nor http://, without a host, with a user or password in it, with a query, or with
            characters that end a link where it is shown.
    """
    parts = _split(value)
    if parts.scheme not in ("https", "http"):
        raise ValueError("must begin with https:// or http://")
    _refuse_user(parts)
    if parts.query:
        raise ValueError("must hold no ?: it is where paths begin, and is shown")
    if _NOT_IN_LINKS.search(value) or not value.isascii():
        raise ValueError("must hold only characters that a link has; write others with %")


def check_redis_url(value: str) -> None:
    """Redis: ``rediss://`` (encrypted), a socket, or ``redis://`` on this machine.

    Raises:
        ValueError: another kind, readable by others on its way, open to whoever stands in between, or with a database that is
            no number: the client would take 0 in silence.
    """
    parts = _parts(value)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with rediss://, redis:// or unix://")
    options = _options_named_once(parts)
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("names no socket, as unix:///run/redis.sock does")
        _check_redis_database(options.get("db"))
        return
    _refuse_ambiguous_user(parts)
    if not _host(parts):
        raise ValueError("names no host")
    if not is_loopback(parts.hostname):
        if parts.scheme == "redis":
            raise ValueError("must begin with rediss:// (TLS) unless it points to this machine")
        if any(options.get(name, value).lower() != value for name, value in _VERIFIED_REDIS.items()):
            raise ValueError("must not switch off that the server's certificate is verified unless it is this machine")
    in_path = parts.path.removeprefix("/") or None
    if in_path is not None and "db" in options:
        raise ValueError("names its database twice")
    _check_redis_database(options.get("db", in_path))


def check_postgres_url(value: str, *, mode_needed: bool = False, is_overruled: bool = False) -> None:
    """PostgreSQL: ``postgresql://``, with or without a driver, encrypted unless it is this machine or a socket.

    Args:
        mode_needed: another program reads it itself. A remote host, and one that only the environment names, needs its
            ``sslmode`` here; else ``encrypted_postgres_url`` asks for TLS where none is named.
        is_overruled: something else than the URL says where the server is (``WHERE_POSTGRES_IS``), so it may be anywhere.

    Raises:
        ValueError: another database, no valid URL, a password that is not escaped or stands where it is shown, an option named
            twice, or an ``sslmode`` that permits plain text.
    """
    parts = _parts(value)
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    _refuse_ambiguous_user(parts)
    if parts.fragment:
        # libpq knows no fragment and reads on: what stands behind it would overrule what stands in front.
        raise ValueError("must hold no #: write %23 for a # in a password")
    options = _options_named_once(parts)
    if mode_needed and (shown := {"password", "sslpassword"} & options.keys()):
        raise ValueError(f"must not hold {min(shown)} behind the ?, where it is shown: write the password before the @")
    mode = options.get("sslmode")
    is_here = not is_overruled and _is_local_postgres(parts) and (not mode_needed or bool(_hosts(parts)))
    if mode not in ENCRYPTED_SSL_MODES and (mode is not None or mode_needed) and not is_here:
        raise ValueError(f"sslmode must be one of {', '.join(sorted(ENCRYPTED_SSL_MODES))} unless it is this machine")


def encrypted_postgres_url(value: str, *, is_overruled: bool = False) -> str:
    """The URL with ``sslmode=require`` added where it names a remote host and no mode: the driver's own default, ``prefer``,
    goes on in plain text where the server refuses TLS, or somebody in between says so.

    A URL without a host gets it too: ``PGHOST`` may name one, and on a socket the mode has no effect. ``is_overruled``: as of
    ``check_postgres_url``."""
    parts = _parts(value)
    if (not is_overruled and _is_local_postgres(parts) and _hosts(parts)) or "sslmode" in dict(parse_qsl(parts.query)):
        return value
    # Not put together again: without a host, the two strokes in front of it would be lost.
    address, mark, fragment = value.partition("#")
    return f"{address}{'&' if parts.query else '?'}sslmode=require{mark}{fragment}"


def _check_redis_database(name: str | None) -> None:
    if name is not None and not (name.isascii() and name.isdigit()):
        raise ValueError("names a database that is no number, as /0 is")


def _options_named_once(parts: SplitResult) -> dict[str, str]:
    """What stands behind the question mark, empty values too. Of two values, programs do not agree on which one counts."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ValueError("names an option twice behind the ?")
    return options


def _is_local_postgres(parts: SplitResult) -> bool:
    """Every host of a PostgreSQL URL is this machine or the folder of a socket, and no file of services may name another."""
    is_named_elsewhere = "service" in dict(parse_qsl(parts.query))
    return not is_named_elsewhere and all(
        host.startswith("/") or is_loopback(_without_port(host)) for host in _hosts(parts)
    )


def _hosts(parts: SplitResult) -> list[str]:
    """The hosts that a PostgreSQL URL names: in their usual place, or behind the question mark; separated by commas."""
    _, _, named = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query))
    return [
        unquote(host) for text in (named, query.get("host"), query.get("hostaddr")) if text for host in text.split(",")
    ]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _encrypted(value: str) -> SplitResult:
    parts = _split(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https:// unless it points to this machine")
    return parts


def _parts(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        # Its words hold the user and the password.
        raise ValueError("is no URL: a character in it, or a bracket, is none of those that URLs have") from None


def _split(value: str) -> SplitResult:
    if _NOT_IN_URLS.search(value):
        raise ValueError("must hold no space, no backslash and no control character")
    parts = _parts(value)
    if not (host := _host(parts)):
        raise ValueError("names no host, as https://host does")
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(
            "names a host with characters that no host has; other scripts are written in Punycode (xn--...)"
        )
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


DNS_OF_THIS_MACHINE = "system"
"""The servers that this machine asks itself."""


def check_dns_servers(value: str) -> None:
    """``system``, nothing, or addresses of DNS servers with or without a port, separated by commas.

    Raises:
        ValueError: one of them is no address, or its port is none.
    """
    if value.strip() not in ("", DNS_OF_THIS_MACHINE):
        dns_servers(value)


def dns_servers(value: str) -> list[tuple[str, int | None]]:
    """The address and the port, where there is one, of each DNS server.

    Raises:
        ValueError: one of them is no address, or its port is none.
    """
    found: list[tuple[str, int | None]] = []
    for server in value.split(","):
        address, colon, port = server.strip().rpartition(":")
        if not colon or port.endswith("]") or (":" in address and not address.startswith("[")):
            address, port = server.strip(), ""
        address = address.removeprefix("[").removesuffix("]")
        try:
            ip_address(address)
            number = int(port) if port else None
        except ValueError:
            raise ValueError("must be system, or addresses of DNS servers such as 192.0.2.53:5353") from None
        if number is not None and not 0 < number < 65_536:
            raise ValueError("the port of a DNS server lies between 1 and 65535")
        found.append((address, number))
    return found
