"""What every Slack message is made of: text, blocks, charts, and how delivery is judged.

Does not belong here: the words of one message, which stand with their noun.
"""
