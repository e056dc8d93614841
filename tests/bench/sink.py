"""The limit: a bare socket that takes a film, keeps its bytes as long and as safe as the broker
does, and reads nothing of them.

Its answers are prepared beforehand, for one film on one association as `Modality` prints it, so all
that it does is count messages, write data sets to a file, and fsync it where pixels end.
Run as `python -m tests.bench.sink FOLDER`, it says its port, and ends when its stdin is closed.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
)
from broker.dicom.upper_layer.associate_pdus import RELEASE_RP, associate_ac, read_proposal
from broker.dicom.upper_layer.command_set import RESPONSE, Command, command_bytes, command_of
from broker.dicom.upper_layer.dataset import encode_dataset
from broker.dicom.upper_layer.message import packed
from broker.dicom.upper_layer.negotiation import Answered
from broker.dicom.upper_layer.wire import PduType
from tests.peers.speaker import dataset, reference

AE_TITLE = "SINK"
MAX_PDU = 65536
CHUNK = 1 << 20
CONTEXT = 1
_HEAD = struct.Struct(">BxI")
_PDV = struct.Struct(">IBB")
UID = "1.2.3.4.5"

STEPS = (
    (Command.N_CREATE, FILM_SESSION),
    (Command.N_CREATE, FILM_BOX),
    (Command.N_SET, GRAYSCALE_IMAGE_BOX),
    (Command.N_ACTION, FILM_BOX),
    (Command.N_DELETE, FILM_BOX),
    (Command.N_DELETE, FILM_SESSION),
)
"""What `Modality` says, in order; the first three come with a data set."""
WITH_DATASET = 3


def answers() -> list[bytes]:
    """Each step's answer, ready for the wire."""
    return [_answer(number, *step) for number, step in enumerate(STEPS, start=1)]


def _answer(number: int, verb: Command, sop_class: str) -> bytes:
    fields = {
        "CommandField": verb | RESPONSE,
        "MessageIDBeingRespondedTo": number,
        "AffectedSOPClassUID": sop_class,
        "AffectedSOPInstanceUID": UID,
        "Status": statuses.SUCCESS,
    }
    answered = Dataset()
    if (verb, sop_class) == (Command.N_CREATE, FILM_BOX):
        answered = dataset(ReferencedImageBoxSequence=[reference(GRAYSCALE_IMAGE_BOX, UID)])
    encoded = encode_dataset(answered, EXPLICIT_LITTLE) if answered else []
    command = command_bytes(command_of(fields), with_dataset=bool(encoded))
    return b"".join(packed(CONTEXT, command, encoded, MAX_PDU))


class Sink:
    """One association after the other, each in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = answers()
        self.door = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve(self) -> None:
        """Take associations until the process ends."""
        while True:
            taken, _ = self.door.accept()
            threading.Thread(target=self._take, args=(taken,), daemon=True).start()

    def _take(self, taken: socket.socket) -> None:
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = self._folder / uuid.uuid4().hex
        with taken, path.open("wb", buffering=0) as file:
            step = 0
            command_ended = False
            for kind, body in _pdus(taken):
                if kind == PduType.ASSOCIATE_RQ:
                    taken.sendall(_accepting(body))
                elif kind == PduType.RELEASE_RQ:
                    taken.sendall(RELEASE_RP)
                    break
                elif kind == PduType.ABORT:
                    break
                else:
                    command_ended = _keep(body, file.fileno()) or command_ended
                    _, _, flags = _PDV.unpack_from(body)
                    if flags == 0x02 or (command_ended and step >= WITH_DATASET):
                        if STEPS[step][0] is Command.N_SET:
                            os.fsync(file.fileno())
                        taken.sendall(self._answers[step])
                        step, command_ended = step + 1, False


def _keep(body: memoryview, file: int) -> bool:
    """Write what is data set; whether a command ended."""
    at, ended = 0, False
    while at < len(body):
        length, _, flags = _PDV.unpack_from(body, at)
        if flags & 0x01:
            ended = ended or bool(flags & 0x02)
        else:
            os.write(file, body[at + _PDV.size : at + 4 + length])
        at += 4 + length
    return ended


def _accepting(body: memoryview) -> bytes:
    proposal = read_proposal(body)
    answered = [
        Answered(each.id, 0 if each.abstract_syntax == GRAYSCALE_META else 3, EXPLICIT_LITTLE)
        for each in proposal.contexts
    ]
    return associate_ac(proposal, answered, max_pdu=MAX_PDU)


def _pdus(taken: socket.socket) -> Iterator[tuple[int, memoryview]]:
    """Every PDU's type and body, the latter valid until the next."""
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    begin = end = 0
    while True:
        while (
            end - begin < _HEAD.size or end - begin < _HEAD.size + _HEAD.unpack_from(view, begin)[1]
        ):
            if begin:
                view[: end - begin] = view[begin:end]
                begin, end = 0, end - begin
            got = taken.recv_into(view[end:])
            if not got:
                return
            end += got
        kind, length = _HEAD.unpack_from(view, begin)
        yield kind, view[begin + _HEAD.size : begin + _HEAD.size + length]
        begin += _HEAD.size + length


def main() -> None:
    """Serve until standard input ends."""
    sink = Sink(Path(sys.argv[1]))
    threading.Thread(target=sink.serve, daemon=True).start()
    sys.stdout.write(f"{sink.door.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
