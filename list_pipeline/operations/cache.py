"""The cache after a maintenance: what is shown to people is refreshed with what was just read. Never for deciding."""

from __future__ import annotations

from list_pipeline.integrations.cache import LIST_STATE, list_metadata_key
from list_pipeline.operations.services import Services
from list_pipeline.operations.snapshots import Sizes


def refresh(services: Services, sizes: Sizes) -> bool:
    """Drop what was cached about the lists and write the sizes that were just counted. False: there is no cache now."""
    now = services.clock.now().isoformat()
    services.cache.invalidate_all()
    services.cache.set_json(LIST_STATE, {**{role.value: raw for role, (raw, _) in sizes.items()}, "timestamp": now})
    for role, (raw, mailable) in sizes.items():
        services.cache.set_json(
            list_metadata_key(services.list_ids[role]),
            {"role": role.value, "subscriber_count": raw, "mailable_count": mailable, "last_synced": now},
        )
    return services.cache.is_reachable()
