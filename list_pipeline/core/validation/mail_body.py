"""What can be told of a mail from its text alone: lines, links, placeholders, and how to unsubscribe. Nothing is fetched.

Belongs here: reading HTML and text. Does not belong here: what follows from it (``campaign_setup``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from html.parser import HTMLParser
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST_PART = 1_000_000
"""Characters that are read of each part; Gmail shows about 102,000 bytes of a mail."""
MOST_COMPARED = 2_000
"""Lines of a mail that are compared with an earlier one's."""


@dataclass(frozen=True)
class MailBody:
    """The parts of a mail as its sender wrote them; empty where there is none."""

    html: str
    text: str

    # Asked for by several rules and by the comparison; reading a long mail takes its time.
    @cached_property
    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html[:LONGEST_PART])
        reader.close()
        reader.end_link()
        reader.end_line()
        return reader

    @property
    def visible_lines(self) -> tuple[str, ...]:
        """The lines that a reader sees, without formatting; those of the text part where there is no other."""
        if self.html.strip():
            return tuple(self._read.lines)
        return tuple(line for each in self.text[:LONGEST_PART].splitlines() if (line := " ".join(each.split())))

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the HTML part, in their order."""
        return tuple(self._read.links)


class Unsubscribing(StrEnum):
    """The way in which a reader of a mail unsubscribes."""

    MAILJET = "mailjet"
    """By the link that Mailjet puts in the place of its variable."""
    OWN = "own"
    """By a link of the sender's, of which Mailjet learns nothing."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a mail: where it leads to, and the words that one clicks."""

    target: str
    words: str


