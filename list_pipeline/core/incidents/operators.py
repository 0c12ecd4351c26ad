"""Who runs the mail of a domain: a table of domains, and of the names of mail hosts.

Belongs here: the table, and looking something up in it. Does not belong here: asking DNS, and the kind of a domain
(``core.bounces.domains``).

The domains under which operators hand out addresses, and the hosts that take mail for them and for the custom domains of their
customers. Source: written by hand from what is commonly known of them, copied from no list and not read from DNS, as of
29 November 2026. A domain that is missing is in the pool, and one under the wrong operator is still counted by itself as well:
an error makes an incident harder to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from list_pipeline.core.bounces.domains import provider_name

_DOMAINS_TEXT: Mapping[str, str] = {
    "Google": "gmail.com googlemail.com google.com",
    "Microsoft (Outlook.com)": "msn.com passport.com windowslive.com",
    "Yahoo": """ymail.com rocketmail.com myyahoo.com att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net
        swbell.net snet.net flash.net prodigy.net verizon.net aim.com netscape.net rogers.com sky.com frontier.com""",
    "Apple": "icloud.com me.com mac.com",
    "1&1 Mail & Media (GMX, WEB.DE, mail.com)": "web.de mail.com email.com",
    "Deutsche Telekom": "t-online.de magenta.de",
    "Freenet": "freenet.de",
    "Vodafone Germany": "arcor.de vodafone.de vodafonemail.de kabelmail.de unitybox.de",
    "O2 Germany": "o2online.de o2mail.de",
    "EWE": "ewe.net ewetel.net",
    "Posteo": "posteo.de posteo.net",
    "mailbox.org": "mailbox.org",
    "Tuta": "tuta.com tuta.io tutanota.com tutanota.de tutamail.com keemail.me",
    "Proton": "proton.me protonmail.com protonmail.ch pm.me",
    "Fastmail": "fastmail.com fastmail.fm",
    "Zoho": "zoho.com zoho.eu zohomail.com zohomail.eu",
    "HEY": "hey.com",
    "A1 Telekom Austria": "aon.at a1.net",
    "Magenta Austria": "chello.at",
    "Swisscom": "bluewin.ch",
    "Sunrise": "hispeed.ch sunrise.ch",
    "Orange": "orange.fr wanadoo.fr",
    "Free": "free.fr",
    "SFR": "sfr.fr neuf.fr cegetel.net numericable.fr club-internet.fr",
    "Bouygues Telecom": "bbox.fr",
    "La Poste": "laposte.net",
    "Italiaonline": "libero.it virgilio.it iol.it inwind.it blu.it giallo.it",
    "TIM": "alice.it tin.it tim.it",
    "Tiscali": "tiscali.it",
    "Telefonica Spain": "telefonica.net movistar.es",
    "SAPO": "sapo.pt",
    "Telenet": "telenet.be",
    "Proximus": "skynet.be proximus.be",
    "Ziggo": "ziggo.nl home.nl upcmail.nl casema.nl chello.nl",
    "KPN": "kpnmail.nl planet.nl hetnet.nl xs4all.nl",
    "BT": "btinternet.com btopenworld.com talk21.com",
    "Virgin Media": "virginmedia.com ntlworld.com blueyonder.co.uk virgin.net",
    "TalkTalk": "talktalk.net tiscali.co.uk lineone.net",
    "Telia": "telia.com",
    "TDC": "tdcadsl.dk mail.dk",
    "Seznam": "seznam.cz email.cz post.cz spoluzaci.cz",
    "Wirtualna Polska": "wp.pl o2.pl tlen.pl go2.pl",
    "Onet": "onet.pl onet.eu op.pl vp.pl poczta.onet.pl autograf.pl",
    "Interia": "interia.pl interia.eu interia.com poczta.fm intmail.pl",
    "VK (Mail.ru)": "mail.ru list.ru bk.ru inbox.ru internet.ru",
    "Yandex": "ya.ru",
    "Rambler": "rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru",
    "Comcast": "comcast.net",
    "Charter": "charter.net spectrum.net rr.com twc.com",
    "Cox": "cox.net",
    "Optimum": "optonline.net optimum.net",
    "EarthLink": "earthlink.net mindspring.com",
    "Shaw": "shaw.ca",
    "Telus": "telus.net",
    "Videotron": "videotron.ca",
    "Telstra": "bigpond.com bigpond.net.au telstra.com",
    "Optus": "optusnet.com.au",
    "TPG": "tpg.com.au iinet.net.au internode.on.net westnet.com.au",
    "UOL": "uol.com.br bol.com.br",
    "Terra": "terra.com.br",
    "Tencent": "qq.com foxmail.com vip.qq.com",
    "NetEase": "163.com 126.com yeah.net vip.163.com",
    "Sina": "sina.com sina.cn vip.sina.com",
    "Naver": "naver.com",
    "Kakao": "daum.net hanmail.net kakao.com",
    "Rediff": "rediffmail.com",
}

_PROVIDERS: Mapping[str, str] = {
    "aol": "Yahoo",
    "gmx": "1&1 Mail & Media (GMX, WEB.DE, mail.com)",
    "hotmail": "Microsoft (Outlook.com)",
    "live": "Microsoft (Outlook.com)",
    "outlook": "Microsoft (Outlook.com)",
    "yahoo": "Yahoo",
    "yandex": "Yandex",
}
"""Providers that have a domain in many countries, by its first part."""

_HOSTS_TEXT: Mapping[str, str] = {
    "Google": "google.com googlemail.com",
    "Microsoft (Outlook.com)": "olc.protection.outlook.com",
    "Microsoft 365": "mail.protection.outlook.com mx.microsoft",
    "Yahoo": "yahoodns.net",
    "Apple": "mail.icloud.com",
    "1&1 Mail & Media (GMX, WEB.DE, mail.com)": "gmx.net web.de mail.com",
    "IONOS": "kundenserver.de 1and1.com 1and1.co.uk 1and1.fr ionos.com ionos.de ionos.co.uk ionos.fr ionos.es perfora.net",
    "Strato": "rzone.de",
    "Deutsche Telekom": "t-online.de",
    "Hetzner": "your-server.de",
    "All-Inkl": "kasserver.com",
    "OVHcloud": "ovh.net",
    "Gandi": "gandi.net",
    "Infomaniak": "infomaniak.ch",
    "Hostpoint": "hostpoint.ch",
    "Aruba": "aruba.it",
    "Register": "register.it",
    "one.com": "one.com",
    "TransIP": "transip.email",
    "home.pl": "home.pl",
    "Loopia": "loopia.se",
    "Zoho": "zoho.com zoho.eu",
    "Fastmail": "messagingengine.com",
    "Proton": "protonmail.ch",
    "Yandex": "yandex.net yandex.ru",
    "Mimecast": "mimecast.com",
    "Proofpoint": "pphosted.com ppe-hosted.com",
    "Barracuda": "barracudanetworks.com",
    "Hornetsecurity": "hornetsecurity.com antispameurope.com",
    "Cisco": "iphmx.com",
    "Trend Micro": "trendmicro.com trendmicro.eu",
    "Amazon": "amazonaws.com awsapps.com",
    "GoDaddy": "secureserver.net",
    "Namecheap": "registrar-servers.com privateemail.com",
    "Rackspace": "emailsrvr.com",
    "Hostinger": "hostinger.com",
}

_SECOND_LEVELS = frozenset(["ac", "co", "com", "edu", "gov", "net", "or", "org"])
"""Below a country: names as ``co.uk``, under which everybody registers."""


def _turned(text: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for operator, names in text.items():
        for name in names.split():
            if found.setdefault(name, operator) != operator:
                raise ValueError(f"{name} stands under two operators: {found[name]} and {operator}")
    return found


DOMAINS: Mapping[str, str] = _turned(_DOMAINS_TEXT)
"""Operator by domain; providers with a domain in many countries are found by their name."""
HOSTS: Mapping[str, str] = _turned(_HOSTS_TEXT)
"""Operator by the end of the name of a mail host."""


class MailHost(StrEnum):
    """The answer of DNS about a domain's mail host. ``unknown``: not asked, or no answer."""

    FOUND = "found"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operators:
    """Who runs the mail of a domain, as far as is known.

    ``by_mail_host``: domain to the name of its first mail host, for custom domains that were asked about; empty without a
    resolver.
    """

    by_mail_host: Mapping[str, str] = field(default_factory=dict)

    def of(self, domain: str) -> str | None:
        """The operator of a domain in any case and with a final dot; None: not known, it is in the pool."""
        name = domain.casefold().rstrip(".")
        known = DOMAINS.get(name) or _PROVIDERS.get(provider_name(name) or "")
        if known is not None:
            return known
        host = self.by_mail_host.get(name)
        return operator_of_host(host) if host else None


OPERATORS = Operators()
"""The table alone."""


def operator_of_host(host: str) -> str | None:
    """The operator of a mail host. One that is not in the table is an operator by the domain that the host is in, since whoever
    hosts others does so under its own name; None for what is no host's name."""
    labels = host.casefold().rstrip(".").split(".")
    if len(labels) < 2 or not all(labels):
        return None
    for at in range(len(labels)):
        known = HOSTS.get(".".join(labels[at:]))
        if known is not None:
            return known
    last = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-last:])
