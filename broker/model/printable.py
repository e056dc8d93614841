"""Text that peers or persons chose, made safe to show in a log, a table, a page or a message.

What moves a terminal's cursor (ECMA-48), ends a line, or turns the direction in which a line is
read (Unicode UAX #9) is replaced: it could make one line look like another, or like two.
"""

from __future__ import annotations

_KEPT_IN_LINES = "\n\t"


def printable(text: str, *, kept: str = "") -> str:
    """The same text with a question mark for each character that is not printable.

    Not printable are control, format and surrogate characters, line and paragraph separators, and
    every space but U+0020 (`str.isprintable`). Those in `kept` stay.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in kept else "?" for each in text)


def printable_lines(text: str) -> str:
    """`printable`, for text of several lines: line feeds and tabs stay."""
    return printable(text, kept=_KEPT_IN_LINES)


def one_line(text: str) -> str:
    """`printable`, in one line: each run of white space is one space."""
    return printable(" ".join(text.split()))


def comment_text(text: str) -> str:
    """For an Error Comment (VR LO): a question mark for each character that is not in the default
    character repertoire (PS3.5 6.1.2), and for the backslash, which parts values (PS3.5 6.2)."""
    return "".join(each if " " <= each <= "~" and each != "\\" else "?" for each in text)
