"""The manifest of the Slack app asks for what the clients need and for nothing more."""

from __future__ import annotations

import re

import yaml

from list_pipeline_tests.paths import CHECKOUT

SCOPES_OF = {
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
    "conversations_list": {"channels:read", "groups:read"},
    # These need none of a bot.
    "auth_test": set(),
    "views_open": set(),
    "chat_getPermalink": set(),
    "apps_connections_open": set(),
}


def test_the_scopes_are_those_of_the_methods_that_are_called() -> None:
    called = set()
    for name in ("slack.py", "slack_interaction.py"):
        source = (CHECKOUT / "list_pipeline" / "integrations" / name).read_text(encoding="utf-8")
        called |= set(re.findall(r"self\._web\.([a-z]+_\w+)\(", source))
    assert called == set(SCOPES_OF)
    manifest = yaml.safe_load((CHECKOUT / "deploy" / "slack" / "manifest.yml").read_text(encoding="utf-8"))
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set().union(*SCOPES_OF.values())
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}
    assert manifest["features"]["bot_user"]["display_name"]
