"""What balancers and monitors ask: does the page live, are films taken, which figures are there.

They are answered apart from everything that can wait: what they need is read by threads of their
own, over a database connection of their own, at most once a second. What cannot be read in time is
said to be so.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi.responses import PlainTextResponse, Response
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from broker.desk.failures import explained
from broker.desk.opened import Store
from broker.desk.readiness import problems
from broker.store.database import FAILURES
from broker.web.metrics import Scales, parts, rendered
from broker.web.server.fresh import Fresh, Late

EVERY_S = 1.0
"""Nothing is read more often."""
WITHIN_S = 0.7
"""Nothing is waited for longer: a probe has its answer within a second."""


class Probes:
    """`begin` comes before the first question."""

    def __init__(self) -> None:
        self.answers: Mapping[str, Callable[[], Awaitable[Response]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    def begin(self, store: Store) -> None:
        """Read from this store, which nothing else uses."""
        self._problems = Fresh(lambda: problems(store), EVERY_S)
        found = parts(store, Scales(store.config.data_dir / "spool"), time.time)
        self._parts = {name: Fresh(read, EVERY_S) for name, read in found.items()}

    async def _healthz(self) -> Response:
        """The page's process lives."""
        return _plain("ok\n", 200)

    async def _readyz(self) -> Response:
        """Films can be taken: 200; or 503, and why not."""
        try:
            said: Sequence[str] = await self._problems.get(WITHIN_S)
        except Late as late:
            said = [
                f"not known: what a film needs has been read for {late.since_s:.0f} s without an "
                "end; the database, the disk or the machine does not answer"
            ]
        except Exception as error:  # noqa: BLE001 - whatever it is, films may not be taken
            found = explained(error)
            said = [" ".join(found[1]) if found else repr(error)]
        return _plain("".join(f"{each}\n" for each in said) or "ready\n", 503 if said else 200)

    async def _metrics(self) -> Response:
        """All figures; nothing of a patient is among them, so they need no sign-in."""
        found: dict[str, Sequence[Metric] | None] = {}
        end = time.monotonic() + WITHIN_S
        for name, part in self._parts.items():
            try:
                found[name] = await part.get(max(0.05, end - time.monotonic()))
            except (Late, *FAILURES, OSError):
                found[name] = None
        return Response(
            rendered(found), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status, headers={"Cache-Control": "no-store"})
