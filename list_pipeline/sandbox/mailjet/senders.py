"""The ``sender`` and ``dns`` resources: whom the account may send for, and how their domains are set up.

A fresh account has one domain that is verified and set up. ``POST /sender`` names a sender, which stays inactive; what a person
does in Mailjet's pages and in DNS, ``set_sender`` and ``set_domain`` do.
"""

from __future__ import annotations

from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.wire import ApiError, body_of, date, envelope, not_found

DOMAIN = "sender.example"
"""The domain that a fresh account sends for."""
_FIRST_ID = 46_935


def senders(account: Account) -> dict[str, str]:
    """The senders with their status; ``*@domain`` is a whole domain."""
    found: dict[str, str] = account.store.note("senders", {f"*@{DOMAIN}": "Active"})
    return found


def set_sender(account: Account, sender: str, status: str | None) -> None:
    """What a person does with a sender in Mailjet's pages; None: it is taken off."""
    known = senders(account)
    if status is None:
        known.pop(sender, None)
    else:
        known[sender] = status
    account.store.set_note("senders", known)


def domains(account: Account) -> dict[str, dict[str, str]]:
    """The domains with what Mailjet's check of their DNS found."""
    found: dict[str, dict[str, str]] = account.store.note("domains", {DOMAIN: {"SPF": "OK", "DKIM": "OK"}})
    return found


def set_domain(account: Account, domain: str, spf: str, dkim: str) -> None:
    """What somebody did in DNS, after Mailjet's next check."""
    account.store.set_note("domains", domains(account) | {domain: {"SPF": spf, "DKIM": dkim}})


def handle_senders(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/sender``."""
    known = senders(account)
    if not segments:
        if request.method == "GET":
            return envelope([_sender(account, one) for one in known])
        if request.method == "POST":
            body = body_of(request, "Sender", ("Email", "EmailType", "IsDefaultSender", "Name"))
            address = str(body.get("Email") or "").casefold()
            if "@" not in address:
                raise ApiError(400, "Object properties invalid", "MJ03 A non-empty value is required")
            if address in known:
                raise ApiError(400, "There is an already existing active sender with the same email")
            set_sender(account, address, "Inactive")
            return envelope([_sender(account, address)], 201)
        raise ApiError(405, "Method not allowed")
    found = next((one for n, one in enumerate(known) if segments[0] in (one, str(_FIRST_ID + n))), None)
    if found is None or len(segments) > 1:
        raise not_found()
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    return envelope([_sender(account, found)])


def _sender(account: Account, address: str) -> dict[str, Any]:
    known, domain = senders(account), address.partition("@")[2]
    named = list(domains(account))
    return {
        "CreatedAt": date(account.now() - account.now() % 86_400),
        "DNSID": 1 + named.index(domain) if domain in named else 0,
        "Email": address,
        "EmailType": "bulk",
        "Filename": "",
        "ID": _FIRST_ID + list(known).index(address),
        "IsDefaultSender": False,
        "Name": "",
        "Status": known[address],
    }


def handle_dns(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/dns``."""
    known = domains(account)
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    if not segments:
        return envelope([_domain(account, one) for one in known])
    found = next((one for n, one in enumerate(known) if segments[0] in (one, str(1 + n))), None)
    if found is None or len(segments) > 1:
        raise not_found()
    return envelope([_domain(account, found)])


def _domain(account: Account, domain: str) -> dict[str, Any]:
    known = domains(account)
    return {
        "DKIMRecordName": f"mailjet._domainkey.{domain}.",
        "DKIMRecordValue": "k=rsa; p=MIGf",
        "DKIMStatus": known[domain]["DKIM"],
        "Domain": domain,
        "ID": 1 + list(known).index(domain),
        "IsCheckInProgress": False,
        "LastCheckAt": date(account.now() - account.now() % 3_600),
        "OwnerShipToken": "0123456789abcdef",
        "OwnerShipTokenRecordName": f"mailjet._01234567.{domain}.",
        "SPFRecordValue": "v=spf1 include:spf.mailjet.com ?all",
        "SPFStatus": known[domain]["SPF"],
    }
