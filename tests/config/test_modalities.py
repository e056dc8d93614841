"""Nicknames of modalities in the configuration, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config.file import parse, show
from broker.config.modalities import nicknames
from tests.peers.configuration import FOLDER, problems


def modality(ae_title: str, nickname: str) -> str:
    """One table, its values as TOML."""
    return f"[[modalities]]\nae_title = {ae_title}\nnickname = {nickname}\n"


TWO = modality('" CT1 "', '" CT, ground floor "') + modality('"ct1"', '"CT 2"')


def test_nicknames_are_read_and_shown() -> None:
    """By AE title, whose case counts, without spaces around either; the effective file has them."""
    config = parse(TWO, folder=FOLDER)
    assert nicknames(config.modalities).by_ae_title == {"CT1": "CT, ground floor", "ct1": "CT 2"}
    assert parse(show(config), folder=Path("/elsewhere")) == config
    assert show(config).count("[[modalities]]\nae_title = ") == 2


def test_a_file_without_nicknames_needs_none() -> None:
    """Modalities print without being named; the effective file says how one is."""
    config = parse("", folder=FOLDER)
    assert nicknames(config.modalities).by_ae_title == {}
    assert "# No nicknames: modalities are shown by AE title. [[modalities]] begins one." in show(
        config
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            modality('"CT1"', '""'),
            'modalities[1].nickname: "" is not a nickname; use 1 to 32 characters, as '
            '"CT, ground floor"',
        ),
        (modality('"CT1"', f'"{"x" * 33}"'), f'modalities[1].nickname: "{"x" * 33}" is not a'),
        (modality('"CT1"', "7"), "modalities[1].nickname: 7 is not a nickname; use 1 to 32"),
        (
            modality('"CT1"', '"a\\u001bb"'),
            'modalities[1].nickname: "a\\u001bb" has a control character; use letters',
        ),
        (modality('"CT1CT1CT1CT1CT1CT1"', '"CT"'), 'modalities[1].ae_title: "CT1CT1CT1CT1CT1CT1"'),
        (
            '[[modalities]]\nae_title = "CT1"',
            "modalities[1].nickname: is missing; every modality here needs ae_title and nickname",
        ),
        (
            '[[modalities]]\nae_title = "CT1"\nnikname = "CT"\nnickname = "CT"',
            "modalities[1].nikname: is not a key that the broker knows; did you mean nickname?",
        ),
        (
            '[modalities]\nae_title = "CT1"',
            "modalities: is one table; write [[modalities]] above each modality",
        ),
        ("modalities = [7]", "modalities[1]: 7 is not a table; write [[modalities]] above its"),
        (
            modality('"CT1"', '"CT"') + modality('"CT1"', '"MR"'),
            'modalities[2].ae_title: "CT1" is also the AE title of modalities[1]; remove one of '
            "the two tables",
        ),
        (
            modality('"CT1"', '"The CT"') + modality('"CT2"', '"the ct"'),
            'modalities[2].nickname: "the ct" is also the nickname of modalities[1], upper and '
            "lower case do not count; give each its own",
        ),
        (
            modality('"CT1"', '"ct2"') + modality('"CT2"', '"MR"'),
            'modalities[1].nickname: "ct2" is the AE title of modalities[2], upper and lower case '
            "do not count; give it another",
        ),
    ],
)
def test_a_mistake_names_its_table_and_what_is_right(text: str, problem: str) -> None:
    """One line for each mistake, as with printers."""
    (line,) = problems(text)
    assert line.startswith(f"broker.toml: {problem}")
