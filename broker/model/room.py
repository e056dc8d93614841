"""Room on the disk: how much there is, whose part it is, and what is removed first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MB = 1 << 20


@dataclass(frozen=True)
class Room:
    """Of the fullest disk that films or rows are kept on, in bytes."""

    free: int
    floor: int
    """What stays free for film sessions that are open already, and for the rows of jobs."""

    @property
    def low(self) -> bool:
        """Whether no new film session is taken unless pixels go before."""
        return self.free <= self.floor

    def refuses(self, kept: int) -> bool:
        """Whether no new film session is taken, though `kept` bytes of pixels can go before."""
        return self.low and kept <= self.floor - self.free

    def takes(self, size: int) -> bool:
        """Whether an image of `size` bytes may still come for an open film session: a quarter of
        the floor stays for the rows of jobs, whatever comes."""
        return size <= self.for_open_sessions

    @property
    def spare(self) -> int:
        """Bytes that are kept free above the floor as long as older pixels can go for them."""
        return self.floor // 4

    @property
    def near(self) -> bool:
        """Whether less than the floor and the spare are free."""
        return self.short_of_spare > 0

    @property
    def short_of_spare(self) -> int:
        """Bytes that are missing until the floor and the spare are free."""
        return self.floor + self.spare - self.free

    @property
    def above_floor(self) -> int:
        """Bytes that may be filled before film sessions are refused."""
        return max(0, self.free - self.floor)

    @property
    def for_open_sessions(self) -> int:
        """Bytes that images of open film sessions may fill: see `takes`."""
        return max(0, self.free - self.floor // 4)

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.free // MB} MB free, and retention.floor_mb is {self.floor // MB}"


ADDRESS_TIMES = 3
"""One address may have this many times what is free."""


class Full(Enum):
    """What has no room for more."""

    CALLER = "one AE title at an address"
    ADDRESS = "one address"
    WHOLE = "the queue"


@dataclass(frozen=True)
class Use:
    """What waits already."""

    caller: int
    """Of the AE title at the address."""
    address: int
    """Of the address, whatever its AE titles."""


def full(use: Use, more: int, free: int, most: int = 0) -> Full | None:
    """What `more` would fill, where `free` is left; None while there is room.

    `most` is what the site allows one AE title at an address.
    """
    if most and use.caller + more > most:
        return Full.CALLER
    if more > free:
        return Full.WHOLE
    if use.caller + more > free:
        return Full.CALLER
    if use.address + more > ADDRESS_TIMES * free:
        return Full.ADDRESS
    return None


@dataclass(frozen=True)
class KeptJob:
    """A finished job whose pixels are kept for a reprint."""

    id: int
    names: frozenset[str]
    """Of its pixels in the spool. Other jobs may refer to the same."""


@dataclass(frozen=True)
class SheddingChoice:
    """What goes."""

    jobs: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    """Files that no job refers to once those jobs have lost their pixels."""
    bytes: int = 0


def choose(
    oldest_first: Sequence[KeptJob],
    users: Mapping[str, Collection[int]],
    size: Callable[[str], int],
    need: int,
) -> SheddingChoice:
    """The jobs that ended first, until `need` bytes are free; fewer where there are no more.

    `users` has the numbers of all jobs that refer to a file, unfinished ones too: a file goes only
    with the last of them. A job that would free nothing keeps its pixels. `size` says what
    removing a file would free, in bytes.
    """
    left = {name: len(set(numbers)) for name, numbers in users.items()}
    taken: list[KeptJob] = []
    freed: dict[str, int] = {}
    total = 0
    for job in oldest_first:
        if total >= need:
            break
        taken.append(job)
        for name in job.names:
            left[name] -= 1
            if not left[name] and (found := size(name)):
                freed[name] = found
                total += found
    jobs = tuple(job.id for job in taken if not job.names.isdisjoint(freed))
    return SheddingChoice(jobs, frozenset(freed), total)
