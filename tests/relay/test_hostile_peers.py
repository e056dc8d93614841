"""Peers cost little (promise 9): hostile peers against the real broker, while others print."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from broker.dicom import statuses
from tests.peers.broker_process import BrokerProcess
from tests.peers.configuration import UNREACHABLE
from tests.peers.hostile import OFFERS, Case
from tests.peers.hostile_bytes import CASES as BYTES
from tests.peers.hostile_crowds import CASES as CROWDS
from tests.peers.hostile_films import CASES as FILMS
from tests.peers.hostile_messages import CASES as MESSAGES
from tests.peers.hostile_site import Site
from tests.peers.raw import ABORT, Raw
from tests.peers.speaker import PRINTER, Speaker

MOST_MB = 64.0
MOST_DELAY_S = 1.0
MOST_LINES = 60
"""Of the log, in any one case: floods are counted, not written down one by one."""

CASES = [*BYTES, *MESSAGES, *FILMS, *CROWDS]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One broker for all cases, as in a hospital, and the other modality."""
    with Site(tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile(site: Site, case: Case) -> None:
    """It is answered as it must be and in time; the others print on, and nothing is left of it."""
    with site.watched() as toll:
        answered = case.play(site)
    site.settled()

    assert answered.words == case.answer
    assert answered.seconds < case.within_s
    assert toll.delay_s < MOST_DELAY_S
    assert toll.memory_mb < MOST_MB
    assert toll.lines < MOST_LINES
    if case.kind:
        site.wait_for(lambda line: line.get("kind") == case.kind)


def test_no_file_descriptor_at_all(tmp_path: Path) -> None:
    """No connection is taken then; one that was taken is answered, one that waits later."""
    config = tmp_path / "broker.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 0\n{UNREACHABLE}')
    with BrokerProcess(config) as broker, ExitStack() as stack:
        modality = Speaker(broker.port)
        stack.callback(modality.release)
        used = len(list(Path(f"/proc/{broker.process.pid}/fd").iterdir()))
        earlier = resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (used // 2, earlier[1]))

        waiting = stack.enter_context(Raw.connect(broker.port))
        broker.wait_for("association fault", doing="accepting")
        assert modality.get(PRINTER, "").status == statuses.SUCCESS

        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, earlier)
        assert waiting.associate(*OFFERS)[:1] == b"\x02"
        waiting.send(ABORT)
        assert modality.print_film() == statuses.SUCCESS


def test_nothing_adds_up(site: Site) -> None:
    """After all of it the broker is hardly larger than before, and no exception was logged."""
    grown = site.standing().memory - site.quiet.memory
    assert grown < MOST_MB * (1 << 20)
    assert site.faults() == []
