"""The sandbox's own rules without a server: fault matching, switches, wire formats and the proportions of a seed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.sandbox.faults import JOB_EFFECTS, TRANSPORT_EFFECTS, FaultRule, Faults
from list_pipeline.sandbox.mailjet.wire import ApiError, date, instant
from list_pipeline.sandbox.seed.people import draw
from list_pipeline.sandbox.seed.recipe import SUPPRESSED_KEYS, SeedRequest
from list_pipeline.sandbox.switches import SWITCHES, Switches


@given(nth=st.integers(1, 6), count=st.one_of(st.none(), st.integers(1, 4)), total=st.integers(0, 15))
def test_a_rule_acts_from_its_nth_match_for_its_count(nth: int, count: int | None, total: int) -> None:
    faults = Faults()
    faults.add(FaultRule("drop_before", method="GET", path="/contact$", nth=nth, count=count))
    acted = [bool(faults.take("GET", "/v3/REST/CONTACT", TRANSPORT_EFFECTS)) for _ in range(total)]
    assert acted == [index >= nth and (count is None or index < nth + count) for index in range(1, total + 1)]


def test_other_methods_paths_and_kinds_do_not_count_as_matches() -> None:
    faults = Faults()
    faults.add(FaultRule("job_error", method="POST", path="managemany"))
    assert faults.take("GET", "/managemany", JOB_EFFECTS) == []
    assert faults.take("POST", "/contact", JOB_EFFECTS) == []
    assert faults.take("POST", "/managemany", TRANSPORT_EFFECTS) == []
    assert len(faults.take("POST", "/managemany", JOB_EFFECTS)) == 1


def test_every_default_is_an_allowed_value_of_its_switch() -> None:
    for switch in SWITCHES.values():
        assert switch.checked(switch.default) == switch.default
        assert switch.description.endswith(".")


def test_switches_are_set_all_or_none_and_reported() -> None:
    seen: list[dict[str, object]] = []
    switches = Switches(on_change=lambda table: seen.append(dict(table)))
    with pytest.raises(ValueError, match="one of"):
        switches.set(strict_parameters=True, job_vocabulary="latin")
    assert switches.flag("strict_parameters") is False
    switches.set(strict_parameters=True, job_latency_seconds=2)
    assert seen == [{"strict_parameters": True, "job_latency_seconds": 2.0}]
    switches.reset()
    assert switches.flag("strict_parameters") is False


@pytest.mark.parametrize(
    ("name", "value"),
    [("strict_parameters", 1), ("job_latency_seconds", -1), ("contact_limit", 1.5), ("contact_limit", True)],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        SWITCHES[name].checked(value)


@given(st.integers(1, 4_000_000_000))
def test_dates_survive_the_wire(seconds: int) -> None:
    assert instant(date(seconds), "FromTS") == instant(str(seconds), "FromTS") == seconds


def test_never_is_the_empty_string_and_nonsense_is_no_date() -> None:
    assert date(0) == ""
    with pytest.raises(ApiError):
        instant("yesterday", "FromTS")


@settings(max_examples=15, deadline=None)
@given(
    contacts=st.integers(3000, 40_000),
    seed=st.integers(0, 1000),
    scenario=st.sampled_from(["closed_cycle", "open_cycle"]),
    failures=st.sampled_from(["scaled", "constant"]),
)
def test_at_every_size_the_last_suppressions_pass_five_percent_and_stay_repairable(
    contacts: int, seed: int, scenario: str, failures: str
) -> None:
    np = pytest.importorskip("numpy")
    request = SeedRequest(scenario=scenario, contacts=contacts, seed=seed, last_send_failures=failures)
    people = draw(request, np.random.default_rng(seed))
    sizes = [
        len(members) - len(left) - len(excluded)
        for members, left, excluded in zip(people.lists, people.unsubscribed, people.excluded, strict=True)
    ]
    lost = sum(len(members) for trap, members in people.trapped if trap.key in SUPPRESSED_KEYS)
    sizes[request.last_round] -= lost
    mean = sum(sizes) / 3
    assert 0.05 < (mean - sizes[request.last_round]) / mean < 0.07
    assert max(sizes) / mean < 1.05
    assert lost < 0.08 * (sizes[request.last_round] + lost)
    grown = (sum(sizes) + len(people.newcomers)) / 3
    assert sizes[request.last_round] + len(people.newcomers) < grown * 0.98


@settings(max_examples=15, deadline=None)
@given(contacts=st.integers(3000, 20_000), seed=st.integers(0, 1000))
def test_every_contact_has_exactly_one_role(contacts: int, seed: int) -> None:
    np = pytest.importorskip("numpy")
    people = draw(SeedRequest(contacts=contacts, seed=seed), np.random.default_rng(seed))
    dealt = np.concatenate(
        [
            *people.lists,
            people.suppressed,
            people.suppressed_newcomers,
            people.newcomers,
            people.unsubscribed_newcomers,
            people.excluded_newcomers,
            people.ghost_newcomers,
            people.ghosts,
        ]
    ).tolist()
    twice = sorted(dealt)
    twice.remove(people.in_two_lists)
    assert twice == list(range(people.total))
