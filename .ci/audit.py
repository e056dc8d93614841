"""Ask for known vulnerabilities of what a lock names.

Exit 1 when there are any. Where the index of advisories cannot be reached, or knows none of the
packages, that is said, and is no failure: a machine without a network can still run the checks.

    python .ci/audit.py .ci/requirements.txt
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REQUEST_S, ALL_S = 15, 300


def verdict(report: Mapping[str, Any] | None, why: str) -> tuple[int, Sequence[str]]:
    """The exit code, and lines for a person; `report` is pip-audit's, None where it made none, and
    `why` what it said then.
    """
    if report is None:
        return 0, [f"NOT AUDITED: the index of advisories cannot be reached: {why or 'no word'}"]
    packages = report["dependencies"]
    skipped = [each for each in packages if "skip_reason" in each]
    asked = len(packages) - len(skipped)
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw.get('fix_versions', ())) or 'no version yet'}"
        for each in packages
        for flaw in each.get("vulns", ())
    ]
    if found:
        return 1, [*found, f"{len(found)} known vulnerabilities: renew the lock with .ci/lock"]
    if not asked:
        return 0, [f"NOT AUDITED: the index knows none of {len(packages)} packages"]
    left = f"; {len(skipped)} are not known there" if skipped else ""
    return 0, [f"{asked} packages without a known vulnerability{left}"]


def audit(lock: Path) -> tuple[int, Sequence[str]]:
    """Ask, with pip-audit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip"]
        command += ["--timeout", str(REQUEST_S), "--progress-spinner", "off", "--format", "json"]
        command += ["--output", str(report), "--requirement", str(lock)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=ALL_S)
        except subprocess.TimeoutExpired:
            return verdict(None, f"no answer within {ALL_S} s")
        if not report.exists() or not (text := report.read_text()).strip():
            return verdict(None, (ended.stderr.strip().splitlines() or [""])[-1])
        return verdict(json.loads(text), "")


if __name__ == "__main__":
    code, lines = audit(Path(sys.argv[1]))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(code)
