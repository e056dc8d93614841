"""The page over a store of its own, served by uvicorn in a thread of the test."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx

from broker.config.file import load
from broker.model.peers.trusted_proxies import TrustedProxies
from broker.model.user import Role
from broker.operations.opened import Store, store_of
from broker.operations.passwords import hashed
from broker.web.app import create
from broker.web.auth.signin import SessionTimes
from broker.web.server.connection import TIME_LIMITS, TimeLimits
from broker.web.server.limits import CONNECTION_LIMITS, ConnectionLimits
from broker.web.server.page_server import PageServer
from tests.cli.conftest import CONFIGURATION

PASSWORD = "correct horse"
PATIENCE_S = 30.0


@dataclass
class ServedPage:
    """Its address, its store, and what it has noted."""

    url: str
    store: Store
    times: SessionTimes = field(default_factory=SessionTimes)
    """When its sessions end."""
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    noted: threading.Condition = field(default_factory=threading.Condition)
    """Notified after each note."""

    def wait_for_kind(self, kind: str) -> bool:
        """Whether a note of that kind is there, or comes in time."""
        with self.noted:
            return self.noted.wait_for(
                lambda: any(facts.get("kind") == kind for _, facts in self.notes), PATIENCE_S
            )

    def add(self, name: str, role: Role = Role.OPERATOR) -> None:
        """One more user, with PASSWORD."""
        self.store.users.add(name, role, hashed(PASSWORD))

    @contextlib.contextmanager
    def visitor(self) -> Iterator[httpx.Client]:
        """A client with a browser's cookies."""
        with httpx.Client(base_url=self.url, timeout=30) as client:
            yield client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    """Send the form."""
    return client.post("/sign-in", data={"name": name, "password": password})


def token(page: httpx.Response) -> str:
    """The token of a page's forms."""
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


def form(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes there."""
    its = page.partition(f'action="{action}"')[2].partition("</form>")[0]
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', its)
    return {name: unescape(value) for name, value in fields}


def words(page: str) -> str:
    """The text of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@contextlib.contextmanager
def served_page(
    folder: Path,
    *,
    patience: TimeLimits = TIME_LIMITS,
    limits: ConnectionLimits = CONNECTION_LIMITS,
    certificate: Path | None = None,
    web: str = "",
) -> Iterator[ServedPage]:
    """Open it, without users; closed at the end. `web` is the section of the configuration."""
    file = folder / "broker.toml"
    file.write_text(f"{CONFIGURATION}\n[web]\n{web}")
    with (
        store_of(load(file), make=True) as store,
        socket.create_server(("127.0.0.1", 0), backlog=64) as listening,
    ):
        scheme = "https" if certificate else "http"
        served = ServedPage(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}", store)

        def note(event: str, facts: Mapping[str, object]) -> None:
            with served.noted:
                served.notes.append((event, dict(facts)))
                served.noted.notify_all()

        server = PageServer(
            create(store, note, patience, served.times),
            note,
            certificate=str(certificate) if certificate else None,
            patience=patience,
            limits=limits,
            proxies=TrustedProxies.of(store.config.web.trusted_proxy),
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield served
        finally:
            server.should_exit = True
            thread.join()
