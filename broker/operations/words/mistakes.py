"""What to say of a value that a check has refused: the value, what is wrong with it, what there is.

A check reports a kind of mistake and facts, as pydantic has them; its own words are never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from broker.model.printable import one_line

SHOWN = 60
"""Characters of a value that are repeated."""

_KINDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
    "datetime": "a time, as 2026-01-31T08:15:00Z",
    "date": "a day, as 2026-01-31",
    "time": "a time of day, as 08:15",
    "timezone": "a time with its zone, as 2026-01-31T08:15:00Z",
    "json": "JSON",
}
"""By the first word of a kind of mistake."""


def words_of(mistake: Mapping[str, Any], known: Sequence[str] = ()) -> str:
    """What is wrong, to stand behind the value's name. `mistake` has `type`, `input` and `ctx` of
    pydantic; `known` are the names that may stand where one is not known."""
    kind = str(mistake["type"])
    context: Mapping[str, Any] = mistake.get("ctx") or {}
    value = mistake.get("input")
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is not known here; use {', '.join(known)}" if known else "is not known here"
        case "enum" | "literal_error":
            return f"{shown(value)} is not one of {choices(str(context['expected']))}"
        case "greater_than_equal":
            return f"{shown(value)} is too small; the least is {context['ge']}"
        case "less_than_equal":
            return f"{shown(value)} is too large; the most is {context['le']}"
        case "greater_than":
            return f"{shown(value)} is too small; it must be more than {context['gt']}"
        case "less_than":
            return f"{shown(value)} is too large; it must be less than {context['lt']}"
        case "int_parsing_size":
            return "has too many digits"
        case "string_too_long":
            return f"has {_length(value)} characters; the most are {context['max_length']}"
        case "string_too_short":
            return f"has {_length(value)} characters; the least are {context['min_length']}"
        case "too_long":
            return f"has {_length(value)} entries; the most are {context['max_length']}"
        case "too_short":
            return f"has {_length(value)} entries; the least are {context['min_length']}"
        case "json_invalid":
            return f"is not JSON: {str(context.get('error', '')).lower()}".rstrip(": ")
        case "string_unicode":
            return "is not UTF-8"
        case "string_pattern_mismatch":
            return f"{shown(value)} does not have the form {context['pattern']}"
        case "value_error" if isinstance(context.get("error"), Exception):
            return str(context["error"])
    wanted = _KINDS.get(kind.partition("_")[0])
    return f"{shown(value)} is not {wanted}" if wanted else f"{shown(value)} is not allowed"


def choices(expected: str) -> str:
    """The values of `'a', 'b' or 'c'`, as `a, b, c`."""
    return ", ".join(
        each.strip().strip("'\"") for each in expected.replace(" or ", ", ").split(",")
    )


def shown(value: object) -> str:
    """A value as it is repeated: on one line, and not longer than a person reads."""
    match value:
        case "":
            return "nothing"
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
    text = one_line(str(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _length(value: object) -> str:
    return str(len(value)) if isinstance(value, str | bytes | Sequence | Mapping) else "other"
