"""Imported once by the server that children are forked from: whatever the product imports when it first needs it."""

from __future__ import annotations

import google.genai  # noqa: F401
import psycopg_binary  # noqa: F401
import redis  # noqa: F401
import slack_sdk  # noqa: F401

import list_pipeline.integrations.cache
import list_pipeline.integrations.gemini
import list_pipeline.integrations.slack
import list_pipeline.operations.maintenance.workflow  # noqa: F401
