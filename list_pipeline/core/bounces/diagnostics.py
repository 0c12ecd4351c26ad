"""What a receiver's refusal says, where it says something that can be relied on.

Belongs here: recognising plain statements in the text of a refusal, and the few codes that mean one thing. Does not belong
here: what of a text may be kept and shown (``smtp_vocabulary``), and what follows from a statement (``classes``).

The reading is deliberately deaf. Whoever mentions a block list, a policy, spam or the sender says something about us,
whatever else the sentence contains, because one code or one phrase is used for both (a provider's reputation block has been
worded as "unknown user"). So does whoever speaks of relaying or a refusal, unless the code of an unknown recipient and a
sentence that calls it unknown stand beside it. Only then a sentence may be about the mailbox, and only where no sentence says
anything a code may. Rejected: reading reply codes alone. Any 5xx taken as hard is wrong two times out of three on labelled
texts, and the enhanced codes of the IANA registry alone take full mailboxes and policies for dead addresses.

Statements are put together from who is meant and what is said of them, not listed as sentences: receivers write the same
few things in endless variations. Other languages have a module of their own (``other_languages``).
"""

from __future__ import annotations

import re
from enum import StrEnum

from list_pipeline.core.bounces import other_languages
from list_pipeline.core.masking import redact_addresses

_LONGEST_TEXT = 4_000
"""Characters that are read. Real diagnostics have a few hundred; the rest of a longer one is a quoted message."""


class TextEvidence(StrEnum):
    """A statement that was recognised in a diagnostic text."""

    NO_SUCH_USER = "no_such_user"
    NO_SUCH_DOMAIN = "no_such_domain"
    MAILBOX_INACTIVE = "mailbox_inactive"
    """It exists, or did, and takes no mail: disabled, suspended, closed, expired."""
    MAILBOX_FULL = "mailbox_full"
    MAYBE_NO_SUCH_USER = "maybe_no_such_user"
    """Words for a mailbox that is not there, and for one that takes nothing from us: Exchange Online's for a recipient in no
    directory, and those of the standard."""
    TEMPORARY = "temporary"
    SENDER_SIDE = "sender_side"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


# Whose fault it is

