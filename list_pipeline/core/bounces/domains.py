"""The kind of domain that an address is at, without naming it.

Belongs here: a category for a domain, from its name alone. Does not belong here: looking anything up.

An advisor is told the category, never the domain: a company's domain can name a person as well as an address does.
"""

from __future__ import annotations

import re
from enum import StrEnum


class DomainKind(StrEnum):
    """Categories of receiving domains. ``company``: every other domain, also a private one."""

    FREEMAIL = "freemail"
    ACCESS_PROVIDER = "access_provider"
    EDUCATION = "education"
    GOVERNMENT = "government"
    COMPANY = "company"
    UNKNOWN = "unknown"


_FREEMAIL_TEXT = """
    aol.com fastmail.com fastmail.fm gmail.com googlemail.com hey.com icloud.com inbox.com mac.com mail.com
    mail.ru me.com msn.com outlook.com posteo.de proton.me protonmail.ch protonmail.com pm.me qq.com 163.com
    126.com rambler.ru rediffmail.com rocketmail.com seznam.cz sina.com tutanota.com web.de wp.pl o2.pl onet.pl
    interia.pl laposte.net mailbox.org ymail.com zoho.com freenet.de libero.it virgilio.it uol.com.br bol.com.br
    naver.com daum.net
"""
_FREEMAIL = frozenset(_FREEMAIL_TEXT.split())
_FREEMAIL_NAMES_TEXT = "gmx hotmail live outlook yahoo yandex aol"
_FREEMAIL_NAMES = frozenset(_FREEMAIL_NAMES_TEXT.split())
"""Providers that have a domain in many countries: ``yahoo.co.uk``, ``gmx.at``."""
_ACCESS_PROVIDERS_TEXT = """
    alice.it arcor.de att.net bellsouth.net bigpond.com bluewin.ch btinternet.com charter.net comcast.net cox.net
    earthlink.net free.fr ntlworld.com optonline.net orange.fr sbcglobal.net sfr.fr shaw.ca sky.com skynet.be
    t-online.de talktalk.net telenet.be telia.com tin.it tiscali.it verizon.net vodafone.de wanadoo.fr xs4all.nl
    ziggo.nl chello.at bbox.fr neuf.fr numericable.fr rogers.com telus.net virginmedia.com
"""
_ACCESS_PROVIDERS = frozenset(_ACCESS_PROVIDERS_TEXT.split())
_SUFFIX = r"(?:\.[a-z]{2})?"
_EDUCATION = re.compile(
    rf"(?:^|\.)(?:edu|ac|schule?|school|sch|k12){_SUFFIX}$|\bk12\b|(?:^|[.-])(?:uni|univ|university|universite|school|schule|"
    r"college|campus)(?=[.-])"
)
_GOVERNMENT = re.compile(rf"(?:^|\.)(?:gov|govt|gouv|gob|gub|mil|bund|europa){_SUFFIX}$|\beuropa\.eu$")


def domain_kind(domain: str | None) -> DomainKind:
    """The category of a domain, also with subdomains; ``unknown`` for None and for what is no domain."""
    name = (domain or "").strip().casefold().rstrip(".")
    if "." not in name:
        return DomainKind.UNKNOWN
    if name in _FREEMAIL or provider_name(name) is not None:
        return DomainKind.FREEMAIL
    if name in _ACCESS_PROVIDERS:
        return DomainKind.ACCESS_PROVIDER
    if _GOVERNMENT.search(name):
        return DomainKind.GOVERNMENT
    return DomainKind.EDUCATION if _EDUCATION.search(name) else DomainKind.COMPANY


def provider_name(domain: str) -> str | None:
    """The name of a provider that has a domain in many countries (``yahoo`` of ``yahoo.co.uk``), None for other domains.

    ``domain`` is in lower case and without a final dot.
    """
    first, _, rest = domain.partition(".")
    is_one = first in _FREEMAIL_NAMES and re.fullmatch(r"com|net|(?:com?\.)?[a-z]{2}", rest) is not None
    return first if is_one else None
