"""How many jobs of one modality are unfinished."""

from __future__ import annotations

import pytest

from broker.store.jobs import Jobs
from tests.store.conftest import MakeRequest


@pytest.mark.parametrize(
    ("calling_ae", "address", "counts"),
    [
        ("CT1", "10.0.0.7", (2, 0)),
        ("MR1", "10.0.0.9", (0, 2)),
        ("MR1", "10.0.0.90", (0, 0)),
        ("MR1", "10.0.0.7", (0, 0)),
    ],
)
def test_by_name_and_by_address(
    jobs: Jobs,
    make_request: MakeRequest,
    calling_ae: str,
    address: str,
    counts: tuple[int, int],
) -> None:
    """Each is counted by itself, and what is finished counts no more."""
    for number in (1, 2):
        jobs.add(make_request(peer=f"10.0.0.9:{number}"))
    jobs.hold(1)

    assert jobs.unfinished(calling_ae, address) == counts
    jobs.cancel(2)
    assert jobs.unfinished(calling_ae, address) == tuple(max(0, each - 1) for each in counts)
