"""Web addresses as they may be shown."""

from __future__ import annotations

import pytest

from broker.model.peers.hosts import shown


@pytest.mark.parametrize(
    ("address", "path", "said"),
    [
        ("", True, ""),
        ("https://print.example/page", True, "https://print.example/page"),
        ("https://chat.example/", False, "https://chat.example/"),
        ("https://chat.example/hooks/T0", False, "hidden: https://chat.example"),
        ("https://ruth:pass@chat.example:8443/", True, "hidden: https://chat.example:8443/"),
        ("https://token@[fd00::1]/x", True, "hidden: https://[fd00::1]/x"),
        ("https://print.example/?sid=1", True, "hidden: https://print.example/"),
        ("https://print.example/#sid", True, "hidden: https://print.example/"),
        ("https://ruth:pa:ss@[::1", True, "hidden"),
        ("https://x:pass", True, "hidden"),
        ("sqlite:////var/lib/broker/broker.db", True, "sqlite:////var/lib/broker/broker.db"),
        ("postgresql+psycopg://b:pw@db/b", True, "hidden: postgresql+psycopg://db/b"),
    ],
)
def test_nothing_that_gives_access_is_shown(address: str, path: bool, said: str) -> None:
    """Passwords, queries, fragments, and paths that may be tokens are left out; what has none of
    them is shown as it is; where it leads is told.
    """
    assert shown(address, path=path) == said
