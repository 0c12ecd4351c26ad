"""The stages of a campaign: what people are told and what is looked at, from the day before the launch to the wrap-up.

Belongs here: which stages there are, when each is due and until when it is of use, the words, and the calendar in which they
stand with everything else that has its time. Does not belong here: when a maintenance is due (``core.campaigns.eligibility``),
what is odd about a send (``core.campaigns.odd_sends``), the validation that is one of the stages (``core.validation``), and the
stages of a run (``operations.stages``).
"""
