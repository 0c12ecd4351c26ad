"""The one TLS context of a process.

Belongs here: that it is made once. Reading the certificates takes about 30 ms, and every client would do it anew.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """Certificates checked as httpx checks them by default; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count."""
    return httpx.create_ssl_context()
