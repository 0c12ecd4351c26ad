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
    usual = "fewer than one is usual" if incident.expected < 1 else f"about {incident.expected:.0f} are usual"
    return (
        f"{incident.hard_bounces} of {count_text(incident.attempted, 'contact')} that worked before bounced hard at "
        f"{incident.where}, where {usual}: the fault is likelier theirs, so {waiting} "
        "that bounced there wait, and their next mailings show which of them work"
    )
