"""Which finished jobs lose their pixels first."""

from __future__ import annotations

from broker.model.storage.disk import KeptJob, SheddingChoice, choose

SIZES = {"a": 10, "b": 20, "c": 30, "open": 0}


def _kept(*jobs: tuple[int, str]) -> list[KeptJob]:
    return [KeptJob(number, frozenset(names.split())) for number, names in jobs]


def _choose(jobs: list[KeptJob], need: int, **others: set[int]) -> SheddingChoice:
    """`others` are numbers of jobs that refer to a file beside these."""
    users = {
        name: {job.id for job in jobs if name in job.names} | others.get(name, set())
        for name in SIZES
    }
    return choose(jobs, users, SIZES.__getitem__, need)


def test_the_oldest_go_until_there_is_enough() -> None:
    """No more jobs than are needed; all there are, where they are not enough."""
    jobs = _kept((1, "a"), (2, "b"), (3, "c"))
    assert _choose(jobs, 0) == SheddingChoice()
    assert _choose(jobs, 10) == SheddingChoice((1,), frozenset("a"), 10)
    assert _choose(jobs, 11) == SheddingChoice((1, 2), frozenset("ab"), 30)
    assert _choose(jobs, 1000) == SheddingChoice((1, 2, 3), frozenset("abc"), 60)


def test_a_file_goes_with_the_last_job_that_refers_to_it() -> None:
    """It is counted once; jobs that share it go together, and others in between as they come."""
    jobs = _kept((1, "a"), (2, "b"), (3, "a"))
    assert _choose(jobs, 25) == SheddingChoice((1, 2, 3), frozenset("ab"), 30)


def test_a_job_that_would_free_nothing_keeps_its_pixels() -> None:
    """Its file belongs to an unfinished job, too, or to an association that is still open."""
    jobs = _kept((1, "a"), (2, "open"), (3, "b"))
    assert _choose(jobs, 5, a={9}) == SheddingChoice((3,), frozenset("b"), 20)
    assert _choose(_kept((1, "a"), (2, "b")), 20, a={9}) == SheddingChoice((2,), frozenset("b"), 20)


def test_a_job_that_shares_some_of_its_files_frees_the_others() -> None:
    """What an unfinished job needs stays."""
    assert _choose(_kept((1, "a b")), 20, a={9}) == SheddingChoice((1,), frozenset("b"), 20)
