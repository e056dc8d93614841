"""Who may touch the spool at the same time: many keep at once, whoever removes is alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Keepers:
    """Neither kind may be nested. Whoever wants to remove comes before those who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._keeping = 0
        self._removers = 0
        """Those who remove, or wait for it."""
        self._removing = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Nothing is removed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._removers)
            self._keeping += 1
        try:
            yield
        finally:
            with self._changed:
                self._keeping -= 1
                self._changed.notify_all()

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Nothing is kept meanwhile, and nobody else removes."""
        with self._changed:
            self._removers += 1
            self._changed.wait_for(lambda: not self._keeping and not self._removing)
            self._removing = True
        try:
            yield
        finally:
            with self._changed:
                self._removing = False
                self._removers -= 1
                self._changed.notify_all()
