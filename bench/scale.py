"""The arithmetic of docs/scale.md: what 100 million contacts in one account need, and 1,000 accounts of 100,000.

    python -m bench.scale

prints the tables that stand in the document; a test holds the two together. Nothing is measured here: what is counted on stands
below as named constants, each with its source, and a figure that is measured anew is exchanged there.

Belongs here: arithmetic. Does not belong here: measuring (``bench``, ``bench.rows``, ``bench.installation``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What the product and Mailjet lay down

REQUESTS_A_MINUTE = 300
"""Our own allowance (MAILJET_REQUESTS_PER_MINUTE): Mailjet publishes none. Halved where it refuses."""
ROWS_A_PAGE = 1_000
"""Mailjet's largest page."""
DEADLINE_MIN = 60
"""An attempt at a maintenance begins no further change afterwards (LIST_MAINTENANCE_DEADLINE_MINUTES)."""
LONGEST_RUN_MIN = 120
"""Dagster ends a run that takes longer (dagster.yaml, run_monitoring). A first sync goes on where it was ended, and a
reconciliation begins anew."""
INCREMENTAL_SYNC_REQUESTS = 12
"""Where nothing changed (docs/architecture.md, Requests)."""
SYNCS_A_WEEK = 24 * 7
"""Hourly."""
RECONCILIATIONS_A_WEEK = 7
LOOKS = 2
"""Before suppressions and before moves, each for the plan's contacts among all unsubscribed and excluded ones. A contact costs
one request at the most for each list, which is more than there are pages, as long as a few of a thousand are changed."""
ROWS_A_LOOK = 950
"""Of a page, where what is looked for shall be on it although somebody left or came (docs/architecture.md, Requests)."""
TICKS_A_DAY = 32_640
"""Of all sensors, by their intervals."""
RUNS_A_DAY = 124
"""Of all schedules but the weekly one; what sensors start comes on top, a few for each campaign."""

# Measured

ENTRIES_A_CONTACT = 2.02
"""Entries of the five lists: 100,835 of 50,000 contacts (python -m bench.rows)."""
BYTES_A_MEMBER = 501
"""contact_list_membership, indexes included (python -m bench.rows, 50,000 rows)."""
BYTES_AN_ENTRY = 210
"""list_membership (the same, 100,835 rows)."""
BYTES_A_RECIPIENT = 246
"""campaign_recipient: 11.5 GB for 46.8 million rows of three years; 126 when just written, in partitions (bench.rows)."""
BYTES_A_FAILURE = 593 + 538
"""bounce_event: 5.4 GB for 9.1 million rows of three years; and plan_item: one a failure (bench.rows)."""
CPU_S_SYNC_AFTER = 1.7
"""Of product and PostgreSQL, for an hourly synchronisation of a million contacts that finds nothing new (make bench)."""
CPU_S_MAINTENANCE = 7
"""A maintenance of a million contacts with 40 failures (make bench)."""
CPU_S_A_FAILURE = 71 / 33_348
"""What it takes more with 33,348 failures and 30,063 changes, for each failure (make bench)."""
REQUESTS_A_THOUSAND_CHANGES = 485 / 30.063
"""14,166 suppressed and 15,897 moved or enrolled in 742 requests, jobs of 1,000 contacts; 257 of them were for what else stands
below (make bench)."""
EVENT_BYTES_A_RUN = 417_000
"""Dagster's events of a maintenance. Other runs have a few steps, where it has 31; all are counted as large here."""
CPU_S_A_RUN = 6.0
"""A run of its own process: start, connections, a maintenance of a small account (make bench); 2.3 with the product's code
server."""
CREATING_A_RUN_S = 0.44
"""Of Dagster's daemon for a run that it puts into the queue, PostgreSQL as storage."""
IDLE_MB: Mapping[str, float] = {"code location": 265, "daemon": 139, "UI": 144, "HTTP service": 144}
"""Memory of the processes of one installation (python -m bench.installation)."""
IDLE_CORES = 0.134
"""CPU of these processes while nothing happens, 0.098, and of PostgreSQL for them, 0.036 (the same)."""
IDLE_CONNECTIONS = 15
"""Their connections to PostgreSQL at the most, with a run; 3.9 on average (the same)."""

