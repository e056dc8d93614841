"""Emulated printers for tests; no exception may reach their log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker.emulator.printer import EmulatedPrinter

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)

NewPrinter = Callable[..., EmulatedPrinter]


@pytest.fixture
def new_printer(tmp_path: Path) -> Iterator[NewPrinter]:
    """Makes running printers called OKI1; they are switched off at the end of the test."""
    faults: list[Mapping[str, object]] = []

    def note(event: str, facts: Mapping[str, object]) -> None:
        if event == "fault":
            faults.append(facts)

    with ExitStack() as stack:

        def make(scenario: str = "", **options: Any) -> EmulatedPrinter:
            return stack.enter_context(
                EmulatedPrinter(
                    "oki-1",
                    "OKI1",
                    tmp_path / "tray",
                    scenario=scenario,
                    clock=lambda: NOON,
                    note=note,
                    **options,
                )
            )

        yield make
    assert faults == []
