"""The parts of every Slack message: text, blocks, charts; and the rules of delivery.

Does not belong here: the words of one message, which stand with their noun.

A new message takes three steps: its words as a function of plain values in ``core`` with its noun (a short one by
``alert``), a function for its key in ``keys``, and a call of ``operations.messages.outbox.deliver`` with both where
the thing it tells of happened.
"""
