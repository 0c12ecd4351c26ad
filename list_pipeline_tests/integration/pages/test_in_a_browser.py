"""The pages in a real browser: on a phone, with the keyboard alone, without scripts, and by a link from elsewhere.

Skipped where there is no Chromium; ``.ci/run`` installs it. PAGES_PICTURES=folder keeps pictures of the pages,
for the documentation.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.tokens import Role
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.tokens import create_token
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import Account, Installation, copy_database, installation, quietly
from list_pipeline_tests.integration.api.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
_FITS = "document.scrollingElement.scrollWidth <= window.innerWidth"
_UNLABELLED = """[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
    .filter(one => !one.labels || one.labels.length === 0).length"""
_TOO_SMALL = """[...document.querySelectorAll('main button, main .button')]
    .filter(one => one.getBoundingClientRect().height < 44).map(one => one.textContent)"""
_LOW_CONTRAST = """(() => {
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const paper = one => { for (let at = one; at; at = at.parentElement) { const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('body *')].filter(one => [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim())
      && !one.closest('svg, title, script, [aria-disabled]') && one.getBoundingClientRect().width > 0)
    .filter(one => { const [a, b] = [light(getComputedStyle(one).color), light(paper(one))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5; }).map(one => one.textContent.trim().slice(0, 40));
})()"""


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    return found


@dataclass
class Desk:
    """A service with a plan that waits, and a browser."""

    made: Installation
    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)

    @property
    def plan(self) -> StoredPlan:
        return self.made.plan(PlanKind.SUPPRESSION)

    def person(self, name: str = "Ada", *, role: Role = Role.REVIEWER, **context: Any) -> Page:
        """Somebody who signed in with the form."""
        page = self.stranger(**context)
        page.goto(f"{self.url}/admin/")
        page.get_by_label("Your token").fill(create_token(self.made.services, name, role, by="Grace")[0])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="What waits for you").wait_for()
        return page

    def stranger(self, **context: Any) -> Page:
        made: BrowserContext = self.browser.new_context(**{"viewport": DESK, **context})
        made.set_default_timeout(20_000)
        page = made.new_page()
        # What the browser refuses, for the policy of the page, it says here.
        page.on("console", lambda told: self.complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def asks_again(self) -> None:
        """The plan waits as before, and nobody asked too often."""
        with self.made.services.database.begin() as connection:
            # No plan goes back to waiting by itself: the triggers of the tests refuse it.
            execute(connection, "set local session_replication_role = replica")
            execute(connection, "delete from api_caller")
            execute(connection, "delete from job_run")
            execute(
                connection,
                "update plan set status = 'pending_review', decided_at = null, decided_by = null where plan_id = :id",
                id=self.plan.plan_id,
            )
            execute(
                connection,
                "update review_item set status = 'open', decided_at = null, decided_by = null, note = null where plan_id = :id",
                id=self.plan.plan_id,
            )


@pytest.fixture(scope="module")
def installed(
    with_traps: Account, knowing_traps: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """One for all tests; each begins with the plan waiting."""
    executable, api = _chromium(), pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    name = "list_pipeline_test_pages_browser"
    drop_database(admin, name)
    copy_database(admin, knowing_traps, name)
    with (
        api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"]) as browser,
        installation(with_traps, tmp_path_factory.mktemp("browser"), with_database(admin, name)) as made,
    ):
        made.maintain(made.another(list_management_mode="approval_required"))
        with served(made.services) as http:
            yield Desk(made, browser, str(http.base_url).rstrip("/"))
    drop_database(admin, name)


@pytest.fixture
def desk(installed: Desk) -> Iterator[Desk]:
    installed.asks_again()
    installed.complaints.clear()
    yield installed
    for context in installed.browser.contexts:
        context.close()
    assert installed.complaints == []


def test_a_plan_is_approved_on_a_phone_in_a_minute_by_the_right_person(desk: Desk) -> None:
    page = desk.person(viewport=PHONE, is_mobile=True, has_touch=True)
    page.get_by_role("link", name="Look at it and decide").first.tap()
    page.get_by_text("In one look").wait_for()
    page.get_by_label("Reason, for the record").fill("looked at all of them")
    page.get_by_role("button", name="Approve").tap()
    page.get_by_text("You approved this plan").wait_for()
    assert (desk.plan.status, desk.plan.decided_by) == (PlanStatus.APPROVED, "Ada")
    page.reload()
    page.get_by_role("link", name="Who did what").tap()
    assert "looked at all of them" in page.locator("main").inner_text()


def test_everything_works_with_the_keyboard_alone(desk: Desk) -> None:
    page = desk.person("Linus")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.goto(f"{desk.url}/admin/plans/{desk.plan.plan_id}#decide")
    page.get_by_label("Reason, for the record").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert "Reject" in page.evaluate("document.activeElement.textContent")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("You rejected this plan").wait_for()
    assert (desk.plan.status, desk.plan.decided_by) == (PlanStatus.REJECTED, "Linus")


def test_everything_works_without_scripts(desk: Desk) -> None:
    page = desk.person("Grace", java_script_enabled=False)
    page.goto(f"{desk.url}/admin/plans/{desk.plan.plan_id}")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("You approved this plan").wait_for()
    assert desk.plan.decided_by == "Grace"


def test_whoever_presses_a_button_twice_sends_the_form_once(desk: Desk) -> None:
    page, sent = desk.person("Barbara"), list[str]()
    page.goto(f"{desk.url}/admin/plans/{desk.plan.plan_id}")
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.evaluate("() => { const one = document.querySelector('button.primary'); one.click(); one.click(); }")
    page.get_by_text("You approved this plan").wait_for()
    assert len(sent) == 1


def test_a_link_from_another_site_leads_to_the_page_and_a_form_from_there_to_nothing(desk: Desk) -> None:
    target = f"{desk.url}/admin/plans/{desk.plan.plan_id}"
    body = (
        f'<a href="{target}">View Details</a><form method="post" action="{target}">'
        f'<input name="decision" value="approve"><input name="content_hash" value="{desk.plan.content_hash}">'
        "<button>Win</button></form>"
    ).encode()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = desk.person("Edsger")
        # Another name is another site.
        page.goto(f"http://localhost:{server.server_port}/")
        page.get_by_role("link", name="View Details").click()
        page.get_by_role("heading", name=f"Plan {desk.plan.plan_id}").wait_for()
        page.goto(f"http://localhost:{server.server_port}/")
        page.get_by_role("button", name="Win").click()
        page.get_by_text("from another site").wait_for()
    finally:
        server.shutdown()
        server.server_close()
    desk.complaints.clear()  # the browser says that the form was answered with 403
    assert desk.plan.status is PlanStatus.PENDING_REVIEW


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_can_be_read_and_names_its_fields(desk: Desk, scheme: str) -> None:
    page = desk.person(f"Reader {scheme}", viewport=PHONE, color_scheme=scheme)
    ((log,),) = desk.made.query("select max(id) from list_maintenance_log")
    ((contact,),) = desk.made.query("select min(contact_id) from plan_item where action = 'suppress'")
    paths = (
        "waiting", f"plans/{desk.plan.plan_id}", "plans", "campaigns", f"campaigns/{desk.made.key}", "contacts",
        f"contacts/{contact}", f"list-management/{log}", "list-management", "losses", "audience?look=true",
        "dashboard?days=90", "list-health",
        "audit", "nowhere",
    )  # fmt: skip
    for path in paths:
        page.goto(f"{desk.url}/admin/{path}")
        assert page.evaluate(_FITS), path
        assert page.evaluate(_UNLABELLED) == 0, path
        assert page.evaluate(_TOO_SMALL) == [], path
        assert page.evaluate(_LOW_CONTRAST) == [], path
        assert page.locator("h1").count() == 1, path
    desk.complaints[:] = [one for one in desk.complaints if "404" not in one]


def test_what_runs_now_is_kept_fresh_while_somebody_looks(desk: Desk) -> None:
    page = desk.person("Alan")
    page.clock.install()
    page.goto(f"{desk.url}/admin/dashboard")
    before = page.locator("#now").inner_text()
    with desk.made.services.database.begin() as connection:
        execute(
            connection,
            "insert into job_run (run_id, job, noted_at, status) values ('x', 'a_new_job', :now, 'success')",
            now=desk.made.clock.now(),
        )
    assert "a new job" not in before
    page.clock.run_for(16_000)
    page.locator("#now").get_by_text("a new job").wait_for()


def test_pictures_are_taken_for_the_documentation(desk: Desk) -> None:
    folder = os.environ.get("PAGES_PICTURES")
    if folder is None:
        pytest.skip("PAGES_PICTURES names no folder")
    ((contact,),) = desk.made.query("select min(contact_id) from plan_item where action = 'suppress' and not is_held")

    def take(page: Page, name: str, path: str) -> None:
        page.goto(f"{desk.url}/admin/{path}")
        page.screenshot(path=Path(folder) / f"page-{name}.png")
        page.screenshot(path=Path(folder) / f"whole-{name}.png", full_page=True)

    phone, table = desk.person(viewport=PHONE), desk.person("Grace")
    for name, path in (("waiting", "waiting"), ("plan", f"plans/{desk.plan.plan_id}")):
        take(phone, f"{name}-phone", path)
        take(table, name, path)
    # A history: the earlier campaigns are looked at as well, and what waits is let through.
    earlier = (
        "select campaign_key from campaign_schedule where recipient_count > 0 and campaign_key <> :key order by id"
    )
    services = desk.made.another(list_management_mode="auto")
    for (key,) in desk.made.query(earlier, key=desk.made.key):
        workflow.maintain(services, key, run_id=f"past {key}", progress=quietly)
    for number, shown in desk.made.query("select plan_id, content_hash from plan where status = 'pending_review'"):
        decisions.approve(services, number, by="Grace", content_hash=shown, note="looked at all of them")
    desk.made.maintain(services, run_id="second")
    ((log,),) = desk.made.query("select max(id) from list_maintenance_log where contacts_suppressed > 0")
    for name, path in (
        ("campaign", f"campaigns/{desk.made.key}"), ("campaigns", "campaigns"), ("maintenance", f"list-management/{log}"),
        ("contact", f"contacts/{contact}"), ("losses", "losses"), ("dashboard", "dashboard?days=365"), ("audit", "audit"),
        ("undo", f"campaigns/{desk.made.key}/undo"), ("mode", "mode"), ("calendar", "calendar"),
    ):  # fmt: skip
        take(phone, f"{name}-phone", path)
        take(table, name, path)
