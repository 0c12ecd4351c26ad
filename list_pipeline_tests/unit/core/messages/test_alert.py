"""Short messages: one order of their parts, one mark, and Slack's limits whatever is put in."""

from __future__ import annotations

import pytest

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import as_text, compose, problems


def test_a_message_says_what_happened_the_figures_and_what_to_do_before_single_findings() -> None:
    message = alert(
        "Something Is Wrong",
        [compose("It happened.")],
        level=AlertLevel.CRITICAL,
        facts=[("Contacts", "12")],
        details=[compose("• one of them")],
        what_to_do=[compose("Look at it.")],
        about="2026-11-14-r3",
        small_print=[compose("more")],
    )
    parts = "Something Is Wrong", "It happened.", "Contacts: 12", "What to do", "Look at it.", "• one of them"
    shown = as_text(message)
    assert shown.startswith("🚨 Something Is Wrong")
    places = [shown.index(part) for part in (*parts, "2026-11-14-r3 · more")]
    assert places == sorted(places)
    assert message.text == "🚨 Something Is Wrong (2026-11-14-r3): It happened. Look at it."


def test_what_only_whoever_looks_closer_reads_stands_below_the_message() -> None:
    message = alert("Drift", [compose("It happened.")], below=[compose("• Contact 12")])
    assert "Contact 12" not in str(message.blocks)
    assert message.details is not None
    assert as_text(message.details).startswith("Details: Drift\n")
    assert as_text(message).endswith("• Contact 12\n")


def test_what_has_no_words_has_no_block() -> None:
    assert [block["type"] for block in alert("✅ Done", [compose("It is done.")]).blocks] == ["header", "section"]


@pytest.mark.parametrize("summary", ["", "<!channel> " * 900])
def test_the_longest_parts_together_keep_slacks_limits(summary: str) -> None:
    lines = [compose("{n} {text}", n=n, text="<!channel> & more " * 40) for n in range(40)]
    message = alert(
        "<!channel> " * 40,
        lines,
        facts=[("label " * 50, "1,234,567")] * 10,
        details=lines,
        what_to_do=lines,
        about="2026-11-14-r3",
        summary=summary,
        below=lines,
    )
    assert problems(*message[:2]) == ()
    assert message.details is not None
    assert problems(*message.details[:2]) == ()
    assert "<!channel>" not in message.text
    assert len(message.text) <= 1_500
