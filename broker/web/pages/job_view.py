"""Which jobs a page shows: a list that is named by its state, or what a filter finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

from broker.model.jobs.job import UNFINISHED, State
from broker.model.jobs.job_filter import LONGEST, FoundJobs, JobFilter
from broker.operations.jobs.job_filters import InvalidFilter, filter_words
from broker.operations.jobs.job_groups import FEW, job_groups, shares
from broker.operations.jobs.job_status import JobStatus, job_statuses
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.operations.words.text import count
from broker.web.pages.job_query import JobQuery
from broker.web.rendering.rows import JobRow, job_row
from broker.web.rendering.times import zone_of

ROWS = 50
"""Jobs of one page."""
OPEN, ALL = "", "all"
"""The tabs of what is not finished, and what has finished lately; and of all jobs."""
COUNTED = 1000
"""Found jobs are counted up to here."""
MOST_CSV = 1000


@dataclass(frozen=True)
class View:
    """Which jobs one page shows, and its rows, once it is filled."""

    state: str = OPEN
    query: JobQuery = field(default_factory=JobQuery)
    zone: str = ""
    """Of the browser, for times of the filter."""
    page: int = 1
    """Of a list that is read whole."""
    cursor: int | None = None
    """Of what is found: jobs with smaller numbers."""
    rows: Sequence[JobRow] = ()
    further: str = ""
    """The address of what comes after the rows, where there is something."""
    newer: str = ""
    words: str = ""
    wrong: str = ""
    """Why nothing can be found."""

    @property
    def filtered(self) -> bool:
        """Whether there are conditions beside the state."""
        return bool(self.query.given)

    @property
    def listed(self) -> bool:
        """Whether the overview has its jobs: no question is asked for them."""
        return not self.filtered and self.state in (OPEN, *UNFINISHED)

    @property
    def tabs(self) -> Sequence[tuple[str, str, bool]]:
        """Address, label and whether it is shown, of each list; the filter stays."""
        labels = [(ALL, "All"), *((str(each), each.capitalize()) for each in State)]
        here = self.state or (ALL if self.filtered else OPEN)
        others = [(self.of_state(state), label, state == here) for state, label in labels]
        return (("/", "Now", here == OPEN), *others)

    def of_state(self, state: str) -> str:
        """The address of the list of that state, with the same filter."""
        return self.address("/", state=state)

    def address(self, path: str = "/", **changed: object) -> str:
        """The address of this list, from its first row, but for what is changed."""
        more = {"state": self.state or None, "zone": self._zone, **changed}
        return self.query.address(path, **more)

    @property
    def _zone(self) -> str | None:
        """Only times need it."""
        return (self.zone or None) if self.query.since or self.query.until else None

    def from_modality(self, ae_title: str) -> str:
        """The address of the same list, of that modality alone."""
        return replace(self, query=replace(self.query, modality=ae_title)).address()

    def of_job(self, job_id: int) -> str:
        """The address of a job's page, which leads back to this list."""
        _, _, query = self.address(cursor=self.cursor, page=self._page).partition("?")
        return f"/jobs/{job_id}?{urlencode({'back': query})}" if query else f"/jobs/{job_id}"

    @property
    def _page(self) -> int | None:
        return self.page if self.page > 1 else None

    @property
    def events(self) -> str:
        """Where its news come from."""
        return self.address("/events", page=self._page, cursor=self.cursor)

    @property
    def csv(self) -> str:
        """The address of its rows for a spreadsheet."""
        return self.address("/jobs.csv", cursor=self.cursor)

    @property
    def key(self) -> object:
        """The same for views that show the same."""
        return (self.state, self.query, self.zone, self.page, self.cursor)


def _text() -> object:
    return Query(max_length=LONGEST)


