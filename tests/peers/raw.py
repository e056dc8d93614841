"""Peers that speak in bytes: right, wrong, half or not at all."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from broker.dicom.upper_layer.associate_pdus import associate_ac, associate_rq, read_proposal
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of, read_command
from broker.dicom.upper_layer.negotiation import Offer, Result, negotiate, proposed_contexts

PATIENCE_S = 20.0
"""No test waits longer for a peer."""

ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
RELEASE_RQ = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
RELEASE_RP = b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00"


class Raw:
    """One end of a TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    @classmethod
    def connect(cls, port: int) -> Raw:
        """Connect to a port of this machine."""
        return cls(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """These bytes and no others."""
        self.sock.sendall(data)

    def pdu(self) -> bytes:
        """The next PDU, header and all; what there was of it when the peer closed."""
        head = self._exactly(6)
        if len(head) < 6:
            return head
        return head + self._exactly(struct.unpack(">I", head[2:])[0])

    def closed(self) -> bool:
        """Whether the peer has closed, and sent nothing more."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Close so that the peer's system is told of an error."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def associate(self, *offers: Offer, called_ae: str = "BROKER", max_pdu: int = 16384) -> bytes:
        """Propose as a requestor; the answer."""
        self.send(
            associate_rq(
                calling_ae="RAW",
                called_ae=called_ae,
                contexts=proposed_contexts(offers),
                max_pdu=max_pdu,
            )
        )
        return self.pdu()

    def accept(self, *, max_pdu: int = 16384) -> None:
        """Accept as an acceptor everything that is proposed."""
        proposal = read_proposal(memoryview(self.pdu())[6:])
        offers = [Offer(each.abstract_syntax, each.transfer_syntaxes) for each in proposal.contexts]
        answered = negotiate(proposal.contexts, offers)
        assert {each.result for each in answered} == {Result.ACCEPTED}
        self.send(associate_ac(proposal, answered, max_pdu=max_pdu))

    def say(self, context_id: int, command: Mapping[str, Any], data: bytes = b"") -> None:
        """A whole message, a PDU for the command and one for the data set."""
        encoded = command_bytes(command_of(command), with_dataset=bool(data))
        self.send(data_pdu(context_id, 0x03, encoded))
        if data:
            self.send(data_pdu(context_id, 0x02, data))

    def hear(self) -> Any:
        """The command set of the next message, which is in one PDU and has no data set."""
        return read_command(self.pdu()[12:])

    def hear_all(self) -> Any:
        """The command set of the next message; its data set is read to the end."""
        command = self.hear()
        last = not command.has_dataset
        while not last:
            last = bool(self.pdu()[11] & 0x02)
        return command

    def answer(self, request: Any, status: int = 0, **fields: Any) -> None:
        """Respond to a request on the first context."""
        self.say(
            1,
            {
                "CommandField": request.CommandField | 0x8000,
                "MessageIDBeingRespondedTo": int(request.MessageID),
                "Status": status,
                **fields,
            },
        )

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self.sock.recv(count - len(data))
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part
        return data


def data_pdu(context_id: int, flags: int, part: bytes) -> bytes:
    """A P-DATA-TF with one presentation data value."""
    return struct.pack(">BBIIBB", 4, 0, len(part) + 6, len(part) + 2, context_id, flags) + part


def echo(message_id: int) -> dict[str, object]:
    """A C-ECHO-RQ."""
    return {
        "AffectedSOPClassUID": "1.2.840.10008.1.1",
        "CommandField": Command.C_ECHO,
        "MessageID": message_id,
    }


@contextmanager
def listening(script: Callable[[Raw], None]) -> Iterator[int]:
    """A listener that plays the script on its first connection; yields its port.

    What goes wrong in the script comes out at the end.
    """
    trouble: list[BaseException] = []

    def play() -> None:
        try:
            sock, _ = server.accept()
            with Raw(sock) as raw:
                script(raw)
        except BaseException as exc:  # noqa: BLE001 - it is raised where the test sees it
            trouble.append(exc)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield server.getsockname()[1]
        except BaseException as exc:
            thread.join()
            for each in trouble:
                exc.add_note(f"the script failed too: {each!r}")
            raise
        thread.join()
    if trouble:
        raise trouble[0]


def sip(theirs: socket.socket, size: int, over: threading.Event) -> threading.Thread:
    """Take `size` bytes a hundred times a second, until it is over."""

    def sipping() -> None:
        while not over.wait(0.01):
            theirs.recv(size)

    thread = threading.Thread(target=sipping)
    thread.start()
    return thread
