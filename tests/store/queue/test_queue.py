"""How much of each modality is unfinished."""

from __future__ import annotations

from broker.model.peers.caller import Caller, Waiting
from broker.store.queue.jobs import Jobs
from tests.store.conftest import MakeFilm, MakeRequest

CT1, MR1 = Caller("CT1", "10.0.0.9"), Caller("MR1", "10.0.0.9")
SIZE = 8
"""Bytes of the pixels of `make_film`."""


def test_by_ae_title_at_an_address(jobs: Jobs, make_request: MakeRequest) -> None:
    """Both together are one modality; an address that is written as IPv6 is the same; what is
    finished counts no more."""
    for peer in ("10.0.0.9:1", "::ffff:10.0.0.9:2", "10.0.0.90:3", "fe80::1:4"):
        jobs.submission.add(make_request(peer=peer))
    jobs.submission.add(make_request(peer="10.0.0.9:5", calling_ae="MR1"))
    jobs.commands.hold(1)

    assert jobs.queries.unfinished() == {
        CT1: Waiting(2, 2 * SIZE),
        MR1: Waiting(1, SIZE),
        Caller("CT1", "10.0.0.90"): Waiting(1, SIZE),
        Caller("CT1", "fe80::1"): Waiting(1, SIZE),
    }
    jobs.commands.cancel(2)
    assert jobs.queries.unfinished()[CT1] == Waiting(1, SIZE)


def test_each_file_is_weighed_once(
    jobs: Jobs, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """Of one modality, and of its address: a film that is asked for twice needs no more disk."""
    for peer in ("10.0.0.9:1", "::ffff:10.0.0.9:2"):
        jobs.submission.add(make_request(2, peer=peer))
    jobs.submission.add(make_request(peer="10.0.0.9:3", calling_ae="MR1"))
    jobs.submission.add(
        make_request(peer="10.0.0.9:4", calling_ae="MR1", films=(make_film("cd" * 32),))
    )
    jobs.submission.add(make_request(peer="10.0.0.7:5", films=(make_film("ef" * 32),)))

    assert jobs.queries.waiting_bytes(CT1) == (SIZE, 2 * SIZE)
    assert jobs.queries.waiting_bytes(MR1) == (2 * SIZE, 2 * SIZE)
