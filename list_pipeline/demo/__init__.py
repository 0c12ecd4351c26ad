"""``make demo``: maintenance, weekly check and validation on a rehearsal account, as Dagster's daemon runs them.

Belongs here: what the demo does and shows, one module a part: ``play`` (the order of it all), ``after_the_send``,
``cached_views``, ``weekly_check``, ``blocked_campaign``; ``showing`` is what they share. Does not belong here: anything
that the product needs; nothing imports this package.
"""
