"""What is said of a command line that is wrong: what is wrong, and the command that shows what is
right.

The library that reads the command line reports the kind of mistake; its words are not repeated.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import typer

from broker.model.printable import one_line
from broker.operations.words.mistakes import choices, words_of

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What is wrong with a command line; Typer has no public name for it."""
_ONE_OF = re.compile(r"'(?P<value>.*)' is not one of (?P<choices>.+?)\.?", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<values>.*)\)", re.DOTALL)
_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.?(?: Did you mean .*)?", re.DOTALL)


def words_of_usage(error: Any) -> str | None:
    """One line; None where the library's own text is what a person wants: the help of a group of
    commands that was typed alone."""
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return None
    context = error.ctx
    path = context.command_path if context is not None else "broker"
    help_ = f"`{path} --help`"
    match kind:
        case "NoSuchOption":
            near = get_close_matches(error.option_name, error.possibilities or (), n=1)
            mean = f"; did you mean {near[0]}?" if near else ""
            return f"{one_line(error.option_name)} is no option of `{path}`{mean or ';'} " + (
                f"{help_} lists them"
            )
        case "MissingParameter":
            return f"{_name(error)} is missing; {help_} has an example"
        case "BadOptionUsage":
            return f"{one_line(error.option_name)} needs a value; {help_} says which"
        case "BadParameter" if error.param is not None and _checked_by_library(error):
            return f"{_name(error)}: {_of_value(error)}; {help_} has an example"
        case "BadParameter":
            return str(error.message)
    return _of_rest(one_line(str(error.message)), context, path, help_)


def _name(error: Any) -> str:
    """As help has it: --state, ID."""
    hint = error.param_hint
    if hint is None and error.param is not None:
        hint = error.param.get_error_hint()
    if not isinstance(hint, str):
        hint = " / ".join(hint or ("a value",))
    return one_line(hint.replace("'", ""))


def _checked_by_library(error: Any) -> bool:
    """Whether the library has refused the value, rather than one of our functions in our words."""
    return hasattr(error.__cause__, "errors") or _ONE_OF.fullmatch(str(error.message)) is not None


def _of_value(error: Any) -> str:
    message = str(error.message).removeprefix("Value error, ")
    if found := _ONE_OF.fullmatch(message):
        return f"{one_line(found['value'])} is not one of {choices(found['choices'])}"
    if hasattr(error.__cause__, "errors"):
        return words_of(error.__cause__.errors()[0])
    return message


def _of_rest(message: str, context: Any, path: str, help_: str) -> str:
    if found := _COMMAND.fullmatch(message):
        known = list(getattr(context.command, "commands", ()))
        near = get_close_matches(found["name"], known, n=2)
        mean = f"did you mean {' or '.join(near)}? " if near else ""
        return f"{found['name']} is no command of `{path}`; {mean}{help_} lists them"
    if found := _EXTRA.fullmatch(message):
        return f"`{path}` takes no {found['values']} there; {help_} shows what it takes"
    return f"{message.rstrip('.')}; {help_} has an example"
