"""The documentation against the code: what exists is described, what is described exists, tables are equal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
import typer

from list_pipeline.cli.main import app
from list_pipeline.core.audience.policy import AudiencePolicy
from list_pipeline.core.backups.policy import BackupPolicy
from list_pipeline.core.bounces.classes import BounceClass, Classification, FailureEvent, classify
from list_pipeline.core.bounces.policy import BouncePolicy
from list_pipeline.core.campaign_stages.policy import CalendarPolicy
from list_pipeline.core.campaigns.policy import CampaignPolicy
from list_pipeline.core.drift.mass_changes import MASS_CHANGES, MassChangeKind
from list_pipeline.core.five_lists.plausibility import ListsRule
from list_pipeline.core.five_lists.policy import FiveListsPolicy
from list_pipeline.core.incidents.policy import IncidentPolicy
from list_pipeline.core.launches.policy import LaunchPolicy
from list_pipeline.core.list_states.policy import ListStatePolicy
from list_pipeline.core.messages.delivery import DeliveryPolicy
from list_pipeline.core.monitoring.policy import MonitoringPolicy
from list_pipeline.core.plans.policy import ExecutionPolicy
from list_pipeline.core.preflight.policy import PreflightPolicy
from list_pipeline.core.quarantine.policy import QuarantinePolicy
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.retention import RetentionPolicy
from list_pipeline.core.reviews.policy import ReviewPolicy
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.gate import SuppressionGateFacts, judge_suppression
from list_pipeline.core.suppression.new_contacts import NewContactsPolicy
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import CampaignContext, ContactFacts, SuppressionRule, VerdictAction
from list_pipeline.core.validation.policy import ValidationPolicy
from list_pipeline.core.weekly.policy import WeeklyPolicy
from list_pipeline.core.wording import duration_text
from list_pipeline.definitions import defs
from list_pipeline.sandbox.faults import EFFECTS
from list_pipeline.sandbox.seed.recipe import SCENARIOS
from list_pipeline.sandbox.switches import SWITCHES
from list_pipeline.settings import Settings
from list_pipeline_tests.paths import CHECKOUT

PAGES = (
    *sorted(CHECKOUT.glob("*.md")),
    *sorted((CHECKOUT / "docs").glob("**/*.md")),
    *sorted((CHECKOUT / "sql").glob("*.md")),
)
IMAGES = sorted((CHECKOUT / "docs" / "images").glob("*.png"))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LARGEST_PICTURE = 400_000


def page(name: str) -> str:
    """The text of a page of the documentation."""
    return (CHECKOUT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1])


def table(text: str, marker: str) -> list[tuple[str, ...]]:
    """The rows of the table between ``<!-- marker`` and ``<!-- /marker``, without head and rule."""
    match = re.search(rf"<!-- {marker}\b[^\n]*-->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    assert match is not None, f"there is no table {marker}"
    rows = [cells(line) for line in match[1].splitlines() if line.startswith("|")]
    return rows[2:]


def first_cells(text: str) -> set[str]:
    """The names in the first column of any table of a page."""
    names: set[str] = set()
    for line in text.splitlines():
        if line.startswith("|"):
            names |= {name.strip(" `") for name in cells(line)[0].split(",")}
    return names


# What Dagster shows

ASSETS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
JOBS = {job.name: job for job in defs.jobs or ()}
SENSORS = {sensor.name: sensor for sensor in defs.sensors or ()}
SCHEDULES = {schedule.name: schedule for schedule in defs.schedules or ()}
CHECKS = {spec.name: spec for check in defs.asset_checks or () for spec in check.check_specs}


def test_the_code_location_has_what_the_following_tests_look_at() -> None:
    assert len(ASSETS) >= 14
    assert all((JOBS, SENSORS, SCHEDULES, CHECKS))


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_has_a_description_an_owner_and_a_group(name: str) -> None:
    spec = ASSETS[name]
    assert spec.description
    assert len(spec.description) > 30
    assert list(spec.owners)
    assert spec.group_name not in (None, "default")


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_is_explained(name: str) -> None:
    assert f"`{name}`" in page("architecture")


@pytest.mark.parametrize("name", sorted({**JOBS, **SENSORS, **SCHEDULES}))
def test_every_job_sensor_and_schedule_has_a_description_and_is_explained(name: str) -> None:
    described = {**JOBS, **SENSORS, **SCHEDULES}[name]
    assert described.description
    assert f"`{name}`" in page("architecture") + page("operations")


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_check_has_a_description_and_says_what_to_do(name: str) -> None:
    assert CHECKS[name].description
    assert name in first_cells(page("operations"))


def test_no_check_is_documented_that_does_not_exist() -> None:
    section = page("operations").split("\n## Checks\n")[1].split("\n## ")[0]
    assert first_cells(section) - {"check", "---"} == set(CHECKS)


# Settings and commands


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_example(name: str) -> None:
    example = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
    assert re.search(rf"^{name.upper()}=", example, re.MULTILINE)


OTHER_VARIABLES = {
    "DAGSTER_CURRENT_IMAGE",
    "WITH_KUBERNETES",
    "PYTHON_IMAGE",
    "POSTGRES_IMAGE",
    "REDIS_IMAGE",
    "POSTGRES_CLIENT",
    "DAGSTER_HOME",
    "LIST_PIPELINE_STACK_DIR",
    "POLICY_REVISION",
}
"""Written like settings in the documentation, and none: Dagster's, the stack's, a constant."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_variable_that_a_page_names_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", path.read_text(encoding="utf-8")))
    assert named - OTHER_VARIABLES <= {name.upper() for name in Settings.model_fields}


