"""Whether a reading of who was mailed is whole: what was read, held against Mailjet's own counters.

Belongs here: the comparison, in words with both figures. Does not belong here: reading (``operations.campaigns``), and the
same question about failures (``core.bounces.sources``).
"""

from __future__ import annotations

from list_pipeline.core.observations import SendCounters
from list_pipeline.core.wording import count_text


def reading_problem(counters: SendCounters, messages: int, on_list: int) -> str:
    """Why a reading of a campaign's messages proves nothing, or an empty text when it is whole.

    Args:
        counters: the campaign's lifetime counters.
        messages: distinct messages that were read, those to erased contacts included.
        on_list: contacts that could be mailed on its list when it was sent, as far as our rows tell. They decide only
            whether nobody can have been mailed.
    """
    if counters.total != messages:
        return f"Mailjet counts {count_text(counters.total, 'message')}, and {messages} were read"
    if not messages and on_list:
        return f"Mailjet counts no message and shows none, and its list had {count_text(on_list, 'contact')} to mail"
    return ""


def counters_problem(counters: SendCounters, recipients: int) -> str:
    """Why a campaign's counters cannot be those of all its messages, or an empty text.

    Args:
        recipients: contacts of whom it is proven that they were mailed; each has at least one message.
    """
    if counters.total < recipients:
        return f"Mailjet counts {count_text(counters.total, 'message')}, and {count_text(recipients, 'contact')} were mailed"
    return ""
