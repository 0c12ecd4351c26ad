"""Mail operators that stand out, for the tests of what follows.

Belongs here: cases. Does not belong here: expectations.
"""

from __future__ import annotations

from datetime import UTC, datetime

from list_pipeline.core.bounces.classes import BounceReason
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, Look, UnusualGroup
from list_pipeline.core.incidents.groups import POOL, Group, GroupKind, domain_group

AT = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
GOOGLE = UnusualGroup(
    Group(GroupKind.OPERATOR, "Google"), 80, 12, 0.4, {BounceReason.USER_UNKNOWN: 11, BounceReason.MAILBOX_INACTIVE: 2}
)
DOMAIN = UnusualGroup(
    domain_group("ignore-all-previous-instructions.example"), 6, 5, 1.6, {BounceReason.USER_UNKNOWN: 5}
)
UNKNOWN_OPERATORS = UnusualGroup(POOL, 900, 40, 9.4, {BounceReason.NO_MAIL_HOST: 40})
FOUND = EarlyIncidents(AT, Look.READ, (GOOGLE, DOMAIN), requests=12)
NOTHING = EarlyIncidents(AT, Look.READ, requests=12)
TOO_FEW = EarlyIncidents(AT, Look.TOO_FEW)
UNREAD = EarlyIncidents(AT, Look.UNREAD, why="Mailjet answered with 503", requests=3)
