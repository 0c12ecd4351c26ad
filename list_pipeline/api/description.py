"""The description of the service (OpenAPI): what FastAPI reads off the routes, and what all of them share.

Belongs here: who may call, and how every error looks. Does not belong here: any one route.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from list_pipeline.api.common import Model
from list_pipeline.api.guard import GUARDED
from list_pipeline.api.problems import MEDIA_TYPE

_SCHEME = "token"
_PROBLEM = "Problem"
_DESCRIPTION = {
    "type": "object",
    "description": "An error, as RFC 9457 has it: what was tried, what happened, and what to do next.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "Where the request is not as it should be.",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
                "required": ["where", "what"],
            },
        },
        "planStatus": {"type": "string"},
        "decidedBy": {"type": ["string", "null"]},
        "contentHash": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
    "examples": [
        {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "Approving plan 12: it is rejected. Only a plan that waits can be decided.",
        }
    ],
}
_ALWAYS = {
    "401": "No token, or none that is known.",
    "403": "The role of the token, or its person, may not.",
    "404": "There is no such thing.",
    "409": "It is not as it was, or a safety rule forbids it.",
    "422": "The request is not as it should be: `errors` says where.",
    "429": "Too often: `Retry-After` says how long to wait.",
    "500": "It failed; the log says why.",
    "503": "Not available now; send it again.",
}
_WITH_BODY = {"413": "More than 64 KiB.", "415": "No JSON."}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an application; made once, and kept with it."""
    if not app.openapi_schema:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = found.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas[_PROBLEM] = _DESCRIPTION
        _restore_examples(schemas)
        components["securitySchemes"] = {
            _SCHEME: {"type": "http", "scheme": "bearer", "description": "`list-pipeline tokens create` makes one."}
        }
        for path, operations in found["paths"].items():
            if path.startswith(GUARDED):
                for operation in operations.values():
                    _share(operation)
        app.openapi_schema = found
    return app.openapi_schema


def _restore_examples(schemas: dict[str, Any]) -> None:
    """Examples as they stand at their documents: FastAPI takes nulls out of them, which belong there."""
    for document in Model.__subclasses__():
        extra = document.model_config.get("json_schema_extra")
        if not isinstance(extra, dict):
            continue
        whole = f"{document.__module__.replace('.', '__')}__{document.__name__}"
        for name in (document.__name__, whole):
            if name in schemas:
                schemas[name]["examples"] = extra["examples"]


def _share(operation: dict[str, Any]) -> None:
    operation["security"] = [{_SCHEME: []}]
    errors = {**_ALWAYS, **(_WITH_BODY if "requestBody" in operation else {})}
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}}
    operation["responses"] |= {status: {"description": words, "content": content} for status, words in errors.items()}
