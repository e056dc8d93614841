"""What modalities, claimants and persons may want of the queue, for a machine to choose from.

What comes first in each choice is what a failure shrinks to.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest, Priority

PRINTERS = ("oki-1", "oki-2")
CLAIMANTS = 3
IMAGE = Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")
FILM = Film({"ImageDisplayFormat": ("STANDARD\\1,1",)}, (ImageBox(1, {}, IMAGE),))

Row = dict[str, Any]
ANSWER = st.sampled_from(["accepted", "accepted", "accepted", "not_printed", "uncertain", "asked"])
"""What is written of the film that was asked for; or else that all are asked for."""
WRITES = ("asked", "accepted", "not_printed", "uncertain")
BACK = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4])
"""Which one, counted from the newest."""
WHICH = st.integers(0, CLAIMANTS - 1)
PRINTER = st.sampled_from(PRINTERS)
TRIES = st.sampled_from([1, 2, 5])
WHOSE = st.sampled_from(["live", "live", "live", "usurped", "usurped", "lost", ""])
"""A claim that holds; one whose job another has; one whose job is not claimed; any."""
HELD = st.sampled_from(["held", "held", "held", "printing", ""])
REQUESTS = st.fixed_dictionaries(
    {
        "films": st.sampled_from([1, 2, 2, 3]),
        "copies": st.sampled_from([1, 1, 2]),
        "level": st.sampled_from(Level),
        "session": st.sampled_from(["a", "b"]),
        "priority": st.sampled_from(Priority),
    }
)


def print_request(request: Row) -> PrintRequest:
    """One of REQUESTS, in full."""
    return PrintRequest(
        calling_ae="CT1",
        called_ae="BROKER",
        peer="10.0.0.9:4000",
        film_session=request["session"],
        level=request["level"],
        session={},
        films=(FILM,) * request["films"],
        copies=request["copies"],
        priority=request["priority"],
    )
