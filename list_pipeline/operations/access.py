"""What an operation may reach, as small protocols: a signature says whether lists are only read about, asked for or changed.

``services.Services`` is all of them at once; the ways in (assets, commands) and whole workflows hold that. A test may pass
less.

Belongs here: which clients go together in a role. Does not belong here: how a client is made (``services``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from list_pipeline.core.clock import Clock
    from list_pipeline.core.lists import ListIds
    from list_pipeline.integrations.cache import Cache
    from list_pipeline.integrations.gemini import GeminiClient
    from list_pipeline.integrations.mailjet import MailjetClient
    from list_pipeline.integrations.slack import SlackClient
    from list_pipeline.integrations.slack_interaction import SlackInteraction
    from list_pipeline.settings import Settings
    from list_pipeline.storage.database import Database


class Storing(Protocol):
    """Reads and writes rows. No request is made."""

    @property
    def database(self) -> Database:
        """PostgreSQL."""

    @property
    def clock(self) -> Clock:
        """The instant at which rows are written."""


class Deciding(Storing, Protocol):
    """Rows, and the settings by which something is decided. No request is made."""

    @property
    def settings(self) -> Settings:
        """The environment's."""


class ReadingMailjet(Storing, Protocol):
    """Reads the lists, and lets rows follow. Nothing at Mailjet is changed."""

    @property
    def mailjet(self) -> MailjetClient:
        """The client for reading."""

    @property
    def list_ids(self) -> ListIds:
        """Mailjet's ids of the five lists."""


class Observing(ReadingMailjet, Deciding, Protocol):
    """Reads Mailjet as far as settings say. Nothing at Mailjet is changed."""


class Changing(Observing, Protocol):
    """Changes the lists at Mailjet."""

    def mailjet_for_changes(self, before_mutation: Callable[[], None]) -> MailjetClient:
        """A client that calls ``before_mutation`` right before each request that changes anything."""


class Telling(Deciding, Protocol):
    """Tells people in Slack, or by e-mail."""

    @property
    def slack(self) -> SlackClient | None:
        """None when no token is set."""


class Conversing(Telling, Protocol):
    """Tells people in Slack, and answers one of them there."""

    @property
    def slack_interaction(self) -> SlackInteraction | None:
        """None when no token is set."""


class Advised(Deciding, Protocol):
    """Asks the language model for advice."""

    @property
    def model(self) -> GeminiClient | None:
        """None when no key is set."""


class Planning(Observing, Advised, Protocol):
    """Plans on what Mailjet shows, with advice. Nothing at Mailjet is changed."""


class Reconciling(Observing, Telling, Protocol):
    """Compares rows with Mailjet, and tells people. Nothing at Mailjet is changed."""


class Correcting(Changing, Telling, Protocol):
    """Changes the lists outside a maintenance, and tells people."""


class Cached(Observing, Protocol):
    """Shows people what Mailjet says, through the cache."""

    @property
    def cache(self) -> Cache:
        """Without Redis it remembers nothing."""


class Forgetting(Deciding, Protocol):
    """Removes people from rows and cache."""

    @property
    def cache(self) -> Cache:
        """Without Redis it remembers nothing."""


class Erasing(Correcting, Forgetting, Protocol):
    """Removes people from rows and cache, and from Mailjet where that is asked for."""


class Measured(Deciding, Protocol):
    """Work whose time and requests are measured."""

    @property
    def run_id(self) -> str:
        """The run that this works for."""

    @property
    def waited_s(self) -> float:
        """Seconds that requests to Mailjet waited for the limiter so far."""

    def requests_so_far(self) -> Mapping[str, int]:
        """Requests made to Mailjet by method and resource."""
