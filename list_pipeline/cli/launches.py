"""The commands about launch changes: looking at one, asking for it, deciding on it, and carrying it out.

What is asked for is always what was shown: ``launch look`` shows it with a hash, and ``launch ask`` takes that hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, say_values, show_table, working
from list_pipeline.cli.program import ExitCode
from list_pipeline.core.launches.changes import TO_CARRY_OUT, LaunchAction, LaunchState
from list_pipeline.core.launches.rules import instant_of
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.wording import instant_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.operations.launches.looking import LaunchLook, Wanted
    from list_pipeline.operations.launches.shown import LaunchShown
    from list_pipeline.operations.services import Services

launch_app = typer.Typer(
    help="Schedule, move, cancel or send a draft at Mailjet from here: shown first, asked for, approved by a reviewer. Off "
    "without LAUNCHES_FROM_HERE."
)

Action = Annotated[LaunchAction, typer.Argument(help="What is to be done with the draft.")]
Target = Annotated[str, typer.Argument(help="A campaign's key, or the number of a draft at Mailjet.")]
At = Annotated[str, typer.Option(help="The instant in UTC, such as 2026-12-01T09:00; to schedule and to move.")]
Number = Annotated[int, typer.Argument(help="Number of the launch change, as `launch list` shows it.", min=1)]
ContentHash = Annotated[str, typer.Argument(help="The hash beside it: it is for exactly that launch change.")]
Note = Annotated[str, typer.Option(help="Why: somebody will ask.")]
_HASH_SHOWN = 12
_BAD_ENDS = (LaunchState.REFUSED, LaunchState.FAILED, LaunchState.EXPIRED)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(launch_app, name="launch")


@launch_app.command("look")
def look(action: Action, target: Target, at: At = "") -> None:
    """Show what a launch change would do, what stands against it, and the hash with which it is asked for; changes nothing."""
    from list_pipeline.operations.launches.looking import look as looked

    with opened_services() as services, working("Reading Mailjet"):
        wanted = _wanted(action, target, at)
        found = looked(services, wanted)
    _show_look(wanted, found)


@launch_app.command("ask")
def ask(
    action: Action,
    target: Target,
    content_hash: Annotated[str, typer.Argument(help="The hash that `launch look` showed.")],
    by: By,
    note: Note,
    at: At = "",
) -> None:
    """Ask for the launch change that `launch look` showed; it waits for a reviewer. A cancellation that a reviewer asks for is
    carried out at once: exit code 1 where it was not."""
    from list_pipeline.operations.launches.asking import ask_for_launch as asked

    with opened_services() as services:
        with working("Reading Mailjet"):
            launch = asked(
                services,
                _wanted(action, target, at),
                by=by,
                note=note,
                content_hash=content_hash,
                may_decide=True,
                way=Way.COMMAND,
            )
        if launch.state in TO_CARRY_OUT:
            _carry_out(services, launch.launch_id)
        else:
            _show_one(services, launch.launch_id)


@launch_app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over, the latest 100.")] = False,
) -> None:
    """List the launch changes that wait for a reviewer or are being carried out."""
    from list_pipeline.operations.launches.shown import launches_page, open_launches

    with opened_services() as services:
        found = launches_page(services, after=0, limit=100).entries if everything else open_launches(services)
    if not found:
        say("No launch change waits." if not everything else "There is no launch change.")
    else:
        show_table(
            (Whole("number"), "what", "campaign", "state", "asked by", "expires (UTC)", Whole("hash")),
            (
                (
                    str(one.number),
                    one.what,
                    one.campaign or "-",
                    one.state,
                    one.asked_by,
                    utc_text(one.expires_at),
                    one.content_hash[:_HASH_SHOWN],
                )
                for one in found
            ),
        )
    give({"launches": found})


@launch_app.command("show")
def show(number: Number) -> None:
    """Show one launch change: what is asked for, what was found beside it, who decided, and what became of it."""
    with opened_services() as services:
        _show_one(services, number)


@launch_app.command("approve")
def approve(
    number: Number, content_hash: ContentHash, by: By, note: Annotated[str, typer.Option(help="Why.")] = ""
) -> None:
    """Approve exactly the launch change that was shown, and carry it out: exit code 1 where it was not done."""
    from list_pipeline.operations.launches.deciding import approve_launch as decide

    with opened_services() as services:
        decide(services, number, by=by, content_hash=content_hash, note=note, way=Way.COMMAND)
        _carry_out(services, number)


@launch_app.command("reject")
def reject(number: Number, by: By, note: Note) -> None:
    """Turn a launch change down, or take an approval back while nothing was asked of Mailjet."""
    from list_pipeline.operations.launches.deciding import reject_launch as decide

    with opened_services() as services:
        decide(services, number, by=by, note=note, way=Way.COMMAND)
        _show_one(services, number)


@launch_app.command("carry-out")
def carry_out(number: Number) -> None:
    """Carry an approved launch change out, or continue one that was interrupted; exit code 1 where it was not done. A send is
    posted once at most, whoever calls this how often."""
    with opened_services() as services:
        _carry_out(services, number)


def _wanted(action: LaunchAction, target: str, at: str) -> Wanted:
    from list_pipeline.operations.launches.looking import Wanted

    return Wanted(action, target, instant_of(at, f"{action.gerund} {target}") if at else None)


def _carry_out(services: Services, number: int) -> None:
    from list_pipeline.operations.launches.carrying_out import carry_out as carried_out
    from list_pipeline.operations.safety.modes import note_flag

    note_flag(services, by="command")
    with working("Asking Mailjet"):
        done = carried_out(services, number)
    _show_one(services, number)
    if done.state in _BAD_ENDS:
        raise typer.Exit(ExitCode.FAILED)


def _show_look(wanted: Wanted, found: LaunchLook) -> None:
    from list_pipeline.operations.launches.shown import look_shown

    one = look_shown(found)
    say_values(
        {
            "what": one.what,
            "campaign": one.campaign or "-",
            "name": one.name,
            "subject": one.subject,
            "sender": one.sender,
            "list": one.list.label if one.list is not None else "none of the three",
            "recipients expected": f"{one.expected:,}" if one.expected is not None else "not known",
        }
    )
    for note in one.notes:
        say(f"- {note}")
    if one.stopped_because:
        say(f"Nothing is changed now, whoever approves: {one.stopped_because}.")
    if one.refused_because is not None:
        say(f"It cannot be asked for: {one.refused_because}. {one.next_step}.")
    else:
        at = f" --at {one.wanted_at:%Y-%m-%dT%H:%M:%S}" if one.wanted_at is not None else ""
        say(
            f"Ask for it until {instant_text(one.expires_at)}: list-pipeline launch ask {wanted.action.value} "
            f'{wanted.target} {one.content_hash[:_HASH_SHOWN]}{at} --by NAME --note "WHY"'
        )
    give({"look": one})


def _show_one(services: Services, number: int) -> None:
    from list_pipeline.operations.launches.shown import launch_shown

    one = launch_shown(services, number)
    _say_one(one)
    give({"launch": one})


def _say_one(one: LaunchShown) -> None:
    say(f"Launch change {one.number}: {one.what}. It is {one.state.value}.")
    say_values(
        {
            "campaign": one.campaign or "-",
            "subject": one.subject,
            "sender": one.sender,
            "list": one.list.label,
            "recipients expected": f"{one.expected:,}" if one.expected is not None else "not known",
            "asked": f"by {one.asked_by} at {instant_text(one.asked_at)}: {one.note}",
            "expires": instant_text(one.expires_at),
            "content hash": one.content_hash[:_HASH_SHOWN],
        }
    )
    for note in one.notes:
        say(f"- {note}")
    if one.decided_by:
        say(f"Decided by {one.decided_by} at {instant_text(one.decided_at)}. {one.decision_note or ''}".rstrip())
    if one.words:
        say(one.words)
    if one.state is LaunchState.WAITING:
        say(f"list-pipeline launch approve {one.number} {one.content_hash[:_HASH_SHOWN]} --by NAME")
