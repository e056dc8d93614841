"""One picture, drawn by a process of its own: its memory goes with it.

On stdin comes one line of JSON: `film` (as the store keeps it), `spool` (its folder), `width` (in
pixels). On stdout goes a PNG, or on stderr, with exit code 3, words that say why there is none.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from broker.model.trouble import SpoolDamaged
from broker.sheet.paper import SAMPLES, compose
from broker.sheet.paper import size as size_of
from broker.store.documents import film_from_json
from broker.store.stored import place_of

NICE = 5
"""After the page itself, which comes after the relay."""
NO_PICTURE = 3


def main() -> int:
    """Draw; the exit code."""
    os.nice(NICE)
    told = json.loads(sys.stdin.readline())
    film = film_from_json(told["film"])
    spool = Path(told["spool"])
    inches = size_of(film, 1000)[0] / 1000

    def read(name: str) -> bytes:
        # Not checked against its name: that takes longer than the picture, and the printer is sent
        # nothing that was not.
        return place_of(spool, name).read_bytes()

    try:
        picture = compose(film, read, told["width"] / inches, samples=SAMPLES)
    except FileNotFoundError as error:
        sys.stderr.write(f"spool file {Path(error.filename).name} is missing")
        return NO_PICTURE
    except (OSError, ValueError, SpoolDamaged) as error:
        sys.stderr.write(str(error))
        return NO_PICTURE
    picture.save(sys.stdout.buffer, format="PNG", compress_level=1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
