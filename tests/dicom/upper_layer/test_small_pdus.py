"""A peer that takes small PDUs alone."""

from __future__ import annotations

import pytest

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import read_command
from broker.dicom.upper_layer.message import Request, Response
from tests.peers.acceptor import OFFERS, accepting
from tests.peers.raw import RELEASE_RP, RELEASE_RQ, Raw, echo
from tests.peers.speaker import dataset

_HEADERS = 12
"""Bytes of a P-DATA-TF before the fragment, of which six are not part of its length."""


@pytest.mark.parametrize("announced", [20, 21, 32, 63])
def test_answers_come_in_pdus_of_the_size_that_was_announced(announced: int) -> None:
    """However small, as far as a message can be cut so (PS3.8 D.1); nothing of it is lost."""

    def answer(_association: AcceptedAssociation, _request: Request) -> Response:
        return Response(statuses.SUCCESS, dataset(FilmSessionLabel="x" * 64))

    with accepting(answer) as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS, max_pdu=announced)
        raw.say(1, echo(7))
        parts: dict[int, bytes] = {1: b"", 0: b""}
        last = False
        while not last:
            pdu = raw.pdu()
            assert len(pdu) - 6 <= announced
            is_command, last = pdu[11] & 1, pdu[11] == 2
            parts[is_command] += pdu[_HEADERS:]
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP

    assert read_command(parts[1]).MessageIDBeingRespondedTo == 7
    assert parts[0].endswith(b"x" * 64)
