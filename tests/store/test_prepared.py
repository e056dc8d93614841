"""Statements of every film: what they give and raise is what SQLAlchemy's own way would."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from broker.store.backend import Prepared, fixed
from broker.store.database import Database, in_words
from broker.store.tables import printers, refusals

ROW = {"number": 1, "first_at": 1.0, "last_at": 2.0, "last_peer": "CT1"}
ADD = Prepared(insert(refusals), "kind", *ROW)
SOME = Prepared(
    select(refusals.c.kind, refusals.c.number)
    .where(refusals.c.kind.in_(fixed(["a", "b"])), refusals.c.number >= bindparam("least"))
    .order_by(refusals.c.kind)
)
COUNT = Prepared(
    update(refusals)
    .where(refusals.c.kind == bindparam("its_kind"))
    .values(number=refusals.c.number + 1),
    "last_at",
)


def test_rows_are_found_and_changed(database: Database) -> None:
    """By the parameters given, beside what the statement says itself."""
    with database.write() as connection:
        for kind in "abc":
            assert ADD.change(connection, kind=kind, **ROW) == 1
        assert COUNT.change(connection, its_kind="b", last_at=3.0) == 1
        assert COUNT.change(connection, its_kind="x", last_at=3.0) == 0
    with database.read() as connection:
        assert SOME.names == ("kind", "number")
        assert SOME.rows(connection, least=1) == [("a", 1), ("b", 2)]
        assert SOME.rows(connection, least=2) == [("b", 2)]


def test_a_transaction_takes_it_back(database: Database) -> None:
    """It runs within the transaction that the Database began."""

    def add_twice() -> None:
        with database.write() as connection:
            for _ in range(2):
                ADD.change(connection, kind="a", **ROW)

    with pytest.raises(IntegrityError):
        add_twice()
    with database.read() as connection:
        assert SOME.rows(connection, least=0) == []


def test_what_is_true_or_false_or_unknown_is_so(database: Database) -> None:
    """And not 1 or 0, as the database keeps it."""
    known = Prepared(select(printers.c.name, printers.c.supports_lut).order_by(printers.c.name))
    text = {each.name: "" for each in printers.c if each.type.python_type is str}
    numbers = {each.name: 0 for each in printers.c if each.name not in text}
    with database.write() as connection:
        for name, supports in (("oki-1", True), ("oki-2", False), ("oki-3", None)):
            row = {**text, **numbers, "name": name, "supports_lut": supports}
            connection.execute(insert(printers).values(**row))
    with database.read() as connection:
        found = known.rows(connection)
    assert found == [("oki-1", True), ("oki-2", False), ("oki-3", None)]
    assert [type(each) for _, each in found] == [bool, bool, type(None)]


def test_a_refusal_is_of_the_usual_kind_and_tells_no_values(database: Database) -> None:
    """Labels of patients are among them."""
    with database.write() as connection:
        ADD.change(connection, kind="a", **ROW)
    with pytest.raises(IntegrityError) as told, database.write() as connection:
        ADD.change(connection, kind="a", **{**ROW, "last_peer": "Doe^John"})
    assert "Doe" not in str(told.value)
    assert in_words(told.value) == "the database: UNIQUE constraint failed: refusals.kind"
