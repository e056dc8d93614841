"""The pool's status as modalities are told of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from broker.model.printers.printer import BROKEN, KEPT, NORMAL, PoolStatus
from broker.relay.pool.status import PoolWatch

PATIENCE_S = 20.0


def test_what_lasts_for_a_moment_is_not_told() -> None:
    """A status counts when two looks in a row find it: a busy disk alarms no console."""
    over = threading.Event()
    told: list[PoolStatus] = []

    def found() -> Iterator[PoolStatus]:
        yield from (NORMAL, BROKEN, NORMAL, KEPT, BROKEN, KEPT, KEPT, NORMAL, KEPT, NORMAL, NORMAL)
        over.set()
        while True:
            yield NORMAL

    looks = found()

    def look() -> PoolStatus:
        told.append(watch.current)
        return next(looks)

    watch = PoolWatch(look, every_s=0.0)
    watch.start()
    assert over.wait(PATIENCE_S)
    watch.stop(PATIENCE_S)
    assert told[:12] == [NORMAL] * 7 + [KEPT] * 4 + [NORMAL]