_SENDER_SIDE = _any_of(
    r"spam(?!e\b)",
    r"spoof",
    r"phish",
    r"junk ?mail",
    r"black ?list",
    r"block[ -]?list",
    r"gr[ae]y ?list",
    # A mailbox that was shut for not being used has been called blocked, too.
    r"blocked(?! (?:due to|because of|for) inactiv)",
    r"\bban(?:ned)?\b",
    r"\b(?:dns|uri|ip|s|x|r|d|p|c)?(?:ns)?bls?\b",
    r"reputation",
    r"\bs3150\b",
    r"\b(?:spf|dkim|dmarc|dnssec|rdns|ptr|helo|ehlo|tls|starttls)\b",
    r"reverse (?:dns|lookup|path)",
    r"(?:not|non|isn't) rfc",
    r"unsolicited",
    r"suspicious|suspicion|suspected",
    r"authenticat|unauthori[sz]ed|not authori[sz]ed|\bauth (?:failed|required)|authori[sz]ation",
    r"polic(?:y|ies)|politique|richtlinie",
    r"rcpthosts",
    r"\bsenders?\b|absender|exp[eé]diteur|remitente|mittente|remetente",
    r"mail ?from|return[ -]path|envelope (?:blocked|rejected|from)|\b(?:from|to):? fields?\b"
    r"|headers? (?:are|is|based|rejected)|invalid header",
    r"(?<!expanded )\bfrom: domain|valid from\b",
    r"client host|\bsending (?:ip|host|server|domain|mta)",
    r"\byour (?:ip|host|server|isp|domain|access|network|provider|country|system)\b",
    r"\byou (?:are|have been) (?:not|blocked|listed)|not welcome|go away|(?:denied|restricted) by|no permit"
    r"|not permitted|permission",
    r"\bip(?: ?address)?\b ?[:=]? ?(?:\[|\d|is\b|has\b|was\b|not\b|blocked|listed|rejected)|\bbad ip\b"
    r"|\bfrom (?:ip|this ip)",
    r"virus|malware|infected|worm\b|trojan",
    r"content|attachment|mime[ /](?:error|reject|type|structure)|\burls?\b|character sets?|message size|(?:mail"
    r"|message) (?:is |was )?(?:too|larger)",
    r"invalid data|invalid structure|syntax error|protocol error|not supported|security|compliant|backscatter",
    r"violat\w+ (?:of|the|our|your)|(?:content|rule) violation",
    r"forg(?:ed|ery)",
    r"rate[ -]?limit|too (?:many|much|fast|quick)|throttl|frequency|excessive|volume",
    r"complain|\babus|unwanted|\bbulk\b|advertis|werbung|unerw|ind[eé]sirable|no desead|indesiderat|ongewenst|unsubscribe",
    # IANA: bad sender's mailbox, bad sender's system.
    r"\b[45]\.1\.[78]\b",
    r"verification failed for|call(?:out|back) (?:verification|setup)|cannot resolve your",
    r"originator|(?:return|bounce) address|reply-to|\byour (?:envelope|e-?mail address|address)\b|\bhostname\b|unknown\[",
    r"adresse ip|ip-?adresse|(?:direcci[oó]n|indirizzo|endere[cç]o) ip|versender|r(?:ü|ue)ckadresse|antwortadresse"
    r"|[eé]mett(?:eur|rice)|emisor|emissor|provenance|provenienza|afzender",
    r"\b(?:in|to) b?cc\b|\bheaders?\b|not a (?:list )?member$|filter",
    r"not (?:allowed|permitted) to (?:connect|send|submit)|connections? (?:not|will not|refused|rejected|denied"
    r"|from)",
    r"message (?:was |has been |is )?(?:not allowed|not accepted|rejected|filtered|refused|denied|blocked)"
    r"(?! ?[-–—.:]* *(?:invalid|unknown|no such|not enough))",
    r"\bmail (?:\w+ )?(?:is|was|has been) (?:rejected|blocked)|(?:e-?mail|mail) rejet|rejected by (?:this "
    r"|the )?(?:user|recipient)s?\b",
    r"(?<!not )(?:listed|found) (?:at|on|in) (?:\w+\.|one or more|the |our |a )?(?:\S*bl\b|\S+\.\S+\.)",
    r"spamhaus|spamcop|sorbs|barracuda|invaluement|hostkarma|cloudmark|proofpoint|symantec|messagelabs|ironport"
    r"|senderbase|cobion",
    r":blocked\b|rejected: blocked|\bblock-|-block\b",
    r"prohibit|administrativ|by administrator",
    r"loop(?:s|ed| detected)",
    r"will not accept (?:delivery of )?(?:this|your|these)\b|\bscored?\b|bounce tag|\bbatv\b|(?:white|allow|approved)[ -]?list"
    r"|\bcall(?:back|out) (?:to|for)\b|hop count|too many hops|mail loop"
    r"|\byour (?:account|mail ?box)|you (?:may|can|must) ?not send",
    r"\b5\.7\.(?:2\d|[56]\d\d)\b",
    # What was not understood is our part of the protocol; "in reply to RCPT TO command" says only where it was said.
    r"command (?:not|un|is|was|rejected)|(?:unknown|unrecogni[sz]ed|invalid|bad) command|certificate",
    # Counting unknown users accuses whoever tries them.
    r"harvest|listwash|many (?:\w+ ){0,2}(?:unknown|invalid|non-?existent|bad)|looks like|log[- ]?in failed"
    r"|\blinks?\b|originating",
    r"invalid (?:client|message)\b|charset|countr(?:y|ies)\b|encrypt|external (?:e-?mail|mail|sender)|internal (?:use"
    r"|mail)|opted out"
    r"|not (?:wish|want)|not accept(?:ing)? (?:any )?(?:e-?)?mails? from|maximum (?:\w+ )?size|rejected message",
    r"\bmail rejected(?! ?[-–—.:]* *(?:invalid|unknown|no such|not enough))",
    r"\bfrom domain\b|n't sent\b|non[- ]?members|only members|list of approved",
    # IANA: the message is too big for the system.
    r"\b5\.3\.4\b|account you (?:use|used|are using) to send",
    # NetEase: what comes before the colon is the check, after it the finding.
    r"\b(?:dt|mi|hl|ib): ?[a-z]{3}\b",
    *other_languages.SENDER_SIDE,
)
"""About us: the connection, the message, its origin, or how it was sent."""

