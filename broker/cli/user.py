"""`broker user`: who may sign in to the page, and as what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption
from broker.model.user import Role

if TYPE_CHECKING:
    from broker.operations.opened import Store

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
RoleOption = Annotated[
    Role,
    typer.Option("--role", metavar="ROLE", help="viewer looks; operator commands, sees films."),
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")
]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def user(ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None) -> None:
    """List the users of the page, or change them.

    Without any user the page is for this machine alone. With one, everyone signs in.

    Example: broker user add ruth --role operator
    """
    if ctx.invoked_subcommand is None:
        _list(ctx, config, as_document)


@app.command("list")
def list_users(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List the users, as `broker user` alone does.

    Example: broker user list --json
    """
    _list(ctx, config, as_document)


@app.command()
def add(
    ctx: typer.Context,
    name: NameArgument,
    role: RoleOption = Role.VIEWER,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a user; the password is asked for, and kept as a hash.

    This may come before the first `broker serve`: the data folder is made.

    Example: broker user add ruth --role operator
    """
    from broker.cli.options import opened
    from broker.operations.passwords import checked_name, hashed

    checked_name(name)
    with opened(ctx, config, begin=True) as store:
        if any(each.name == name for each in store.users.list()):
            from broker.store.accounts import UserExists

            raise UserExists(name)
        store.users.add(name, role, hashed(_password(password_stdin)))
        typer.echo(f"{name} may sign in as {role}{_lonely(store)}")


@app.command()
def password(
    ctx: typer.Context,
    name: NameArgument,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
) -> None:
    """Give a user another password; open sessions end.

    Example: broker user password ruth
    """
    from broker.cli.options import opened
    from broker.operations.passwords import hashed

    with opened(ctx, config) as store:
        _require(store, name)
        store.users.change(name, hashed=hashed(_password(password_stdin)))
        typer.echo(f"{name} has another password; open sessions are over")


@app.command()
def role(
    ctx: typer.Context,
    name: NameArgument,
    wanted: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer or operator.")],
    config: ConfigOption = None,
) -> None:
    """Give a user another role; open sessions end.

    Example: broker user role ruth viewer
    """
    from broker.cli.options import opened

    with opened(ctx, config) as store:
        store.users.change(name, role=wanted)
        typer.echo(f"{name} is {wanted} now{_lonely(store)}")


@app.command()
def remove(ctx: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """Remove a user; open sessions end.

    Example: broker user remove ruth
    """
    from broker.cli.options import opened

    with opened(ctx, config) as store:
        store.users.remove(name)
        typer.echo(f"{name} cannot sign in any more{_lonely(store)}")


@app.command()
def sessions(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="This user alone; all without it.")
    ] = None,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the browsers that are signed in to the page.

    Since when, when they were used last, and from where. Programs sign in with each request, and
    have no session.

    Example: broker user sessions ruth
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.operations.page_sessions import document_of_session, open_sessions
    from broker.operations.words.text import moment

    with opened(ctx, config) as store:
        if name is not None:
            _require(store, name)
        names = [each.name for each in store.users.list() if name in (None, each.name)]
        now = time.time()
        found = [session for each in names for session in open_sessions(store, each, now)]
    if as_document:
        typer.echo(tables.as_json([document_of_session(each) for each in found]))
    elif found:
        heads = ("NAME", "BEGUN (UTC)", "LAST USED (UTC)", "ADDRESS")
        lines = [
            tables.Row((each.user, moment(each.began_at), moment(each.used_at), each.address))
            for each in found
        ]
        console = tables.terminal()
        columns = tuple(map(tables.Column, heads))
        tables.show(tables.lay_out(columns, lines, console.width), console)
    else:
        typer.echo("No browser is signed in.")


@app.command()
def failures(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="This user alone; all without it.")
    ] = None,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List wrong passwords given to the page, by user and address.

    Of browsers and programs, in the last 90 days, the last one first. No password is kept, and no
    name that is no user's: it may be a password that was typed into the wrong field.

    Example: broker user failures ruth
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.cli.output.local_time import time_column
    from broker.operations.page_sessions import document_of_failures

    with opened(ctx, config) as store:
        if name is not None:
            _require(store, name)
        found = [each for each in store.sign_in_failures.list() if name in (None, each.user)]
    if as_document:
        typer.echo(tables.as_json([document_of_failures(each) for each in found]))
    elif found:
        now = time.time()
        first, begun = time_column("FIRST", [each.first_at for each in found], now)
        last, ended = time_column("LAST", [each.last_at for each in found], now)
        columns = (
            tables.Column("NAME"),
            tables.Column("NUMBER", right=True),
            tables.Column(first),
            tables.Column(last),
            tables.Column("ADDRESS", below=True),
        )
        rows = [
            tables.Row((each.user or "(no such user)", str(each.number), *times, each.address))
            for each, *times in zip(found, begun, ended, strict=True)
        ]
        console = tables.terminal()
        tables.show(tables.lay_out(columns, rows, console.width), console)
        typer.echo(
            "After five wrong ones a name waits at that address, at most five minutes.\n"
            "`broker user password NAME` sets a new password."
        )
    else:
        typer.echo("No sign-in has failed.")


@app.command("sign-out")
def sign_out(ctx: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """End all sessions of a user: every browser has to sign in again.

    The password stays: give another one where it is known to others.

    Example: broker user sign-out ruth
    """
    from broker.cli.options import opened

    with opened(ctx, config) as store:
        store.users.sign_out(name)
        typer.echo(
            f"{name} is signed out everywhere; `broker user password {name}` keeps out who knows "
            "the password"
        )


def _require(store: Store, name: str) -> None:
    from broker.store.accounts import NoSuchUser

    known = [each.name for each in store.users.list()]
    if name not in known:
        raise NoSuchUser(name, known)


def _lonely(store: Store) -> str:
    """What follows when no user, or no operator, is left."""
    users = store.users.list()
    if not users:
        return "; there is no user now, and the page is for this machine alone"
    if all(each.role is not Role.OPERATOR for each in users):
        return "; there is no operator: `broker user add NAME --role operator` makes one"
    return ""


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; give --password-stdin")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _list(ctx: typer.Context, config: Path | None, as_document: bool) -> None:
    import time

    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.cli.output.local_time import time_column
    from broker.operations.documents import iso

    with opened(ctx, config) as store:
        users = store.users.list()
    if as_document:
        rows = [{"name": u.name, "role": str(u.role), "since": iso(u.since)} for u in users]
        typer.echo(tables.as_json(rows))
    elif users:
        heading, since = time_column("SINCE", [each.since for each in users], time.time())
        columns = tuple(tables.Column(each) for each in ("NAME", "ROLE", heading))
        lines = [
            tables.Row((each.name, str(each.role), at))
            for each, at in zip(users, since, strict=True)
        ]
        console = tables.terminal()
        tables.show(tables.lay_out(columns, lines, console.width), console)
    else:
        typer.echo("No users: the page is for this machine alone, without signing in.")
