"""The `broker` command. What a subcommand needs is imported when it runs: help comes at once."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from broker.cli import (
    backup,
    check,
    config,
    db,
    jobs,
    manual,
    notify,
    printers,
    purge,
    refusals,
    restore,
    spool,
    test_print,
    user,
)
from broker.cli.options import ConfigOption
from broker.cli.top import screen
from broker.model.printable import printable_lines
from broker.operations.failures import explained
from broker.service import standard_streams

ORDER = (
    "serve",
    "top",
    "jobs",
    "printers",
    "test-print",
    "check",
    "spool",
    "purge",
    "backup",
    "restore",
    "refusals",
    "user",
    "notify",
    "config",
    "db",
    "demo",
    "emulate",
    "help",
)


class Commands(TyperGroup):
    """The top of all commands: what cannot be done is said in one line, without a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which a person needs them."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit 1 or 2 with words on stderr for every failure that is foreseen."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = explained(error)
            if known is None:
                raise
            code, lines = known
            for line in lines:
                typer.echo(printable_lines(line), err=True)
            raise typer.Exit(code) from error


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"broker {version('dicom-print-broker')}")
        raise typer.Exit


@app.callback()
def broker(
    config: ConfigOption = None,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version, and end."
        ),
    ] = False,
) -> None:
    """Take films from modalities, keep them safe, print them on the least-loaded healthy printer.

    Example: broker serve, and in another window: broker jobs --watch
    """
    del config, show_version  # the one is read by `configured`, the other has been answered


def _register(name: str) -> None:
    """Add the command of a module that need not be there; its function has the module's name."""
    if importlib.util.find_spec(f"broker.cli.{name}"):
        app.command()(getattr(importlib.import_module(f"broker.cli.{name}"), name))


_register("serve")
app.add_typer(jobs.app, name="jobs")
app.add_typer(printers.app, name="printers")
app.command("check")(check.check)
app.command()(purge.purge)
app.command()(backup.backup)
app.command()(restore.restore)
app.command()(refusals.refusals)
app.command("test-print")(test_print.print_test_film)
app.command()(screen.top)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(spool.app, name="spool")
app.add_typer(user.app, name="user")
app.add_typer(notify.app, name="notify")
for _each in ("demo", "emulate"):
    _register(_each)
app.command("help")(manual.show)


def main() -> None:
    """The entry point of the `broker` command."""
    standard_streams.stand_in()
    # A terminal that knows only ASCII gets question marks instead of a traceback.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    standard_streams.lossy_stderr()
    app(prog_name="broker")


if __name__ == "__main__":
    main()
