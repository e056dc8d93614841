"""Notes: what happens that is worth a log line, a count, or somebody's waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Note = Callable[[str, Mapping[str, object]], None]
"""Told an event's name and its facts, never patient text (promise 10). For any thread; must not
raise."""