_SENDER_SIDE_UNLESS_PLAIN = _any_of(
    r"relay(?!=)",
    r"gateway",
    r"access denied",
    r"refused",
)
"""About us as a rule. With the code of an unknown recipient, and a sentence that calls it unknown, about the recipient."""

# What passes

_TEMPORARY = _any_of(
    r"\b4\.\d{1,2}\.\d{1,3}\b",
    r"^\W*4[2-5]\d[\s-]",
    r"[;:] ?4[2-5]\d[\s-]",
    r"\btry (?:it |this )?(?:again|later)",
    r"tempor(?:ar|ai|al|an|är|aer)|vor(?:ü|ue)bergehend|momentan|provisoire|tijdelijk|derzeit|zur zeit",
    r"servfail|server failure|soft error|lookup fail|maintenance|\bldap\b|database error|(?:closed|lost|closing) connection"
    r"|\buntil\b|another process|server (?:is )?down",
    r"transient",
    r"deferred",
    r"delayed",
    r"retr(?:y|ied|ies)\b",
    r"at a later time",
    r"timed? ?out|timeout",
    r"will be (?:re)?tried",
    r"in progress",
    r"receiving (?:mail|messages) (?:at a rate|too)|limit (?:for|on) (?:the )?(?:number|rate) of messages"
    r"|messages they can receive|queue quota",
    r"\bbusy\b",
    r"no route to host|(?:host|network) (?:is )?unreachable|could ?n[o']t (?:connect|be reached)|connection (?:reset"
    r"|dropped)",
    r"spät(?:er)? (?:noch ?mals|erneut|wieder)|plus tard|mas tarde|más tarde|mais tarde|più tardi",
)

_MAILBOX_FULL = _any_of(
    r"(?<!queue )quota",
    r"(?:mail ?box|mail ?folder|account|inbox|storage|member|user|recipient|maildir|postfach"
    r"|disk)'?s? (?:for \w+ )?(?:is |are |was )?"
    r"(?:already |currently )?(?:full|overfull|over ?drawn|overflow)",
    r"\bover[ -]?quota|\bmailbox overflow",
    r"\b[45]\.2\.2\b",
    r"(?:not|n't) (?:have )?enough (?:\w+ )?(?:space|room)|space (?:is )?not enough|no (?:space|room) left"
    r"|insufficient (?:\w+ )?(?:space|storage)",
    r"(?:exceed\w*|exhausted|reached|above|over) (?:\w+ ){0,3}(?:storage|disk|mailbox size"
    r"|size of (?:the )?mailbox)(?: \w+)?",
    r"(?:storage|disk|mailbox)(?: \w+){0,2} (?:limit|size|allocation|space) (?:is |was |has been )?(?:exceeded"
    r"|exhausted|reached)",
    r"mail ?box (?:\w+ ){0,2}(?:exceed|size limit|too large|over)",
    r"\bfull mail ?box|(?:space|storage) (?:has been |is )?used up|not sufficient (?:\w+ )?(?:space|storage)",
    r"bo[iî]te .{0,30}pleine",
    r"(?:postfach|mailbox|speicher).{0,30}(?:\bvoll\b|überfüllt|ueberfuellt|zu viele)|zu ?viele mails",
    r"(?:buz[oó]n|casilla|caixa|casella).{0,30}(?:llen[oa]|chei[ao]|pien[ao])",
    r"(?:has |have )?used (?:all|up) (?:of )?(?:\w+ ){0,3}(?:space|storage)|out of (?:\w+ )?(?:space|storage)",
    *other_languages.MAILBOX_FULL,
)

# Nobody there

