"""How long a message may take: as long as it takes, if it only moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dicom.upper_layer.wire import FLOOR, LONGEST_S, Pace

KB = 1024


def ended(patience_s: float, rate: float, size: int, piece: int = 16 * KB) -> float | None:
    """When a message that comes at this rate is given up; None when it comes whole."""
    pace = Pace(patience_s, 0.0)
    for moved in range(piece, size + piece, piece):
        now = moved / rate
        if now >= pace.deadline:
            return pace.deadline
        pace.moved(piece, now)
    return None


@pytest.mark.parametrize(
    ("rate", "size"),
    [
        pytest.param(500 * KB, 33 << 20, id="an image over a slow line"),
        pytest.param(100 * KB, 33 << 20, id="an image over a VPN"),
        pytest.param(20 * KB, 16 << 20, id="hardly more than the floor"),
    ],
)
def test_what_moves_steadily_comes_through(rate: int, size: int) -> None:
    """Though it takes far longer than the patience."""
    assert ended(10, rate, size) is None


def test_a_short_message_may_be_slower_than_the_floor() -> None:
    """The patience is for the beginning, too."""
    assert ended(10, 1 * KB, 9 * KB, piece=512) is None


def test_a_byte_now_and_then_stretches_nothing() -> None:
    """One byte each ten seconds is given up when the patience is over, and a little."""
    given_up = ended(300, 0.1, 1 << 20, piece=1)

    assert given_up == pytest.approx(300, abs=0.01)


def test_haste_is_not_saved_up() -> None:
    """Who sent a lot and then stalls is given up a patience after that, not minutes later."""
    pace = Pace(10, 0.0)
    pace.moved(250 << 20, 2.0)

    assert pace.deadline == 12.0
    pace.moved(1, 11.0)
    assert pace.deadline == pytest.approx(12.0, abs=0.001)


def test_there_is_an_end_to_everything() -> None:
    """However steadily it moves, and however long the patience is: that is the least."""
    assert ended(10, 100 * KB, 1 << 30) == LONGEST_S
    assert Pace(7200, 0.0).deadline == 7200


def test_what_we_are_slow_with_is_not_the_peers_fault() -> None:
    """Time that went by with us is given back, at the end of everything, too."""
    pace = Pace(LONGEST_S - 100, 0.0)
    pace.ours(20)
    assert pace.deadline == LONGEST_S - 80

    pace.moved(1 << 30, 1000.0)
    assert pace.deadline == LONGEST_S + 20


@given(
    st.floats(0, 1000),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.floats(0, 100)), max_size=30),
)
def test_a_deadline_never_comes_nearer(patience_s: float, moves: list[tuple[int, float]]) -> None:
    """Nor does it ever lie more than the patience ahead, or more than the bytes have earned."""
    pace, now, moved = Pace(patience_s, 50.0), 50.0, 0
    for count, after in moves:
        before = pace.deadline
        now = min(now + after, before)
        moved += count
        pace.moved(count, now)

        assert before <= pace.deadline <= now + patience_s + 1e-6
        assert pace.deadline <= 50.0 + patience_s + moved / FLOOR + 1e-6
