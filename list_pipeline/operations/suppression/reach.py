"""How the domains of contacts answer whose mail got no answer: looked up for these few, in sets.

Does not belong here: when that is evidence (``core.suppression.unreachable``), and the SQL (``storage.incidents``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.suppression.unreachable import UNANSWERED
from list_pipeline.core.suppression.verdicts import Reach
from list_pipeline.operations.bounces.mail_hosts import mail_hosts_of
from list_pipeline.storage import incidents as incident_rows


def reach_of(
    connection: Connection,
    since: Mapping[int, datetime],
    domains: Mapping[int, str],
    operators: Operators,
    as_of: datetime,
) -> Mapping[int, Reach]:
    """How the domain of each contact answers.

    Where the mail operator of a domain is known, all domains of the account that it runs answer for it.

    Args:
        since: contact id to the start of the first send without an answer (``core.suppression.rules.unanswered_since``).
        domains: contact id to receiving domain; a contact whose domain is not known is left out.
        operators: who runs the mail of a domain, as far as is known.
        as_of: what was sent later is not known yet.
    """
    asked = {i: domains[i].casefold() for i in since if i in domains}
    if not asked:
        return {}
    runs = {domain: operators.of(domain) for domain in asked.values()}
    known = {operator for operator in runs.values() if operator is not None}
    together: dict[str, set[str]] = {domain: {domain} for domain in runs}
    if known:
        by_operator: dict[str | None, set[str]] = {}
        for domain in incident_rows.domains_of_account(connection):
            by_operator.setdefault(operators.of(domain), set()).add(domain)
        for domain, operator in runs.items():
            if operator is not None:
                together[domain] |= by_operator.get(operator, set())
    everybody = set().union(*together.values())
    reasons = [one.value for one in UNANSWERED]
    answered = incident_rows.last_answered(connection, everybody, reasons, min(since.values()), as_of)
    hosts = mail_hosts_of(connection, runs)
    return {
        contact_id: Reach(
            max((answered[one] for one in together[domain] if one in answered), default=None), hosts[domain]
        )
        for contact_id, domain in asked.items()
    }
