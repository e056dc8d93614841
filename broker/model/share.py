"""How much of the queue one modality may take: a decision on plain numbers, jobs or bytes.

Each share is measured by what is still free (dynamic thresholds, as in shared-memory
switches: Choudhury and Hahne, 1998). One AE title at an address may have as much waiting as is
free, so that alone it takes at most half; one address, whatever AE titles it invents, three times
what is free, at most three quarters. So a first flood leaves a quarter of the
room, a second one from elsewhere a quarter of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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
