"""The page of the calendar shows what is planned and late, whatever campaigns are called, and needs no script."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.tokens import Role
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.campaign_stages.test_calendar_feed import renamed
from list_pipeline_tests.integration.campaign_stages.test_follow import launch_in_two_days
from list_pipeline_tests.integration.pages.visiting import Browser


def test_the_page_shows_every_list_the_rounds_and_what_is_late_without_a_script(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    renamed(small, "<script>alert(1)</script> jane.doe@example.com")
    with served(small.services) as http:
        browser = Browser.signed_in(small.services, http, Role.READER)
        shown = browser.see("/admin/calendar")
        assert {"svg", "circle", "rect"} <= set(shown.tags)
        assert "alert(1)" in shown.words
        assert shown.answer.text.count("<script") == 1, "the one of every page"
        assert "jane.doe" not in shown.answer.text
        assert f"{at:%A, %Y-%m-%d}" in shown.words
        assert all(f"List {number}" in shown.words for number in (1, 2, 3))
        assert "Mailjet has not begun to send it" not in shown.words
        small.clock.set(at + timedelta(hours=2))
        browser = Browser.signed_in(small.services, http, Role.READER)
        late = browser.see("/admin/calendar")
        assert 'id="late"' in late.answer.text
        assert "Mailjet has not begun to send it" in late.words
        browser.see(f"/admin/calendar?from={at:%Y-%m-%d}&days=7")
        browser.see("/admin/calendar?from=nonsense", 404)
