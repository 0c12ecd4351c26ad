"""Payloads of Slack's Socket Mode as typed values: a click on a button, and a modal that was submitted.

Only what is needed is read, each value bounded and of its form. Everything else of a payload is looked at by nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from list_pipeline.core.reviews.buttons import REASON

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,30}$")]
_UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,30}$")]
_Ts = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9]{1,9}$")]
_Short = Annotated[str, StringConstraints(max_length=255)]
_Value = Annotated[str, StringConstraints(max_length=2_000)]
_MOST_ACTIONS = 25


class UnreadablePayloadError(ValueError):
    """A payload that is none of those that buttons and modals of ours lead to."""


@dataclass(frozen=True, slots=True)
class Click:
    """A button that somebody pressed, or a modal that somebody submitted.

    ``reason`` is None for a button. ``user_team`` is the workspace of whoever clicked, ``team`` that of the message;
    ``message_ts`` and ``channel`` name the message below which the button stands.
    """

    action_id: str
    value: str
    user: str
    user_team: str
    team: str
    app: str
    channel: str
    message_ts: str
    trigger_id: str
    reason: str | None = None


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _User(_Read):
    id: _UserId
    team_id: _Id


class _Team(_Read):
    id: _Id


class _Container(_Read):
    type: Literal["message"]
    message_ts: _Ts
    channel_id: _Id


class _Action(_Read):
    type: Literal["button"]
    action_id: _Short
    value: _Value = ""


class _BlockActions(_Read):
    type: Literal["block_actions"]
    user: _User
    team: _Team
    api_app_id: _Id
    container: _Container
    trigger_id: _Short
    actions: Annotated[list[_Action], Field(min_length=1, max_length=_MOST_ACTIONS)]


class _Metadata(_Read):
    value: _Value
    channel: _Id
    message_ts: _Ts


class _Input(_Read):
    value: Annotated[str, StringConstraints(max_length=4_000)] | None = None


class _State(_Read):
    values: dict[_Short, dict[_Short, _Input]]


class _View(_Read):
    callback_id: _Short
    private_metadata: Annotated[str, StringConstraints(max_length=3_000)]
    state: _State


class _ViewSubmission(_Read):
    type: Literal["view_submission"]
    user: _User
    team: _Team
    api_app_id: _Id
    trigger_id: _Short = ""
    view: _View


_PAYLOAD: TypeAdapter[_BlockActions | _ViewSubmission] = TypeAdapter(
    Annotated[_BlockActions | _ViewSubmission, Field(discriminator="type")]
)


def read_payload(payload: Any) -> Click:
    """What somebody did, of a payload.

    Raises:
        UnreadablePayloadError: it is none of ours, or not of its form. Nothing of it is repeated.
    """
    try:
        found = _PAYLOAD.validate_python(payload)
        if isinstance(found, _ViewSubmission):
            return _submitted(found)
    except (ValidationError, RecursionError):
        raise UnreadablePayloadError(
            "a payload of Slack has another form than a button or modal of ours gives"
        ) from None
    pressed = found.actions[0]
    return Click(
        action_id=pressed.action_id,
        value=pressed.value,
        user=found.user.id,
        user_team=found.user.team_id,
        team=found.team.id,
        app=found.api_app_id,
        channel=found.container.channel_id,
        message_ts=found.container.message_ts,
        trigger_id=found.trigger_id,
    )


def _submitted(found: _ViewSubmission) -> Click:
    about = _Metadata.model_validate_json(found.view.private_metadata)
    given = found.view.state.values.get(REASON, {}).get(REASON)
    return Click(
        action_id=found.view.callback_id,
        value=about.value,
        user=found.user.id,
        user_team=found.user.team_id,
        team=found.team.id,
        app=found.api_app_id,
        channel=about.channel,
        message_ts=about.message_ts,
        trigger_id=found.trigger_id,
        reason=(given.value or "") if given is not None else "",
    )


def metadata(value: str, channel: str, message_ts: str) -> str:
    """What a modal carries: the button that opened it, and where that stands."""
    return json.dumps({"value": value, "channel": channel, "message_ts": message_ts})
