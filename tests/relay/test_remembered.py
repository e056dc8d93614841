"""An answer holds for a moment, and no longer."""

from __future__ import annotations

import pytest

from broker.relay.remembered import Remembered


def test_an_answer_is_asked_for_again_when_it_is_stale() -> None:
    """Within the moment nobody is asked; what could not be answered is asked again at once."""
    now = 0.0
    answers = iter([True, False])

    def ask() -> bool:
        return next(answers)

    remembered = Remembered(ask, lambda: now, stale_s=1.0)
    assert [remembered(), remembered()] == [True, True]
    now = 1.0
    assert [remembered(), remembered()] == [False, False]
    now = 2.0
    with pytest.raises(StopIteration):
        remembered()