# Assumed

ROUNDS_A_WEEK = 1
"""Each to one of the three lists."""
FAILED_SHARE = 0.02
"""Of the recipients of a round."""
SUPPRESSED_SHARE = 0.005
MOVED_SHARE = 0.003
"""Of the recipients of a round, too."""
UNSUBSCRIBED_SHARE = 0.05
"""Of the entries of the lists."""
EXCLUDED_SHARE = 0.05
"""Of all contacts."""
HISTORY_ROUNDS = 13
"""Past rounds that are read at the first start: 90 days."""
EURO_A_CORE = 20.0
EURO_A_GB_MEMORY = 3.0
EURO_A_GB_DISK = 0.10
EURO_A_GB_BACKUP = 0.03
"""A month, rough list prices of European clouds for machines by the month; a database that somebody else runs costs about twice
that. Mailjet's own price, which is above all of it, and people are not counted."""
KEPT_RUNS_DAYS = 30
"""DAGSTER_RUNS_KEPT_DAYS."""
CONNECTIONS_A_SERVER = 500
"""Of one PostgreSQL server."""
EURO_OF_AN_ACCOUNT_KEY = 60 * 800.0
"""Sixty days of one engineer for the changes that the document lists."""
PAID_WITHIN_MONTHS = 12
"""What an account key has to have saved its cost within, to be worth it."""

WEEK_MIN = 7 * 24 * 60
MILLION = 1_000_000


@dataclass(frozen=True)
class Account:
    """An account of so many contacts, a third of them on each campaign list."""

    contacts: int

    @property
    def entries(self) -> float:
        """Of the five lists."""
        return self.contacts * ENTRIES_A_CONTACT

    @property
    def recipients(self) -> float:
        """Of one round."""
        return self.contacts / 3

    @property
    def failures(self) -> float:
        """Of one round."""
        return self.recipients * FAILED_SHARE

    @property
    def changes(self) -> float:
        """Contacts that a maintenance suppresses or moves."""
        return self.recipients * (SUPPRESSED_SHARE + MOVED_SHARE)


def first_sync_requests(account: Account) -> float:
    """Every entry and every contact once."""
    return (account.entries + account.contacts) / ROWS_A_PAGE


def history_requests(account: Account) -> float:
    """The recipients of the past rounds that are read at the first start."""
    return HISTORY_ROUNDS * account.recipients / ROWS_A_PAGE


def recipients_requests(account: Account) -> float:
    """The recipients of one round, read by the hourly syncs in the day before its maintenance; once, where they agree with
    Mailjet's counters at once."""
    return account.recipients / ROWS_A_PAGE


def maintenance_requests(account: Account) -> Mapping[str, float]:
    """One maintenance, by what the requests are for."""
    left_out = account.entries * UNSUBSCRIBED_SHARE + account.contacts * EXCLUDED_SHARE
    return {
        "the plan's contacts among unsubscribed and excluded": LOOKS * left_out / ROWS_A_LOOK,
        "failures, from both sources": 2 * account.failures / ROWS_A_PAGE,
        "suppressions and moves": account.changes / 1_000 * REQUESTS_A_THOUSAND_CHANGES,
        "three syncs, words of receivers": 3 * INCREMENTAL_SYNC_REQUESTS + 60,
    }


def reconciliation_requests(account: Account) -> float:
    """Everybody on the lists and everybody excluded."""
    return (account.entries + account.contacts * EXCLUDED_SHARE) / ROWS_A_PAGE


def week_requests(account: Account) -> float:
    """Everything of a week but what people look at."""
    return (
        ROUNDS_A_WEEK * (recipients_requests(account) + sum(maintenance_requests(account).values()))
        + RECONCILIATIONS_A_WEEK * reconciliation_requests(account)
        + SYNCS_A_WEEK * INCREMENTAL_SYNC_REQUESTS
    )


