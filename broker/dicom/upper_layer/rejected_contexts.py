"""What is told of presentation contexts that an association was accepted without."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from pydicom.uid import RE_VALID_UID, UID

from broker.dicom.upper_layer.negotiation import Answered, Proposed, Result
from broker.model.peers.refusal import Refusal

VERIFICATION = "1.2.840.10008.1.1"
MOST_NAMED = 8
"""How many of the rejected presentation contexts are told by their names."""
NOTHING_PROPOSED = "no presentation context was proposed"


def rejected_contexts(
    proposed: Sequence[Proposed],
    answered: Sequence[Answered],
    *,
    needed: Collection[str] = frozenset(),
    beside: Collection[str] = frozenset({VERIFICATION}),
) -> Mapping[str, str]:
    """What is told of presentation contexts that were rejected, by their classes; empty where every
    class was accepted in some context.

    It is a refusal where classes of `needed` were proposed and none of them was accepted; where
    nothing was proposed; and where nothing but classes of `beside` was accepted of a peer that
    proposed more than these, with which alone it wants nothing done here.
    """
    if not proposed:
        return {"words": NOTHING_PROPOSED, "kind": Refusal.NO_CONTEXT.value}
    classes = {each.id: each.abstract_syntax for each in proposed}
    accepted = {classes[each.id] for each in answered if each.result == Result.ACCEPTED}
    words = list(
        dict.fromkeys(
            _class_name(classes[each.id]) + _WHY.get(each.result, "")
            for each in answered
            if classes[each.id] not in accepted
        )
    )
    if not words:
        return {}
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    told = {"words": ", ".join(words[:MOST_NAMED]) + more}
    wanted = set(classes.values())
    refused = not accepted.intersection(needed)
    if not wanted.intersection(needed):
        refused = not accepted.difference(beside) and not wanted.issubset(beside)
    return {**told, "kind": Refusal.NO_CONTEXT.value} if refused else told


_WHY: Mapping[int, str] = {Result.TRANSFER_SYNTAXES: " (no transfer syntax in common)"}


def _class_name(uid: str) -> str:
    """As the standard calls it; else the UID, which has digits and dots alone."""
    return str(UID(uid).name) if re.fullmatch(RE_VALID_UID, uid) else "an invalid UID"