def commands() -> Iterator[str]:
    group = typer.main.get_command(app)
    yield from getattr(group, "commands", {})


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"^\| `list-pipeline {re.escape(name)}[ `]", page("operations"), re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_and_target_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    written = re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)", text, re.MULTILINE)
    assert set(written) <= targets
    assert set(re.findall(r"(?:`|^)list-pipeline ([a-z][a-z-]*)", text, re.MULTILINE)) <= set(commands())


PACKAGES = "agents|cli|core|defs|demo|integrations|operations|sandbox|stack|storage"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_and_folder_that_a_page_names_exists(path: Path) -> None:
    named = re.findall(rf"`(?:list_pipeline/)?((?:{PACKAGES})/[\w/]*(?:\.py)?)[:`]", path.read_text(encoding="utf-8"))
    assert [name for name in named if not (CHECKOUT / "list_pipeline" / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_definition_that_a_page_names_stands_in_that_file(path: Path) -> None:
    named = re.findall(rf"`(?:list_pipeline/)?((?:{PACKAGES})/[\w/]*\.py): (\w+)", path.read_text(encoding="utf-8"))
    sources = {file: (CHECKOUT / "list_pipeline" / file).read_text(encoding="utf-8") for file, _ in named}
    missing = [
        f"{file}: {name}"
        for file, name in named
        if not re.search(rf"^\s*(?:def |class )?{name}\b", sources[file], re.MULTILINE)
    ]
    assert missing == []


def test_every_operation_that_the_architecture_names_exists() -> None:
    rows = [cells(line) for line in page("architecture").splitlines() if line.startswith("| `")]
    named = [row[2] for row in rows if len(row) > 3 and row[0] in ASSETS and row[2].count(".") in (1, 2)]
    assert len(named) >= 16
    for name in named:
        module, _, function = name.rpartition(".")
        assert hasattr(import_module(f"list_pipeline.operations.{module}"), function), name


# Rules and figures

ACTIONS = {VerdictAction.SUPPRESS: "suppressed", VerdictAction.MONITOR: "watched", VerdictAction.KEEP: "kept"}


def named_class(found: Classification) -> str:
    return f"{found.bounce_class.value}, disputed" if found.is_disputed else found.bounce_class.value


def first_failure(state_id: int | None, is_permanent: bool) -> str:
    """What the rules do about a known recipient's first failure, outside an incident."""
    found = classify(state_id, is_permanent)
    event = FailureEvent(
        contact_id=1,
        campaign_id=1,
        occurred_at=NOW - timedelta(hours=1),
        state_id=state_id,
        is_permanent=is_permanent,
        status=None,
        classification=found,
        in_bounce_log=True,
        in_message_log=True,
    )
    campaign = CampaignContext(1, 1000, {1: "example.com"}, NOW - timedelta(hours=1))
    (verdict,) = decide([event], {}, {1: ContactFacts()}, campaign, SuppressionPolicy(), NOW)
    return ACTIONS[verdict.action]


def test_the_table_of_state_ids_equals_the_code() -> None:
    expected = []
    for state_id in (*range(1, 22), None):
        with_flag, without = classify(state_id, True), classify(state_id, False)
        assert with_flag.reason is without.reason
        expected.append(
            (
                "other" if state_id is None else str(state_id),
                with_flag.reason.value,
                named_class(with_flag),
                named_class(without),
                first_failure(state_id, True),
                first_failure(state_id, False),
            )
        )
    assert table(page("policy"), "states") == expected


def test_numbers_beside_the_table_of_state_ids_are_other_ones() -> None:
    assert {classify(number, True) for number in (0, 22, 99, -1)} == {classify(None, True)}


def test_the_figures_of_the_policy_equal_the_code() -> None:
    written = {name: float(value) for name, value, _ in table(page("policy"), "figures")}
    assert written == {name: float(value) for name, value in asdict(SuppressionPolicy()).items() if name != "incidents"}


POLICIES = (
    BouncePolicy,
    IncidentPolicy,
    NewContactsPolicy,
    ListStatePolicy,
    ValidationPolicy,
    CampaignPolicy,
    ExecutionPolicy,
    ReviewPolicy,
    FiveListsPolicy,
    WeeklyPolicy,
    CalendarPolicy,
    LaunchPolicy,
    DeliveryPolicy,
    MonitoringPolicy,
    RetentionPolicy,
    QuarantinePolicy,
    BackupPolicy,
    PreflightPolicy,
    AudiencePolicy,
)


def test_the_limits_of_every_policy_object_are_told() -> None:
    written = {name: value for name, value, _ in table(page("policy"), "limits")}
    assert written == {
        f"{policy.__name__}.{figure.name}": duration_text(figure.default)
        if isinstance(figure.default, timedelta)
        else f"{figure.default:g}"
        for policy in POLICIES
        for figure in fields(policy)
    }


def test_the_bands_of_the_review_are_those_of_the_gate() -> None:
    gate = SuppressionPolicy()
    assert (MonitoringPolicy().band_automatic, MonitoringPolicy().band_review) == (
        gate.automatic_confidence,
        gate.review_confidence,
    )


def test_the_figures_of_a_rebalancing_are_those_in_the_policy_page() -> None:
    policy, text = RebalancingPolicy(), page("policy")
    assert f"above {policy.trigger_percent} % (`LIST_BALANCE_THRESHOLD`)" in text
    assert f"at most {policy.repair_percent} % (`LIST_BALANCE_TARGET`)" in text
    assert f"moves and enrolments together are under {policy.max_changed_share_percent} %" in text
    assert f"others took at most {policy.max_taken_off_percent} % of each campaign list" in text


def test_the_figures_of_mass_changes_are_those_in_the_policy_page() -> None:
    policy, text = MASS_CHANGES, " ".join(page("policy").split())
    assert f"of {policy.least} contacts or more, and of more than {policy.percent} % of the list" in text
    assert f"is what {policy.usual_on_days} of the {policy.history.days} days before reached" in text
    assert f"is kept {policy.kept.days} days" in text
    assert f"within {policy.window.total_seconds() / 3600:.0f} hours counts together" in text
    assert all(f"`{kind.value}`" in text for kind in MassChangeKind)


@pytest.mark.parametrize("rule", [*SuppressionRule])
def test_every_rule_is_explained(rule: SuppressionRule) -> None:
    assert rule.value in first_cells(page("policy"))


@pytest.mark.parametrize("bounce_class", [*BounceClass])
def test_every_class_is_explained(bounce_class: BounceClass) -> None:
    assert bounce_class.value in first_cells(page("policy"))


@pytest.mark.parametrize("rule", [*ListsRule])
def test_every_rule_about_the_five_lists_is_explained(rule: ListsRule) -> None:
    assert f"| `{rule.value}` |" in page("policy")


@pytest.mark.parametrize("mode", [*Mode])
def test_every_mode_is_explained(mode: Mode) -> None:
    assert mode.value in first_cells(page("policy"))


def test_every_check_of_both_gates_is_explained() -> None:
    suppression = judge_suppression(SuppressionGateFacts(0, 0, (), True, Mode.AUTO, True), SuppressionPolicy())
    rebalancing = judge_rebalancing(
        RebalancingGateFacts((), (1, 1, 1), (1, 1, 1), frozenset(), True, Mode.AUTO, True), RebalancingPolicy()
    )
    names = {check.name for check in (*suppression.checks, *rebalancing.checks)}
    assert names <= first_cells(page("policy"))


@pytest.mark.parametrize("status", [*RunStatus])
def test_every_status_of_a_run_says_what_to_do(status: RunStatus) -> None:
    assert status.value in first_cells(page("operations"))


# The sandbox


def test_the_table_of_switches_equals_the_code() -> None:
    expected = [
        (
            switch.name,
            json.dumps(switch.default),
            ", ".join(map(str, switch.allowed))
            or ("true, false" if isinstance(switch.default, bool) else "number ≥ 0"),
            switch.description,
        )
        for switch in SWITCHES.values()
    ]
    assert table(page("sandbox"), "switches") == expected


def test_the_table_of_faults_equals_the_code() -> None:
    assert table(page("sandbox"), "effects") == list(EFFECTS.items())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_of_a_seed_is_explained(scenario: str) -> None:
    assert f"`{scenario}`" in page("sandbox")


# Words, links and pictures

TERMS = [
    "contact",
    "list",
    "campaign",
    "round",
    "cycle",
    "send",
    "partition",
    "recipient",
    "bounce event",
    "class",
    "reason",
    "disputed",
    "second hit",
    "soft pattern",
    "incident",
    "sweep",
    "suppression",
    "plan",
    "plan item",
    "gate",
    "review item",
    "journal",
    "change",
    "step",
    "job",
    "snapshot",
    "newcomer",
    "enrolment",
    "move",
    "deviation",
    "certificate",
    "mode",
    "maintenance log",
    "tail",
    "drift",
]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_defined_once_with_words_to_avoid(term: str) -> None:
    rows = [cells(line) for line in page("glossary").splitlines() if line.startswith(f"| {term} |")]
    assert len(rows) == 1
    _, definition, avoided = rows[0]
    assert len(definition) > 15
    assert avoided


def anchors(text: str) -> set[str]:
    """The anchors that a rendered page has, made of its headings as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links() -> Iterator[tuple[Path, str]]:
    for path in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                yield path, target


@pytest.mark.parametrize(("path", "target"), [*links()], ids=lambda value: getattr(value, "name", value))
def test_every_relative_link_leads_somewhere(path: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    goal = (path.parent / name).resolve() if name else path
    assert goal.exists()
    assert goal.is_relative_to(CHECKOUT)
    if anchor:
        assert anchor in anchors(goal.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_of_the_code_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:list_pipeline(?:_tests)?/)?[a-z_]+(?:/[a-z_]+)+\.py)\b", text))
    missing = {
        one for one in named if not any((base / one).is_file() for base in (CHECKOUT, CHECKOUT / "list_pipeline"))
    }
    assert missing == set()


@pytest.mark.parametrize("picture", IMAGES, ids=lambda path: path.name)
def test_every_picture_is_small_and_shown_somewhere(picture: Path) -> None:
    assert picture.stat().st_size < LARGEST_PICTURE
    assert any(f"images/{picture.name})" in path.read_text(encoding="utf-8") for path in PAGES)