_DOMAIN = (
    r"(?:e-?mail |mail |destination |recipient |recipient's |receiving |target )?"
    r"(?:domain(?: ?name| part)?|host(?: ?name)?|mx(?: record)?s?|mail (?:server|host|exchanger)s?)"
)
_IS_NO_DOMAIN = (
    r"(?:unknown|not (?:be )?found|(?:was |is |could )?not found|(?:does|do)(?:n't| not| n't) (?:exist|resolve)"
    r"|not exist(?:ing|ent)?"
    r"|no longer exists?|non-?existent|nonexistant|invalid|unresolvable|could(?: not|n't) be (?:found|resolved)"
    r"|not resolvable)"
)
_NO_SUCH_DOMAIN = _any_of(
    r"\bnxdomain\b",
    r"\bname or service not known\b|\brecipient domain must exist\b",
    rf"\b{_DOMAIN} (?:[\w-]+(?:\.[\w-]+)+ )?(?:is |was |name )?{_IS_NO_DOMAIN}\b",
    r"\b(?:this|that|the) (?:mail )?domain (?:is |was )?(?:not|no longer) (?:hosted|handled|served|configured|local)\b"
    r"|\b(?:do|does)(?:n't| not) (?:host|handle|serve) (?:mail for )?(?:this|that|the) domain\b",
    r"\b(?:unknown|no such|non-?existent|invalid|illegal|bad|nonexistent|unresolvable"
    r"|unrout[e]?able)(?: or unknown)?(?: mail| destination)? "
    r"(?:domain|host)(?: ?name)?\b",
    r"\bnull ?mx\b|\bno-domain\b|\binvalid (?:dns )?mx\b",
    r"\bno (?:valid )?(?:mx|mail exchanger|mail server|mail host)(?: record)?s?\b(?: (?:found|exist|for))?",
    r"unrout[e]?able (?:mail )?domain",
    r"unable to route (?:to )?domain",
    r"all relevant mx records point to non-?existent hosts",
    r"(?:domaine|dominio|domínio) (?:inconnu|inexistant|inexistente|desconocido|desconhecido|sconosciuto)",
)

_WHO = (
    r"(?:(?:e-?mail|mail|local|intended|destination|final delivery|this|that|the|said|such|your|specified"
    r"|requested) )*"
    r"(?:user(?: ?name| ?id| account| e-?mail address| path)?|recipients?(?:'s)?(?: address(?:es)?"
    r"| e-?mail address| mailbox)?|addressee"
    r"|mail ?box(?:es)?|inbox|e-?mail(?:box| account| address(?:es)?)|accounts?|address(?:es)?|alias"
    r"|customer|subscriber|member|login"
    r"|person|local[ -]part|mail ?drop|destination|userid|rcpt)"
)
_IS = (
    r"(?:is |are |was |were |has been |have been |rejected ?: ?|on this (?:server|system|host) "
    r"|(?:at|for) this domain |you (?:have )?(?:specified|entered|given|provided|typed|used) (?:is |was )?|\w+ )?"
)
_IS_ABSENT = (
    r"(?:unknown|un-?known|(?:(?:could|was|were|is|are|can) ?)?(?:not|n't) (?:be )?(?:found|located|known|recogni[sz]ed"
    r"|registered|defined|listed|identified|verified|resolved|matched|assigned|provisioned|unique)"
    r"|unassigned|unregistered|unidentified|ambiguous|defunct|obsolete|retired|decommissioned|withdrawn"
    r"|(?:does|do|did)(?:n't| n't|nt| not) (?:appear to )?exist|not exists?|non exists?|no exists?"
    r"|no longer (?:exists?|valid|here|with us|in use|available|on)"
    r"|non-?existent|nonexistant|not existent|not? valid(?: any ?more)?|invalid|unallocated|undeliverable"
    r"|unrout[e]?able"
    r"|not (?:our|one of our)|not (?:a |an )?(?:valid|known|local|existing|active member|member)"
    r"|not (?:present )?in (?:the |our |my )?(?:recipient list|valid\w*|directory|database|system)|not present"
    r"|notfound"
    r"|not listed|not local|no such|(?:deleted|removed|erased)|misspelled|incorrect|not ok)"
)

