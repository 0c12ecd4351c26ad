"""What was told of a campaign beside what was read of it, in words. The reading is the measure.

Does not belong here: the counting (``storage.told_figures``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.wording import count_text, duration_text


@dataclass(frozen=True, slots=True)
class Compared:
    """The failures of a campaign's reading beside what was told of it.

    Attributes:
        failures: failures that were read and are over: those that Mailjet is still trying are left out.
        told: so many of them were told too.
        only_told: failures that were told and that the reading does not show.
        typical_s, slowest_s: median and longest time from a failure to its event, in seconds; None: none was told.
        since: when the first event of a failure ever came (UTC); None: none ever did.
    """

    failures: int
    told: int
    only_told: int
    typical_s: float | None
    slowest_s: float | None
    since: datetime | None

    @property
    def missed(self) -> int:
        """Failures that were read and never told."""
        return self.failures - self.told


def comparison_text(compared: Compared, sent_at: datetime) -> str:
    """What the Event API missed, and how late it was.

    Args:
        sent_at: when the campaign was sent (UTC): one from before the first event says nothing about what was missed.
    """
    if compared.since is None:
        return "Mailjet never told of a failure: is the URL registered for bounce, blocked and spam?"
    if sent_at < compared.since and not compared.told:
        return "Not comparable: Mailjet told of no failure before this campaign was sent."
    said = f"Mailjet told of {compared.told:,} of the {count_text(compared.failures, 'failure')} that were read"
    if compared.missed:
        said += f" and missed {compared.missed:,}"
    if compared.typical_s is not None and compared.slowest_s is not None:
        said += f"; half of them within {duration_text(compared.typical_s)}, the last after {duration_text(compared.slowest_s)}"
    if compared.only_told:
        more = count_text(compared.only_told, "more failure")
        said += f". It told of {more} that the logs do not show, on which nothing is decided"
    return f"{said}."
