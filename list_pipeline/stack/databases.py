"""Creating and dropping whole databases on a server, embedded or not."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from list_pipeline.stack.control import running


def create_database(admin_url: str, name: str, tablespace: str | None = None) -> None:
    """Create a database unless it exists.

    Args:
        admin_url: ``postgresql://`` of any database on the server, as a role that may create databases.
        name: of the new database.
        tablespace: where its files are; None: where the server keeps others.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if known is None:
            # template0: nobody is ever connected to it, so that two creations at once do not refuse each other.
            statement = sql.SQL("create database {} template template0").format(sql.Identifier(name))
            if tablespace is not None:
                statement += sql.SQL(" tablespace {}").format(sql.Identifier(tablespace))
            connection.execute(statement)


def drop_database(admin_url: str, name: str) -> None:
    """Drop a database if it exists, whoever is connected to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def recreate_database(name: str, admin_url: str | None = None) -> str:
    """Drop a database with everything in it and create it anew.

    Args:
        name: of the database.
        admin_url: of the server; the running embedded stack's when left out.

    Returns:
        The ``postgresql://`` URL of the empty database.

    Raises:
        StackError: no URL is given and no stack is running.
    """
    if admin_url is None:
        admin_url = running().admin_url
    drop_database(admin_url, name)
    create_database(admin_url, name)
    return with_database(admin_url, name)


def with_database(url: str, name: str) -> str:
    """The URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
