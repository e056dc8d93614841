"""One picture, drawn by a process of its own: its memory goes with it.

Its argument is the number of the process that started it, with which it ends. On stdin comes one
line of JSON: `film` (as the store keeps it), `spool` (its folder), `width` (in
pixels). On stdout goes a PNG, or on stderr, with exit code 3 or 4, words that say why there is
none.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from broker.relay.parent import end_with, give_way_to_the_relay

if __name__ == "__main__":
    end_with(int(sys.argv[1]))  # before what takes longer to import

from broker.model.storage.disk import MB

EXPENDABLE = 800
"""Of 1000, for a system without memory: a picture ends first, then the page."""
NO_PICTURE, TOO_LARGE = 3, 4
ROOM = 1024 * MB
"""Four times the largest image that is taken by default."""


def main() -> int:
    """Draw; the exit code."""
    # Here: the page imports this module for its exit codes, and needs no memory for drawing.
    from broker.model.printers.trouble import SpoolDamaged
    from broker.preview.paper import SAMPLES, compose
    from broker.preview.paper import size as size_of
    from broker.spool.stored import Stored, place_of
    from broker.store.reading.job_rows import film_from_json

    give_way_to_the_relay(EXPENDABLE)
    told = json.loads(sys.stdin.readline())
    film = film_from_json(told["film"])
    spool = Path(told["spool"])
    inches = size_of(film, 1000)[0] / 1000

    def read(name: str) -> bytearray:
        with Stored(place_of(spool, name)) as stored:
            content, at = bytearray(stored.length), 0
            for piece in stored:
                content[at : at + len(piece)] = piece
                at += len(piece)
            return content

    _limit(ROOM)
    try:
        picture = compose(film, read, told["width"] / inches, samples=SAMPLES)
        picture.save(sys.stdout.buffer, format="PNG", compress_level=1)
    except MemoryError:
        sys.stderr.write("it is too large to be drawn here; nothing else is wrong with it")
        return TOO_LARGE
    except (OSError, ValueError, SpoolDamaged) as error:
        sys.stderr.write(str(error))
        return NO_PICTURE
    return 0


def _limit(room: int) -> None:
    """Let this process have `room` bytes more than now: a picture that needs more is refused, and
    takes no memory from the relay."""
    with Path("/proc/self/statm").open() as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    least = now + room if most == resource.RLIM_INFINITY else min(now + room, most)
    resource.setrlimit(resource.RLIMIT_AS, (least, most))


if __name__ == "__main__":
    raise SystemExit(main())
