"""A queue of the build before is taken over by `broker serve`, and its films print."""

from __future__ import annotations

import json
from pathlib import Path

from broker.emulator.printer import EmulatedPrinter
from broker.store import schema
from tests.bench.damage_site import PRINTER, DamageSite, print_films, wait_until
from tests.peers.broker_process import command
from tests.peers.earlier_queue import FILMS, put_earlier_queue

PATIENCE_S = 20.0


def test_films_that_wait_in_an_earlier_queue_are_printed(tmp_path: Path) -> None:
    """Its films come before one that arrives now; tables, spool and mark are the broker's own."""
    with EmulatedPrinter(PRINTER, "OKI1", tmp_path / "tray") as printer:
        site = DamageSite(tmp_path / "site", printer)
        put_earlier_queue(site.data_dir)
        with site.begin() as broker:
            assert wait_until(lambda: len(printer.sheets) == len(FILMS), PATIENCE_S)
            print_films(broker.port, (4,))
            assert wait_until(lambda: len(printer.sheets) == len(FILMS) + 1, PATIENCE_S)
            assert wait_until(lambda: _states(site) == ["sent"] * 3, PATIENCE_S)
            assert broker.end() == 0
        database, _, _ = site.open()
        assert schema.current(database) == schema.head()
        database.close()
        with site.begin() as broker:  # and what it leaves is taken over by the next start
            assert _states(site) == ["sent"] * 3
            assert broker.end() == 0


def _states(site: DamageSite) -> list[str]:
    listed = command("jobs", "--all", "--json", config=site.config)
    assert listed.returncode == 0, listed.stderr
    return [job["state"] for job in json.loads(listed.stdout)]
