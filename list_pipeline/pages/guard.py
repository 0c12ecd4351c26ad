"""What every request for a page passes first: who comes, how often, and whether a form was sent from these pages.

Belongs here: sessions and proxies as ``Visitor``, the check of forms, headers of every answer. Does not belong here: what
sessions and tokens are (``operations.page_sessions``, ``operations.tokens``).

A form is taken only from the same site (its ``Origin``) and with the token that the page carried. The cookie comes along
from this site alone; whoever follows a link in Slack is therefore sent on once more by a page of ours.
"""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import quote, urlsplit

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from list_pipeline.core.errors import ListPipelineError, RefusedError
from list_pipeline.core.tokens import SESSION_LIFE, Principal, form_token, is_secret
from list_pipeline.operations.page_sessions import new_secret, principal_of_proxy, principal_of_session
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import wait_before_next
from list_pipeline.pages.forms import FormError, form_of
from list_pipeline.pages.rendering import BASE, HEADERS, Visitor, rendered, same

SIGN_IN = f"{BASE}/sign-in"
STATIC = f"{BASE}/static/"
TOKEN_FIELD = "form_token"  # noqa: S105 -- the name of a field
_READING = ("GET", "HEAD")


class VisitRefusedError(Exception):
    """A request that gets no page. ``status`` and ``words``: of the answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Cookies:
    """The cookies of the pages: the secret of a session, and one by which forms are known behind a proxy.

    Behind TLS their names bind them to this site and to encrypted requests (RFC 6265bis: ``__Host-``).
    """

    def __init__(self, *, is_encrypted: bool) -> None:
        self._is_encrypted = is_encrypted
        prefix = "__Host-" if is_encrypted else ""
        self.session, self.browser = f"{prefix}list_pipeline_session", f"{prefix}list_pipeline_browser"

    def set(self, name: str, secret: str) -> str:
        """The header that sets a cookie; an empty secret takes it away."""
        cookie: SimpleCookie = SimpleCookie()
        cookie[name] = secret
        cookie[name]["path"], cookie[name]["samesite"], cookie[name]["httponly"] = "/", "Strict", True
        cookie[name]["max-age"] = int(SESSION_LIFE.total_seconds()) if secret else 0
        if self._is_encrypted:
            cookie[name]["secure"] = True
        return cookie[name].OutputString()


class Guard:
    """Around the application of the pages: nothing of it runs before its visitor is known, and each answer has its headers.

    Args:
        trusts_proxy: whoever comes, comes through a proxy: only then does its header say who that is.
    """

    def __init__(self, app: ASGIApp, services: Services, cookies: Cookies, *, trusts_proxy: bool) -> None:
        self._app, self._services, self._cookies = app, services, cookies
        settings = services.settings
        self._header = (settings.proxy_auth_header or "").lower() if trusts_proxy else ""
        self._own_host = urlsplit(settings.app_url).netloc if settings.app_url else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = ""

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if cookie:
                    headers.append("set-cookie", cookie)
            await send(message)

        if scope["path"].startswith(STATIC):
            await self._app(scope, receive, safely)
            return
        headers, state = Headers(scope=scope), scope.setdefault("state", {})
        try:
            visitor, cookie = await self._visitor(headers)
            state["visitor"] = visitor
            if scope["method"] not in _READING:
                state["form"] = await self._form(scope, receive, headers, visitor)
            if visitor is None and scope["path"] != SIGN_IN:
                await self._stranger(scope, headers)(scope, receive, safely)
                return
        except VisitRefusedError as refused:
            await _error(refused.status, refused.words, scope)(scope, receive, safely)
            return
        except ListPipelineError:
            await _error(503, "Not available now. Try it again in a moment.", scope)(scope, receive, safely)
            return
        await self._app(scope, receive, safely)

    async def _visitor(self, headers: Headers) -> tuple[Visitor | None, str]:
        """Who comes, and a cookie to set, if any."""
        found = cookie_parser(headers.get("cookie", ""))
        named = headers.getlist(self._header) if self._header else []
        if named:
            return await self._through_proxy(named, found.get(self._cookies.browser, ""))
        secret = found.get(self._cookies.session, "")
        principal = await run_in_threadpool(principal_of_session, self._services, secret) if secret else None
        if principal is None:
            return None, ""
        await self._count(principal)
        return Visitor(principal, form_token(secret, principal.name), signed_in=True), ""

    async def _through_proxy(self, named: list[str], secret: str) -> tuple[Visitor, str]:
        try:
            principal = (
                await run_in_threadpool(principal_of_proxy, self._services, named[0]) if len(named) == 1 else None
            )
        except RefusedError as error:
            raise VisitRefusedError(403, str(error)) from error
        if principal is None:
            raise VisitRefusedError(
                403, "You are signed in at the proxy, and nobody has said yet that you may come in here."
            )
        await self._count(principal)
        cookie = ""
        if not is_secret(secret):
            secret = new_secret()
            cookie = self._cookies.set(self._cookies.browser, secret)
        return Visitor(principal, form_token(secret, principal.name), signed_in=False), cookie

    async def _count(self, principal: Principal) -> None:
        wait = await run_in_threadpool(wait_before_next, self._services, principal)
        if wait is not None:
            raise VisitRefusedError(429, f"Too many requests. Come back in {wait} s.")

    async def _form(self, scope: Scope, receive: Receive, headers: Headers, visitor: Visitor | None) -> dict[str, str]:
        """The fields of a form that was sent from one of these pages."""
        origin = headers.get("origin")
        hosts = {headers.get("host", ""), self._own_host} - {""}
        is_ours = _host_of(origin) in hosts if origin else headers.get("sec-fetch-site") == "same-origin"
        if not is_ours:
            raise VisitRefusedError(403, "This form was sent from another site. Nothing was done.")
        try:
            form = await form_of(scope, receive)
        except FormError as error:
            raise VisitRefusedError(error.status, f"{error.words} Nothing was done.") from error
        if visitor is not None and not same(form.pop(TOKEN_FIELD, ""), visitor.form_token):
            raise VisitRefusedError(403, "This form is from an earlier sign-in. Nothing was done: open the page again.")
        return form

    def _stranger(self, scope: Scope, headers: Headers) -> Response:
        path = scope["path"]
        if scope["method"] not in _READING:
            return _error(
                401, "You are not signed in any more. Nothing was done: sign in and open the page again.", scope
            )
        if headers.get("sec-fetch-site") == "cross-site":
            # Whoever follows a link from elsewhere comes without the cookie: it is sent when our own page asks.
            return rendered("once_more.html", visitor=None, path=path, to=_asked_for(scope))
        return RedirectResponse(f"{SIGN_IN}?to={quote(_asked_for(scope), safe='')}", 303)


def _host_of(origin: str) -> str:
    """Host and port of an ``Origin``; empty where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _asked_for(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(scope["path"], safe="/-._~") + (f"?{query}" if query else "")


def inner_path(text: str) -> str:
    """Where to go after signing in: a page of ours; what waits, where it is none."""
    is_ours = text.startswith(f"{BASE}/") and text.isascii() and text.isprintable() and "\\" not in text
    parts = urlsplit(text) if is_ours else None
    if parts is None or parts.scheme or parts.netloc or "//" in parts.path or parts.path == SIGN_IN or len(text) > 500:
        return f"{BASE}/waiting"
    return text


def _error(status: int, words: str, scope: Scope) -> Response:
    visitor = scope.get("state", {}).get("visitor")
    return rendered("error.html", status=status, visitor=visitor, path=scope["path"], number=status, words=words)
