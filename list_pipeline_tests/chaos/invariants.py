"""What has to hold after every fault, read from Mailjet's side and from the database.

Belongs here: the invariants, each as a function that says in words what is broken. Does not belong here: faults, and what
only one of them leads to. An invariant is never weakened for a case: a case says what it expects instead of the undisturbed
end, contact by contact (``Expectation``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from list_pipeline.core.list_states.machines import ListEvent, StateChange, broken_transitions
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.runs.status import TAKEN_BACK
from list_pipeline_tests.chaos.scene import Lists, Scene

_CAMPAIGN = frozenset(CAMPAIGN_LISTS)


@dataclass(frozen=True)
class Reference:
    """How the account ends when nothing disturbs the run."""

    end: Lists
    plans: tuple[tuple[str, str], ...]
    """Kind and content hash."""
    model_requests: int
    messages: int
    requests: tuple[str, ...]
    """Method and path of each request, in order."""


@dataclass(frozen=True)
class Expectation:
    """How a case ends where it does not end as the undisturbed run does.

    ``status`` is that of the newest attempt. ``edited`` are contacts whom a person (or time) changed: the case itself looks
    at them. ``same_end`` and ``same_plans``: everybody else ends as undisturbed, by the same plans.
    """

    status: str = "success"
    edited: frozenset[int] = frozenset()
    same_end: bool = True
    same_plans: bool = True
    open_steps: bool = False
    messages: int | None = 1
    model_asked_again: int = 0
    runs_at_once: int = 1
    """Runs that may ask the model before one of them has written the plan."""
    told_before: int = 0
    """Messages that a database told Slack which is not the present one any more."""


AS_UNDISTURBED = Expectation()


def broken(scene: Scene, reference: Reference, expected: Expectation = AS_UNDISTURBED) -> list[str]:
    """Everything that does not hold, in words; empty when the product survived."""
    now = scene.lists()
    found = [
        *scene.tap.problems,
        *_nobody_lost(scene.before, now, expected.edited),
        *_nobody_twice(scene, now, expected),
        *_suppressed_on_evidence(scene, now, expected.edited),
        *_suppressed_andmailable(scene, now, expected),
        *_history(scene, now),
        *_journal(scene, now, expected),
        *_plans(scene, reference, expected),
        *_status(scene, expected),
        *_states(scene, expected),
        *_messages(scene, expected),
        *_model(scene, reference, expected),
    ]
    if expected.same_end:
        end = _rolled_back(scene, reference) if expected.status in TAKEN_BACK else reference.end
        found += _same_end(end, now, expected.edited)
    return found


def _rolled_back(scene: Scene, reference: Reference) -> Lists:
    """The undisturbed end without the rebalancing: whoever had to be suppressed is, everybody else is where they were."""
    end, before, expected = reference.end, scene.before, scene.template.expected
    places = {c: end.places[c] if c in expected else roles for c, roles in before.places.items()}
    return Lists(places, before.unsubscribed, end.excluded)


def _some(contact_ids: Collection[int]) -> str:
    return f"{len(contact_ids)} contact(s): {sorted(contact_ids)[:5]}"


def _nobody_lost(before: Lists, now: Lists, edited: Collection[int]) -> Iterator[str]:
    """Whoever was on a list is on one, and whoever was in master still is."""
    gone = {c for c, roles in before.places.items() if roles and not now.places.get(c)} - set(edited)
    if gone:
        yield f"lost, on no list: {_some(gone)}"
    left_master = before.on(ListRole.MASTER) - now.on(ListRole.MASTER) - set(edited)
    if left_master:
        yield f"left the master list: {_some(left_master)}"
    listed = {c for c, roles in before.places.items() if roles & _CAMPAIGN}
    nowhere = {c for c in listed if not now.places.get(c, frozenset()) & {*_CAMPAIGN, ListRole.SUPPRESSION}} - set(
        edited
    )
    if nowhere:
        yield f"were on a campaign list and are on none, and not suppressed: {_some(nowhere)}"
    appeared = now.places.keys() - before.places.keys() - set(edited)
    if appeared:
        yield f"contacts that did not exist: {_some(appeared)}"


def _nobody_twice(scene: Scene, now: Lists, expected: Expectation) -> Iterator[str]:
    """Nobody new is in two campaign lists, but for moves whose second half is open in the journal."""

    def twice(lists: Lists) -> set[int]:
        return {c for c, roles in lists.places.items() if len(roles & _CAMPAIGN) > 1}

    new = twice(now) - twice(scene.before) - set(expected.edited)
    if expected.open_steps:
        on_the_way = scene.query(
            """select distinct c.contact_id from change c join change_step s using (change_id)
               where s.action = 'remove' and s.state in ('planned', 'submitting', 'submitted')"""
        )
        new -= {int(row["contact_id"]) for row in on_the_way}
    if new:
        yield f"in two campaign lists: {_some(new)}"


def _suppressed_on_evidence(scene: Scene, now: Lists, edited: Collection[int]) -> Iterator[str]:
    new = now.on(ListRole.SUPPRESSION) - scene.before.on(ListRole.SUPPRESSION) - set(edited)
    if wrong := new - scene.template.expected:
        yield f"suppressed without evidence: {_some(wrong)}"
    excluded = now.excluded - scene.before.excluded - set(edited)
    if wrong := excluded - scene.template.expected:
        yield f"excluded without evidence: {_some(wrong)}"


def _suppressed_andmailable(scene: Scene, now: Lists, expected: Expectation) -> Iterator[str]:
    """Nobody is suppressed and on a campaign list; while work is left, such a contact is at least excluded."""
    already = {c for c, roles in scene.before.places.items() if ListRole.SUPPRESSION in roles and roles & _CAMPAIGN}
    both = {c for c, roles in now.places.items() if ListRole.SUPPRESSION in roles and roles & _CAMPAIGN}
    both -= set(expected.edited) | already
    if reachable := both - now.excluded:
        yield f"suppressed and mailable: {_some(reachable)}"
    if both and not expected.open_steps and expected.status == "success":
        yield f"suppressed and still on a campaign list: {_some(both)}"
    new = now.on(ListRole.SUPPRESSION) - scene.before.on(ListRole.SUPPRESSION) - set(expected.edited)
    if not_excluded := new - now.excluded:
        yield f"suppressed and not excluded: {_some(not_excluded)}"
    back = {c for c, role in scene.before.unsubscribed if role in _CAMPAIGN and mailable(now, c)} - set(expected.edited)
    if back:
        yield f"had unsubscribed and are mailable: {_some(back)}"


def mailable(lists: Lists, contact_id: int) -> bool:
    """Whether a send to one of the campaign lists reaches a contact."""
    places = lists.places.get(contact_id, frozenset()) & _CAMPAIGN
    return contact_id not in lists.excluded and any((contact_id, role) not in lists.unsubscribed for role in places)


def _history(scene: Scene, now: Lists) -> Iterator[str]:
    rows = scene.query("select contact_id, count(*) as times from contact_suppression_history group by contact_id")
    times = {int(row["contact_id"]): int(row["times"]) for row in rows}
    if twice := {c for c, n in times.items() if n > 1}:
        yield f"more than one row of history: {_some(twice)}"
    by_us = scene.query(
        """select distinct c.contact_id from change c join change_step s using (change_id)
           where c.kind = 'suppress' and s.action = 'add' and s.state = 'confirmed'"""
    )
    done = {int(row["contact_id"]) for row in by_us}
    if missing := done - times.keys():
        yield f"suppressed without a row of history: {_some(missing)}"
    if invented := times.keys() - done:
        yield f"a row of history without a suppression: {_some(invented)}"


def _journal(scene: Scene, now: Lists, expected: Expectation) -> Iterator[str]:
    steps = scene.query(
        """select c.contact_id, c.kind, s.action, s.list_role, s.state, p.status as plan_status, c.plan_id
           from change c join change_step s using (change_id) join plan p using (plan_id) order by c.change_id, s.ordinal"""
    )
    untrue: set[int] = set()
    for step in steps:
        contact_id = int(step["contact_id"])
        if step["state"] != "confirmed" or contact_id in expected.edited:
            continue
        if not _holds(now, contact_id, step):
            untrue.add(contact_id)
    if untrue:
        yield f"confirmed in the journal and not true at Mailjet: {_some(untrue)}"
    still_open = {int(s["contact_id"]) for s in steps if s["state"] in ("planned", "submitting", "submitted")}
    if still_open and not expected.open_steps:
        yield f"steps left open: {_some(still_open)}"
    twice = [key for key, n in Counter((s["plan_id"], s["contact_id"], s["action"], s["list_role"]) for s in steps).items()
             if n > 1]  # fmt: skip
    if twice:
        yield f"{len(twice)} step(s) stand in the journal twice"
    open_jobs = scene.query("select job_id from mailjet_job where state in ('submitting', 'submitted')")
    if open_jobs and not expected.open_steps:
        yield f"{len(open_jobs)} job(s) left open"


def _holds(now: Lists, contact_id: int, step: Mapping[str, Any]) -> bool:
    places = now.places.get(contact_id, frozenset())
    match step["action"]:
        case "add":
            return ListRole(step["list_role"]) in places
        case "remove":
            return ListRole(step["list_role"]) not in places
        case "exclude":
            return contact_id in now.excluded
        case _:
            return contact_id not in now.excluded


def _plans(scene: Scene, reference: Reference, expected: Expectation) -> Iterator[str]:
    rows = scene.query(
        "select kind, sweep, revision, content_hash, status from plan where campaign_id is not null order by 1"
    )
    for (kind, sweep), times in Counter((row["kind"], row["sweep"]) for row in rows).items():
        if times > 1:
            yield f"{times} {kind} plans of one campaign and sweep ({sweep})"
    if any(row["revision"] != 1 for row in rows):
        yield "a plan has a second revision"
    found = {
        (str(row["kind"]), str(row["content_hash"])) for row in rows if row["kind"] in ("suppression", "rebalancing")
    }
    if expected.same_plans and found != set(reference.plans):
        yield f"the plans differ from those of the undisturbed run: {sorted(kind for kind, _ in found ^ set(reference.plans))}"


def _status(scene: Scene, expected: Expectation) -> Iterator[str]:
    rows = scene.query("select status, attempt, errors from list_maintenance_log order by id desc limit 1")
    status = rows[0]["status"] if rows else "none"
    if status != expected.status:
        said = str(rows[0]["errors"])[:300] if rows else ""
        yield f"the maintenance ended as {status}, not as {expected.status} {said}"
    if scene.query(
        """select 1 from list_maintenance_log where status = 'success'
           group by campaign_schedule_id, sweep having count(*) > 1"""
    ):
        yield "a maintenance ended well twice"


def _states(scene: Scene, expected: Expectation) -> Iterator[str]:
    """Each list went through legal transitions only, nothing came unexpectedly, and a maintenance that succeeded left the
    lists where they belong."""
    noted = scene.query("select * from list_state_history order by history_id")
    present = {(row["list_role"], row["machine"]): row["state"] for row in scene.query("select * from list_state")}
    steps = [
        (row["list_role"], StateChange(row["machine"], row["from_state"], row["to_state"], ListEvent(row["event"])))
        for row in noted
    ]
    yield from broken_transitions(steps, present)
    for row in noted:
        if row["event"] == ListEvent.UNEXPECTED:
            yield f"{row['list_role']}: {row['reason']}"
    if expected.status == "success" and (stuck := set(present.values()) - {"monitored", "ready", "populated"}):
        yield f"a list is left in {sorted(stuck)} by a maintenance that succeeded"


def _messages(scene: Scene, expected: Expectation) -> Iterator[str]:
    """Each row of the outbox arrived once, in the channel or in a thread that exists, and one of them at most is the final
    one."""
    shown = scene.messages()
    times = Counter(_key(message) for message in shown)
    rows = scene.query("select message_key, state, last_error from notification order by notification_id")
    sent = {row["message_key"] for row in rows if row["state"] == "sent"}
    if lost := sent - times.keys():
        yield f"said to be sent, and not in Slack: {sorted(lost)}"
    for row in rows:
        # With Slack at hand only the report of a later look that found nothing new is left out.
        if row["state"] not in ("sent", "skipped"):
            yield f"the message {row['message_key']} is {row['state']}: {row['last_error']}"
    if len(shown) != len(sent) + expected.told_before:
        yield f"{len(shown)} message(s) in Slack for {len(sent) + expected.told_before} that were sent: {dict(times)}"
    begun = {message["ts"] for message in shown if _thread(message) is None}
    if below_nothing := sorted(_key(one) for one in shown if _thread(one) not in {None, *begun}):
        yield f"answers to messages that are not there: {below_nothing}"
    # Lists that are far apart, and a quarantine that waits, are told about beside the report; their keys let them be told once.
    beside = ("imbalance:", "gate:")
    reports = sum(not key.startswith(beside) and not key.endswith(keys.DETAILS) for key in times.elements())
    if expected.messages is not None and reports != expected.messages:
        yield f"{reports} message(s) in Slack instead of {expected.messages}: {dict(times)}"
    final = [key for key in sent if ":success:" in key and not key.endswith(keys.DETAILS)]
    ended = scene.query("select 1 from list_maintenance_log where status = 'success'")
    if len(final) > max(len(ended), 1) or (not final and expected.status == "success"):
        yield f"{len(final)} final messages"


def _key(message: Mapping[str, Any]) -> str:
    """Our name of a message in Slack."""
    return str((message.get("metadata") or {}).get("event_payload", {}).get("key", "without a key"))


def _thread(message: Mapping[str, Any]) -> str | None:
    """The message that another one answers; None for one of its own."""
    thread = message.get("thread_ts")
    return None if thread in (None, "", message["ts"]) else str(thread)


def _model(scene: Scene, reference: Reference, expected: Expectation) -> Iterator[str]:
    """The model is asked once about a plan, and once for each report: a failed attempt is one of its own."""
    asked = scene.control.gemini_requests()
    number = len(asked["requests"] if isinstance(asked, Mapping) else asked)
    reports = max(len(scene.query("select 1 from notification where message_key like 'maintenance:%'")), 1)
    allowed = reference.model_requests - 1 + reports + expected.model_asked_again
    if expected.same_plans and number > allowed:
        yield f"the model was asked {number} times instead of {allowed}"
    for row in scene.query(
        """select agent, count(*) as n from agent_record where agent not like 'report%'
           group by campaign_id, sweep, agent, subject"""
    ):
        if row["n"] > expected.runs_at_once:
            yield f"{row['n']} records of the advisor {row['agent']}"


def _same_end(end: Lists, now: Lists, edited: Collection[int]) -> Iterator[str]:
    everybody = (end.places.keys() | now.places.keys()) - set(edited)
    moved = {c for c in everybody if end.places.get(c) != now.places.get(c)}
    if moved:
        where = ", ".join(
            f"{c} is on {_names(now.places.get(c))} instead of {_names(end.places.get(c))}" for c in sorted(moved)[:3]
        )
        yield f"ends on other lists than undisturbed: {_some(moved)}; {where}"
    if flags := (end.excluded ^ now.excluded) - set(edited):
        yield f"excluded in one end and not in the other: {_some(flags)}"
    if left := {c for c, _ in end.unsubscribed ^ now.unsubscribed} - set(edited):
        yield f"unsubscribed in one end and not in the other: {_some(left)}"


def _names(roles: frozenset[ListRole] | None) -> str:
    return "+".join(sorted(role.value for role in roles or ())) or "none"


def reference_of(scene: Scene) -> Reference:
    """The reference of a scene whose run nothing disturbed."""
    asked = scene.control.gemini_requests()
    return Reference(
        end=scene.lists(),
        plans=tuple(
            (str(r["kind"]), str(r["content_hash"]))
            for r in scene.query("select kind, content_hash from plan where kind in ('suppression', 'rebalancing')")
        ),
        model_requests=len(asked["requests"] if isinstance(asked, Mapping) else asked),
        messages=len(scene.messages()),
        requests=tuple(scene.tap.seen),
    )
