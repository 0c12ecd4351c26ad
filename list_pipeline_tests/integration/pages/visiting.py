"""A browser without a browser: a client that signs in, keeps its cookie, and sends the forms that a page has."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx

from list_pipeline.core.tokens import Role
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import create_token


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.text += " "
        self.attributes += found
        if tag == "input" and found.get("type") == "hidden":
            self.fields[found["name"]] = found["value"]
        if tag == "a":
            self.links.append(found.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


class Shown:
    """A page as it was answered: its text, links and hidden fields."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.status = answer, answer.status_code
        parts = _Parts()
        parts.feed(answer.text)
        self.fields, self.links, self.tags, self.attributes = parts.fields, parts.links, parts.tags, parts.attributes
        self.words = " ".join(parts.text.split())


class Browser:
    """Somebody at the pages."""

    def __init__(self, http: httpx.Client) -> None:
        self.url = str(http.base_url).rstrip("/")
        # No connection stays open that somebody would have to close.
        closed_at_once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=60, limits=closed_at_once)

    @classmethod
    def signed_in(
        cls, services: Services, http: httpx.Client, role: Role = Role.REVIEWER, name: str = "Ada"
    ) -> Browser:
        """Somebody with a token of a role, who signed in."""
        made = cls(http)
        token, _ = create_token(services, name, role, by="Grace")
        assert made.sign_in(token).status == 303
        return made

    def sign_in(self, token: str, **fields: str) -> Shown:
        return self.send("/admin/sign-in", {"token": token, **fields})

    def see(self, path: str, status: int = 200, **headers: str) -> Shown:
        shown = Shown(self.http.get(path, headers=headers))
        assert shown.status == status, shown.answer.text
        return shown

    def send(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        """A form, from the same site unless ``headers`` say otherwise; those that are empty are left out."""
        sent = {name: value for name, value in {"origin": self.url, **headers}.items() if value}
        return Shown(self.http.post(path, data=fields, headers=sent))

    def decide(self, path: str, decision: str, note: str = "", **changed: str) -> Shown:
        """Open a page, and press one of its buttons."""
        return self.send(path, {**self.see(path).fields, "decision": decision, "note": note, **changed})
