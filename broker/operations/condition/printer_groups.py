"""Printers that share a cause, as one group: what to do about them is said once."""

from __future__ import annotations

from collections.abc import Sequence

from broker.model.reasons.causes import printers_remedy, typed
from broker.model.reasons.remedies import Cause, Face
from broker.operations.words.text import each_of, in_words


def group_remedy(names: Sequence[str], cause: Cause, face: Face) -> str:
    """What to do about printers with one cause, by that face; it names them."""
    remedy = printers_remedy(cause, each_of(names), typed(names)).at(face)
    return remedy if each_of(names) in remedy else f"{in_words(names)}: {remedy}"
