"""How a contact may be shown: its id and a masked form, never the address.

Addresses in free text are redacted here too. Logs, metadata, Slack and error messages go through this module.
"""

from __future__ import annotations

import re

_LOCAL = r"""(?:"[^"\n]{1,64}"|[^\s<>"'(),;:\[\]=/]+)"""
_DOMAIN = r"""[^\s<>"'(),;\[\]]+"""
_ADDRESS = re.compile(rf"{_LOCAL}(?:@|%40){_DOMAIN}", re.UNICODE | re.IGNORECASE)
"""An address, also with a quoted local part and as it stands in a URL."""


_MASKED = re.compile(r".\*{3}@.\*{3}(?:\.[^\s@.]+)?")
"""What ``mask_address`` makes."""


def mask_address(address: str) -> str:
    """``jane.doe@example.com`` becomes ``j***@e***.com``: enough to recognise one's own test contact, not a person."""
    local, _, domain = address.partition("@")
    name, dot, suffix = domain.rpartition(".")
    return f"{local[:1] or '?'}***@{(name or domain)[:1] or '?'}***{dot}{suffix if name else ''}"


def redact_addresses(text: str) -> str:
    """Replace everything that looks like an address by ``[address]``; the masked form of one stays."""
    return _ADDRESS.sub(lambda found: found[0] if _MASKED.fullmatch(found[0]) else "[address]", text)
