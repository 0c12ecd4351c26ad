"""Work that is asked for over HTTP: written down at once, and begun by a sensor.

Belongs here: asking, and carrying out the corrections among it. Does not belong here: the work itself (``maintenance``,
``weekly``, ``plans``), and starting runs (``defs``).
"""
