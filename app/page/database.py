"""The connection to the database, and its errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pandas as pd
import streamlit as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from streamlit.connections import SQLConnection

CONNECTED = "connected"  # in the session: the database has answered
NO_SUCH_RELATION = "42P01"
CONNECTION = "recseq"  # [connections.recseq] in secrets.toml: see setup.sql for what its role may do


def query(sql: str, **parameters: Any) -> pd.DataFrame:
    """The rows of one statement, which is a transaction of its own; values come in as parameters only."""
    with _connect() as connection:
        result = connection.execute(text(sql), parameters)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def _connect() -> Connection:
    """The first connection of a session may take long, so it is said what the page waits for."""
    engine = cast(SQLConnection, st.connection(CONNECTION, type="sql")).engine
    if st.session_state.get(CONNECTED, False):
        return engine.connect()
    with st.spinner("Connecting to the database"):
        connection = engine.connect()
    st.session_state[CONNECTED] = True
    return connection


def value(sql: str, **parameters: Any) -> Any:
    """The only value of a statement that returns one row of one column."""
    return query(sql, **parameters).iat[0, 0]


def sentence(error: SQLAlchemyError) -> str:
    """What the database said, as sentences for a person: its message, then its detail and its hint."""
    diagnostics = getattr(error.orig, "diag", None) if isinstance(error, DBAPIError) else None
    if diagnostics is not None and diagnostics.message_primary:
        said = (diagnostics.message_primary, diagnostics.message_detail, diagnostics.message_hint)
        if diagnostics.sqlstate == NO_SUCH_RELATION:
            said = (*said, "This page finds its relations once app/page/setup.sql has been run in the database")
        return " ".join(as_sentence(part) for part in said if part)
    if isinstance(error, OperationalError):
        cause = str(error.orig).strip().splitlines()
        return f"The database does not answer. {as_sentence(cause[0] if cause else str(error))} Then reload this page."
    return as_sentence(str(error))


def as_sentence(words: str) -> str:
    """In PostgreSQL's messages sentences begin in lower case and end without a period."""
    words = " ".join(words.split())
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "?", "!")) else ".")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an error of the database in place of what the block would have shown, and ends the run there."""
    try:
        yield
    except SQLAlchemyError as error:
        st.error(sentence(error), icon=":material/error:")
        st.stop()
