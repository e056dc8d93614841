"""A lost or damaged database costs no pixels and prints nothing twice. More cases are in
`tests.bench.database_damage`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.database_damage import PLAIN, Outcome, cut, flip, play

REFUSED = ("moved away", "emptied", "cut in half", "an older copy")
"""Cases in which a person decides."""


@pytest.mark.timeout(300)
def test_a_damaged_database_costs_no_film(tmp_path: Path) -> None:
    """Each case is told or harmless; no pixels are removed, nothing is printed twice or wrong."""
    chosen = {"nothing": PLAIN["nothing"], **{name: PLAIN[name] for name in REFUSED}}
    chosen |= {"log cut": cut(0.7), "bit flipped": flip(0.97, 1, filled=True)}

    found: list[Outcome] = []
    play(tmp_path, chosen, lambda *_: None, found)

    outcomes = {each.name: each for each in found}
    assert [each for each in outcomes.values() if not each.good] == []
    for name in (*REFUSED, "log cut"):
        assert not outcomes[name].started, outcomes[name]
        assert outcomes[name].code == 1
        assert outcomes[name].said
    assert outcomes["nothing"].kind == "harmless"
