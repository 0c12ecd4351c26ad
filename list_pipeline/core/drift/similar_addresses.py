"""Addresses that may be another spelling of a suppressed person's: a plus alias, or dots that the provider does not read.

Belongs here: what people are told. Does not belong here: finding them (``storage.membership.similar_addresses``).

They are never folded into one. What stands behind a plus sign can be a person of its own, and a dead alias says nothing about
the address that it leads to: whether it is the same person is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.wording import ids_text


def similar_addresses_words(contact_ids: Sequence[int]) -> str:
    """The summary of the finding about contacts that may be suppressed persons under another address."""
    one = len(contact_ids) == 1
    return (
        f"{len(contact_ids):,} {'contact has an address' if one else 'contacts have addresses'} like that of somebody "
        f"suppressed, a plus sign or dots apart, and {'is' if one else 'are'} mailed: {ids_text(contact_ids)}. "
        "Is it the same person?"
    )


def similar_addresses_message(review_id: int, words: str) -> SlackMessage:
    """The question to people."""
    return alert(
        "Somebody Suppressed May Be Mailed Under Another Address",
        [compose("{words}", words=words)],
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("The same person: `{command}`", command="list-pipeline suppress CONTACT --reason WHY --by NAME"),
            compose(
                "Somebody else: `{command}`", command=f"list-pipeline close-finding {review_id} --by NAME --note WHY"
            ),
        ],
    )
