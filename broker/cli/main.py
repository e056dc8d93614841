"""The `broker` command. A subcommand's module is imported when that command is asked for.

So a command takes no longer to start than what it needs itself: `tests/bench/start_times.py`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from broker.cli.options import ConfigOption
from broker.cli.usage import UsageError, words_of_usage
from broker.model.printable import printable_lines
from broker.operations.words.failures import FAILED, WRONG, explained
from broker.service import process_start

COMMANDS = {
    "serve": "serve:serve",
    "top": "top.start:top",
    "jobs": "jobs:app",
    "printers": "printers:app",
    "test-print": "test_print:print_test_film",
    "check": "check:check",
    "spool": "spool:app",
    "purge": "purge:purge",
    "backup": "backup:backup",
    "restore": "restore:restore",
    "refusals": "refusals:refusals",
    "user": "user:app",
    "notify": "notify:app",
    "config": "config:app",
    "db": "db:app",
    "demo": "demo:demo",
    "emulate": "emulate:emulate",
    "help": "manual:show",
}
"""Each command's module in `broker.cli`, and what of it is the command or the group of commands;
in the order in which a person needs them."""

OBJECTS_BETWEEN_COLLECTIONS = 300_000


class ImportedCommands(Mapping[str, Any]):
    """The commands by their names, each imported when it is taken."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        if name not in self._imported:
            self._imported[name] = self._import(name)
        return self._imported[name]  # type: ignore[no-any-return]

    @staticmethod
    def _import(name: str) -> Any:
        module, attribute = COMMANDS[name].split(":")
        found = getattr(importlib.import_module(f"broker.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(found)
        return typer.main.get_command(single)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The top of all commands: what cannot be done is said in one line, without a traceback."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = ImportedCommands()  # type: ignore[assignment]

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Read what stands before the command's name; exit 2 with words where it is wrong."""
        try:
            return super().make_context(*arguments, **more)
        except UsageError as error:
            raise _mistyped(error) from error
        except Exception as error:
            raise _told(error) from error

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which a person needs them."""
        del ctx
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit 1 or 2 with words on stderr for every failure that is foreseen."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise _mistyped(error) from error
        except typer.Abort:
            typer.echo("Nothing was done: the question was not answered.", err=True)
            raise typer.Exit(FAILED) from None
        except Exception as error:
            raise _told(error) from error


def _told(error: Exception) -> Exception:
    """What to raise for an error, once it is said where it is foreseen; else that error."""
    if (known := explained(error)) is None:
        return error
    code, lines = known
    from broker.cli.output.local_time import told

    for line in lines:
        typer.echo(told(line), err=True)
    return typer.Exit(code)


def _mistyped(error: Exception) -> Exception:
    """What to raise for a command line that is wrong, once that is said."""
    words = words_of_usage(error)
    if words is None:
        return error
    typer.echo(printable_lines(words), err=True)
    return typer.Exit(WRONG)


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
        from importlib.metadata import version  # here: it takes 20 ms

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


def main() -> None:
    """The entry point of the `broker` command."""
    # Imports make many objects and no garbage: looking for it takes a tenth of a short command.
    # `broker serve` goes back to Python's own threshold.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # Python looks for garbage once more as it ends, which takes a sixth; all of it goes anyway.
    atexit.register(gc.freeze)
    process_start.stand_in()
    process_start.told_stdout()
    process_start.lossy_stderr()
    app(prog_name="broker")


if __name__ == "__main__":
    main()
