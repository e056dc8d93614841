"""Rule of the messages on modalities that printed before and are refused now.

Each is told once for each kind of refusal, and again only after it has printed again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

PATIENCE_S = 60.0
"""One that prints within so long after it was refused has found its way: many try again at once."""
GATHER_S = 60.0
"""Those of one kind are told together once in so long."""
RECENT_S = 3600.0
"""What was refused before that is no news."""


@dataclass(frozen=True)
class RefusedModality:
    """One that printed before, was refused, and has not printed since."""

    kind: str
    who: str
    """AE title and address; the address alone where it gave no AE title."""
    refused_at: float
    """The last time, in seconds since the epoch."""
    detail: str = ""
    """What it called, or the status and attribute of its request; empty where there is neither."""
    named: str = ""
    """`who` with the nickname, for people; empty where it has none."""

    @property
    def key(self) -> str:
        """Its name among what was told."""
        return f"refused {self.kind} {self.who}"


@dataclass(frozen=True)
class RefusedDue:
    """What to do about refused modalities now."""

    tell: Mapping[str, Sequence[RefusedModality]]
    """By kind: what is to be told in one message."""
    waiting: Mapping[str, float]
    """Since when those are known that are not told yet, by their names."""


def kind_key(kind: str) -> str:
    """The name of a kind among what was told last."""
    return f"refused {kind}"


def due_refused(
    refused: Sequence[RefusedModality],
    told: Collection[str],
    last: Mapping[str, float],
    waiting: Mapping[str, float],
    now: float,
) -> RefusedDue:
    """Who is told now. `told` are the names of those that were told and have not printed since;
    `last` says when a modality or a kind was told, where that is not long ago."""
    tell: dict[str, list[RefusedModality]] = {}
    still: dict[str, float] = {}
    for each in refused:
        if each.key in told or each.key in last:
            continue
        since = waiting.get(each.key)
        if since is None and now - each.refused_at > RECENT_S:
            continue
        # A clock that was set back begins again.
        since = now if since is None or since > now else since
        if now - since >= PATIENCE_S and now - last.get(kind_key(each.kind), 0.0) >= GATHER_S:
            tell.setdefault(each.kind, []).append(each)
        else:
            still[each.key] = since
    return RefusedDue(tell, still)