def minutes(requests: float) -> float:
    """How long the allowance makes so many requests last."""
    return requests / REQUESTS_A_MINUTE


def most_contacts(minutes_of_million: float, most_minutes: float) -> float:
    """The contacts at which something that grows with them takes so many minutes."""
    return most_minutes / minutes_of_million * MILLION


def storage_gb(account: Account, years: float) -> Mapping[str, float]:
    """What the product's tables take up after so many years without anything summarised, in GB."""
    rounds = years * 52 * ROUNDS_A_WEEK
    return {
        "contacts and entries": (account.contacts * BYTES_A_MEMBER + account.entries * BYTES_AN_ENTRY) / 1e9,
        "recipients": rounds * account.recipients * BYTES_A_RECIPIENT / 1e9,
        "failures and their verdicts": rounds * account.failures * BYTES_A_FAILURE / 1e9,
    }


@dataclass(frozen=True)
class Limit:
    """A limit: what is needed of it, what there is, and at how many contacts, or accounts, both are equal."""

    name: str
    needed: float
    there: float
    unit: str
    binds_at: float

    @property
    def share(self) -> float:
        """Needed of what there is."""
        return self.needed / self.there


def limits_of_an_account(account: Account) -> list[Limit]:
    """What binds a growing account, the tightest first; all of it grows with the contacts."""

    def limit(name: str, needed: float, there: float, unit: str) -> Limit:
        return Limit(name, needed, there, unit, account.contacts * there / needed)

    found = [
        limit(
            "one maintenance within its deadline",
            minutes(sum(maintenance_requests(account).values())),
            DEADLINE_MIN,
            "min",
        ),
        limit(
            "one reconciliation within Dagster's longest run",
            minutes(reconciliation_requests(account)),
            LONGEST_RUN_MIN,
            "min",
        ),
        limit("the allowance of a week", minutes(week_requests(account)), WEEK_MIN, "min"),
        limit("an hourly sync on one core", CPU_S_SYNC_AFTER * account.contacts / MILLION, 3_600, "CPU s"),
        limit(
            "one maintenance on one core within its deadline",
            CPU_S_MAINTENANCE * account.contacts / MILLION + CPU_S_A_FAILURE * account.failures,
            DEADLINE_MIN * 60,
            "CPU s",
        ),
        limit("a disk of 4 TB, three years", sum(storage_gb(account, 3).values()), 4_000, "GB"),
    ]
    return sorted(found, key=lambda one: -one.share)


@dataclass(frozen=True)
class Fleet:
    """So many accounts of the same size."""

    accounts: int
    account: Account


def limits_of_installations(fleet: Fleet) -> list[Limit]:
    """What binds many installations beside each other; what there is, is one large machine or server of each kind."""

    def limit(name: str, of_one: float, there: float, unit: str) -> Limit:
        return Limit(name, of_one * fleet.accounts, there, unit, there / of_one)

    found = [
        limit("memory of idle processes, machine of 64 GB", sum(IDLE_MB.values()) / 1e3, 64, "GB"),
        limit("CPU of idle processes, machine of 16 cores", IDLE_CORES, 16, "cores"),
        limit("connections, one PostgreSQL server", IDLE_CONNECTIONS, CONNECTIONS_A_SERVER, "connections"),
        limit("CPU of runs, machine of 16 cores", RUNS_A_DAY * CPU_S_A_RUN / 86_400, 16, "cores"),
        limit("disk of 4 TB, three years", sum(storage_gb(fleet.account, 3).values()), 4_000, "GB"),
        limit("Dagster's events, disk of 4 TB", RUNS_A_DAY * KEPT_RUNS_DAYS * EVENT_BYTES_A_RUN / 1e9, 4_000, "GB"),
    ]
    return sorted(found, key=lambda one: one.binds_at)


