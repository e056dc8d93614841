"""What a reload takes over, what it refuses, and what waits for a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config.file import parse
from broker.config.schema import Config
from broker.service.settings import judged

ONE = '[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "10.0.0.1"\nport = 104\n'
TWO = ONE.replace("oki-1", "oki-2").replace("10.0.0.1", "10.0.0.2")
FOLDER = Path("/srv/print")


def config(text: str) -> Config:
    """As it stands in a file of that folder."""
    return parse(text, folder=FOLDER)


@pytest.mark.parametrize("text", ["", "[health]\ninterval_s = 1\n", "# nothing\n"])
def test_a_file_without_printers_is_refused(text: str) -> None:
    """The words name the printers that would be gone, and how none is said; nothing changes."""
    running = config(ONE + TWO)
    found = judged(running, config(text))
    assert found.config is running
    (words,) = found.refused
    assert words.startswith("printers: the file names none, and oki-1, oki-2 would be gone")
    assert "`printers = []`" in words


def test_no_printers_on_purpose_are_taken() -> None:
    """The file says so; and one that had none needs not say it."""
    assert judged(config(ONE), config("printers = []\n")).config.printers == ()
    assert judged(config(""), config("")).refused == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[broker]\ndata_dir = "/elsewhere"\n', "broker.data_dir: names /elsewhere, and"),
        ('[database]\nurl = "sqlite:////else/q.db"\n', "database.url: names /else/q.db, and"),
    ],
)
def test_another_queue_is_refused(text: str, key: str) -> None:
    """Commands would read one, and the broker another."""
    found = judged(config(ONE), config(text + ONE))
    (words,) = found.refused
    assert words.startswith(key)


def test_the_same_folder_by_another_path_is_taken(tmp_path: Path) -> None:
    """A link, or a path with dots."""
    (tmp_path / "link").symlink_to(tmp_path / "data")
    running = parse('[broker]\ndata_dir = "data"\n' + ONE, folder=tmp_path)
    for path in ("link", "./x/../data"):
        wanted = parse(f'[broker]\ndata_dir = "{path}"\n' + ONE, folder=tmp_path)
        found = judged(running, wanted)
        assert (found.refused, found.restart) == ((), ())
        assert found.config.data_dir == running.data_dir


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[broker]\nport = 104\nae_title = 'X'\n", ("broker.ae_title", "broker.port")),
        ("[limits]\nidle_s = 5\n", ("limits.idle_s",)),
        ("[web]\nport = 1\n[log]\nlevel = 'debug'\n", ("web.port", "log.level")),
        ("[tls]\nport = 5\n", ("tls.port",)),
        ("[tls]\ncertificate = 'c.pem'\n", ("tls.certificate",)),
        ("[health]\ninterval_s = 1\n", ()),
    ],
)
def test_what_counts_from_the_next_start_is_named(text: str, keys: tuple[str, ...]) -> None:
    """And is named again by the next reload, as the broker still runs with what it had."""
    running = config(ONE)
    wanted = config(text + ONE + TWO)
    found = judged(running, wanted)
    assert found.restart == keys
    assert len(found.config.printers) == 2
    assert judged(found.config, wanted).restart == keys
    assert judged(found.config, config(ONE)).restart == ()


def test_what_needs_no_restart_is_taken() -> None:
    """Health, retry, retention, nicknames and all the rest."""
    named = '[[modalities]]\nae_title = "CT1"\nnickname = "CT"\n'
    wanted = config("[health]\ninterval_s = 1\n[retention]\nfloor_mb = 7\n" + ONE + named)
    found = judged(config(ONE), wanted).config
    assert (found.health.interval_s, found.retention.floor_mb) == (1.0, 7)
    assert [each.nickname for each in found.modalities] == ["CT"]


def test_a_certificate_that_left_the_file_is_kept() -> None:
    """The TLS port is open, and a page that speaks HTTPS has it, too."""
    running = config('[tls]\ncertificate = "c.pem"\n' + ONE)
    found = judged(running, config(ONE))
    assert found.restart == ("tls.certificate",)
    assert found.config.tls.certificate == "/srv/print/c.pem"
