"""An incident in words, for the question about it."""

from __future__ import annotations

from list_pipeline.core.incidents.contacts import Incident, IncidentCause
from list_pipeline.core.wording import count_text


def incident_text(incident: Incident) -> str:
    """What happened at a group, what is usual there, and what follows; no address and no contact is in it."""
    waiting = count_text(len(incident.contact_ids), "contact")
    if incident.cause is IncidentCause.SENDER:
        return (
            f"{incident.hard_bounces} of {count_text(incident.attempted, 'refusal')} at {incident.where} that were read refuse "
            f"us, not the contacts, though Mailjet calls their addresses unknown: {waiting} whose refusals were not read wait, "
            "and their next mailings show which of them work"
        )
    found = unusual_text(incident.where, incident.hard_bounces, incident.attempted, incident.expected)
    return (
        f"{found}: the fault is likelier theirs, so {waiting} that bounced there wait, and their next mailings show which of "
        "them work"
    )


def unusual_text(where: str, hard: int, attempted: int, expected: float) -> str:
    """How many bounced hard at a group, and how many are usual there. ``where``: the group as the end of a sentence."""
    usual = "fewer than one is usual" if expected < 1 else f"about {expected:.0f} are usual"
    return f"{hard} of {count_text(attempted, 'contact')} that worked before bounced hard at {where}, where {usual}"
