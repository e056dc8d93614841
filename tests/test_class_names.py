"""Names of classes: a reader who meets one knows which it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import broker


def test_one_class_name_has_one_meaning() -> None:
    """No two modules of the package define a class of the same name."""
    root = Path(broker.__file__).parent
    places = defaultdict(list)
    for file in sorted(root.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(root)))
    double = {name: where for name, where in places.items() if len(where) > 1}
    assert double == {}
