"""Launch changes: a draft scheduled, moved, cancelled or sent from here, asked for by a person and let through by a reviewer.

Belongs here: looking at the draft (``looking``), asking (``asking``), deciding (``deciding``), carrying out with the journal
(``carrying_out``), what people are shown (``shown``) and told (``telling``). Does not belong here: the rules
(``core.launches``), and what a block does to a schedule by itself (``validation.campaign_block``).

Only with LAUNCHES_FROM_HERE, and only while changes are allowed, is anything changed at Mailjet.
"""
