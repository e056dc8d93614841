"""Text that peers chose, made safe to show."""

from __future__ import annotations

_CONTROLS = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""C0 and C1: either can move a terminal's cursor or change its title (ECMA-48)."""


def printable(text: str) -> str:
    """The same text with a question mark for each control character but tab and line feed."""
    return text if text.isprintable() else text.translate(_CONTROLS)
