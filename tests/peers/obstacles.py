"""What is in the way of films, as `broker.operations.condition.readiness` says it."""

from __future__ import annotations

from broker.operations.condition.readiness import look
from broker.operations.opened import Store


def problems(store: Store) -> list[str]:
    """A line each; none when films can be stored and printed later."""
    return [each.words for each in look(store).obstacles]
