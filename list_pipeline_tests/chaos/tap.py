"""Stands between the product and the sandbox: something happens right before or right after a certain request.

Belongs here: counting requests and calling an act at one of them. Does not belong here: the acts, and faults that the
sandbox has itself. Every request counts, to Mailjet, Slack and Gemini, those of the control API do not.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from list_pipeline.sandbox.dispatch import CONTROL_PREFIX, Dispatcher
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.server import SandboxServer


@dataclass
class Trigger:
    """Calls ``act`` at the ``nth`` request that matches; ``drops`` closes the connection without an answer then, ``answer`` is
    given instead of carrying it out. ``lasts``: also at all that follow.

    ``when`` is ``before`` (the request is not carried out yet, and never is when it drops) or ``after``.
    """

    act: Callable[[], None]
    nth: int = 1
    when: str = "before"
    path: str = ""
    method: str | None = None
    drops: bool = False
    answer: Response | None = None
    lasts: bool = False
    seen: int = 0
    fired: bool = False

    def counts(self, request: Request) -> bool:
        """Whether this is the request; counts it."""
        if self.method not in (None, request.method) or re.search(self.path, request.path, re.IGNORECASE) is None:
            return False
        self.seen += 1
        return self.seen == self.nth or (self.lasts and self.seen > self.nth)


@dataclass
class Tap:
    """The dispatcher's place in a sandbox; ``seen`` names the requests in order."""

    inner: Dispatcher
    triggers: list[Trigger] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def into(cls, server: SandboxServer) -> Tap:
        """Put one into a server that does not serve yet."""
        tap = cls(server._http.dispatcher)
        server._http.dispatcher = cast(Dispatcher, tap)
        return tap

    def handle(self, request: Request) -> Response:
        """The way of each request."""
        if request.path.startswith(CONTROL_PREFIX):
            return self.inner.handle(request)
        with self._lock:
            self.seen.append(f"{request.method} {request.path}")
            acting = [each for each in self.triggers if each.counts(request)]
        for each in acting:
            if each.when == "before":
                self._fire(each)
                if each.drops:
                    return Response(drop=True)
                if each.answer is not None:
                    return each.answer
        answer = self.inner.handle(request)
        for each in acting:
            if each.when == "after":
                self._fire(each)
                if each.drops:
                    return Response(drop=True)
        return answer

    def _fire(self, trigger: Trigger) -> None:
        trigger.fired = True
        try:
            trigger.act()
        except Exception as error:  # noqa: BLE001 - in a thread of the server nobody else would ever see it
            self.problems.append(f"the fault itself failed: {type(error).__name__}: {error}")
