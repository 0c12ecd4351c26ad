"""Shadow mode: a changed policy judges beside the present one for some campaigns, and only what differs is kept.

Belongs here: beginning and ending it, comparing after each planning, what came of it. Does not belong here: the rules, and what
the rules are told (``plan_and_execute``). Nothing of a shadow is ever carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.replay.shadow import (
    Shadow,
    ShadowDifference,
    ShadowFigures,
    figures_of,
    judged_by_both,
    place_text,
    shadow_line,
)
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import Verdict
from list_pipeline.operations.access import Deciding, Storing
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.suppression.figures import changed_policy
from list_pipeline.storage import shadow as rows
from list_pipeline.storage.replay import later_of

log = structlog.get_logger(__name__)

CAMPAIGNS = 12
"""So many campaigns are compared where nobody says how many."""
MOST_CAMPAIGNS = 500
_STARTING, _ENDING, _COMPARING = "Starting a shadow policy", "Ending the shadow policy", "Comparing the shadow policy"


@dataclass(frozen=True, slots=True)
class FoundDifference:
    """A difference, and the key of the campaign after which it was found."""

    campaign: str
    difference: ShadowDifference


@dataclass(frozen=True, slots=True)
class ShadowShown:
    """A changed policy beside the present one. ``words``: where it is, and how the two compare. ``differences``: the latest."""

    number: int
    figures: dict[str, str]
    campaigns: int
    started_at: datetime
    started_by: str
    reason: str
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None
    found: ShadowFigures
    words: tuple[str, ...]
    differences: tuple[FoundDifference, ...]
    differences_in_all: int


@dataclass(frozen=True, slots=True)
class ShadowState:
    """A shadow, what came of it so far in figures, and contact by contact."""

    shadow: Shadow
    figures: ShadowFigures
    differences: tuple[FoundDifference, ...]

    @property
    def lines(self) -> tuple[str, str]:
        """For people: where it is, and how the two compare."""
        return place_text(self.shadow, self.figures.campaigns), shadow_line(self.shadow, self.figures)

    def shown(self, most: int) -> ShadowShown:
        """The read model. ``most``: so many differences, the latest."""
        shadow = self.shadow
        return ShadowShown(
            number=shadow.shadow_id,
            figures=dict(shadow.figures),
            campaigns=shadow.campaigns,
            started_at=shadow.started_at,
            started_by=shadow.started_by,
            reason=shadow.reason,
            ended_at=shadow.ended_at,
            ended_by=shadow.ended_by,
            ended_why=shadow.ended_why,
            found=self.figures,
            words=self.lines,
            differences=self.differences[-most:],
            differences_in_all=len(self.differences),
        )


def start_shadow(
    services: Deciding,
    present: SuppressionPolicy,
    changes: Mapping[str, str],
    *,
    campaigns: int = CAMPAIGNS,
    by: str,
    note: str,
) -> Shadow:
    """Let a changed policy judge beside the present one from the next plan on.

    Args:
        changes: the changed figures, as they were typed.
        campaigns: after so many it ends by itself.
        by: who wants it. note: why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named, no reason is given, a figure is not allowed or none is changed, or another shadow runs.
    """
    by, reason = reviewer(services, by, _STARTING), reason_of(note, _STARTING)
    if not 1 <= campaigns <= MOST_CAMPAIGNS:
        raise RefusedError(_STARTING, "that number of campaigns makes no sense", f"Between 1 and {MOST_CAMPAIGNS}")
    if changed_policy(present, changes, _STARTING) == present:
        raise RefusedError(
            _STARTING, "it is the present policy", "Name a figure that is to be different, as grace_days=90"
        )
    figures = {name: value.strip() for name, value in changes.items()}
    with services.database.begin() as connection:
        number = rows.start(connection, figures, campaigns, by, reason, services.clock.now())
        found = rows.running(connection)
    if number is None or found is None:
        raise RefusedError(
            _STARTING, "another one runs", "Look at it with `list-pipeline shadow show`, or stop it first"
        )
    log.info("shadow policy started", shadow=number, campaigns=campaigns, by=by)
    return found


def stop_shadow(services: Deciding, *, by: str, note: str) -> ShadowState:
    """End the shadow that runs; what it found stays.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named, no reason is given, or no shadow runs.
        StateChangedError: it ended at this moment.
    """
    by, reason = reviewer(services, by, _ENDING), reason_of(note, _ENDING)
    with services.database.begin() as connection:
        found = rows.running(connection)
        if found is None:
            raise RefusedError(_ENDING, "none runs", "`list-pipeline shadow show` has the ones that ended")
        rows.end(connection, found.shadow_id, services.clock.now(), by=by, why=reason)
    log.info("shadow policy stopped", shadow=found.shadow_id, by=by)
    return shadows(services, 1)[0]


def shadows(services: Storing, number: int) -> tuple[ShadowState, ...]:
    """The latest shadows with what came of them, the newest first."""
    with services.database.begin() as connection:
        return tuple(_state(connection, one) for one in rows.latest(connection, number))


def _state(connection: Connection, shadow: Shadow) -> ShadowState:
    campaigns, judged = rows.compared(connection, shadow.shadow_id)
    found = rows.differences(connection, shadow.shadow_id)
    later = later_of(connection, sorted({one.contact_id for _, _, one in found}))
    reached = {
        one.contact_id for _, at, one in found if one.contact_id in later and later[one.contact_id].was_alive_after(at)
    }
    figures = figures_of(campaigns, judged, (one for _, _, one in found), reached)
    return ShadowState(shadow, figures, tuple(FoundDifference(key, one) for key, _, one in found))


def compare_shadow(
    services: Storing,
    campaign_id: int,
    sweep: str,
    present: tuple[SuppressionPolicy, tuple[Verdict, ...]],
    judge: Callable[[SuppressionPolicy], tuple[Verdict, ...]],
) -> None:
    """Ask the shadow about what was just planned, if there is one, and keep where it differs; after its last campaign it ends.

    Args:
        present: the policy that planned, and its verdicts.
        judge: the verdicts of another policy on the same facts.

    Raises:
        RefusedError: its figures are no policy any more.
    """
    policy, verdicts = present
    with services.database.begin() as connection:
        shadow = rows.running(connection)
        if shadow is None:
            return
        gone = rows.gone(connection, shadow.shadow_id, campaign_id)
    judged, differences = judged_by_both(verdicts, judge(changed_policy(policy, shadow.figures, _COMPARING)), gone)
    now = services.clock.now()
    with services.database.begin() as connection:
        kept = rows.keep_comparison(connection, shadow.shadow_id, campaign_id, sweep, judged, differences, now)
        is_over = kept and rows.compared(connection, shadow.shadow_id)[0] >= shadow.campaigns
        if is_over:
            rows.end(connection, shadow.shadow_id, now)
    log.info(
        "shadow policy compared", shadow=shadow.shadow_id, judged=judged, differences=len(differences), over=is_over
    )


def campaign_line(connection: Connection, campaign_id: int) -> str:
    """What the shadow would have done after a campaign, in one line; after its last one with what came of all; empty: none
    was compared."""
    found = rows.of_campaign(connection, campaign_id)
    if found is None:
        return ""
    shadow, judged, place = found
    own = figures_of(1, judged, (one for _, _, one in rows.differences(connection, shadow.shadow_id, campaign_id)), ())
    words = f"Campaign {place} of {shadow.campaigns}: {shadow_line(shadow, own)}"
    if shadow.ended_at is None or place < shadow.campaigns:
        return words
    whole = _state(connection, shadow)
    return f"{words} It ended with this one. In all: {shadow_line(shadow, whole.figures)}"
