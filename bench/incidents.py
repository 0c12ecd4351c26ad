"""Simulates quiet campaigns and outages, and prints how often the incident test is wrong: the table of docs/incidents.md."""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline_tests.incident_measures import Where, outages, quiet_together

SIZES = (1000, 3000, 10_000)
SHARES = (0.01, 0.03, 0.05, 0.1, 0.2)


def show(quiet_campaigns: int = 800, struck_campaigns: int = 80, sizes: Sequence[int] = SIZES, seed: int = 1) -> None:
    """The table, a row as soon as it is known. Ten thousand contacts take some minutes."""
    for contacts in sizes:
        found = quiet_together(contacts, quiet_campaigns, seed)
        print(
            f"{contacts:,} contacts: {100 * found.false_holds / found.campaigns:.2f} % of {found.campaigns} quiet campaigns "
            f"with a false hold, {100 * found.wrongly_held / found.bouncers:.2f} % of the bouncers held wrongly",
            flush=True,
        )
        rows = [(share, Where.OPERATOR) for share in SHARES] + [(SHARES[-1], Where.HOSTED), (SHARES[-1], Where.POOLED)]
        for share, where in rows:
            struck = outages(contacts, share, struck_campaigns, seed, where)
            missed, lost, alone, neither = (
                sum(figures) / len(struck)
                for figures in zip(
                    *((one.is_missed, one.lost, one.lost_without_grace, one.lost_without_both) for one in struck),
                    strict=True,
                )
            )
            print(
                f"  {100 * share:4.0f} % of {where.value:<8} missed {100 * missed:5.1f} %   good contacts suppressed a "
                f"campaign: {lost:6.2f} with both parts, {alone:6.2f} without grace, {neither:6.2f} with neither",
                flush=True,
            )
