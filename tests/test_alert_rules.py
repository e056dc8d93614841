"""The sample alert rules for Prometheus: each says what to do, and Prometheus takes them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.required import cannot_run

RULES = Path(__file__).parents[1] / "samples" / "alerts.yml"


def alerts() -> dict[str, str]:
    """Each rule by its name."""
    found = re.split(r"^      - alert: (\w+)$", RULES.read_text(), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize("name", alerts())
def test_each_rule_says_what_is_wrong_and_what_to_do(name: str) -> None:
    """A severity, a summary, and a remedy that names a command, a page or a thing to look at."""
    rule = alerts()[name]
    assert re.search(r"labels: \{severity: (critical|warning|info)\}", rule)
    assert re.search(r"^          summary: .{15,}$", rule, re.MULTILINE)
    assert re.search(r"^          remedy: .{15,}$", rule, re.MULTILINE)


def test_the_states_of_the_whole_have_rules() -> None:
    """Printers that need a person, nothing that prints, and a modality that is refused."""
    assert {"PrinterDegraded", "NothingPrints", "ModalityRefused", "BrokerDown"} <= set(alerts())


def test_no_rule_counts_by_a_former_name() -> None:
    """Figures that are kept for a version under their former name are named by the new one."""
    assert not re.search(r"films_printed_total|paper_seconds", RULES.read_text())


def test_prometheus_takes_the_rules() -> None:
    """`promtool check rules` finds no mistake."""
    if shutil.which("promtool") is None:
        cannot_run("promtool is missing: apt-get install prometheus")
    ended = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"SUCCESS: {len(alerts())} rules found" in ended.stdout
