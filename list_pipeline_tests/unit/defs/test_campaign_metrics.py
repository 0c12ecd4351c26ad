"""What people see of Mailjet's own counters beside a campaign."""

from __future__ import annotations

from list_pipeline.defs.maintenance.campaigns import metrics_metadata

COUNTED = {"processed": 1_122, "delivered": 993, "hard_bounces": 65, "soft_bounces": 51, "blocked": 13, "complained": 3,
           "unsubscribed": 0, "delivery_rate": 88.5027, "bounce_rate": 10.3387, "hard_bounce_rate": 5.7932,
           "soft_bounce_rate": None}  # fmt: skip


def test_rates_are_named_as_percentages_and_have_the_figures_of_everywhere_else() -> None:
    found = {name: value.value for name, value in metrics_metadata(COUNTED).items()}
    assert found["delivery_rate_percent"] == 88.5
    assert found["bounce_rate_percent"] == 10.3
    assert found["delivered"] == 993
    assert not any(name.endswith("rate") for name in found)
    assert "soft_bounce_rate_percent" not in found
