"""The commands that show lists and contacts through the cache, and those about the cache itself. No address is shown.

Each says how old what it shows is.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import (
    Contact,
    Whole,
    Yes,
    confirm,
    contact_id_of,
    give,
    opened_services,
    say,
    show_table,
)
from list_pipeline.cli.five_lists import confirm_five_lists, show_five_lists
from list_pipeline.cli.output import plain
from list_pipeline.core.errors import IntegrationError, NotFoundError, RemoteNotFoundError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import duration_text, instant_text, limit_text, percent_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.operations.services import Services
    from list_pipeline.operations.views.cache_warming import CachedKind
    from list_pipeline.operations.views.cached_reads import Member, Membership, ReadSession

_MEMBERS_SHOWN = 50

cache_app = typer.Typer(help="Show, fill or empty the cache of what people look at.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(lists)
    app.command()(contact)
    app.add_typer(cache_app, name="cache")


def lists(
    which: Annotated[
        str | None, typer.Argument(help="master, campaign_1, campaign_2, campaign_3 or suppression; nothing for all.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, help="Page of the members of one list, 50 on each.")] = 1,
    confirmed: Annotated[
        bool, typer.Option("--confirm", help="These five are the five lists; they may be changed.")
    ] = False,
    despite: Annotated[
        bool, typer.Option("--despite", help="Confirm although something looks wrong; the note says why.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who confirms: a name, and no address.")] = "",
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    yes: Yes = False,
) -> None:
    """Show the five lists with ids, sizes, their last sync (UTC) and whether they look like what they are meant to be; or
    confirm them, which has to be done before anything is changed; or show the contact ids on one of them. Confirming in spite
    of what looks wrong asks first."""
    from list_pipeline.operations.views.cached_reads import ReadSession

    role = _role(which)
    if confirmed and role is not None:
        raise typer.BadParameter("all five are confirmed together")
    with opened_services() as services:
        if confirmed:
            if despite:
                confirm(
                    "Confirming the five lists in spite of what looks wrong",
                    "a wrong id suppresses the wrong people",
                    yes=yes,
                )
            confirm_five_lists(services, by=by, note=note, despite=despite)
            return
        look = ReadSession(services)
        if role is None:
            _show_lists(services, look)
            show_five_lists(services)
        else:
            _show_members(services, look, role, page)


def _role(name: str | None) -> ListRole | None:
    if name is None:
        return None
    try:
        return ListRole(name)
    except ValueError:
        raise typer.BadParameter(", ".join(role.value for role in ALL_LISTS)) from None


def _show_lists(services: Services, look: ReadSession) -> None:
    from list_pipeline.operations.views.cached_reads import all_metadata, campaigns, list_state

    now = services.clock.now()
    last_sent = {
        CAMPAIGN_LISTS[each.round_number - 1]: each.sent_at for each in campaigns(services, look).value if each.sent_at
    }
    metadata = all_metadata(services, look)
    try:
        state, problem = list_state(services, look), ""
    except IntegrationError as error:
        # What our rows have is shown all the same.
        state, problem = None, str(error)
    show_table(
        ("list", "in our rows", "mailable", "unsubscribed", "excluded", "at Mailjet", "last send", "last sync"),
        (
            (
                role.label,
                *(f"{number:,}" for number in (one.raw, one.mailable, one.unsubscribed, one.excluded)),
                f"{state.value.sizes[role][0]:,}" if state else "-",
                utc_text(last_sent.get(role), unknown="-"),
                utc_text(one.last_synced_at),
            )
            for role, one in ((role, metadata[role].value) for role in ALL_LISTS)
        ),
    )
    if state:
        deviation = state.value.deviation_percent
        say(
            f"Mailjet's numbers are {_age(state.as_of, now)} old; "
            + (
                "the campaign lists are empty."
                if deviation is None
                else f"the campaign lists deviate by {percent_text(deviation)}."
            )
        )
    else:
        say(f"Mailjet could not be asked: {problem}")
    say(f"Our rows were read {_age(min(each.as_of for each in metadata.values()), now)} ago; no change since.")
    give(
        {
            "lists": [
                {
                    **plain(metadata[role].value),
                    "at_mailjet": state.value.sizes[role][0] if state else None,
                    "last_sent_at": last_sent.get(role),
                    "as_of": metadata[role].as_of,
                }
                for role in ALL_LISTS
            ],
            "deviation_percent": state.value.deviation_percent if state else None,
            "mailjet_as_of": state.as_of if state else None,
            "mailjet_problem": problem or None,
        }
    )


def _show_members(services: Services, look: ReadSession, role: ListRole, page: int) -> None:
    from list_pipeline.operations.views.cached_reads import list_contacts

    found = list_contacts(services, role, look)
    first = (page - 1) * _MEMBERS_SHOWN
    shown = found.value[first : first + _MEMBERS_SHOWN]
    show_table((Whole("contact"), "gets mail"), ((str(member.contact_id), _gets_mail(member)) for member in shown))
    pages = max(1, -(-len(found.value) // _MEMBERS_SHOWN))
    say(
        f"{role.label}: {len(found.value):,} contacts, page {page} of {pages}; "
        f"read {_age(found.as_of, services.clock.now())} ago, no change since."
    )
    give(
        {
            "list": role,
            "contacts": len(found.value),
            "page": page,
            "pages": pages,
            "as_of": found.as_of,
            "members": [{"contact_id": member.contact_id, "gets_mail": _gets_mail(member)} for member in shown],
        }
    )


def _gets_mail(member: Member) -> str:
    if member.is_unsubscribed:
        return "unsubscribed"
    return "quarantined" if member.is_quarantined else "excluded" if member.is_excluded else "yes"


def contact(
    contact: Contact,
    ask: Annotated[bool, typer.Option("--mailjet", help="Ask Mailjet too where the contact is now.")] = False,
) -> None:
    """Show where a contact is and whether it gets mail; the address is masked."""
    from list_pipeline.operations.views.cached_reads import ReadSession, membership
    from list_pipeline.operations.views.masked_items import masked_address

    with opened_services() as services:
        contact_id = contact_id_of(services, contact)
        look = ReadSession(services)
        found = membership(services, contact_id, look)
        if found is None and not ask:
            raise NotFoundError(
                f"Looking for contact {contact_id}",
                "we have no row of it",
                "Run `list-pipeline sync`, or add --mailjet",
            )
        if found is None:
            say(f"We have no row of contact {contact_id}.")
            give({"contact_id": contact_id, "contact": None})
        else:
            _show_contact(found.value, masked_address(services, contact_id))
            say(f"Read {_age(found.as_of, services.clock.now())} ago; no change since.")
            give({"as_of": found.as_of})
        if ask:
            _show_remote(services, contact_id, look)


def _show_contact(one: Membership, masked: str | None) -> None:
    say(f"Contact {one.contact_id}{f' ({masked})' if masked else ''}")
    say(f"lists: {', '.join(role.label for role in one.roles) or 'none'}")
    say(f"gets mail: {'yes' if one.is_mailable else 'no'}")
    flags = {
        "unsubscribed": one.is_unsubscribed,
        f"in quarantine until {instant_text(one.quarantined_until)}": one.quarantined_until is not None,
        "excluded from campaigns": one.is_excluded and one.quarantined_until is None,
        "complained": one.is_complaining,
        "erased": one.is_anonymised,
    }
    say(f"marks: {', '.join(name for name, is_set in flags.items() if is_set) or 'none'}")
    say(f"bounces: {one.hard_bounces} hard, {one.soft_bounces} soft")
    say(f"in the queue since: {instant_text(one.queued_at)}")
    say(f"why it is there: list-pipeline why {one.contact_id}")
    give(
        {
            "contact_id": one.contact_id,
            "contact": {"masked": masked, "gets_mail": one.is_mailable, **plain(one)},
        }
    )


def _show_remote(services: Services, contact_id: int, look: ReadSession) -> None:
    from list_pipeline.operations.views.cached_reads import remote_places

    try:
        places = remote_places(services, contact_id, look)
    except RemoteNotFoundError:
        say("at Mailjet: there is no such contact")
        give({"at_mailjet": None})
        return
    named = [
        f"{place.role.label if place.role else f'list {place.list_id}'}{' (unsubscribed)' if place.is_unsubscribed else ''}"
        for place in places.value
    ]
    say(f"at Mailjet, {_age(places.as_of, services.clock.now())} ago: {', '.join(named) or 'on no list'}")
    give({"at_mailjet": {"as_of": places.as_of, "places": places.value}})


@cache_app.command("show")
def show() -> None:
    """Show what lies in Redis, how old and how large it is, and the share of reads that it served."""
    from list_pipeline.operations.views.cache_warming import hit_rate, inspect

    with opened_services() as services:
        found, rate, now = inspect(services), hit_rate(services), services.clock.now()
    give({"is_reachable": found.is_reachable, "cache": found, "reads": rate})
    if not found.is_reachable:
        say("There is no Redis now; every read goes to the database or to Mailjet.")
        return
    show_table(
        (Whole("key"), "age", "shown", "ends in", "characters"),
        (
            (
                entry.key,
                _age(entry.as_of, now) if entry.as_of else "-",
                "yes" if entry.is_current else "no: outdated" if entry.as_of else "no: garbage",
                f"{entry.ttl_s:,} s" if entry.ttl_s is not None else "-",
                f"{entry.characters:,}" if entry.characters is not None else "-",
            )
            for entry in found.entries
        ),
    )
    say(
        f"Places of {found.memberships:,} contacts, {found.current_memberships:,} of them shown; "
        f"{found.characters:,} characters in all{'' if found.is_whole else ', and more that was not looked at'}."
    )
    if rate is None or rate.share is None:
        say("No reads are counted yet.")
        return
    say(
        f"{percent_text(100 * rate.share)} of {rate.reads:,} reads in {MONITORING.cache_hits_days} days were served from Redis "
        f"(wanted: more than {limit_text(MONITORING.cache_hits_percent)})."
    )
    for each in rate.by_kind:
        say(f"- {each.kind}: {each.hits:,} from Redis, {each.misses:,} read anew")


@cache_app.command("warm")
def warm() -> None:
    """Fill the cache with what was just read: six requests to Mailjet."""
    from list_pipeline.operations.views.cache_warming import warm as load

    with opened_services() as services:
        warmed = load(services)
    give({"warmed": warmed})
    if not warmed.is_reachable:
        say("There is no Redis now; nothing is cached.")
        return
    say(f"{warmed.values} values and the places of {warmed.memberships:,} contacts are cached.")
    if warmed.problem:
        say(f"The sizes stay as they were: {warmed.problem}")


@cache_app.command("invalidate")
def invalidate(
    what: Annotated[
        str,
        typer.Argument(
            help="all, state, metadata, contacts, memberships, campaigns or mailjet; or the id of one list or contact, or the "
            "address of one."
        ),
    ] = "all",
) -> None:
    """Forget what is cached; the next look reads it anew. Changes of ours need no invalidation."""
    from list_pipeline.operations.views.cache_warming import invalidate as forget

    with opened_services() as services:
        chosen = _cached(services, what)
        forget(services, chosen)
        reachable = services.cache.is_reachable()
    say(f"Forgotten: {chosen}." if reachable else "There is no Redis now; nothing is cached.")
    give({"forgotten": chosen, "is_reachable": reachable})


def _cached(services: Services, what: str) -> CachedKind | int:
    from list_pipeline.operations.views.cache_warming import CachedKind

    if "@" in what or what.isdecimal():
        return contact_id_of(services, what)
    try:
        return CachedKind(what)
    except ValueError:
        raise typer.BadParameter(f"{', '.join(kind.value for kind in CachedKind)}, a number, or an address") from None


def _age(at: datetime, now: datetime) -> str:
    return duration_text(max(0, int((now - at).total_seconds())))
