"""Who calls: an AE title at an address. What one modality may take is counted by both together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from broker.model.peers.hosts import plain_host
from broker.model.printable import comment_text

RIGHT_TITLE = "use 1 to 16 ASCII characters, no backslash, not only spaces"
"""What is said of one that cannot be."""


def is_ae_title(text: str) -> bool:
    """Whether an Application Entity may be called so; spaces around it do not count."""
    return re.fullmatch(r"[ -\[\]-~]{1,16}", text.strip(" ")) is not None


@dataclass(frozen=True)
class Caller:
    """A calling AE title at an address, without the port."""

    ae_title: str
    address: str

    @classmethod
    def of(cls, ae_title: str, peer: str) -> Caller:
        """The caller behind `host:port`."""
        return cls(ae_title, address_of(peer))

    def __str__(self) -> str:
        return f"{comment_text(self.ae_title)} at {comment_text(self.address)}"


@dataclass(frozen=True)
class Waiting:
    """What a caller has in the queue that is not finished."""

    jobs: int = 0
    bytes: int = 0
    """Of their pixels."""

    def __add__(self, other: Waiting) -> Waiting:
        return Waiting(self.jobs + other.jobs, self.bytes + other.bytes)


def address_of(peer: str) -> str:
    """The address of a peer, `host:port` or `[host]:port`; ::ffff:a.b.c.d is a.b.c.d."""
    return plain_host(peer.rpartition(":")[0].strip("[]"))


def spellings(address: str) -> tuple[str, ...]:
    """The ways in which a peer of that address may have been written down."""
    return (address, f"::ffff:{address}", f"[{address}]", f"[::ffff:{address}]")
