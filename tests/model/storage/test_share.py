"""How much of the queue one modality may take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.model.storage.disk import ADDRESS_TIMES, Full, Use, full

WHOLE = 1000


def test_alone_it_takes_half() -> None:
    """One AE title at an address; and no more than the site allows it."""
    assert full(Use(499, 499), 1, WHOLE - 499) is None
    assert full(Use(500, 500), 1, WHOLE - 500) is Full.CALLER
    assert full(Use(10, 10), 1, WHOLE, most=10) is Full.CALLER


def test_an_address_takes_three_quarters() -> None:
    """Whatever AE titles it invents; where nothing is left, that is said."""
    assert full(Use(0, 749), 1, WHOLE - 749) is None
    assert full(Use(0, 751), 1, WHOLE - 751) is Full.ADDRESS
    assert full(Use(0, 0), 1, 0) is Full.WHOLE


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=100, max_size=200))
def test_there_is_room_for_a_newcomer(arrivals: list[tuple[int, int]]) -> None:
    """Two addresses flood a queue of a hundred, with six AE titles each: whatever their order, each
    leaves a quarter of what it found."""
    jobs: dict[tuple[int, int], int] = {}
    for address, title in arrivals:
        own = jobs.get((address, title), 0)
        of_address = sum(number for key, number in jobs.items() if key[0] == address)
        if full(Use(own, of_address), 1, 100 - sum(jobs.values())) is None:
            jobs[address, title] = own + 1
    left = 100 - sum(jobs.values())
    assert left >= 100 // (ADDRESS_TIMES + 1) ** 2 - 1, "the last one was judged before it counted"
    assert full(Use(0, 0), 1, left) is None