_UNSUBSCRIBE_VARIABLE = re.compile(r"\[\[\s*UNSUB_LINK[A-Z_]*\s*\]\]|\{\{\s*mj:unsub_link\b[^{}]*\}\}", re.IGNORECASE)
"""Mailjet's variables, in the older and in the newer notation: documentation.mailjet.com, "How to add an unsubscribe link to
your newsletter"."""
_UNSUBSCRIBE_WORDS = re.compile(
    r"unsubscri|opt[-_ ]?out|abmeld|abbestell|d[ée]sinscri|d[ée]sabonn|darse de baja|cancelar (?:la )?suscripci|"
    r"disiscri|annulla l.iscrizione|uitschrijv|afmelden|avregistrer|afmeld|odhl[áa]s|wypisz",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\[\[[^\[\]]{1,200}\]\]|\{\{[^{}]{1,200}\}\}|\{%[^%]{1,200}%\}")
"""Mailjet's own variables and template language."""
_MAILJETS = re.compile(r"^(?:\[\[|\{%|\{\{\s*(?:var|data|mj|ctx|event|defaultvalue)\b)", re.IGNORECASE)
_FOREIGN = re.compile(
    r"\*\|[A-Z0-9_:]{1,60}\|\*|%%[A-Za-z0-9_ ]{1,60}%%|%recipient\.[A-Za-z0-9_]{1,60}%|\{\$[A-Za-z0-9_.]{1,60}\}"
    r"|\{\{[^{}]{1,200}\}\}"
)
"""Placeholders of other services (Mailchimp, Salesforce, Mailgun, MailerLite, Brevo), which Mailjet sends as they stand."""
_LEFT_OVER = re.compile(r"\b[Ll]orem ipsum\b|\bTODO\b|\bFIXME\b|\bXXXX*\b")
_BLOCK = re.compile(
    r"address|article|aside|blockquote|br|center|dd|div|dl|dt|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|"
    r"table|td|th|tr|ul"
)
"""The elements that begin a line of their own."""
_UNSEEN = frozenset(("head", "script", "style", "template", "title"))
_TEST_HOSTS = re.compile(
    r"(?:^|\.)(?:example\.(?:com|net|org)|yourdomain\.\w+|yoursite\.\w+|localhost|local|test|invalid)$", re.IGNORECASE
)


class _Reader(HTMLParser):
    """Collects what a reader sees: lines of text, and links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.links: list[Link] = []
        self._line: list[str] = []
        self._hidden: list[str] = []
        self._target: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _UNSEEN:
            self._hidden.append(tag)
        elif _BLOCK.fullmatch(tag):
            self.end_line()
        elif tag in ("a", "area"):
            self.end_link()
            self._target = given["href"] or "" if "href" in given else None
        elif tag == "img" and (alternative := given.get("alt")):
            self.handle_data(f" {alternative} ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif _BLOCK.fullmatch(tag):
            self.end_line()
        elif tag == "a":
            self.end_link()

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self._line.append(data)
        if self._target is not None:
            self._words.append(data)

    def end_line(self) -> None:
        line = " ".join("".join(self._line).split())
        if line:
            self.lines.append(line)
        self._line.clear()

    def end_link(self) -> None:
        if self._target is not None:
            self.links.append(Link(self._target.strip(), " ".join("".join(self._words).split())))
        self._target = None
        self._words.clear()


def hosts_of(links: Iterable[Link]) -> frozenset[str]:
    """The hosts that links lead to, in lower case."""
    found = (_split(link.target) for link in links)
    return frozenset(parts.hostname.lower() for parts in found if parts is not None and parts.hostname)


def unsubscribing(body: MailBody) -> Unsubscribing:
    """The way in which a reader unsubscribes; Mailjet's where there are several."""
    if _UNSUBSCRIBE_VARIABLE.search(body.html[:LONGEST_PART]) or (
        not body.html.strip() and _UNSUBSCRIBE_VARIABLE.search(body.text[:LONGEST_PART])
    ):
        return Unsubscribing.MAILJET
    offered = any(_UNSUBSCRIBE_WORDS.search(f"{link.target} {link.words}") for link in body.links)
    return Unsubscribing.OWN if offered else Unsubscribing.NONE


def placeholders_left(text: str) -> tuple[str, ...]:
    """What stands in a text that Mailjet does not fill in, or that somebody meant to replace; each once, in its order."""
    part = text[:LONGEST_PART]
    foreign = [found.group() for found in _FOREIGN.finditer(part) if not _MAILJETS.match(found.group())]
    return tuple(dict.fromkeys([*foreign, *(found.group() for found in _LEFT_OVER.finditer(part))]))


def link_problem(link: Link) -> str:
    """What is wrong with a link, as the end of "it ..."; empty where nothing is. Where it leads to is not looked at."""
    target = link.target
    if _VARIABLE.match(target):
        return ""
    if not target or target.startswith("#"):
        return "leads nowhere"
    parts = _split(target)
    if parts is None or any(letter.isspace() for letter in target):
        return "is no address of a page"
    match parts.scheme.lower():
        case "mailto" | "tel" | "sms":
            return ""
        case "http" | "https" as scheme:
            if not parts.hostname:
                return "names no host"
            if _is_test_host(parts.hostname):
                return "leads to a place that only tests have"
            return "is not encrypted (http)" if scheme == "http" else ""
        case "":
            return "names no host"
        case _:
            return f"begins with {parts.scheme.lower()}:, which mail programs do not open"


def _split(target: str) -> SplitResult | None:
    try:
        parts = urlsplit(target)
        # The port is read where it is asked for, and may be none.
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_test_host(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or _TEST_HOSTS.search(host) is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a mail differs from an earlier one. Lines and hosts in their order; ``removed`` stood in the earlier one."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    new_hosts: tuple[str, ...]
    is_partial: bool
    """Only the first ``MOST_COMPARED`` lines were compared."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.new_hosts)


def difference(earlier: MailBody, later: MailBody) -> Difference:
    """How a mail differs from an earlier one, by what a reader sees and the hosts that links lead to."""
    before, after = earlier.visible_lines, later.visible_lines
    is_partial = max(len(before), len(after)) > MOST_COMPARED
    before, after = before[:MOST_COMPARED], after[:MOST_COMPARED]
    added: list[str] = []
    removed: list[str] = []
    for kind, first, last, begin, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            removed.extend(before[first:last])
            added.extend(after[begin:end])
    new_hosts = hosts_of(later.links) - hosts_of(earlier.links)
    return Difference(tuple(added), tuple(removed), tuple(sorted(new_hosts)), is_partial)


def content_hash(subject: str, sender_email: str, body: MailBody) -> str:
    """SHA-256 of everything that a reader of a mail gets, in hexadecimal: the same exactly for the same content."""
    written = json.dumps([subject, sender_email, body.html, body.text], ensure_ascii=False)
    return sha256(written.encode()).hexdigest()