def limits_of_one_dagster(fleet: Fleet) -> list[Limit]:
    """What binds one daemon with a code location an account, each with sensors of its own."""
    tick_s = IDLE_CORES * 86_400 / TICKS_A_DAY

    def limit(name: str, of_one: float, there: float, unit: str) -> Limit:
        return Limit(name, of_one * fleet.accounts, there, unit, there / of_one)

    found = [
        limit("ticks of sensors, four threads of one daemon", TICKS_A_DAY * tick_s / 86_400, 4, "threads"),
        limit("runs put into the queue, one after the other", RUNS_A_DAY * CREATING_A_RUN_S, 86_400, "s a day"),
    ]
    return sorted(found, key=lambda one: one.binds_at)


@dataclass(frozen=True)
class Cost:
    """Euro a month."""

    name: str
    amount: str
    euro: float


def machine(cores: float, memory_gb: float) -> float:
    """Euro a month of a machine."""
    return cores * EURO_A_CORE + memory_gb * EURO_A_GB_MEMORY


def disk(gigabytes: float) -> float:
    """Euro a month of a disk and of one backup of what is on it."""
    return gigabytes * (EURO_A_GB_DISK + EURO_A_GB_BACKUP)


def cost_of_an_account(account: Account, years: float) -> list[Cost]:
    """One large account: a database server and a standby of it, the processes, the disks."""
    stored = sum(storage_gb(account, years).values())
    return [
        Cost("PostgreSQL and a standby", "2 x 16 cores, 128 GB", 2 * machine(16, 128)),
        Cost("processes and runs", "4 cores, 16 GB", machine(4, 16)),
        Cost("disks and backup", f"2 x {stored:,.0f} GB", 2 * disk(stored)),
    ]


def cost_of_installations(fleet: Fleet, years: float) -> list[Cost]:
    """All accounts, each an installation of its own, packed on machines without room to spare."""
    memory = fleet.accounts * sum(IDLE_MB.values()) / 1e3
    idle = fleet.accounts * IDLE_CORES
    runs = fleet.accounts * RUNS_A_DAY * CPU_S_A_RUN / 86_400
    stored = fleet.accounts * sum(storage_gb(fleet.account, years).values())
    return [
        Cost("idle processes", f"{idle:,.0f} cores, {memory:,.0f} GB", machine(idle, memory)),
        Cost("runs", f"{runs:,.0f} cores", machine(runs, 0)),
        Cost("disks and backup", f"{stored:,.0f} GB", disk(stored)),
    ]


def cost_of_one_installation(fleet: Fleet, years: float) -> list[Cost]:
    """All accounts in one installation with an account key, where a tick asks for all of them at once: the idle processes are
    there once, and the rest stays."""
    memory = sum(IDLE_MB.values()) / 1e3
    idle = Cost("idle processes", f"{IDLE_CORES:.2g} cores, {memory:.2g} GB", machine(IDLE_CORES, memory))
    return [idle, *cost_of_installations(fleet, years)[1:]]


def months_until_paid(fleet: Fleet, years: float) -> float:
    """Months after which an account key has saved what it cost to build."""
    saved = euro(cost_of_installations(fleet, years)) - euro(cost_of_one_installation(fleet, years))
    return EURO_OF_AN_ACCOUNT_KEY / saved


def accounts_that_pay() -> float:
    """Accounts above which an account key is paid in time: what one installation's idle processes cost is what is saved."""
    idle = machine(IDLE_CORES, sum(IDLE_MB.values()) / 1e3)
    return EURO_OF_AN_ACCOUNT_KEY / (PAID_WITHIN_MONTHS * idle) + 1


def euro(costs: Sequence[Cost]) -> float:
    """All of it, a month."""
    return sum(one.euro for one in costs)


# Tables


