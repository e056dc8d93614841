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
        """Whether no new film session is taken unless pixels go before."""
        return self.free <= self.floor

    def refuses(self, kept: int) -> bool:
        """Whether no new film session is taken, though `kept` bytes of pixels can go before."""
        return self.low and kept <= self.floor - self.free

    def takes(self, size: int) -> bool:
        """Whether an image of so many bytes may still come for an open film session: a quarter of
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
