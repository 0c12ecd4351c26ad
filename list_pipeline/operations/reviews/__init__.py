"""People's decisions on what waits: taken, announced, carried out.

Does not belong here: commands and jobs (``cli``, ``defs.reviews``).
"""
