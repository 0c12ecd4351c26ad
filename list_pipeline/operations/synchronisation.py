"""The synchronisation before a maintenance: sends, members, recipients and past bounces, in this order.

Belongs here: the order, and the count of its requests. Does not belong here: each of the readings, which stands with its
noun (``operations.campaigns``, ``operations.membership``, ``operations.bounces``).
"""

from __future__ import annotations

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.operations.access import Reconciling
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.drift.mass_changes import tell_about_mass_changes
from list_pipeline.operations.drift.odd_sends import watch_sends
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.drift.similar_addresses import ask_about_similar_addresses
from list_pipeline.operations.drift.unreadable import tell_about_unreadable_rows
from list_pipeline.operations.five_lists.look import follow
from list_pipeline.operations.list_states.history import catch_up
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.membership.list_reading import SyncReport
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.restore_guard import needs_reading, note_alive
from list_pipeline.operations.told_events.receive import join_waiting
from list_pipeline.storage.history import keep_statistics
from list_pipeline.storage.limiter import forget_old_requests
from list_pipeline.storage.membership.sync import set_sync_requests


def synchronise(services: Reconciling, *, full: bool = False, progress: Progress = logged) -> SyncReport:
    """Bring everything that a maintenance rests on up to date: members, sends, recipients, past bounces.

    After an absence the lists are reconciled before anything else touches our rows.
    Its requests are counted together and apart from those of the maintenance.
    """
    before = services.mailjet.requests_made
    reconciled = reconcile(services, progress=progress) if needs_reading(services) else None
    discovery.discover(services)
    catch_up(services)
    try:
        report = membership_sync.sync(services, full=full)
    except RemoteNotFoundError:
        # A list that is gone is a mass change, and nobody would be told of it where nothing can be read.
        tell_about_mass_changes(services)
        raise
    tell_about_mass_changes(services)
    report.findings += record_recipients(services, progress).findings
    report.findings += join_waiting(services)
    watch_sends(services, asks_mailjet=False)
    bounces.load_history(services, progress)
    report.requests = services.mailjet.requests_made - before - (reconciled.sync_requests if reconciled else 0)
    with services.database.begin() as connection:
        keep_statistics(connection)
        set_sync_requests(connection, report.sync_run_id, report.requests)
    forget_old_requests(services.database, services.clock.now())
    note_alive(services)
    follow(services)
    tell_about_unreadable_rows(services)
    ask_about_similar_addresses(services)
    return report
