"""How pages are made: templates, and the forms in which figures, instants and names stand on them.

Everything that is shown is escaped, loses control characters and whatever looks like an address; a value that a template misses
is an error and no blank. Does not belong here: any one page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from list_pipeline.core.foreign_text import tamed
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.core.wording import confidence_text, duration_text, instant_text, percent_text, seconds_text
from list_pipeline.pages.words import words_of

BASE = "/admin"
"""Where the pages stand."""
_LONGEST = 4_000
"""Characters of one text on a page."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page. ``form_token``: what each form carries. ``signed_in``: with a token, so that there is a way out."""

    principal: Principal
    form_token: str
    signed_in: bool

    @property
    def may_decide(self) -> bool:
        """Whether the role is one that decides."""
        return self.principal.role.may(Role.REVIEWER)


NAVIGATION = (
    ("/waiting", "What waits"),
    ("/mode", "Stop or go on"),
    ("/calendar", "Calendar"),
    ("/campaigns", "Campaigns"),
    ("/launches", "Launch changes"),
    ("/contacts", "Find a contact"),
    ("/audience", "New audience"),
    ("/losses", "Losses and repairs"),
    ("/dashboard", "Dashboard"),
    ("/list-health", "Weeks"),
    ("/audit", "Who did what"),
)


def _shown(value: Any) -> Any:
    """What is about to stand on a page."""
    if value is None:
        return "–"
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return redact_addresses(tamed(value, _LONGEST))
    return value


def _time(at: datetime | None, unknown: str = "never") -> Markup:
    if at is None:
        return escape(unknown)
    return Markup('<time datetime="{}">{}</time>').format(at.astimezone(UTC).isoformat(), instant_text(at))


def _day(at: date | None) -> str:
    return "–" if at is None else (at.astimezone(UTC).date() if isinstance(at, datetime) else at).isoformat()


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("list_pipeline.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "time": _time,
        "day": _day,
        "count": _count,
        "words": words_of,
        "percent": percent_text,
        "confidence": confidence_text,
        "duration": duration_text,
        "seconds": lambda milliseconds: "–" if milliseconds is None else f"{seconds_text(milliseconds)} s",
    }
    made.globals |= {"base": BASE, "navigation": NAVIGATION}
    return made


_ENVIRONMENT = _environment()

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    # With "no-referrer" browsers would not say in which site a form stood.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""Of every page and file."""


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page.

    Args:
        template: its file. shown: what it shows.
    """
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return rendered(template, status=status, visitor=visitor, path=request.url.path, **shown)


def rendered(template: str, *, status: int = 200, visitor: Visitor | None, path: str, **shown: Any) -> HTMLResponse:
    """A page for somebody, or for nobody in particular."""
    text = _ENVIRONMENT.get_template(template).render(visitor=visitor, path=path, **shown)
    return HTMLResponse(text, status)


def drawn(svg: str) -> Markup:
    """A picture of ours (``core.pictures``), in which every name is escaped already."""
    return Markup(svg)  # noqa: S704


def same(first: str, second: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return secrets.compare_digest(first.encode(), second.encode())
