"""What is in the way of films, as `broker.desk.readiness` says it."""

from __future__ import annotations

from broker.desk.opened import Store
from broker.desk.readiness import look


def problems(store: Store) -> list[str]:
    """A line each; none when films can be stored and printed later."""
    return [each.words for each in look(store).obstacles]
