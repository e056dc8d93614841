"""Attacks on the page, in short: films go on, probes are answered, and the page comes back.

`python -m tests.bench.page_attacks` measures the same for longer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from broker.model.storage.disk import MB
from tests.bench import page_attacks
from tests.peers.page_attacker import ATTACKS
from tests.peers.page_site import PageSite, page_site

SECONDS = 4.0
MEMORY = 200 * MB
LINES_A_MINUTE = 1000.0
PROBE_S = 5.0
"""Below 1 s on a machine that has nothing else to do; other tests run beside this one."""
BACK_S = 5.0
STREAMS_CPU = 0.3
"""Of a core, for 200 event streams of many lists; more would be a look for each of them."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSite]:
    """A broker with its page."""
    with page_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.mark.parametrize("attack", sorted(ATTACKS, key=lambda name: name == "sign-ins"))
def test_an_attack_costs_little(site: PageSite, attack: str) -> None:
    """The page's memory and log stay small, no file is written, `/healthz` and `/readyz` answer
    that all is well, as it is, each film is taken, and afterwards a page is answered at once.
    """
    if attack == "sign-ins":
        site.add_user()
    toll = site.suffer(attack, SECONDS, films=3)
    assert toll.memory <= MEMORY
    assert toll.lines_a_minute <= LINES_A_MINUTE
    assert toll.written <= MB
    assert toll.wrong == []
    assert max(toll.healthz_s) < PROBE_S
    assert max(toll.readyz_s) < PROBE_S
    assert len(toll.films_s) > 5
    assert toll.back_s < BACK_S
    if attack == "streams":
        assert toll.cpu < STREAMS_CPU


def test_the_bench_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """One attack for a moment: its figures by name, for machines."""
    assert page_attacks.main(["no-requests", "--seconds", "1", "--films", "2", "--json"]) == 0
    attacks = json.loads(capsys.readouterr().out)["attacks"]
    assert list(attacks) == ["no-requests"]
    assert attacks["no-requests"]["ratio"] > 0
