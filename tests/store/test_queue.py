"""How many jobs of one modality may be unfinished."""

from __future__ import annotations

import pytest

from broker.model.trouble import QueueFull
from broker.store.jobs import Jobs
from tests.store.conftest import MakeRequest


@pytest.mark.parametrize(
    ("calling_ae", "peer", "whose"),
    [
        ("CT1", "10.0.0.7:1", "CT1"),
        ("MR1", "10.0.0.9:1", "10.0.0.9"),
        ("MR1", "10.0.0.90:1", ""),
        ("MR1", "10.0.0.7:1", ""),
    ],
)
def test_by_name_and_by_address(
    jobs: Jobs, make_request: MakeRequest, calling_ae: str, peer: str, whose: str
) -> None:
    """A modality that floods the queue is stopped, whatever it calls itself; others are not."""
    for number in (1, 2):
        jobs.add(make_request(peer=f"10.0.0.9:{number}"))
    jobs.hold(1)

    if whose:
        with pytest.raises(QueueFull, match=f"^2 jobs of {whose} are not finished$"):
            jobs.check_queue(calling_ae, peer, 2)
    jobs.check_queue(calling_ae, peer, 3)
    jobs.cancel(2)
    jobs.check_queue(calling_ae, peer, 2)
