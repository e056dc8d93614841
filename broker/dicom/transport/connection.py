"""Reaching a peer, and the ways in which that fails."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from broker.dicom.transport.associate_pdus import read_rejection


@dataclass(frozen=True)
class Timeouts:
    """How long the peer may take, in seconds."""

    connect_s: float = 5
    associate_s: float = 20
    """From the connection to the answer to A-ASSOCIATE-RQ."""
    release_s: float = 5


class Rejected(Exception):
    """The peer answered A-ASSOCIATE-RJ. `reason` is its reason alone, without host and port."""

    def __init__(self, words: str, *, transient: bool, reason: str) -> None:
        super().__init__(words)
        self.words = words
        self.transient = transient
        self.reason = reason


class Broken(Exception):
    """There is no association, or no more. `words` is one sentence that names host and port.

    `connected`: it had been accepted. `asked`: a byte of the request had left, so the peer may
    have done what it asks.
    """

    def __init__(self, words: str, *, connected: bool, asked: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.connected = connected
        self.asked = asked


def connect(host: str, port: int, where: str, timeout_s: float) -> socket.socket:
    """A TCP connection. Raises Broken."""
    try:
        return socket.create_connection((host, port), timeout=timeout_s)
    except ConnectionRefusedError as exc:
        words = f"{where} refused the connection"
        raise Broken(words, connected=False) from exc
    except TimeoutError as exc:
        words = f"{where} did not take the connection within {timeout_s:g} s"
        raise Broken(words, connected=False) from exc
    except socket.gaierror as exc:
        raise Broken(f"{where} has a host name that is not known", connected=False) from exc
    except OSError as exc:
        words = f"{where} could not be reached: {exc.strerror or exc}"
        raise Broken(words, connected=False) from exc


def rejected(where: str, body: memoryview) -> Rejected:
    """What an A-ASSOCIATE-RJ says. Raises Violation when it cannot be read."""
    rejection = read_rejection(body)
    return Rejected(
        f"{where} rejected the association: {rejection.words}",
        transient=rejection.transient,
        reason=rejection.words,
    )
