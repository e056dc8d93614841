"""When the whole queue is checked."""

from __future__ import annotations

import pytest

from broker.model.storage.finding import check_is_due

HOUR_S = 3600.0
NOW = 1_796_000_000.0


@pytest.mark.parametrize(
    ("hour", "hours_ago", "due"),
    [
        (3, 24, True),
        (1, 13, True),
        (3, 2, False),
        (12, 24, False),
        (0, 24, False),
        (6, 24, False),
        (12, 37, True),
        (12, -40, True),
        (3, -1, False),
    ],
)
def test_once_a_night(hour: int, hours_ago: float, due: bool) -> None:
    """In the night, not twice in one; by day only when it is overdue, or the clock was set back."""
    assert check_is_due(NOW, hour, NOW - hours_ago * HOUR_S) is due
