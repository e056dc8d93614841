"""The queue that is backed up."""

from __future__ import annotations

from tests.store.conftest import clock, database, jobs, make_film, make_request, printers, url

__all__ = ["clock", "database", "jobs", "make_film", "make_request", "printers", "url"]
