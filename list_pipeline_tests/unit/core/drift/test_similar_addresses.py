"""What people are asked about addresses that are like those of suppressed persons."""

from __future__ import annotations

from list_pipeline.core.drift.similar_addresses import similar_addresses_message, similar_addresses_words
from list_pipeline.core.messages.slack_blocks import as_text, problems


def test_the_contacts_are_named_by_their_numbers() -> None:
    assert similar_addresses_words([12]) == (
        "1 contact has an address like that of somebody suppressed, a plus sign or dots apart, and is mailed: 12. "
        "Is it the same person?"
    )
    assert similar_addresses_words([12, 15]) == (
        "2 contacts have addresses like that of somebody suppressed, a plus sign or dots apart, and are mailed: 12 and 15. "
        "Is it the same person?"
    )


def test_the_message_says_how_each_answer_is_given() -> None:
    message = similar_addresses_message(7, similar_addresses_words([12]))
    assert not problems(message.text, message.blocks)
    shown = as_text(message)
    assert "list-pipeline suppress CONTACT" in shown
    assert "list-pipeline close-finding 7" in shown
