"""Configurations as an operator writes them, and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config.file import ConfigError, parse

TWO_PRINTERS = """
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "192.168.85.200"
port = 11112

[[printers]]
name = "oki-2"
ae_title = "OKI2"
host = "192.168.85.201"
port = 104
weight = 50
associations = 2
lut_level = "film session"
"""
UNREACHABLE = """
[[printers]]
name = "oki-off"
ae_title = "OKIOFF"
host = "127.0.0.1"
port = 1
"""
"""Nothing listens there: films are taken, and wait."""
FOLDER = Path("/etc/broker")


def printer(**changes: str) -> str:
    """One printer's table, with values replaced by other TOML text, or left out where empty."""
    keys = {"name": '"oki-1"', "ae_title": '"OKI1"', "host": '"10.0.0.1"', "port": "104"} | changes
    return "\n".join(["[[printers]]", *(f"{key} = {text}" for key, text in keys.items() if text)])


def problems(text: str) -> list[str]:
    """What is wrong with a configuration."""
    with pytest.raises(ConfigError) as raised:
        parse(text, folder=FOLDER)
    assert "\n".join(raised.value.problems) == str(raised.value)
    return raised.value.problems
