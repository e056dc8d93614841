"""The only printer says what is wrong with it, and refuses films meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.jobs.job import State
from tests.peers.speaker import dataset
from tests.relay.test_odd_answers import odd_printer


@pytest.mark.parametrize("info", ["SUPPLY EMPTY", "COVER OPEN", "PRINTER INIT"])
def test_the_only_printer_keeps_its_film_while_it_warns(tmp_path: Path, info: str) -> None:
    """It answers N-ACTION with 0x0110 and says why: the film is not held, however often; it comes
    out when the printer is mended, without a person."""
    mended: list[bool] = []
    asked: list[int] = []

    def odd(request: Request) -> Response | None:
        if request.field == Command.N_GET:
            said = ("NORMAL", "NORMAL") if mended else ("WARNING", info)
            status = dataset(PrinterStatus=said[0], PrinterStatusInfo=said[1])
            return Response(statuses.SUCCESS, status)
        if request.field == Command.N_ACTION and not mended:
            asked.append(request.message_id)
            return Response(statuses.PROCESSING_FAILURE)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_for(lambda: info in relay.service.printers.get("odd").reason)
        relay.print_films(1)
        relay.wait_for(lambda: len(asked) > 5, "the film is not tried again")
        assert relay.jobs(1)[0].state in (State.QUEUED, State.PRINTING)
        mended.append(True)
        relay.wait_until(State.SENT, 1)
