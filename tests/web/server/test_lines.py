"""Log lines of the page's process."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from broker.events import Event
from broker.web.server.lines import bounded

SECRET = "Doe^Synthetic"


def test_what_a_peer_causes_is_told_as_a_number() -> None:
    """Ten thousand lines of a library, and of the page itself, are a few, and none is lost: the
    last stands for the rest. Of an exception its kind and place are told, not its words.
    """
    told: list[tuple[str, Mapping[str, object]]] = []
    library = logging.getLogger("uvicorn.error")
    with bounded(lambda event, facts: told.append((event, dict(facts)))) as note:
        for _ in range(10_000):
            library.warning("Invalid HTTP request received.")
            note(Event.PAGE_REQUEST_REFUSED, {"kind": "413"})
        try:
            raise ValueError(SECRET)
        except ValueError:
            library.exception("Exception in ASGI application\n")
        note(Event.PAGE_SERVED, {"port": 1})
    for event in ("page library", "page request refused"):
        lines = [facts for name, facts in told if name == event]
        assert len(lines) < 20
        assert sum(int(str(facts.get("number", 1))) for facts in lines) >= 10_000
    assert ("page served", {"port": 1}) in told
    (failed,) = (facts for _, facts in told if facts.get("why") == "ValueError")
    assert str(failed["place"]).partition(":")[0].endswith("test_lines.py")
    assert SECRET not in str(told)
