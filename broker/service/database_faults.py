"""What is noted of a database that fails beneath a running broker, and what an operator does."""

from __future__ import annotations

from pathlib import Path

from broker.events import Facts


def of_damage(file: Path, why: str) -> Facts:
    """Of a damaged page that was met, for the first time in this life."""
    ways = "stop the broker; `broker db check` says what is hit, `broker restore` brings it back"
    return {"file": str(file), "why": why, "words": ways}


def of_replacement(file: Path, why: str) -> Facts:
    """Of a database that is not the one that was opened."""
    ways = (
        "films are refused, and nothing is sent to any printer. Stop the broker, put the right "
        "database back, then `broker serve`; if it is lost: `broker restore --help`, or "
        "`broker spool adopt`"
    )
    return {"file": str(file), "why": why, "words": ways}