_NO_SUCH_USER = _any_of(
    rf"\b{_WHO}:? {_IS}{_IS_ABSENT}\b",
    r"\b(?:unknown|no such|non-?existent|nonexistant|invalid|illegal|bad destination|bad|incorrect"
    r"|unrout[e]?able|undeliverable|not an? (?:valid|known|existing))"
    r"(?: or (?:illegal|unknown|invalid|misspelled))?(?: local| destination| e-?mail| final delivery| delivery)* "
    r"(?:user(?:s|name|id)?|recipients?|mail ?box|inbox|e-?mail|address(?:es)?|account|alias|addressee"
    r"|local[ -]part|subscriber|customer|person)\b",
    r"(?:account|address|mailbox|user|person) (?:that )?you (?:tried|are trying|attempted|want) to (?:reach"
    r"|contact|send to|e-?mail) "
    r"(?:does not|doesn't|do not|is not|no longer|could not)",
    r"no (?:mail ?box|user|account|one|body|person|recipient)(?: \w+)? (?:here )?(?:by|with|of|under) (?:that"
    r"|this) (?:name|address)",
    r"no (?:mail ?box|account) (?:here|found)\b|no (?:mail ?box|account) for\b",
    r"can(?:not|'t| not) find (?:the |this |that |a )?(?:user|recipient|mailbox|account|address)",
    r"unable to (?:find|locate|identify|verify) (?:the |this |that |a )?(?:user|recipient|mailbox|account|address)",
    r"not listed in (?:public name|domino directory)",
    r"not (?:our|a|one of our) (?:customer|user|subscriber|member)|not an? (?:active|local) (?:address|user|mailbox)",
    r"no (?:mail ?box|account) (?:is )?available for|(?:there is )?no ?(?:one|body) at (?:this|that) address"
    r"|(?:user|address) is wrong",
    r"(?:unknown|invalid) or (?:unknown|invalid|inactive) (?:\w+ )?(?:user|recipient|mailbox|address)"
    r"|missing home directory",
    r"not in my validrcptto|(?:user|recipient)'s (?:e-?mail )?(?:name|address) is not found",
    r"no forwarding (?:address|information)|(?:user|mailbox|recipient|address|account) (?:has )?moved\b"
    r"|please try (?:forwarding|<)",
    r"no longer (?:works?|employed|with|at) (?:for |at |here|the |this |our )|\b(?:has )?left (?:the|our|this) "
    r"(?:company|organi[sz]ation|firm|school|university|business)",
    r"\bdelivery error\b.{0,60} no longer valid\b|marked as invalid",
    r"no valid recipients?\b|remove this address.{0,40}not exist",
    r"\bthis account is not\b|recipients? (?:are|is) (?:all )?invalid|all recipients? (?:are|is) invalid",
    *other_languages.NO_SUCH_USER,
)

_MAILBOX_INACTIVE = _any_of(
    rf"\b{_WHO}:? (?:\(?\w+\)? ){{0,3}}"
    r"(?:inactiv|disabled|archived|deactivat|suspend|discontinu|expired|closed|locked|terminated|cancel"
    r"|not (?:been )?(?:yet )?activ|frozen"
    r"|no longer (?:active|accepts?|receiv)|dormant|disactivat|deprovision|shut ?down|on hold)",
    r"\b(?:inactive|disabled|deactivated|suspended|discontinued|expired|closed|locked|terminated|cancelled"
    r"|dormant|inactivated) "
    r"(?:e-?mail |mail )?(?:user|recipient|mail ?box|account|address|inbox|subscriber|customer)",
    r"(?:user|account|mailbox|address|recipient)\W+(?:\w+ ){0,4}(?:status (?:is )?(?:locked|inactive|disabled"
    r"|suspended))",
    r"now disabled with|mail receiving disabled|address no longer accepts mail|does not accept mail any ?more",
    r"(?:blocked|rejected|closed) (?:due to|because of|for) inactiv",
    r"address rejected: inactive",
    r"\[suspend\]",
    r"(?:does not|no longer) (?:accept|receive)s? (?:e-?)?mails?(?: any ?more)?\W*$|marked as (?:inactive|disabled)",
    r"hibernat|(?:has|have) not (?:been )?(?:logged in|used|accessed)|not logged in",
    *other_languages.MAILBOX_INACTIVE,
)