def asked_view(
    state: str = OPEN,
    modality: Annotated[str, _text()] = "",
    printer: Annotated[str, _text()] = "",
    since: Annotated[str, _text()] = "",
    until: Annotated[str, _text()] = "",
    text: Annotated[str, _text()] = "",
    zone: Annotated[str, _text()] = "",
    page: int = 1,
    cursor: int | None = None,
) -> View:
    """What the address names; another state than those that there are is the first list."""
    return View(
        state if state in (ALL, *State) else OPEN,
        JobQuery((), modality, printer, since, until, text),
        zone,
        min(max(page, 1), 100_000),
        cursor,
    )


def filled(store: Store, state: OverviewState, view: View) -> View:
    """The same view with its rows."""
    if view.listed:
        return _listed(state, view)
    try:
        wanted = _wanted(store, view)
    except InvalidFilter as error:
        return replace(view, wrong=error.words)
    found = store.search.page(wanted, ROWS, view.cursor)
    rows = [job_row(each, state.at) for each in job_statuses(store, found.jobs)]
    number = len(rows)
    if view.cursor is not None or len(rows) == ROWS:
        number = store.search.count(wanted, COUNTED + 1)
    many = f"more than {COUNTED:,} jobs" if number > COUNTED else count(number, "job")
    words = f"{many} {filter_words(wanted)}".rstrip() + ", the newest first"
    return replace(
        view,
        rows=rows,
        further=view.address(cursor=found.cursor) if found.cursor else "",
        newer=view.address() if view.cursor is not None else "",
        words=words + _looked_through(found),
    )


def _looked_through(found: FoundJobs) -> str:
    """Where a page ends that may be followed by older ones."""
    if found.cursor is None or len(found.jobs) == ROWS:
        return ""
    return f"; older ones than job {found.cursor} have not been looked through"


def _in_groups(state: OverviewState, view: View, listed: Sequence[JobStatus]) -> View:
    """The same view of a long list: some rows of each group, the most urgent first."""
    groups = job_groups(listed)[::-1]
    rows: list[JobRow] = []
    for group, share in zip(groups, shares(groups), strict=True):
        some = [job_row(each, state.at, grouped=True) for each in group.some(share)]
        some[0] = replace(some[0], heading=group.words)
        if left := len(group.jobs) - len(some):
            address = view.of_state(str(group.state))
            some[-1] = replace(some[-1], more=f"{left} more", more_address=address)
        rows += some
    words = (
        f"{count(len(listed), 'job')}, of finished ones those of the last hour, some of each kind"
    )
    return replace(view, rows=rows, words=words)


def _listed(state: OverviewState, view: View) -> View:
    if view.state == OPEN and len(state.jobs) > FEW:
        return _in_groups(state, view, state.jobs)
    first = (view.page - 1) * ROWS
    listed = [each for each in state.jobs if view.state in (OPEN, each.job.state)]
    found, total = listed[first : first + ROWS], len(listed)
    words = f"{count(total, 'job')}, of finished ones those of the last hour"
    if view.state:
        words = f"{count(total, 'job')} {view.state}"
    more = total > first + ROWS
    if view.page > 1 or more:
        words += f"; rows {first + 1} to {first + len(found)}"
    return replace(
        view,
        rows=[job_row(each, state.at) for each in found],
        further=view.address(page=view.page + 1) if more else "",
        newer=view.address(page=view.page - 1) if view.page > 1 else "",
        words=words,
    )


def for_csv(store: Store, state: OverviewState, view: View) -> Sequence[JobStatus]:
    """The jobs of the view, further rows too, at most MOST_CSV. Raises: InvalidFilter."""
    if view.listed:
        listed = [each for each in state.jobs if view.state in (OPEN, each.job.state)]
        return listed[:MOST_CSV]
    return job_statuses(store, store.search.page(_wanted(store, view), MOST_CSV, view.cursor).jobs)


def _wanted(store: Store, view: View) -> JobFilter:
    states = (State(view.state),) if view.state in tuple(State) else ()
    return replace(view.query, state=states).wanted(store.nicknames, zone_of(view.zone))
