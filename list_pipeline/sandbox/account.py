"""The rehearsed account: its store, clock, switches and credentials in one hand, and what happens as time passes.

Belongs here: what every resource needs, and settling (things that become due between two requests). Does not belong
here: a resource, or a due thing itself: those register themselves in ``settlers``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from list_pipeline.sandbox.clock import Clock
from list_pipeline.sandbox.faults import Faults
from list_pipeline.sandbox.store import Store
from list_pipeline.sandbox.switches import Switches

GHOST_DAYS = 30
"""A contact erased under GDPR is shown anonymised for so long (mailjet php#212, guide on deleting contacts)."""

API_KEY_ID = 1_643_971


@dataclass(slots=True)
class Account:
    """The account that all resources share. ``base_url`` is filled in when the server listens."""

    store: Store
    clock: Clock
    switches: Switches
    faults: Faults
    api_key: str = "sandbox-key"
    api_secret: str = field(default="sandbox-secret", repr=False)
    base_url: str = ""
    settlers: list[Callable[[Account, float], None]] = field(default_factory=list)

    def moment(self) -> float:
        """Seconds since 1970 in UTC, with fractions."""
        return self.clock.now().timestamp()

    def now(self) -> int:
        """Seconds since 1970 in UTC."""
        return int(self.moment())

    def settle(self) -> None:
        """Let everything happen that became due: bulk jobs, programmed sends, the end of anonymised contacts."""
        moment = self.moment()
        for settler in self.settlers:
            settler(self, moment)
        gone = int(moment) - GHOST_DAYS * 86_400
        if self.store.row("SELECT 1 FROM contact WHERE anonymised_at > 0 AND anonymised_at <= ?", (gone,)):
            with self.store.transaction():
                self.store.execute(
                    "DELETE FROM member WHERE contact_id IN"
                    " (SELECT id FROM contact WHERE anonymised_at > 0 AND anonymised_at <= ?)",
                    (gone,),
                )
                self.store.execute("DELETE FROM contact WHERE anonymised_at > 0 AND anonymised_at <= ?", (gone,))
