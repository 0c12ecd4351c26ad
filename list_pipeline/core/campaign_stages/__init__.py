"""The stages of a campaign: what people are told and what is looked at, from the day before the launch to the wrap-up.

Belongs here: which stages there are, when each is due and until when it is of use, and the words. Does not belong here: the
maintenance a day later (``core.campaigns.eligibility``), what is odd about a send (``core.campaigns.odd_sends``), the
validation that is one of the stages (``core.validation``), and the stages of a run (``operations.stages``).
"""
