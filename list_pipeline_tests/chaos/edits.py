"""A person edits the lists in Mailjet between plan, approval and job.

Belongs here: the edits, when they happen, and what has to be true of the edited contact afterwards. Does not belong here:
what holds for everybody else (``invariants``): they end as undisturbed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.runs.status import TAKEN_BACK
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken, mailable
from list_pipeline_tests.chaos.scene import Lists, Scene
from list_pipeline_tests.integration.accounts import plain_client

_CAMPAIGN = frozenset(CAMPAIGN_LISTS)


# What a person does


def by_hand(scene: Scene, contact_id: int, role: ListRole, action: str) -> None:
    with plain_client(scene.server) as http:
        email = scene.control.contact(contact_id)["email"]
        path = f"/contactslist/{scene.template.account.lists[role]}/managecontact"
        answer = http.post(path, json={"Email": email, "Action": action})
        assert answer.status_code == 201, answer.text


def exclude(scene: Scene, contact_id: int, value: bool) -> None:
    with plain_client(scene.server) as http:
        answer = http.put(f"/contact/{contact_id}", json={"IsExcludedFromCampaigns": value})
        assert answer.status_code in (200, 304), answer.text


def _home(scene: Scene, contact_id: int) -> ListRole | None:
    return next(iter(scene.before.places[contact_id] & _CAMPAIGN), None)


def _another(scene: Scene, contact_id: int, reference: Reference) -> ListRole:
    """The campaign list that a contact neither comes from nor goes to."""
    used = {_home(scene, contact_id), *(reference.end.places[contact_id] & _CAMPAIGN)}
    return next(role for role in CAMPAIGN_LISTS if role not in used)


@dataclass(frozen=True)
class Edit:
    """``does`` it to a contact; ``then`` says what does not hold of that contact at the end, given the moment."""

    does: Callable[[Scene, int, Reference], None]
    then: Callable[[Scene, int, Lists, str], str | None]


def _stays_unmailable(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    return "unsubscribed, and is mailable again" if mailable(now, contact_id) else None


def _unsubscribe(scene: Scene, contact_id: int, reference: Reference) -> None:
    scene.control.unsubscribe(contact_id)


def _unsubscribe_at_home(scene: Scene, contact_id: int, reference: Reference) -> None:
    """What the link in a message does: it knows the list that was sent to."""
    scene.control.unsubscribe(contact_id, scene.template.account.lists[_home(scene, contact_id) or ListRole.MASTER])


def _erase(scene: Scene, contact_id: int, reference: Reference) -> None:
    scene.control.gdpr_delete(contact_id)


def _suppress(scene: Scene, contact_id: int, reference: Reference) -> None:
    by_hand(scene, contact_id, ListRole.SUPPRESSION, "addnoforce")
    exclude(scene, contact_id, True)


def _stays_excluded(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    return None if contact_id in now.excluded else "was excluded by a person, and is not any more"


def _stays_away(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    there = now.places[contact_id] & _CAMPAIGN
    if moment in EARLY and there:
        return f"was taken off by a person before the job, and is on {sorted(there)}"
    return f"was taken off by a person, and is on {sorted(there)}" if len(there) > 1 else None


def _stays_where_put(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    there, home = now.places[contact_id] & _CAMPAIGN, _home(scene, contact_id)
    if moment in EARLY and (len(there) != 2 or home not in there):
        return f"was put on another list by a person before the job, and is on {sorted(there)}"
    return "is on no campaign list" if not there else None


def _stays_erased(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    """A job creates contacts that do not exist: between the last look and the job nothing prevents it. Such a one must not be
    mailable, and people are told."""
    new = created_again(scene, now)
    if moment in EARLY:
        return f"was erased, and exists again as {sorted(new)}" if new else None
    if any(mailable(now, one) for one in new):
        return f"was erased, and is mailable again as {sorted(new)}"
    told = scene.query(f"select 1 from review_item where status = 'open' and contact_id in ({contact_id})")
    return f"was erased, exists again as {sorted(new)}, and nobody is told" if new and not told else None


def created_again(scene: Scene, now: Lists) -> set[int]:
    """Contacts that did not exist before the case."""
    return now.places.keys() - scene.before.places.keys()


def _stays_suppressed(scene: Scene, contact_id: int, now: Lists, moment: str) -> str | None:
    if ListRole.SUPPRESSION not in now.places[contact_id] or mailable(now, contact_id):
        return "has to be suppressed, and is not"
    return None


EDITS: Mapping[str, Edit] = {
    "unsubscribes": Edit(_unsubscribe, _stays_unmailable),
    "unsubscribes-from-the-list": Edit(_unsubscribe_at_home, _stays_unmailable),
    "excluded": Edit(lambda scene, c, _: exclude(scene, c, True), _stays_excluded),
    "taken-off": Edit(lambda s, c, _: by_hand(s, c, _home(s, c) or ListRole.MASTER, "remove"), _stays_away),
    "put-elsewhere": Edit(lambda s, c, r: by_hand(s, c, _another(s, c, r), "addnoforce"), _stays_where_put),
    "erased": Edit(_erase, _stays_erased),
    "suppressed-by-hand": Edit(_suppress, _stays_suppressed),
}

PLANNED, APPROVAL, JOB, ACCEPTED, BETWEEN = "planned", "approval", "job", "accepted", "between-waves"
EARLY = (PLANNED, APPROVAL)
"""Moments before the product looks at the lists for the last time: whatever was edited is seen, and wins."""


@dataclass(frozen=True)
class MoverIsEdited(Case):
    """Somebody whom the rebalancing moves is edited."""

    family: ClassVar[str] = "edits"
    edit: str
    moment: str

    @property
    def name(self) -> str:
        return f"mover-{self.edit}-{self.moment}"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"list_management_mode": "approval_required"} if self.moment == APPROVAL else {}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        contact_id = movers(scene, reference)[0]
        edit, done = EDITS[self.edit], []

        def act() -> None:
            edit.does(scene, contact_id, reference)
            done.append(contact_id)

        if self.moment == APPROVAL:
            scene.run("tend")
            decide(scene, PlanKind.SUPPRESSION)
            scene.run("tend")
            act()
            decide(scene, PlanKind.REBALANCING)
        else:
            at_moment(scene, self.moment, act, reference, PlanKind.REBALANCING)
        scene.until_quiet()
        if not done:
            return ["nobody was edited"]
        touched = frozenset({*done, *_created(self, scene)})
        expected = Expectation(status=self._end(scene), edited=touched, messages=None)
        found = broken(scene, reference, expected)
        if wrong := edit.then(scene, contact_id, scene.lists(), self.moment):
            found.append(f"{contact_id} {wrong}")
        return found

    def _end(self, scene: Scene) -> str:
        """One of three contacts is more than may fail: what was edited too late to be seen takes the others back with it."""
        (row,) = scene.query("select status from list_maintenance_log order by id desc limit 1")
        may_roll_back = self.moment not in EARLY and row["status"] in TAKEN_BACK
        return str(row["status"]) if may_roll_back else "success"


@dataclass(frozen=True)
class SuppressedIsEdited(Case):
    """Somebody who is to be suppressed is edited; the rebalancing that follows may be another one."""

    family: ClassVar[str] = "edits"
    edit: str
    moment: str

    @property
    def name(self) -> str:
        return f"suppressed-{self.edit}-{self.moment}"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"list_management_mode": "approval_required"} if self.moment == APPROVAL else {}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        contact_id = min(scene.template.expected)
        edit, done = EDITS[self.edit], []

        def act() -> None:
            edit.does(scene, contact_id, reference)
            done.append(contact_id)

        if self.moment == APPROVAL:
            scene.run("tend")
            act()
            decide(scene, PlanKind.SUPPRESSION)
            scene.run("tend")
            decide(scene, PlanKind.REBALANCING)
        else:
            at_moment(scene, self.moment, act, reference, PlanKind.SUPPRESSION)
        scene.until_quiet()
        if not done:
            return ["nobody was edited"]
        touched = frozenset({*done, *_created(self, scene)})
        (row,) = scene.query("select status from list_maintenance_log order by id desc limit 1")
        # Whoever is erased too late to be seen could not be suppressed, and that is said.
        is_partial = self.edit == "erased" and self.moment not in EARLY and row["status"] == "partial_success"
        status = "partial_success" if is_partial else "success"
        expected = Expectation(status=status, edited=touched, messages=None, same_end=False, same_plans=False)
        found = broken(scene, reference, expected)
        checks = [edit.then] if self.edit == "erased" else [_stays_suppressed, edit.then]
        for check in checks if self.edit != "taken-off" else [_stays_suppressed]:
            if wrong := check(scene, contact_id, scene.lists(), self.moment):
                found.append(f"{contact_id} {wrong}")
        return found


def _created(case: MoverIsEdited | SuppressedIsEdited, scene: Scene) -> set[int]:
    """Contacts that a job may have created: after an erasure that was too late to be seen."""
    return created_again(scene, scene.lists()) if case.edit == "erased" and case.moment not in EARLY else set()


@dataclass(frozen=True)
class SuppressedIsPutBack(Case):
    """A person takes a suppression back in Mailjet, before the rebalancing: the product leaves that contact alone."""

    family: ClassVar[str] = "edits"
    entirely: bool

    @property
    def name(self) -> str:
        return "suppressed-put-back-entirely" if self.entirely else "suppressed-put-back-on-the-list"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        contact_id = min(scene.template.expected)
        home = _home(scene, contact_id)
        assert home is not None

        def act() -> None:
            by_hand(scene, contact_id, home, "addnoforce")
            if self.entirely:
                by_hand(scene, contact_id, ListRole.SUPPRESSION, "remove")
                exclude(scene, contact_id, False)

        posts = _posts(reference)
        trigger = scene.at(act, nth=posts[1] + 4, when="after")
        scene.until_quiet()
        expected = Expectation(edited=frozenset({contact_id}), messages=None, same_end=False, same_plans=False)
        found = broken(scene, reference, expected)
        places = scene.lists().places[contact_id]
        wanted = {ListRole.MASTER, home} if self.entirely else {ListRole.MASTER, home, ListRole.SUPPRESSION}
        if places != wanted or not trigger.fired:
            found.append(f"{contact_id} was put back by a person, and is on {sorted(places)}")
        return found


@dataclass(frozen=True)
class ListIsEmptied(Case):
    """A person empties a campaign list in Mailjet."""

    family: ClassVar[str] = "edits"
    role: ListRole
    moment: str
    kind: PlanKind

    @property
    def name(self) -> str:
        return f"{self.role.value}-emptied-{self.kind.value}-{self.moment}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        emptied: set[int] = set()

        def act() -> None:
            emptied.update(scene.lists().on(self.role))
            for contact_id in emptied:
                by_hand(scene, contact_id, self.role, "remove")

        at_moment(scene, self.moment, act, reference, self.kind)
        for _ in range(4):
            ended = scene.run("tend_until_quiet")
            scene.pass_time(minutes=65)
        found = [] if ended.status in (0, 3) else [f"a child ended with {ended.status}: {ended.result}"]
        (row,) = scene.query("select status from list_maintenance_log order by id desc limit 1")
        expected = Expectation(
            status=row["status"], edited=frozenset(emptied), messages=None, same_end=False, same_plans=False
        )
        found += broken(scene, reference, expected)
        if row["status"] not in {"success", "pending_review", "partial_success"} | TAKEN_BACK:
            found.append(f"the maintenance ended as {row['status']}: {ended.result}")
        now = scene.lists()
        if lost := {c for c in emptied if not now.places.get(c)}:
            found.append(f"{len(lost)} contacts of the emptied list are on no list at all")
        return found if emptied else [*found, "nothing was emptied"]


def movers(scene: Scene, reference: Reference) -> Sequence[int]:
    """Whom the undisturbed run moves from one campaign list to another."""
    return [
        contact_id
        for contact_id, roles in sorted(scene.before.places.items())
        if roles & _CAMPAIGN
        and reference.end.places[contact_id] & _CAMPAIGN
        and roles & _CAMPAIGN != reference.end.places[contact_id] & _CAMPAIGN
    ]


def decide(scene: Scene, kind: PlanKind) -> None:
    """A person approves the plan that waits."""
    rows = scene.query(f"select plan_id, content_hash, status from plan where kind = '{kind.value}'")
    assert [row["status"] for row in rows] == ["pending_review"], f"no {kind.value} plan waits: {rows}"
    reviews.approve(scene.services, rows[0]["plan_id"], by="A. Person", content_hash=rows[0]["content_hash"])


def _posts(reference: Reference) -> list[int]:
    return [n for n, one in enumerate(reference.requests, start=1) if re.match("POST .*managemanycontacts$", one)]


def at_moment(scene: Scene, moment: str, act: Callable[[], None], reference: Reference, kind: PlanKind) -> None:
    """Let a person act at a moment of the undisturbed run, named for the suppression or for the rebalancing.

    The small account has five jobs: two suppress, then one adds, and two remove, the first of them the mover that is edited.
    """
    posts = _posts(reference)
    first, last = (posts[0], posts[1]) if kind is PlanKind.SUPPRESSION else (posts[2], posts[3])
    # What a job rests on is read by the thorough sync before it, which begins with the sizes of the lists.
    looks = [n for n, one in enumerate(reference.requests[:first], start=1) if one.endswith("/contactslist")]
    match moment:
        case "planned":
            scene.at(act, nth=looks[-2], when="before")
        case "job":
            scene.at(act, nth=first, when="before")
        case "accepted":
            scene.at(act, nth=first, when="after")
        case "between-waves":
            scene.at(act, nth=last, when="before")


# Edits whose moment makes little difference are not played at each.
_ELSEWHERE: Mapping[str, Sequence[str]] = {
    PLANNED: ("excluded", "taken-off", "put-elsewhere"),
    APPROVAL: ("taken-off", "put-elsewhere"),
    JOB: ("excluded", "taken-off", "put-elsewhere"),
    ACCEPTED: (),
    BETWEEN: ("taken-off", "put-elsewhere"),
}
_SUPPRESSED_ELSEWHERE: Mapping[str, Sequence[str]] = {
    PLANNED: ("excluded", "taken-off", "suppressed-by-hand"),
    APPROVAL: ("suppressed-by-hand",),
    JOB: ("taken-off", "suppressed-by-hand"),
    ACCEPTED: (),
    BETWEEN: ("excluded",),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for moment in (PLANNED, APPROVAL, JOB, ACCEPTED, BETWEEN):
        for edit in ("unsubscribes", "unsubscribes-from-the-list", "erased", *_ELSEWHERE[moment]):
            yield MoverIsEdited(edit, moment)
        for edit in ("unsubscribes", "erased", *_SUPPRESSED_ELSEWHERE[moment]):
            yield SuppressedIsEdited(edit, moment)
    for entirely in (True, False):
        yield SuppressedIsPutBack(entirely)
    for role in CAMPAIGN_LISTS:
        for moment in (PLANNED, JOB, BETWEEN):
            yield ListIsEmptied(role, moment, PlanKind.REBALANCING)
        yield ListIsEmptied(role, PLANNED, PlanKind.SUPPRESSION)