_NOT_IN_DIRECTORY = re.compile(r"\b5\.4\.1\b.{0,80}\baddress(?:es)? rejected ?: ?access denied")
_MAYBE_NO_SUCH_USER = _any_of(
    r"(?:mail ?box|recipient|user|account)(?: is| was)? (?:unavailable|not available)",
    r"(?:recipient |address )+rejected\W*$",
    r"(?:does|do)(?:n't| not) have an? (?:\S+ )?(?:account|mailbox)\b",
)
"""The text of RFC 5321 for 550, which it gives for a mailbox that is not found, no access, and a policy alike; and one of
Yahoo's, on which taxonomies disagree."""

_CODES = (
    (re.compile(r"\b5\.1\.(?:1|6|10)\b"), TextEvidence.NO_SUCH_USER),
    (re.compile(r"\b5\.(?:1\.2|4\.4)\b"), TextEvidence.NO_SUCH_DOMAIN),
    (re.compile(r"\b5\.2\.1\b"), TextEvidence.MAILBOX_INACTIVE),
)
"""IANA, SMTP Enhanced Status Codes: bad destination mailbox, mailbox moved, null MX; bad destination system, unable to route;
mailbox disabled. Read only where no word says anything else. 5.1.3, bad syntax, is left out: it is said of senders too."""
_UNKNOWN_RECIPIENT = re.compile(r"\b5\.1\.(?:1|10)\b|\b553 5\.3\.0\b")

_NAME_OF_CODE = re.compile(r"\(?bad destination mailbox address\)?")
"""Said of every 5.1.1 by those who name the codes."""

_OWN_ADDRESS = re.compile(r"[?&;]ip=[\d.a-f:]+|\bip:\s*[\d.]+(?=\])", re.IGNORECASE)
"""Our server's, in the link or the mark that a receiver puts under every refusal: it blames nobody."""
_JOINED_WORD = re.compile(r":(?=[^\W\d_])")
"""A statement that stands right behind an address and a colon would be taken for a part of the address."""
_ADDRESS_TOKEN = re.compile(r"[<(\[\"'«]*\[address\][>)\]\"'.»]*:?")
_PUNCTUATION = re.compile(r"\.{2,}|[*|<>{}«»\"#]+|-{2,}|\(\s*\)|\[\s*\]")
_SPACE = re.compile(r"\s+")


def read_diagnostic(text: str | None) -> TextEvidence | None:
    """The meaning of a receiver's refusal, or None when nothing in it can be relied on.

    Args:
        text: an SMTP diagnostic in any language and length, with or without codes; addresses in it are ignored.
    """
    if not text:
        return None
    readable = _JOINED_WORD.sub(": ", _OWN_ADDRESS.sub("", text[:_LONGEST_TEXT]))
    redacted = _ADDRESS_TOKEN.sub(" ", redact_addresses(readable))
    plain = _PUNCTUATION.sub(" ", redacted.casefold().replace("’", "'"))
    return _said(_SPACE.sub(" ", plain).strip())


def _said(plain: str) -> TextEvidence | None:
    if _SENDER_SIDE.search(plain):
        return TextEvidence.SENDER_SIDE
    if _NOT_IN_DIRECTORY.search(plain):
        return TextEvidence.MAYBE_NO_SUCH_USER
    is_named = bool(_UNKNOWN_RECIPIENT.search(plain) and _NO_SUCH_USER.search(_NAME_OF_CODE.sub("", plain)))
    if _SENDER_SIDE_UNLESS_PLAIN.search(plain) and not is_named:
        return TextEvidence.SENDER_SIDE
    for pattern, evidence in (
        (_MAILBOX_FULL, TextEvidence.MAILBOX_FULL),
        (_TEMPORARY, TextEvidence.TEMPORARY),
        (_NO_SUCH_DOMAIN, TextEvidence.NO_SUCH_DOMAIN),
        (_MAILBOX_INACTIVE, TextEvidence.MAILBOX_INACTIVE),
        (_NO_SUCH_USER, TextEvidence.NO_SUCH_USER),
        *_CODES,
        (_MAYBE_NO_SUCH_USER, TextEvidence.MAYBE_NO_SUCH_USER),
    ):
        if pattern.search(plain):
            return evidence
    return None
