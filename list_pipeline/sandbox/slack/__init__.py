"""The rehearsed Slack: Web API, webhook, its limits, and the channel as a page.

Does not belong here: the product's messages.
"""
