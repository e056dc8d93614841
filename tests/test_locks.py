"""The locks: what CI and an installation without a network take, each file by its hash."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PRODUCT, ALL = ROOT / "samples" / "requirements.txt", ROOT / ".ci" / "requirements.txt"
ENTRY = re.compile(r"([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))?((?: --hash=sha256:[0-9a-f]{64})+)")


def locked(file: Path) -> Mapping[str, list[str]]:
    """Name to versions, of which some have conditions. AssertionError for an entry without hashes,
    or one that is not a version."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().replace(" \\\n   ", "").splitlines():
        if line.startswith("#"):
            continue
        entry = ENTRY.fullmatch(line)
        assert entry is not None, line[:80]
        found.setdefault(canonicalize_name(entry[1]), []).append(entry[2])
    return found


def wanted(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(each) for each in lines]
    return [each for each in found if each.name != project["name"]]


@pytest.mark.parametrize(("file", "extras"), [(PRODUCT, ()), (ALL, ("test", "dev"))])
def test_the_lock_is_within_the_ranges(file: Path, extras: tuple[str, ...]) -> None:
    """Every requirement has a version there, with hashes, and each version is allowed."""
    versions = locked(file)
    for requirement in wanted(*extras):
        found = versions.get(canonicalize_name(requirement.name))
        assert found, f"{requirement.name} is missing: run .ci/lock"
        for version in found:
            assert requirement.specifier.contains(version), f"{requirement}: run .ci/lock"


def test_what_is_tested_is_what_is_installed() -> None:
    """Both locks name the same versions; the product's names nothing of the tests'."""
    product, everything = locked(PRODUCT), locked(ALL)
    assert {name: everything[name] for name in product} == dict(product)
    assert "pytest" not in product


@pytest.mark.parametrize("file", [PRODUCT, ALL])
def test_a_lock_names_no_address(file: Path) -> None:
    """Wherever it was made, it holds everywhere."""
    assert not re.search(r"://|--index|--find-links|--trusted", file.read_text())


@pytest.fixture
def verdict() -> Callable[[Mapping[str, Any] | None, str], tuple[int, list[str]]]:
    """What CI makes of pip-audit's report."""
    found: Any = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
    return found


SAFE = {"name": "a", "version": "1", "vulns": []}
UNSAFE = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SAFE], 0, "1 packages without a known vulnerability"),
        ([SAFE, UNKNOWN], 0, "1 packages without a known vulnerability; 1 are not known there"),
        ([SAFE, UNSAFE], 1, "b 2: CVE-1, mended in 3"),
        ([UNKNOWN], 0, "NOT AUDITED: the index knows none of 1 packages"),
        (None, 0, "NOT AUDITED: the index of advisories cannot be reached: no route"),
    ],
)
def test_a_finding_fails_and_a_missing_network_is_said(
    verdict: Callable[[Mapping[str, Any] | None, str], tuple[int, list[str]]],
    packages: list[dict[str, Any]] | None,
    code: int,
    words: str,
) -> None:
    """The build fails for a vulnerability alone."""
    report = None if packages is None else {"dependencies": packages}
    found = verdict(report, "no route")
    assert found[0] == code
    assert found[1][0] == words
