"""The figures by which an incident is told from dead addresses. What follows from them stands in ``strata`` and ``usual``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IncidentPolicy:
    """The figures of the incident test. Rates and chances are shares from 0 to 1.

    Those without another source were chosen by simulation: at most 2 % of quiet campaigns with a false hold, and at most 1 % of
    the outages of a fifth of an operator's recipients missed. docs/incidents.md has the figures and how to repeat them.
    """

    decay: float = 0.9
    """What a campaign weighs in the history, for each campaign since: ten campaigns together weigh 6.5."""
    prior_contacts: int = 500
    """The account's own rate weighs as much as so many contacts of the group's own history."""
    overdispersion: float = 0.002
    """How much more than by chance the rates of a group differ between campaigns, until it can be estimated."""
    overdispersion_least: float = 0.0005
    """No estimate below this: a calm past proves no calm future."""
    overdispersion_error: float = 0.001
    """The standard error of ``overdispersion``: an estimate with the same error counts half."""
    overdispersion_campaigns: int = 10
    """Fewest campaigns of which it is estimated."""
    false_share: float = 0.05
    """Most false ones among the flagged groups, on average: the q of Benjamini and Hochberg (1995)."""
    least_attempted: int = 3
    """Groups with fewer established contacts in the campaign are not tested."""
    least_hard: int = 3
    """Groups with fewer hard bounces are not flagged, however unusual they are."""
    operator_itself: float = 0.9
    """A domain with at least this share of its operator's contacts is not tested beside its operator: it would count twice."""
    starting_rate: float = 0.005
    """The account's rate of hard bounces among established contacts before it has a history. Our own figure, above the 0.3 % of
    the simulation, so that a first campaign is flagged late rather than early."""
    starting_contacts: int = 1000
    """``starting_rate`` weighs as much as so many contacts of the account's history."""

    def __post_init__(self) -> None:
        shares = (
            self.decay,
            self.overdispersion,
            self.overdispersion_least,
            self.overdispersion_error,
            self.false_share,
            self.operator_itself,
            self.starting_rate,
        )
        if not all(0 < share < 1 for share in shares):
            raise ValueError("rates and shares of the incident test lie between 0 and 1")
        if self.overdispersion < self.overdispersion_least:
            raise ValueError("the overdispersion to begin with must not be below the least one")
        counts = (
            self.prior_contacts,
            self.overdispersion_campaigns,
            self.least_attempted,
            self.least_hard,
            self.starting_contacts,
        )
        if min(counts) < 1:
            raise ValueError("counts of contacts and campaigns must be at least 1")


INCIDENTS = IncidentPolicy()
