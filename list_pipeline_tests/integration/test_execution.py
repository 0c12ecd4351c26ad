from __future__ import annotations
from list_pipeline_tests.integration.accounts import *
def test_smoke(small):
    m = small.maintain()
    print(m.report.facts.status, m.delivery)
    small.assert_suppressed(small.account.ids(41,42,43,44))
    print(small.control.lists(), small.plan(PlanKind.REBALANCING).summary)
    print(small.control.requests())
def test_smoke2(seeded):
    m = seeded.maintain()
    print(m.report.facts.status, m.delivery)
def test_smoke3(small):
    pass
