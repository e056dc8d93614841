"""Room for films: how much of the disk is free, and how much must stay so."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Room:
    """Of the fullest disk that films or rows are kept on, in bytes."""

    free: int
    floor: int
    """What stays free for film sessions that are open already, and for the rows of jobs."""

    @property
    def low(self) -> bool:
        """Whether no new film session is taken."""
        return self.free <= self.floor

    def takes(self, size: int) -> bool:
        """Whether an image of so many bytes may still come for an open film session: a quarter of
        the floor stays for the rows of jobs, whatever comes."""
        return size <= self.free - self.floor // 4

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.free // MB} MB free, and retention.floor_mb is {self.floor // MB}"
