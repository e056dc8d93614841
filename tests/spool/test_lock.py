"""Many keep at once; one that removes is alone."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from broker.spool.lock import Busy, SpoolLock


class Visitor:
    """A holder of the lock on a thread of its own, until told to leave."""

    def __init__(self, enter: AbstractContextManager[None]) -> None:
        self.inside = threading.Event()
        self._leave = threading.Event()
        self._enter = enter
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()

    def _visit(self) -> None:
        with self._enter:
            self.inside.set()
            assert self._leave.wait(10)

    def leave(self) -> None:
        """Go; returns when they are gone."""
        self._leave.set()
        self._thread.join(10)


def test_many_keep_at_once(tmp_path: Path) -> None:
    """One association's fsync does not wait for another's."""
    lock = SpoolLock(tmp_path)
    visitors = [Visitor(lock.keeping()) for _ in range(8)]

    assert all(each.inside.wait(10) for each in visitors)

    for each in visitors:
        each.leave()


@pytest.mark.parametrize("later", ["keeping", "removing"])
def test_one_that_removes_is_alone(tmp_path: Path, later: str) -> None:
    """It waits for those who keep; who comes later waits for it, so that it is not put off."""
    lock = SpoolLock(tmp_path, patience_s=10)
    keeper = Visitor(lock.keeping())
    assert keeper.inside.wait(10)
    remover = Visitor(lock.removing())
    assert not remover.inside.wait(0.05)
    late = Visitor(getattr(lock, later)())

    keeper.leave()
    first = remover if later == "keeping" else _inside(remover, late)
    second = late if first is remover else remover
    assert first.inside.wait(10)
    assert not second.inside.is_set()
    first.leave()
    assert second.inside.wait(10)
    second.leave()


def test_no_one_is_held_up_for_long(tmp_path: Path) -> None:
    """While a large film is kept, one that wants to remove gives up, and others keep on."""
    lock = SpoolLock(tmp_path, patience_s=0.01)
    keeper = Visitor(lock.keeping())
    assert keeper.inside.wait(10)

    with pytest.raises(Busy), lock.removing():
        pass

    with lock.keeping():
        keeper.leave()
    with lock.removing():
        pass


def test_what_another_process_keeps_is_not_removed(tmp_path: Path) -> None:
    """What a command keeps is not swept by the broker: each has lock of its own."""
    keeper = Visitor(SpoolLock(tmp_path).keeping())
    assert keeper.inside.wait(10)
    ours = SpoolLock(tmp_path)

    with pytest.raises(Busy), ours.removing():
        pass

    keeper.leave()
    with ours.removing():
        pass


def _inside(*visitors: Visitor) -> Visitor:
    """The one that got in first."""
    while True:
        for each in visitors:
            if each.inside.wait(0.01):
                return each
