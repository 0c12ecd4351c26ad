"""Which modules are mutated, and the tests that have to notice it.

A group's tests are named one by one rather than found: what else passes a line by chance is not what guards it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNIT = "list_pipeline_tests/unit/core"
_WHOLE = "list_pipeline_tests/integration"
_FIGURES = (
    "list_pipeline_tests/unit/test_docs.py::test_the_limits_of_every_policy_object_are_told",
    "list_pipeline_tests/unit/test_docs.py::test_the_figures_of_the_policy_equal_the_code",
    "list_pipeline_tests/unit/test_docs.py::test_the_figures_of_a_rebalancing_are_those_in_the_policy_page",
)
"""They hold the figures of every policy against the page that tells them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Modules, as patterns below the checkout, and the files of tests that guard them.

    ``without``: modules that the patterns fit and that another group has.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()

    def paths(self, root: Path) -> Iterator[str]:
        """The modules, with slashes, in order."""
        for pattern in self.modules:
            found = (str(path.relative_to(root)) for path in root.glob(pattern) if path.name != "__init__.py")
            yield from sorted(one for one in found if one not in self.without)


def _noun(name: str, *also: str) -> Group:
    """A noun of ``core`` with its own tests, and with those elsewhere that guard it too."""
    return Group(name, (f"list_pipeline/core/{name}/*.py",), (f"{_UNIT}/{name}", *_FIGURES, *also))


_READING_BACK = ("list_pipeline/operations/membership/pages.py", "list_pipeline/operations/plans/read_back.py")
_ON_A_DATABASE = (
    "list_pipeline/operations/plans/outcomes.py",
    "list_pipeline/operations/plans/settling.py",
    "list_pipeline/operations/plans/taken_back.py",
)
"""Modules of a package whose others need a Mailjet that answers."""

GROUPS = (
    _noun(
        "plans",
        f"{_UNIT}/test_life_cycles.py",
        f"{_UNIT}/suppression/test_gate.py",
        f"{_UNIT}/rebalancing/test_gate.py",
    ),
    _noun("suppression"),
    _noun("rebalancing", "list_pipeline_tests/unit/agents/test_rebalancing.py"),
    _noun("campaigns"),
    _noun("safety"),
    _noun("five_lists"),
    _noun("bounces"),
    _noun("runs", f"{_UNIT}/test_life_cycles.py"),
    _noun(
        "drift", "list_pipeline_tests/unit/test_docs.py::test_the_figures_of_mass_changes_are_those_in_the_policy_page"
    ),
    _noun("validation", f"{_UNIT}/test_life_cycles.py"),
    _noun("list_states"),
    _noun("monitoring"),
    _noun("health"),
    _noun("incidents"),
    _noun("reviews"),
    _noun("sender_faults"),
    _noun("verdict_imports"),
    _noun("quarantine"),
    _noun("campaign_stages"),
    _noun("launches", f"{_UNIT}/test_life_cycles.py"),
    _noun("preflight"),
    _noun("backups"),
    _noun("alarms"),
    _noun("digest"),
    *(
        Group(name, (f"list_pipeline/core/{name}.py",), (f"{_UNIT}/test_{name}.py",))
        for name in ("erasure", "pictures", "run_requests", "tokens", "unreadable_rows")
    ),
    Group("life_cycles", ("list_pipeline/core/life_cycles.py",), (f"{_UNIT}/test_life_cycles.py",)),
    Group(
        "reading_back",
        _READING_BACK,
        ("list_pipeline_tests/unit/operations/plans", "list_pipeline_tests/unit/operations/membership"),
    ),
    Group(
        "decisions",
        (
            *_ON_A_DATABASE,
            "list_pipeline/operations/maintenance/gates.py",
            "list_pipeline/operations/reviews/decisions.py",
            "list_pipeline/operations/safety/*.py",
        ),
        (
            f"{_WHOLE}/plans/test_outcomes_alone.py",
            f"{_WHOLE}/plans/test_settling_alone.py",
            f"{_WHOLE}/reviews/test_decisions_alone.py",
            f"{_WHOLE}/reviews/test_gates_alone.py",
            f"{_WHOLE}/reviews/test_reminders.py",
            f"{_WHOLE}/safety/test_what_stops_changes.py",
            f"{_WHOLE}/suppression/test_facts_of_the_gates.py",
        ),
    ),
    Group(
        "execution",
        (
            "list_pipeline/operations/plans/*.py",
            "list_pipeline/operations/reviews/approved_items.py",
            "list_pipeline/operations/suppression/plan_and_execute.py",
            "list_pipeline/operations/rebalancing/plan_and_execute.py",
            "list_pipeline/operations/campaigns/before_changes.py",
            "list_pipeline/operations/campaigns/recipients.py",
        ),
        (
            "list_pipeline_tests/unit/operations/plans",
            *(f"{_WHOLE}/{noun}" for noun in ("plans", "rebalancing", "suppression", "safety", "reviews", "campaigns")),
        ),
        without=(*_READING_BACK, *_ON_A_DATABASE),
    ),
)
