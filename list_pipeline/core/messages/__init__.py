"""The parts of every Slack message: text, blocks, charts; and the rules of delivery.

Does not belong here: the words of one message, which stand with their noun.
"""
