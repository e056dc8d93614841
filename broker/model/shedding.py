"""Which finished jobs lose their pixels first when the room is needed: a decision on plain data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass


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
