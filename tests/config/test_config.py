"""The configuration is checked whole, and every mistake names its key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config.file import ConfigError, load, parse, show, warnings
from broker.config.schema import Config
from broker.model.printers.printer import Address
from tests.peers.configuration import FOLDER, TWO_PRINTERS


def test_everything_has_a_default() -> None:
    """An empty file is a whole configuration."""
    config = parse("", folder=FOLDER)
    assert config.broker.ae_title == "BROKER"
    assert (config.broker.host, config.broker.port) == ("*", 11112)
    assert (config.limits.associations, config.broker.grace_s) == (128, 5)
    assert config.data_dir == FOLDER / "broker-data"
    assert config.database_url == "sqlite:////etc/broker/broker-data/broker.db"
    assert (config.retry.tries, config.retry.on_uncertain) == (5, "hold")
    assert (config.health.rise, config.health.fall) == (2, 3)
    assert (config.log.level, config.log.format) == ("info", "auto")
    assert config.addresses() == ()


def test_printers_become_addresses_in_the_order_of_the_file() -> None:
    """The rest of the broker sees addresses, in the file's order."""
    assert parse(TWO_PRINTERS, folder=FOLDER).addresses() == (
        Address("oki-1", "OKI1", "192.168.85.200", 11112),
        Address("oki-2", "OKI2", "192.168.85.201", 104, 50, 2, "film session"),
    )


def test_spaces_around_an_ae_title_mean_nothing() -> None:
    """Leading and trailing spaces are not part of an AE title (PS3.5 6.2)."""
    assert parse('[broker]\nae_title = " BROKER "', folder=FOLDER).broker.ae_title == "BROKER"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TWO_PRINTERS + "tls = true\n",
        '[database]\nurl = "sqlite:///queue.db"\n',
        '[tls]\ncertificate = "c.pem"\nkey = "k.pem"\nport = 0\nonly = true\nca = "/ca.pem"\n',
    ],
)
def test_what_show_prints_loads_to_an_equal_configuration(text: str) -> None:
    """The effective file is a file."""
    config = parse(text, folder=FOLDER)
    assert parse(show(config), folder=Path("/elsewhere")) == config


def test_show_explains_every_section_and_says_what_is_not_used() -> None:
    """A person learns the keys from the effective file."""
    text = show(parse(TWO_PRINTERS, folder=FOLDER))
    assert text.count("[[printers]]") == 2
    assert "weight = 50" in text
    assert "port = 8080                    # 0 takes any free port" in text


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """A relative data_dir or database lies beside the file, wherever the command runs."""
    file = tmp_path / "site.toml"
    file.write_text('[broker]\ndata_dir = "films"\n[database]\nurl = "sqlite:///queue.db"\n')
    config = load(file)
    assert config.data_dir == tmp_path / "films"
    assert config.database_url == f"sqlite:///{tmp_path}/queue.db"
    file.write_text('[tls]\ncertificate = "cert.pem"\nkey = "/etc/ssl/key.pem"\n')
    tls = load(file).tls
    assert (tls.certificate, tls.key) == (str(tmp_path / "cert.pem"), "/etc/ssl/key.pem")
    assert (tls.ca, tls.client_ca) == ("", "")


def test_the_option_comes_before_the_variable_before_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Option, then BROKER_CONFIG, then ./broker.toml, then all defaults."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BROKER_CONFIG", raising=False)
    assert load() == parse("", folder=tmp_path)
    for name in ("broker", "variable", "option"):
        (tmp_path / f"{name}.toml").write_text(f'[broker]\nae_title = "{name.upper()}"\n')
    assert load().broker.ae_title == "BROKER"
    monkeypatch.setenv("BROKER_CONFIG", "variable.toml")
    assert load().broker.ae_title == "VARIABLE"
    assert load(Path("option.toml")).broker.ae_title == "OPTION"


def test_a_file_that_cannot_be_read_is_a_mistake_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing file, a folder and a file that is not text are named, each in one line."""
    missing = tmp_path / "none.toml"
    named = r"none\.toml: no such file or directory; name .* `broker config init`"
    with pytest.raises(ConfigError, match=named):
        load(missing)
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path)
    monkeypatch.setenv("BROKER_CONFIG", str(missing))
    with pytest.raises(ConfigError, match=r"\(named by BROKER_CONFIG\)"):
        load()
    missing.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load()
    missing.write_bytes(b'\xef\xbb\xbf[broker]\nae_title = "NOTEPAD"\n')
    assert load().broker.ae_title == "NOTEPAD"


def test_no_printers_is_allowed_and_said() -> None:
    """Printers may be added later; until then films are refused, which is worth a warning."""
    assert warnings(parse("", folder=FOLDER)) == [
        "no printers are configured: new films are refused until there is one"
    ]
    assert warnings(parse(TWO_PRINTERS, folder=FOLDER)) == []


def test_the_sample_is_right() -> None:
    """The file that a site starts from loads, and without a warning."""
    config: Config = load(Path(__file__).parents[2] / "samples" / "broker.toml")
    assert [address.name for address in config.addresses()] == ["oki-1", "oki-2"]
    assert warnings(config) == []
