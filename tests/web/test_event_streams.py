"""What open pages ask of the database: once for all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from broker.operations.overview import LiveOverview
from broker.web.event_streams import Streams
from tests.web.served_page import served_page


def test_credentials_are_asked_once_for_all_streams(tmp_path: Path) -> None:
    """128 streams of one user that say every three seconds that they live ask the database once,
    until something changes."""
    with served_page(tmp_path) as served:
        live = LiveOverview(served.store, lambda _event, _facts: None)
        streams = Streams(live)
        asked: list[int] = []

        def ask() -> bool:
            asked.append(1)
            return True

        async def signs(version: int) -> None:
            for _ in range(5):
                all_streams = [streams.allowed(version, "user", ask) for _ in range(128)]
                assert all(await asyncio.gather(*all_streams))

        asyncio.run(signs(1))
        assert len(asked) <= 2  # where ASK_S ends in between
        asyncio.run(signs(2))
        assert 2 <= len(asked) <= 4