def number(value: float) -> str:
    """A figure as precisely as it deserves."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of the document."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(one)} |" for one in lines)


def duration(of_minutes: float) -> str:
    """Minutes in words."""
    if of_minutes < 1:
        return f"{number(of_minutes * 60)} s"
    return f"{number(of_minutes)} min" if of_minutes < 120 else f"{number(of_minutes / 60)} h"


def _requests_table(accounts: Sequence[Account]) -> str:
    rows: list[list[str]] = []

    def row(name: str, counted: Sequence[float]) -> None:
        rows.append([name, *(f"{number(one)} ({duration(minutes(one))})" for one in counted)])

    row("first sync", [first_sync_requests(one) for one in accounts])
    row("past rounds, first start", [history_requests(one) for one in accounts])
    row("reconciliation, daily", [reconciliation_requests(one) for one in accounts])
    row("recipients of a round", [recipients_requests(one) for one in accounts])
    for name in maintenance_requests(accounts[0]):
        row(f"maintenance: {name}", [maintenance_requests(one)[name] for one in accounts])
    row("maintenance, together", [sum(maintenance_requests(one).values()) for one in accounts])
    row("a week, together", [week_requests(one) for one in accounts])
    rows.append(
        ["a week, of the allowance", *(f"{100 * minutes(week_requests(one)) / WEEK_MIN:.2g} %" for one in accounts)]
    )
    return table(["requests (time under the limit)", *(f"{one.contacts:,} contacts" for one in accounts)], rows)


def _storage_table(accounts: Sequence[Account], years: float) -> str:
    found = [storage_gb(one, years) for one in accounts]
    rows = [[name, *(number(one[name]) for one in found)] for name in found[0]]
    rows.append(["together", *(number(sum(one.values())) for one in found)])
    return table([f"GB after {years:g} years", *(f"{one.contacts:,} contacts" for one in accounts)], rows)


def _limits_table(limits: Sequence[Limit], counted: str) -> str:
    return table(
        ["limit", "needed", "there is", f"binds at ({counted})"],
        [
            [one.name, f"{number(one.needed)} {one.unit}", f"{number(one.there)} {one.unit}", number(one.binds_at)]
            for one in limits
        ],
    )


def _cost_table(costs: Sequence[Cost]) -> str:
    rows = [[one.name, one.amount, f"{number(one.euro)} €"] for one in costs]
    return table(["a month", "of", "costs"], [*rows, ["together", "", f"{number(euro(costs))} €"]])


def _trigger_table(fleets: Sequence[Fleet], years: float) -> str:
    rows = [
        [
            f"{one.accounts:,}",
            f"{number(euro(cost_of_installations(one, years)))} €",
            f"{number(euro(cost_of_one_installation(one, years)))} €",
            number(months_until_paid(one, years)),
        ]
        for one in fleets
    ]
    return table(["accounts", "installations, a month", "account key, a month", "months until it is paid"], rows)


LARGE = Account(100 * MILLION)
SMALL = Account(100_000)
FLEET = Fleet(1_000, SMALL)
YEARS = 3


def tables() -> Mapping[str, str]:
    """The tables of docs/scale.md by their names there."""
    return {
        "when-an-account-key-pays": _trigger_table([Fleet(10, SMALL), Fleet(100, SMALL), FLEET], YEARS),
        "requests": _requests_table([SMALL, Account(MILLION), LARGE]),
        "storage": _storage_table([SMALL, Account(MILLION), LARGE], YEARS),
        "limits-of-an-account": _limits_table(limits_of_an_account(LARGE), "contacts"),
        "cost-of-an-account": _cost_table(cost_of_an_account(LARGE, YEARS)),
        "limits-of-installations": _limits_table(limits_of_installations(FLEET), "accounts"),
        "limits-of-one-dagster": _limits_table(limits_of_one_dagster(FLEET), "accounts"),
        "cost-of-installations": _cost_table(cost_of_installations(FLEET, YEARS)),
        "cost-of-one-installation": _cost_table(cost_of_one_installation(FLEET, YEARS)),
    }


def main() -> None:
    """Print the tables."""
    for name, text in tables().items():
        print(f"<!-- {name}, python -m bench.scale -->\n{text}\n<!-- /{name} -->\n")


if __name__ == "__main__":
    main()
