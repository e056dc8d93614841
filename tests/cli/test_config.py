"""`broker config check` finds mistakes, `broker config show` prints a file that loads."""

from __future__ import annotations

import json
import re

from broker.config.file import load
from broker.config.schema import SECTIONS
from tests.cli.conftest import Site


def test_a_correct_file_is_said(site: Site) -> None:
    """Exit 0, the file and how many printers it names."""
    ended = site.broker("config", "check")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{site.file}: correct, 2 printers\n"


def test_no_printers_is_a_warning(site: Site) -> None:
    """Allowed, and said on stderr."""
    site.file.write_text("")
    ended = site.broker("config", "check")
    assert ended.code == 0
    assert ended.out == f"{site.file}: no mistakes, 0 printers, but 1 warning above\n"
    assert ended.err == (
        "warning: no printers are configured: new films are refused until there is one\n"
    )


def test_what_this_machine_cannot_give_is_a_warning(site: Site) -> None:
    """The file is right, and would be on another machine: a folder in the way, too small a disk."""
    site.file.write_text(site.file.read_text() + "[retention]\nfloor_mb = 10000000\n")
    ended = site.broker("config", "check")
    assert ended.code == 0
    assert re.fullmatch(
        r"warning: [\d.]+ [MG]B free, less than the 10000.0 GB of retention.floor_mb: "
        "finished jobs lose their pixels, and without any left new films are refused\n",
        ended.err,
    )
    site.file.write_text('[broker]\ndata_dir = "broker.toml/data"\n')
    assert "broker.toml is a file\n" in site.broker("config", "check").err


def test_what_show_prints_is_a_file(site: Site) -> None:
    """The effective configuration loads to the same one; JSON has every section."""
    config = load(site.file)
    shown = site.broker("config", "show").out
    (site.folder / "shown.toml").write_text(shown)
    assert load(site.folder / "shown.toml") == config
    assert "anything but this machine needs `broker user add`" in shown
    document = json.loads(site.broker("config", "show", "--json").out)
    assert list(document) == list(SECTIONS)


def test_a_missing_file_is_exit_2(site: Site) -> None:
    """Naming a file that is not there is a wrong configuration."""
    ended = site.broker("config", "check", "--config", str(site.folder / "none.toml"))
    assert (ended.code, ended.out) == (2, "")
    assert "none.toml: no such file or directory" in ended.err


def test_a_spool_that_is_gone_is_a_warning(site: Site) -> None:
    """`broker serve` would not start: who checks first learns it here."""
    site.job()
    (site.folder / "broker-data" / "spool").rename(site.folder / "elsewhere")
    ended = site.broker("config", "check")
    assert ended.code == 0
    assert "spool: the spool is not there, with pixels that jobs refer to" in ended.err
    assert ended.out == f"{site.file}: no mistakes, 2 printers, but 1 warning above\n"
    assert not (site.folder / "broker-data" / "spool").exists()


def test_mistakes_of_keys_and_of_certificates_come_together(site: Site) -> None:
    """A person who mends the file needs one round."""
    site.file.write_text(
        site.file.read_text() + 'colour = 1\n[tls]\ncertificate = "none.pem"\n[log]\nlevel = 3\n'
    )
    for command in (["config", "check"], ["serve", "--no-web"]):
        ended = site.broker(*command)
        assert ended.code == 2
        assert [line.split(": ")[1] for line in ended.err.splitlines()][:2] == [
            "health.colour",
            "log.level",
        ]
        assert "tls.certificate: " in ended.err
        assert "none.pem: no such file or directory; name a PEM file" in ended.err


WEBHOOK = "https://ruth:pass@chat.example/hooks/T0KEN?key=s3cret#fr4g"


def test_secrets_in_addresses_are_hidden(site: Site) -> None:
    """What `show` prints may be sent to somebody: no password, token or key of an address is in
    it. A file with a hidden address is refused in words, and `--secrets` prints it whole.
    """
    original = site.file.read_text()
    page = "https://print.example/page?sid=s3cret"
    site.file.write_text(f'{original}[notify]\nwebhook = "{WEBHOOK}"\npage = "{page}"\n')
    for options in ([], ["--json"]):
        shown = site.broker("config", "show", *options).out
        assert "hidden: https://chat.example" in shown
        assert "hidden: https://print.example/page" in shown
        assert not [each for each in ("pass@", "T0KEN", "s3cret", "fr4g") if each in shown]
        assert WEBHOOK in site.broker("config", "show", "--secrets", *options).out
    (site.folder / "shown.toml").write_text(site.broker("config", "show").out)
    refused = site.broker("config", "check", "--config", str(site.folder / "shown.toml"))
    assert refused.code == 2
    assert "notify.webhook: is what `broker config show` prints in place of a secret" in refused.err
    whole = site.broker("config", "show", "--secrets").out
    (site.folder / "shown.toml").write_text(whole)
    assert load(site.folder / "shown.toml") == load(site.file)
