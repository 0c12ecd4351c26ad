"""docs/incidents.md against the code: every figure of its worked case."""

from __future__ import annotations

from list_pipeline.core.incidents.groups import POOL, DomainCount, GroupKind, count_groups
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.incidents.strata import TestedGroup, examine, flagged_groups, holding_group
from list_pipeline.core.incidents.usual import PastCount, Usual, usual_of
from list_pipeline_tests.unit.test_docs import page, table

OPERATORS = Operators()
COMPANIES = [DomainCount(f"company{number}.example", 2, 0) for number in range(274)]
TODAY = [
    DomainCount("gmail.com", 682, 129),
    DomainCount("outlook.com", 160, 1),
    DomainCount("hotmail.com", 92, 0),
    DomainCount("web.de", 120, 0),
    DomainCount("gmx.de", 80, 1),
    DomainCount("yahoo.com", 110, 1),
    DomainCount("t-online.de", 68, 0),
    DomainCount("icloud.com", 50, 0),
    DomainCount("closed.example", 5, 5),
    DomainCount("open.example", 9, 1),
    *COMPANIES,
]
"""A Gmail outage like that of December 2020 in a campaign of 1,924 recipients, and a company that closed."""
EARLIER = [(4, 1, 0, 1, 0, 0, 0, 1), (2, 0, 1, 0, 0, 0, 0, 2), (1, 1, 0, 0, 1, 0, 0, 1)] * 2
"""Hard bounces of six campaigns before, oldest first, in the order of the first eight domains."""


def usual() -> Usual:
    past = []
    for hard in EARLIER:
        counts = [DomainCount(one.domain, one.attempted, bounced) for one, bounced in zip(TODAY, hard, strict=False)]
        rest = [DomainCount(one.domain, one.attempted, 0) for one in TODAY[len(hard) :]]
        groups = count_groups([*counts, *rest], OPERATORS, INCIDENTS)
        past.append([PastCount(one.group, one.attempted, one.hard) for one in groups])
    return usual_of(past, OPERATORS, INCIDENTS)


def judged() -> list[TestedGroup]:
    found = examine(count_groups(TODAY, OPERATORS, INCIDENTS), usual(), OPERATORS, INCIDENTS)
    return sorted(found, key=lambda one: one.log_chance)


def words(chance: float) -> str:
    return f"{chance:.0e}" if chance < 0.001 else f"{chance:.2g}"


def rows() -> list[tuple[str, ...]]:
    found = judged()
    return [
        (
            one.group.name,
            str(one.count.attempted),
            str(one.count.hard),
            f"{one.count.attempted * one.expected_rate:.2f}",
            words(one.chance),
            words(rank * INCIDENTS.false_share / len(found)),
            "flagged" if one.is_flagged else "",
        )
        for rank, one in enumerate(found, start=1)
    ]


def test_the_table_of_the_worked_case_is_what_the_code_says() -> None:
    assert table(page("incidents"), "case") == rows()


def test_the_arithmetic_of_the_worked_case_is_what_the_code_does() -> None:
    known, text = usual(), " ".join(page("incidents").split())
    google = next(one for one in judged() if one.group.name == "Google")
    own = known.groups[google.group]
    rate = known.account_rate(INCIDENTS)
    history = f"{own.hard:.1f} + 500 × {100 * rate:.2f} %) / ({own.attempted:,.0f} + 500)"
    assert f"N = {own.attempted:,.0f} contacts and h = {own.hard:.1f} hard bounces" in text
    assert f"g = ({known.account.hard:.1f} + 5) / ({known.account.attempted:,.0f} + 1,000) = {100 * rate:.2f} %" in text
    assert f"m = ({history} = {100 * google.expected_rate:.2f} %" in text
    assert f"{682 * google.expected_rate:.1f} of 682" in text
    size = (1 - known.overdispersion) / known.overdispersion
    assert f"a = {google.expected_rate * size:.2f} and b = {(1 - google.expected_rate) * size:.1f}" in text
    assert known.overdispersion == INCIDENTS.overdispersion


def test_the_worked_case_holds_whom_the_page_says() -> None:
    flagged = flagged_groups(judged())
    assert {(one.kind, one.name) for one in flagged} == {
        (GroupKind.OPERATOR, "Google"),
        (GroupKind.DOMAIN, "closed.example"),
    }
    assert holding_group("googlemail.com", flagged, OPERATORS) is not None
    assert holding_group("open.example", flagged, OPERATORS) is None


def test_a_few_bounces_at_as_many_domains_flag_the_pool() -> None:
    struck = [DomainCount(f"company{number}.example", 2, 1) for number in range(5)]
    reached = DomainCount("closed.example", 5, 0)
    today = [one for one in TODAY if one.domain not in {"closed.example", *(each.domain for each in struck)}]
    counts = count_groups([*today, reached, *struck], OPERATORS, INCIDENTS)
    assert POOL in flagged_groups(examine(counts, usual(), OPERATORS, INCIDENTS))
