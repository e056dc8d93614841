"""What an engineer reads names files, functions, modules and options that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.peers.named_commands import BLOCK

ROOT = Path(__file__).parents[1]
INSIDE = ROOT / "broker" / "README.md"
TESTS, BENCHES = ROOT / "tests" / "README.md", ROOT / "tests" / "bench" / "README.md"
CHANGES = ROOT / ".github" / "CONTRIBUTING.md"
README = ROOT / "README.md"
DOCUMENTS = (README, INSIDE, TESTS, BENCHES, CHANGES)
FOLDERS = ("broker/", "tests/", "migrations/", "samples/", ".ci/", ".github/")
NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9_]*(\._?[A-Za-z][A-Za-z0-9_]*)?")
CASES = [(each, line) for each in DOCUMENTS for line in each.read_text().splitlines() if line]


def spans(line: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", line)


def place(document: Path, span: str) -> Path | None:
    """The file or folder that is meant; in `broker/README.md` from there. None for other code."""
    if not re.fullmatch(r"[\w.][\w./-]*", span):
        return None
    if span.startswith(FOLDERS):
        return ROOT / span
    is_path = "/" in span.rstrip("/") or span.endswith((".py", ".toml", ".md", "/"))
    return INSIDE.parent / span if document == INSIDE and is_path else None


@cache
def defined(file: Path) -> frozenset[str]:
    """Functions, classes, methods (`Class.method`) and constants of a file."""
    found: set[str] = set()

    def collect(body: list[ast.stmt], above: str) -> None:
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.add(above + name)
                case ast.ClassDef(name=name, body=inner):
                    found.add(above + name)
                    collect(inner, f"{name}.")
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    found.add(above + name)
                case _:
                    pass

    collect(ast.parse(file.read_text(encoding="utf-8")).body, "")
    return frozenset(found)


def absent(document: Path, line: str) -> list[str]:
    """Files that a line names and that are not there, and names that no file of the line has."""
    places = {span: found for span in spans(line) if (found := place(document, span))}
    wrong = [span for span, found in places.items() if not found.exists()]
    files = [each for each in places.values() if each.suffix == ".py" and each.is_file()]
    cells = line.strip("| ").split(" | ") if line.startswith("|") else []
    # A row of what happens, function and file names the function in its second cell.
    for span in spans(cells[1] if len(cells) > 2 else line):
        if files and span not in places and NAME.fullmatch(span):
            known = any(span in defined(each) for each in files)
            words = any(
                re.search(rf"\b{span.rpartition('.')[2]}\b", each.read_text()) for each in files
            )
            if not (known or (words and "." not in span)):
                wrong.append(span)
    return wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_files_and_functions_exist(document: Path) -> None:
    """Where a line names a file and something in it, the file has it."""
    lines = [line for each, line in CASES if each == document]
    wrong = {line: found for line in lines if (found := absent(document, line))}
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_no_link_is_dead(document: Path) -> None:
    """A link leads to a file beside the document."""
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_what_does_not_exist_is_found() -> None:
    """The test sees what it is there for."""
    rows = {
        "| x | `Acceptor._gone` | `dicom/upper_layer/acceptor.py` |": ["Acceptor._gone"],
        "| x | `Acceptor._accept` | `dicom/upper_layer/gone.py` |": ["dicom/upper_layer/gone.py"],
        "| x | `Acceptor._accept` | `dicom/upper_layer/acceptor.py` |": [],
        "`vanished` in `model/printers/retry.py`": ["vanished"],
        "`after` in `model/printers/retry.py`": [],
    }
    assert {row: absent(INSIDE, row) for row in rows} == rows


def test_each_room_is_named() -> None:
    """Every folder of the package is in the table of rooms."""
    rooms = {each.name for each in INSIDE.parent.iterdir() if each.is_dir()} - {"__pycache__"}
    table = INSIDE.read_text().partition("## Rooms")[2].partition("\n## ")[0]
    assert {span.rstrip("/") for span in spans(table)} >= rooms


def test_each_bench_is_named_and_exists() -> None:
    """Those that are programs, and their options, in both documents."""
    folder = BENCHES.parent
    programs = {each.stem for each in folder.glob("*.py") if "__main__" in each.read_text()}
    text = BENCHES.read_text()
    table = text.partition("| bench |")[2].partition("\n## ")[0]
    assert programs <= set(spans(table))
    sources = "\n".join(each.read_text() for each in (ROOT / "tests").rglob("*.py"))
    calls = re.findall(r"tests\.bench\.(\w+)([^`\n#]*)", text + TESTS.read_text())
    rows = re.findall(r"\| `(\w+)((?: --[^`]*)?)` \|$", README.read_text(), re.MULTILINE)
    assert len(rows) == 6
    for name, options in calls + rows:
        assert name == "NAME" or name in programs, name
        for option in re.findall(r"--[a-z-]+", options):
            assert option == "--help" or f'"{option}"' in sources, option


def test_the_readme_is_short() -> None:
    """About 120 lines; what an operator needs is in the manual."""
    assert len(README.read_text().splitlines()) <= 130
    assert BLOCK.findall(README.read_text())
