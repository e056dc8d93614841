"""Operator commands, as every face gives them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from broker.config.file import load
from broker.model.jobs.job import Priority
from broker.operations.commands.recorded import JobCommands
from broker.operations.commands.several import Target, carry_out
from broker.operations.opened import Store, store_of
from tests.cli.conftest import Site, site

__all__ = ["site"]


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's, as a face opens it."""
    with store_of(load(site.file)) as opened:
        yield opened


def test_one_command_on_several_jobs_looks_at_the_line_once(site: Site, store: Store) -> None:
    """Each is told how many come before it as though it had been asked alone; all that wait are
    read once."""
    numbers = [site.job() for _ in range(4)]
    asked: list[str] = []

    def hear(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(store._database._engine, "before_cursor_execute", hear)
    commands = JobCommands(store, "ruth").together()
    low = [numbers[0], numbers[2]]
    told = carry_out(
        [Target(each) for each in low],
        lambda job_id, seen: commands.priority(job_id, Priority.LOW, seen=seen),
    )
    event.remove(store._database._engine, "before_cursor_execute", hear)

    assert [each.words.partition("; ")[2] for each in told] == ["3 jobs before it"] * 2
    assert len([each for each in asked if "earlier" in each]) == 1
    alone = JobCommands(store, "ruth").priority(numbers[2], Priority.HIGH)
    assert alone.endswith("; no jobs before it")
