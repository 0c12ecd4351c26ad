"""Whole worlds: many cycles in which everything happens that people, failures and time do to the product, all at once.

The judge is the sandbox's own log of who was mailed what, which the product cannot touch. While rounds go out and are
maintained, people sign up, leave, are erased, are taken off, moved and imported again by hand; processes are killed,
connections are cut, requests fail, jobs do half of it, slowly or never end; sends begin in the middle of a change; changes are
stopped and allowed again; persons approve, reject, undo and redo. After each cycle nobody may have got it twice whom no report
names, or missed it, or have got anything after leaving; at the end nothing may be left half done.

Belongs here: what happens, at random by a seed, and what must hold of it. Does not belong here: one fault at a time (the other
families).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.reviews.questions import MAILED_TWICE
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.plans.dead_jobs import declare_dead
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews import decisions
from list_pipeline.storage import safety
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.children import SAID_NO
from list_pipeline_tests.chaos.edits import by_hand, exclude
from list_pipeline_tests.chaos.invariants import Reference
from list_pipeline_tests.chaos.outages import cut_connections
from list_pipeline_tests.chaos.scene import Child, Scene

POST = {"path": "contact/managemanycontacts$", "method": "POST"}
_READINGS = "REST/(contactslist|listrecipient|contact|statcounters|bouncestatistics|message)$"
_CAMPAIGN = frozenset(CAMPAIGN_LISTS)
_ROUND_EVERY = timedelta(days=3)


@dataclass
class World:
    """One world at work, and what is known of it without asking the product."""

    scene: Scene
    dice: random.Random
    cycle: int = 2
    sent: list[ListRole] = field(default_factory=list)
    """Lists to which the open cycle was sent."""
    touched: set[int] = field(default_factory=set)
    """Whom somebody but the product moved, took off, put on, excluded or mailed once more in the open cycle."""
    left: dict[int, int] = field(default_factory=dict)
    """Who unsubscribed or was erased, to the mails that they had got until then."""
    complained: set[int] = field(default_factory=set)
    signed_up: int = 0
    stopped: bool = False
    child: Child | None = None
    next_night: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    happened: list[str] = field(default_factory=list)
    """In words, for whoever has to find out why."""
    problems: list[str] = field(default_factory=list)

    @property
    def subject(self) -> str:
        return f"Letter {self.cycle}"

    # What is true at Mailjet

    def list_id(self, role: ListRole) -> int:
        return self.scene.template.account.lists[role]

    def standing(self) -> dict[int, ListRole]:
        """Everybody who can be mailed through exactly one campaign list."""
        lists, found = self.scene.lists(), {}
        for contact_id, roles in lists.places.items():
            on = roles & _CAMPAIGN
            if len(on) == 1 and contact_id not in lists.excluded and contact_id not in self.left:
                (role,) = on
                if (contact_id, role) not in lists.unsubscribed:
                    found[contact_id] = role
        return found

    def mails(self, subject: str | None = None) -> Counter[int]:
        """Contact id to the number of mails, of one subject or of all."""
        counted: Counter[int] = Counter()
        for one in self.scene.control.ledger():
            if subject is None or one["subject"] == subject:
                counted.update(one["contact_ids"])
        return counted

    def failed(self) -> set[int]:
        """Everybody to whom a mail ever failed, or who complained: whom there may be evidence against."""
        return {row["contact_id"] for one in self.scene.control.ledger() for row in one["failures"]}

    def say(self, words: str) -> None:
        self.happened.append(f"{self.scene.clock.now():%m-%d %H:%M} {words}")

    # What people do

    def somebody(self) -> int:
        return self.dice.choice(sorted(self.standing()))

    def happen(self) -> None:
        """Something happens to somebody."""
        kinds = (
            "unsubscribe",
            "everywhere",
            "take_off",
            "move",
            "import",
            "sign_up",
            "sign_up",
            "complain",
            "exclude",
            "erase",
        )
        kind, contact_id = self.dice.choice(kinds), self.somebody()
        role = self.standing()[contact_id]
        self.say(f"{kind} {contact_id}")
        match kind:
            case "unsubscribe" | "everywhere":
                self.left[contact_id] = self.mails()[contact_id]
                self.scene.control.unsubscribe(contact_id, self.list_id(role) if kind == "unsubscribe" else None)
            case "erase":
                self.left[contact_id] = self.mails()[contact_id]
                self.scene.control.gdpr_delete(contact_id)
            case "complain":
                # Suppressed with the next maintenance; until then Mailjet itself keeps mails from whoever complained.
                self.touched.add(contact_id)
                self.complained.add(contact_id)
                self.scene.control.complain(contact_id)
            case "take_off":
                self.touched.add(contact_id)
                by_hand(self.scene, contact_id, role, "remove")
            case "move":
                self.touched.add(contact_id)
                by_hand(self.scene, contact_id, role, "remove")
                other = self.dice.choice([one for one in CAMPAIGN_LISTS if one is not role])
                by_hand(self.scene, contact_id, other, "addnoforce")
            case "exclude":
                self.touched.add(contact_id)
                exclude(self.scene, contact_id, True)
            case "import":
                self._import_again()
            case "sign_up":
                self.signed_up += 1
                self.scene.control.sign_up(f"new-{self.signed_up}@new.example.com", self.list_id(ListRole.MASTER))

    def _import_again(self) -> None:
        """Somebody who left is taken off everywhere and is put on master again, as a careless import does."""
        known = [i for i in sorted(self.left) if self.scene.lists().places.get(i)]
        if not known:
            return
        again = self.dice.choice(known)
        self.scene.run("tend")
        for place in self.scene.lists().places[again]:
            by_hand(self.scene, again, place, "remove")
        self.scene.run("tend")
        by_hand(self.scene, again, ListRole.MASTER, "addnoforce")

    def send(self, role: ListRole, subject: str) -> None:
        """A campaign goes out now; two of its recipients are dead addresses, and some mails fail by chance."""
        members = sorted(i for i, at in self.standing().items() if at is role)
        dead = dict.fromkeys(self.dice.sample(members, min(2, len(members))), "user_unknown")
        self.scene.control.send(self.list_id(role), subject, profile="clean", outcomes=dead)
        self.say(f"{subject} goes to {role.value}")

    def send_round(self, role: ListRole) -> None:
        self.sent.append(role)
        self.send(role, self.subject)

    # What goes wrong while the product works

    def disturb(self) -> None:
        """Arrange for something to go wrong during the next maintenance."""
        name = self.dice.choice(sorted(_DISTURBANCES))
        self.say(f"disturbed: {name}")
        _DISTURBANCES[name](self)

    def calm(self) -> None:
        """Whatever was arranged is over."""
        self.scene.control.clear_faults()
        self.scene.control.reset_switches()
        self.scene.control.set_switches(rate_limit_per_minute=0)
        self.scene.tap.triggers.clear()

    def stop(self) -> None:
        self._set_mode("read_only")
        self.stopped = True

    def go_on(self) -> None:
        self._set_mode(None)
        self.stopped = False

    def _set_mode(self, mode: str | None) -> None:
        with self.scene.services.database.begin() as connection:
            safety.set_mode(connection, mode, "A. Person", self.scene.clock.now())

    # What the product and its persons do

    def work(self, hours: float) -> None:
        """Sensors every half hour or so, and persons who look now and then, until the time is over."""
        until = self.scene.clock.now() + timedelta(hours=hours)
        while self.scene.clock.now() < until:
            done = self._run("live") + (self._run("night") if self.scene.clock.now() >= self.next_night else [])
            if self.decide() or done:
                self.scene.pass_time(minutes=self.dice.choice((20, 65)))
            else:
                rest = (until - self.scene.clock.now()).total_seconds()
                self.scene.pass_time(seconds=max(min(rest, 86_400.0), 60.0))

    def _run(self, work: str) -> list[str]:
        """One process of the product, until it ends, says no, or is killed: what it did, or how it ended."""
        self.child = self.scene.start(work)
        ended = self.child.join()
        if work == "night":
            self.next_night = self.scene.clock.now() + timedelta(days=1)
        if ended.status not in (0, SAID_NO) and not ended.killed:
            self.problems.append(f"a process of the product ended with {ended.status}: {ended.result}")
        if ended.status == SAID_NO:
            self.say(f"{work} said no: {str(ended.result.get('error'))[:150]}")
        return [str(one) for one in ended.result.get("done", [f"ended with {ended.status}"])]

    def decide(self) -> int:
        """Persons decide about whatever waits; how many decisions."""
        made, services = 0, self.scene.services
        waiting = self.scene.query(
            "select plan_id, kind, content_hash from plan where status = 'pending_review' order by plan_id"
        )
        for row in waiting:
            verb = "reject" if self.dice.random() < 0.15 else "approve"
            made += self._try(f"{verb} the {row['kind']} plan {row['plan_id']}", lambda v=verb, r=row: (
                decisions.approve(services, r["plan_id"], by="A. Person", content_hash=r["content_hash"])
                if v == "approve" else decisions.reject(services, r["plan_id"], by="A. Person")
            ))  # fmt: skip
        asked = self.scene.query(
            """select r.review_id, r.kind, r.summary, r.details, p.content_hash from review_item r
               left join plan p using (plan_id) where r.status = 'open' order by 1"""
        )
        for row in asked:
            if dead := re.search(r"job-is-dead (\d+)", row["summary"]):
                made += self._try(f"job {dead[1]} is dead", lambda n=int(dead[1]): declare_dead(
                    services, n, by="A. Person", note="support said so"))  # fmt: skip
            elif row["kind"] != "finding" and row["content_hash"] and self.dice.random() < 0.5:
                made += self._try(f"approve question {row['review_id']}", lambda r=row: decisions.approve_item(
                    services, r["review_id"], by="A. Person", content_hash=r["content_hash"]))  # fmt: skip
        return made + self._rule()

    def _rule(self) -> int:
        made = 0
        doubted = """select campaign_key, subject, exists (
                select from campaign_schedule o where o.subject = s.subject and o.send_start_at < s.send_start_at) as is_later
            from campaign_schedule s where round_doubt is not null and round_ruling is null"""
        for row in self.scene.query(doubted):
            # A person who knows what was sent says so: which letter is whose, and which mailing is none of the rounds.
            if row["subject"].startswith("Sale"):
                ruling = RoundRuling.NOT_A_ROUND
            else:
                ruling = RoundRuling.JOINS if row["is_later"] else RoundRuling.BEGINS
            made += self._try(f"{row['subject']} {ruling.value}", lambda r=row, x=ruling: rule_on_round(
                self.scene.services, r["campaign_key"], x, by="A. Person"))  # fmt: skip
        return made

    def _try(self, words: str, act: Any) -> int:
        """A person does something; the product may refuse it with a reason."""
        try:
            act()
        except ListPipelineError as error:
            self.say(f"{words}: {type(error).__name__} {error.happened}")
            return 0
        self.say(words)
        return 1

    def regret(self) -> None:
        """Somebody takes the last maintenance back, and may be sorry for it a little later."""
        key = self.scene.query(
            "select campaign_key from campaign_schedule where send_start_at is not null order by send_start_at desc limit 1"
        )[0]["campaign_key"]
        services = self.scene.services
        self._try(f"undo {key}", lambda: undo_maintenance(services, key, by="A. Person", progress=_quiet))
        if self.dice.random() < 0.5:
            self.work(hours=self.dice.choice((1, 30)))
            self._try(f"redo {key}", lambda: redo_maintenance(services, key, by="A. Person", progress=_quiet))

    # One cycle, and what must hold

    def play_cycle(self) -> None:
        self.cycle += 1
        self.sent.clear()
        self.touched.clear()
        before = self.standing()
        for role in self.dice.sample(CAMPAIGN_LISTS, 3):
            began = self.scene.clock.now()
            if role not in self.sent:
                self.send_round(role)
            if self.dice.random() < 0.1:
                self.say("an extra mailing")
                self.send(self.dice.choice(CAMPAIGN_LISTS), f"Sale {self.cycle}-{len(self.sent)}")
            self.work(hours=24.2)
            if self.dice.random() < 0.7:
                self.disturb()
            self.work(hours=8)
            if self.dice.random() < 0.8:
                self.calm()
            for _ in range(self.dice.randint(0, 4)):
                self.happen()
            if self.dice.random() < 0.12:
                self.regret()
            self.work(hours=4)
            if self.stopped and self.dice.random() < 0.6:
                self.go_on()
            self.work(hours=max((began + _ROUND_EVERY - self.scene.clock.now()).total_seconds() / 3600, 1))
            self.calm()
        self.work(hours=2)
        self.judge(before)

    def judge(self, before: Mapping[int, ListRole]) -> None:
        """After the three rounds: nobody twice unnamed, nobody missed, nobody mailed after leaving."""
        got, everything, failed = self.mails(self.subject), self.mails(), self.failed()
        suppressed = self.scene.lists().on(ListRole.SUPPRESSION)
        twice = {i for i, count in got.items() if count > 1}
        if unnamed := twice - self.named_twice():
            self.problems.append(f"{self.subject}: twice, and named by no report: {self.told(unnamed)}")
        reasons = failed | self.complained | self.scene.template.expected | self.scene.before.on(ListRole.SUPPRESSION)
        excused = self.touched | self.left.keys() | (suppressed & reasons)
        if missed := {i for i in before.keys() - excused if got[i] == 0}:
            self.problems.append(f"{self.subject}: missed: {self.told(missed)}")
        if after := {i for i, mails in self.left.items() if everything[i] > mails}:
            self.problems.append(f"{self.subject}: mailed after leaving: {self.told(after)}")
        if wrong := suppressed - reasons:
            self.problems.append(f"{self.subject}: suppressed without evidence: {self.told(wrong)}")
        stayed = before.keys() - self.touched - self.left.keys() - suppressed
        if lost := {i for i in stayed if not self.scene.lists().places.get(i)}:
            self.problems.append(f"{self.subject}: on no list at all: {self.told(lost)}")

    def named_twice(self) -> set[int]:
        """Everybody whom a finding names as mailed twice."""
        rows = self.scene.query(f"select details from review_item where details ->> 'about' = '{MAILED_TWICE}'")
        return {int(i) for row in rows for i in row["details"].get("contact_ids", ())}

    def end(self) -> None:
        """Everything is allowed and works again: what was begun comes to its end without a person."""
        self.calm()
        self.go_on()
        self.work(hours=24 * 8)
        lists = self.scene.lists()
        if doubled := {i for i, roles in lists.places.items() if len(roles & _CAMPAIGN) > 1} - self.touched:
            self.problems.append(f"left on two lists: {self.told(doubled)}")
        if half := [i for i in lists.on(ListRole.SUPPRESSION) - lists.excluded if lists.places[i] & _CAMPAIGN]:
            self.problems.append(f"suppressed and mailable: {self.told(half)}")
        steps = self.scene.query(
            """select s.state, s.note, p.kind, p.status, count(*) n from change_step s join change c using (change_id)
               join plan p using (plan_id) where s.state in ('planned', 'submitting', 'submitted') group by 1, 2, 3, 4"""
        )
        if steps:
            self.problems.append(f"left undone: {[dict(row) for row in steps]}")
        # What Mailjet did not do in three attempts is asked about: from there on it is a person's.
        open_rows = self.scene.query(
            """select c.campaign_key, l.status, l.sweep from list_maintenance_log l join campaign_schedule c
               on c.id = l.campaign_schedule_id where l.id in (
                   select max(id) from list_maintenance_log where maintenance_type = 'post_campaign'
                   group by campaign_schedule_id, sweep)
               and l.status not in ('success', 'partial_success', 'rolled_back', 'partly_rolled_back', 'rejected')
               and not (l.status = 'failed' and exists (
                   select from plan p join change g using (plan_id) join change_step s using (change_id)
                   join review_item r using (plan_id)
                   where p.campaign_id = c.id and p.sweep = l.sweep and s.state = 'failed' and s.attempts >= 3))"""
        )
        if open_rows:
            self.problems.append(f"not at their end: {[dict(row) for row in open_rows]}")

    def told(self, contact_ids: Any) -> str:
        """Contacts with what happened to them, for whoever has to find out why."""
        lines = []
        for contact_id in sorted(contact_ids)[:4]:
            mails = [
                f"{one['send_start_at'][5:16]} {one['subject']} to {self.scene.template.account.lists.role_of(one['list_id'])}"
                for one in self.scene.control.ledger()
                if contact_id in one["contact_ids"]
            ][-6:]
            changes = self.scene.query(
                f"""select c.plan_id, p.kind, s.action, s.list_role, s.state, s.note, s.changed_at from change c
                    join change_step s using (change_id) join plan p using (plan_id)
                    where c.contact_id = {int(contact_id)} order by change_id, ordinal"""
            )
            told = [" ".join(str(part) for part in row.values()) for row in changes][-12:]
            on = sorted(self.scene.lists().places.get(contact_id, ()))
            lines.append(f"{contact_id} on {on}: {mails}; {told}")
        return f"{len(contact_ids)}: " + " | ".join(lines)


def _quiet(_: str) -> None:
    """Progress that nobody reads."""


def _random_edit(world: World) -> None:
    """At some request of the maintenance a person or a subscriber does something."""
    world.scene.at(world.happen, nth=world.dice.randint(1, 90), when=world.dice.choice(("before", "after")))


def _send_in_the_middle(world: World) -> None:
    """The next round goes out around some job of the maintenance."""
    waiting = [role for role in CAMPAIGN_LISTS if role not in world.sent]
    if waiting:
        role = world.dice.choice(waiting)
        world.scene.at(lambda: world.send_round(role), nth=world.dice.randint(1, 4),
                       when=world.dice.choice(("before", "after")), **POST)  # fmt: skip


def _kill(world: World) -> None:
    where = POST if world.dice.random() < 0.5 else {}
    nth = world.dice.randint(1, 5 if where else 120)
    when = world.dice.choice(("before", "after"))

    def act() -> None:
        if world.child is not None:
            world.child.kill()

    world.scene.at(act, nth=nth, when=when, drops=True, **where)


def _stop(world: World) -> None:
    world.scene.at(world.stop, nth=world.dice.randint(1, 4), when="after", **POST)


def _cut(world: World) -> None:
    world.scene.at(lambda: cut_connections(world.scene.database_url), nth=world.dice.randint(1, 120), when="after")


def _fault(effect: str, path: str, method: str, most: int = 1, **parts: Any) -> Any:
    def act(world: World) -> None:
        count = world.dice.randint(1, most)
        world.scene.control.add_fault(
            effect, path=path, method=method, nth=world.dice.randint(1, 3), count=count, **parts
        )

    return act


def _switches(**values: Any) -> Any:
    return lambda world: world.scene.control.set_switches(**values)


_JOB = POST["path"]
_DISTURBANCES: Mapping[str, Any] = {
    "edit": _random_edit,
    "edit too": _random_edit,
    "send in the middle": _send_in_the_middle,
    "kill": _kill,
    "kill too": _kill,
    "stop": _stop,
    "connections cut": _cut,
    "jobs away": _fault("status", _JOB, "POST", 30, status=503),
    "jobs fail": _fault("status", _JOB, "POST", 12, status=500),
    "jobs refused": _fault("status", _JOB, "POST", 2, status=401),
    "answers lost": _fault("drop_after", _JOB, "POST", 4),
    "nothing arrives": _fault("drop_before", _JOB, "POST", 4),
    "half a job": _fault("job_half_applied", _JOB, "POST", 3),
    "no effect": _fault("job_without_effect", _JOB, "POST", 2),
    "job aborts": _fault("job_abort", _JOB, "POST", 2),
    "endless job": _fault("job_never_ends", _JOB, "POST", 1),
    "reading fails": _fault("status", _READINGS, "GET", 20, status=500),
    "short pages": _fault("short_page", _READINGS, "GET", 4, rows=2),
    "slow jobs": _switches(job_latency_seconds=1_200.0),
    "late bounces": _switches(bounce_log_lag_seconds=9_000.0),
    "late counts": _switches(stats_lag_seconds=900.0, contact_list_counts_lag_seconds=30.0),
    "no ids": _switches(erased_in_logs="zero"),
}


@dataclass(frozen=True)
class WorldGoesOn(Case):
    """A world of some cycles, by a seed. ``mode``: of list management."""

    family: ClassVar[str] = "worlds"
    template: ClassVar[str] = "larger"
    seed: int
    cycles: int
    mode: str

    @property
    def name(self) -> str:
        return f"{self.mode}-{self.seed}-{self.cycles}"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"list_management_mode": self.mode, "mailjet_job_contacts": 40, "enrol_newcomers": "all"}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        world = World(scene, random.Random(self.seed))
        try:
            world.work(hours=24)
            for _ in range(self.cycles):
                world.play_cycle()
            world.end()
        finally:
            (scene.folder / "happened.txt").write_text("\n".join([*world.happened, *world.problems]))
        return [*scene.tap.problems, *world.problems]


@dataclass(frozen=True)
class LongWorld(WorldGoesOn):
    """The same for so long that whatever is left over comes back."""

    family: ClassVar[str] = "long-worlds"


def cases(seed: int) -> Iterator[Case]:
    """Short worlds for every day, and one of 24 cycles for each mode."""
    for number in range(3):
        for mode in ("auto", "approval_required"):
            yield WorldGoesOn(seed % 1000 + number, 3, mode)
    for mode in ("auto", "approval_required"):
        yield LongWorld(seed % 1000, 24, mode)
