"""The commands about tokens of the HTTP service. A token is shown once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, show_table
from list_pipeline.core.tokens import FEED_PATH, TOKENS, Role
from list_pipeline.core.wording import utc_text

if TYPE_CHECKING:
    from list_pipeline.storage.tokens import TokenRow

tokens_app = typer.Typer(help="Make, list and revoke tokens of the HTTP service.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(tokens_app, name="tokens")


@tokens_app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose token it is: what is done with it is recorded under this name.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    by: By,
    days: Annotated[int, typer.Option(min=1, max=TOKENS.most_days, help="Days until it expires.")] = TOKENS.days,
) -> None:
    """Make a token, and show it: once, since only its hash is kept."""
    from list_pipeline.operations.tokens import create_token

    with opened_services() as services:
        token, made = create_token(services, name, role, days=days, by=by)
        address = services.settings.app_url
    say(f"Token {made.token_id} of {made.name}, {made.role}, until {utc_text(made.expires_at)}. It is not shown again:")
    say(token)
    if made.role is Role.CALENDAR:
        say(f"It reads the feed for calendar clients: {address or 'APP_URL'}{FEED_PATH}?token=… with this token.")
    give({"token": token, "tokens": [_as_document(made)]})


@tokens_app.command("list")
def list_() -> None:
    """List every token that was ever made, with who made and who revoked it. None is shown itself."""
    from list_pipeline.operations.tokens import list_tokens

    with opened_services() as services:
        found = list_tokens(services)
    if found:
        show_table(
            (Whole("token"), "name", "role", "made by", "until (UTC)", "last used (UTC)", "revoked"),
            (
                (
                    str(one.token_id),
                    one.name,
                    one.role.value,
                    one.created_by,
                    utc_text(one.expires_at),
                    utc_text(one.last_used_at) if one.last_used_at else "never",
                    f"by {one.revoked_by}: {one.revoked_why}" if one.revoked_at else "-",
                )
                for one in found
            ),
        )
    else:
        say("No token was made yet.")
    give({"tokens": [_as_document(one) for one in found]})


@tokens_app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(help="Number of the token, as `tokens list` shows it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Revoke a token: from the next request on it is unknown."""
    from list_pipeline.operations.tokens import revoke_token

    with opened_services() as services:
        found = revoke_token(services, token_id, by=by, note=note)
    say(f"Token {found.token_id} of {found.name} is revoked.")
    give({"tokens": [_as_document(found)]})


def _as_document(one: TokenRow) -> dict[str, Any]:
    return {
        "number": one.token_id,
        "name": one.name,
        "role": one.role,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "expires_at": one.expires_at,
        "last_used_at": one.last_used_at,
        "revoked_at": one.revoked_at,
        "revoked_by": one.revoked_by,
        "revoked_why": one.revoked_why,
    }
