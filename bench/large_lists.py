"""A maintenance and a weekly check on growing lists: requests, waiting, CPU seconds and memory.

Each account is seeded with failures and moves in proportion to its size and maintained; then a campaign with the same failures
everywhere is sent to one list and maintained too. A million contacts make about 33 thousand failures, 14 thousand suppressions
and 16 thousand moves and enrolments. The first reading of the largest account is measured by itself (``full_sync``).

Counted are the requests of a maintenance with its own synchronisations, not of the first reading of the lists. The least that
can be asked (``least_requests``) is computed from what was done, by the arithmetic of Mailjet's own interface: pages of a
thousand rows, jobs of so many contacts as are set, each handed in and looked at once, in two waves, since nobody is taken off a
list before being seen on the other. One contact at a time costs three requests for each change: posted, and seen on both
lists.

Waiting is on a clock that stands still until somebody sleeps on it: the limiter's, of 300 requests a minute, and of each answer
.2 s. Work is in CPU seconds of the product and PostgreSQL, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from bench import full_sync
from bench.account import Account, account, quiet
from bench.figures import Figure, Unit, exponent
from bench.full_sync import NextSyncs
from bench.meter import Cost, PostgresMeter, metered, peak_mb
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.reports.facts import MaintenanceFacts
from list_pipeline.operations import setup
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.safety.restore_guard import note_alive
from list_pipeline.operations.suppression.incidents import count_earlier
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.storage.campaigns.sent_campaigns import campaign_by_key
from list_pipeline.storage.database import fetch_all, fetch_scalar
from list_pipeline.storage.membership import members

PART = "large lists"
SIZES = (3_000, 30_000, 1_000_000)
LIMIT = 300
"""Requests a minute."""
ANSWER_S = 0.2
"""What Mailjet is taken to need for an answer."""
PAGE = 1000
LOOK = 950
"""Rows of a page in which somebody is looked for by place."""
SAME_FAILURES = 40
"""Failures of the campaign that is the same at every size: 4 % of a list of the smallest account, below the 10 % cap."""
WITHIN_S = 60.0
WEEKLY_WITHIN_S = 30.0
MEMORY_MB = 512.0


@dataclass(frozen=True)
class Maintained:
    """One maintenance. ``waited_s``: for the limiter and for answers, on the account's clock. ``unsubscribed``: how many are,
    on each list, and how many are excluded. ``places_left``: pages on which those stood who moved off a list."""

    contacts: int
    facts: MaintenanceFacts
    failures: int
    requests: int
    waited_s: float
    cost: Cost
    unsubscribed: Sequence[int]
    places_left: int

    @property
    def changed(self) -> tuple[int, int, int]:
        """Failures, suppressed contacts, moves and enrolments."""
        return self.failures, self.facts.suppression.confirmed_total, self.facts.rebalancing.confirmed

    def least(self, job_contacts: int) -> int:
        """The least that can be asked."""
        return least_requests(*self.changed, job_contacts)

    def looks(self, job_contacts: int) -> Looks:
        """What safety demands beside it."""
        return looks(*self.changed, job_contacts, self.unsubscribed, self.places_left)

    @property
    def seconds(self) -> float:
        """Waiting and work, one after the other."""
        return self.waited_s + self.cost.cpu_s


def least_requests(failures: int, suppressed: int, moved: int, job_contacts: int) -> int:
    """The fewest requests that read so many failures from both of Mailjet's sources, suppress and move so many contacts, and
    see that it was done: the sizes of the five lists before and after each wave, and a page for each thousand that were
    added. Nothing is looked at before anything is changed, and nobody is proven to have left a list."""
    reading = 1 + 2 * (failures // PAGE + 1)
    sizes = 1 + 5
    waves = 2 * ((suppressed > 0) + (moved > 0))
    return reading + sizes + 2 * 2 * _jobs(suppressed, moved, job_contacts) + waves + _pages(suppressed, moved)


@dataclass(frozen=True)
class Looks:
    """What safety demands to be looked at beside the least, in requests, for so many suppressed and moved contacts.

    Each stands in docs/architecture.md, "Requests": failures are read from each of seven message statuses, and receivers' words
    of up to sixty; sizes are taken before and after; lists are synchronised before anything is changed, three times, and the
    contacts of the plan looked for among the unsubscribed and excluded; sends are asked about before and between; what was
    changed is seen at its place: whoever was added in the pages that the least has already, whoever moved off a list in the
    pages on which they stood.
    """

    words: int
    statuses: int
    sizes: int
    syncs: int
    by_place: int
    sends: int
    read_back: int
    places_left: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(asdict(self).values())


def looks(
    failures: int,
    suppressed: int,
    moved: int,
    job_contacts: int,
    unsubscribed: Sequence[int],
    places_left: int,
) -> Looks:
    """``unsubscribed`` and ``places_left`` as of ``Maintained``."""
    phases = (suppressed > 0) + (moved > 0)
    by_place = sum(min(n, ceil(many / LOOK)) for n in (suppressed, moved) for many in unsubscribed)
    flights = 2 * (_flights(ceil(suppressed / job_contacts)) + _flights(ceil(moved / job_contacts)))
    return Looks(
        words=min(60, failures),
        statuses=7,
        sizes=6,
        syncs=12 * (phases + 1),
        by_place=by_place,
        sends=3 * (phases + 1) + 4,
        read_back=2 * flights + 7 * (suppressed > 0) + 2 * phases,
        places_left=places_left,
    )


def _jobs(suppressed: int, moved: int, job_contacts: int) -> int:
    return ceil(suppressed / job_contacts) + ceil(moved / job_contacts)


def _flights(jobs: int) -> int:
    """The first job of a wave goes alone, then ten together."""
    return min(jobs, 1) + ceil(max(jobs - 1, 0) / EXECUTION.jobs_in_flight)


def _pages(suppressed: int, moved: int) -> int:
    return ceil(suppressed / PAGE) + ceil(moved / PAGE)


def one_at_a_time(failures: int, suppressed: int, moved: int) -> int:
    """The requests of changing each contact by itself: excluded, taken off its list and put on the other, and looked at."""
    return 1 + 2 * (failures // PAGE + 1) + 6 + 3 * suppressed + 3 * moved


def _say(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


_PLACES_LEFT = """
    with moved as (
        select s.list_role, c.contact_id from plan p join campaign_schedule k on k.id = p.campaign_id
        join change c using (plan_id) join change_step s using (change_id)
        where k.campaign_key = :key and c.kind = 'move' and s.action = 'remove' and s.state = 'confirmed'),
    before as (
        select list_role, contact_id, row_number() over (partition by list_role order by recipient_id) as place
        from list_membership where left_at is null or left_at >= :began)
    select count(distinct (list_role, place / :look)) from moved join before using (list_role, contact_id)"""
"""SQL: the pages on which those stood, when the maintenance began, who moved off a list."""


def _maintain(made: Account, meter: PostgresMeter, contacts: int) -> Maintained:
    services = made.services
    (one,) = due(services)
    with services.database.begin() as connection:
        stored = members.stored_sizes(connection).values()
        unsubscribed = [*(one.unsubscribed for one in stored), members.excluded_contacts(connection)]
    made.control.add_fault("delay", path="^/v3/", seconds=ANSWER_S, count=None)
    before, began = services.mailjet.requests_made, made.clock.now()
    with metered(meter) as cost:
        done = workflow.maintain(services, one.campaign_key, run_id="bench", progress=quiet)
    waited_s = (made.clock.now() - began).total_seconds()
    made.control.clear_faults()
    with services.database.begin() as connection:
        failures = int(
            fetch_scalar(
                connection,
                "select count(*) from bounce_event b join campaign_schedule s on s.id = b.campaign_id"
                " where s.campaign_key = :key",
                key=one.campaign_key,
            )
        )
        places_left = int(fetch_scalar(connection, _PLACES_LEFT, key=one.campaign_key, began=began, look=LOOK))
    maintained = Maintained(
        contacts,
        done.report.facts,
        failures,
        services.mailjet.requests_made - before,
        waited_s,
        cost,
        unsubscribed,
        places_left,
    )
    _say(
        f"{contacts:,} contacts, {failures:,} failures: {maintained.requests} requests, {waited_s:.0f} s waiting, "
        f"{cost.cpu_s:.0f} CPU s, {done.report.facts.suppression.confirmed_total:,} suppressed, "
        f"{done.report.facts.rebalancing.confirmed:,} moved"
    )
    return maintained


def _count_past(made: Account, meter: PostgresMeter) -> None:
    """What a first maintenance counts of each send before it, once and for all, is not what a maintenance costs."""
    services = made.services
    (one,) = due(services)
    with services.database.begin() as connection:
        campaign = campaign_by_key(connection, one.campaign_key)
    with metered(meter) as cost:
        count_earlier(services, campaign.campaign_id, made.clock.now(), INCIDENTS)
    _say(f"past sends counted once, in {cost.cpu_s:.1f} CPU s")


def _send_again(made: Account) -> None:
    """A campaign to the first list, with the same failures at every size, which ended 25 hours ago."""
    services = made.services
    with services.database.begin() as connection:
        found = fetch_all(
            connection,
            "select contact_id from contact_list_membership where in_campaign_list_1 and not is_unsubscribed"
            " and not is_excluded order by md5(contact_id::text) limit :most",
            most=SAME_FAILURES,
        )
    outcomes = {int(row["contact_id"]): "user_unknown" for row in found}
    list_id = services.list_ids[CAMPAIGN_LISTS[0]]
    made.control.send(list_id, "The same everywhere", outcomes=outcomes, profile="clean")
    _wait(made, made.clock.now() + timedelta(hours=26))


@dataclass(frozen=True)
class Size:
    """What one account showed. ``weekly``: waiting and work of the weekly check, in seconds."""

    scaled: Maintained
    same: Maintained
    again: Cost
    weekly_s: float
    weekly_requests: int
    job_contacts: int
    next_syncs: NextSyncs
    first_sync: list[Figure]


def _one_size(contacts: int, server_url: str, meter: PostgresMeter, *, is_largest: bool) -> Size:
    seed = {"last_send_failures": "scaled", "balance": "repairable"}
    with account(contacts, server_url, seed=seed, mailjet_requests_per_minute=LIMIT) as made:
        _say(f"{contacts:,} contacts seeded in {made.seeding_s:.0f} s")
        services = made.services
        setup.prepare(services)
        first_sync = full_sync.first_sync(made, contacts, server_url) if is_largest else []
        with metered(meter) as first:
            synchronise(services, progress=quiet)
        _say(f"{contacts:,} contacts read in {first.cpu_s:.0f} CPU s")
        confirm_lists(services, by="bench")
        made.clock.advance(timedelta(minutes=2))
        _count_past(made, meter)
        scaled = _maintain(made, meter, contacts)
        _send_again(made)
        synchronise(services, progress=quiet)
        with metered(meter) as again:
            synchronise(services, progress=quiet)
        made.clock.advance(timedelta(minutes=2))
        same = _maintain(made, meter, contacts)
        weekly_s, weekly_requests = _check_week(made, meter)
        next_syncs = full_sync.next_syncs(made, contacts, meter)
        jobs = services.settings.mailjet_job_contacts
        return Size(scaled, same, again, weekly_s, weekly_requests, jobs, next_syncs, first_sync)


def _wait(made: Account, until: datetime) -> None:
    """Hours pass, and the synchronisation of each finds nothing: an absence would have every list read and compared."""
    while made.clock.now() < until:
        made.clock.set(min(made.clock.now() + timedelta(hours=1), until))
        note_alive(made.services)


def _check_week(made: Account, meter: PostgresMeter) -> tuple[float, int]:
    """The weekly check of the next Monday at 10:05, after the hourly synchronisation: its seconds and requests."""
    now = made.clock.now()
    monday = (now + timedelta(days=(7 - now.weekday()) % 7 or 7)).replace(hour=10, minute=5)
    _wait(made, monday - timedelta(minutes=5))
    synchronise(made.services, progress=quiet)
    made.clock.set(max(monday, made.clock.now() + timedelta(minutes=2)))
    made.control.add_fault("delay", path="^/v3/", seconds=ANSWER_S, count=None)
    before, began = made.services.mailjet.requests_made, made.clock.now()
    with metered(meter) as cost:
        check_week(made.services, progress=quiet)
    seconds = (made.clock.now() - began).total_seconds() + cost.cpu_s
    made.control.clear_faults()
    requests = made.services.mailjet.requests_made - before
    _say(f"weekly check: {requests} requests, {seconds:.1f} s")
    return seconds, requests


def measure(server_url: str, scale: float = 1.0) -> list[Figure]:
    """Maintain every size and say what it cost. ``scale`` multiplies the sizes; the sandbox makes up no smaller one than the
    first."""
    sizes = sorted({max(round(contacts * scale), SIZES[0]) for contacts in SIZES})
    meter = PostgresMeter(server_url)
    found = [_one_size(contacts, server_url, meter, is_largest=contacts == sizes[-1]) for contacts in sizes]
    figures = [*found[-1].first_sync, *full_sync.figures_of(found[0].next_syncs, found[-1].next_syncs)]
    for size in found:
        figures += _requests(size)
    figures += _flat(found)
    figures += _largest(found[-1])
    return figures


def _named(size: Size) -> str:
    one = size.scaled
    facts = one.facts
    return (
        f"{one.contacts:,} contacts, {one.failures:,} failures, {facts.suppression.confirmed_total:,} suppressed, "
        f"{facts.rebalancing.confirmed:,} moved"
    )


def _requests(size: Size) -> list[Figure]:
    one = size.scaled
    least, demanded = one.least(size.job_contacts), one.looks(size.job_contacts)
    name = f"requests of a maintenance: {_named(size)}"
    words = ", ".join(f"{count} {what}" for what, count in asdict(demanded).items())
    return [
        Figure(
            PART,
            name,
            one.requests,
            Unit.REQUESTS,
            f"counted by the client; {least} at the least, and the looks that safety demands: {words}",
            least + demanded.total,
            "the least with the looks of safety",
            1.15,
        ),
        Figure(
            PART,
            "  beside the least without any look",
            one.requests,
            Unit.REQUESTS,
            "no changed list is looked at before, and no removal proven: for orientation",
            least,
            "the least",
        ),
        Figure(
            PART,
            "  beside one contact at a time",
            one.requests,
            Unit.REQUESTS,
            "three requests for each change",
            one_at_a_time(*one.changed),
            "one contact at a time",
        ),
    ]


def _flat(found: list[Size]) -> list[Figure]:
    first = found[0].same
    figures = [
        Figure(
            PART,
            f"requests with the same {SAME_FAILURES} failures: {size.same.contacts:,} contacts",
            size.same.requests,
            Unit.REQUESTS,
            "counted by the client",
            first.requests,
            f"those at {first.contacts:,}",
            1.15,
        )
        for size in found[1:]
    ]
    for smaller, larger in pairwise(found):
        factor = larger.same.contacts / smaller.same.contacts
        for name, value, before in (
            ("maintenance, same failures", larger.same.cost.cpu_s, smaller.same.cost.cpu_s),
            ("synchronisation with nothing new", larger.again.cpu_s, smaller.again.cpu_s),
        ):
            figures.append(
                Figure(
                    PART,
                    f"{name}: growth of CPU from {smaller.same.contacts:,} to {larger.same.contacts:,}",
                    exponent(value, before, factor),
                    Unit.EXPONENT,
                    f"{value:.2f} and {before:.2f} CPU s of product and PostgreSQL; 0 is flat, 1 linear",
                    goal=1.0,
                )
            )
    return figures


def _largest(size: Size) -> list[Figure]:
    one = size.scaled
    least = one.least(size.job_contacts) + one.looks(size.job_contacts).total
    # Answers come one after the other, and meanwhile the limiter's minute goes by.
    floor_s = max(least * ANSWER_S, (least - LIMIT) * 60 / LIMIT)
    return [
        Figure(
            PART,
            f"wall time of the main job: {_named(size)}",
            one.seconds,
            Unit.SECONDS,
            f"{one.waited_s:.0f} s of waiting for {one.requests} answers of {ANSWER_S} s, the limiter and jobs, and "
            f"{one.cost.cpu_s:.0f} CPU s ({one.cost.product_s:.0f} of the product); "
            f"the floor of {least} requests is {floor_s:.0f} s",
            max(WITHIN_S, 1.15 * floor_s),
            "a minute, or 1.15 of the floor",
            1.0,
        ),
        Figure(
            PART,
            f"weekly check: {one.contacts:,} contacts",
            size.weekly_s,
            Unit.SECONDS,
            f"{size.weekly_requests} requests under {LIMIT} a minute, {ANSWER_S} s an answer, and CPU seconds",
            goal=WEEKLY_WITHIN_S,
        ),
        Figure(
            PART,
            f"memory of the process that did all of it: {one.contacts:,} contacts",
            peak_mb(),
            Unit.MEGABYTES,
            "the peak of the operating system; the sandbox is another process",
            goal=MEMORY_MB,
        ),
    ]
