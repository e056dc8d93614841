"""What open pages ask of the database: once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from fastapi import Request

from broker.model.user import Role
from broker.operations.overview import LiveOverview
from broker.web.auth.signin import Person
from broker.web.rendering.event_streams import Streams
from broker.web.rendering.news_stream import _credentials_of
from tests.web.served_page import served_page

T = TypeVar("T")


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


def test_what_failed_is_asked_again(tmp_path: Path) -> None:
    """Those that waited for it hear of it; the next one, at the same version, does not."""
    with served_page(tmp_path) as served:
        streams = Streams(LiveOverview(served.store, lambda _event, _facts: None))
        answers = iter([OSError("locked"), OSError("locked")])

        def fails_once(result: T) -> T:
            if (error := next(answers, None)) is not None:
                raise error
            return result

        async def look() -> None:
            async def draw() -> Mapping[str, str]:
                return await streams.regions(1, "view", lambda: fails_once({"jobs": "<p>"}))

            async def ask() -> bool:
                return await streams.allowed(1, "user", lambda: fails_once(True))

            for each in (draw, ask):
                with pytest.raises(OSError, match="locked"):
                    await each()
            assert await draw() == {"jobs": '"<p>"'}
            assert await ask()

        asyncio.run(look())


def test_another_role_is_asked_for_by_itself() -> None:
    """A program's stream that began before its user's role was changed is not allowed to go on by
    what one of the new role was answered, with the same password."""
    headers = [(b"authorization", b"Basic b3R0bzpwYXNzd29yZA==")]
    request = Request({"type": "http", "headers": headers})
    before, after = (Person("otto", role, signed_in=True, program=True) for role in Role)
    assert _credentials_of(request, before) == _credentials_of(request, before)
    assert _credentials_of(request, before) != _credentials_of(request, after)
