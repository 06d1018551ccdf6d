"""Every statement that the page sends.

The role's search_path names the schemas: this page's own (setup.sql), the Retailrocket kit's, and recseq's.
Arguments of recseq's functions are of their exact types, so that no other function of the name is a better match.
What may be old for a while is cached; what answers a click is not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from database import query, value
from history import History

SUGGESTIONS = 8
SAMPLE_SIZE = 12
JOBS = 10

# ------------------------------------------------------------------ visitors and items


def sample_visitors(seed: int) -> pd.DataFrame:
    """Some visitors with a history that can be read at a glance: the same ones for the same seed."""
    return query(
        """
        SELECT visitorid, length, last_time
        FROM visitors
        WHERE length BETWEEN 3 AND 12
        ORDER BY md5(visitor || '/' || CAST(:seed AS text)), visitor
        LIMIT :size
        """,
        seed=seed,
        size=SAMPLE_SIZE,
    )


def suggest_visitors(prefix: str) -> pd.DataFrame:
    """Visitors whose id starts with these digits. ':' is the character after '9', so the index answers."""
    return query(
        """
        SELECT visitorid, length, last_time
        FROM visitors
        WHERE visitor >= CAST(:prefix AS text) AND visitor < CAST(:prefix AS text) || ':'
        ORDER BY visitor
        LIMIT :size
        """,
        prefix=prefix,
        size=SUGGESTIONS,
    )


def visitor_history(visitor: int) -> History | None:
    """All that a visitor did, or None where there is no such visitor."""
    found = query("SELECT items, categories, events, times FROM sequences WHERE visitorid = :visitor", visitor=visitor)
    if found.empty:
        return None
    items, categories, events, times = found.iloc[0]
    return History(tuple(items), tuple(categories), tuple(events), tuple(times))


def describe_items(items: Sequence[int]) -> pd.DataFrame:
    """Category (0: none) of each item, and whether any visitor ever put it into a cart or bought it."""
    return query(
        """
        SELECT i.item,
               coalesce((SELECT c.category FROM item_categories c WHERE c.itemid = i.item), 0) AS category,
               EXISTS (SELECT FROM interactions n WHERE n.itemid = i.item) AS known
        FROM unnest(CAST(:items AS int[])) WITH ORDINALITY AS i(item, place)
        ORDER BY i.place
        """,
        items=list(items),
    )


@st.cache_data(ttl=timedelta(minutes=10), show_spinner=False)
def categories() -> list[int]:
    """Every category that an item has."""
    return query("SELECT DISTINCT category FROM item_categories ORDER BY category")["category"].tolist()


# ------------------------------------------------------------------ models and answers


def models() -> pd.DataFrame:
    """Every version of every model, the newest version of each first."""
    return query(
        """
        SELECT model, version, active, owner, created, source, sequences, windows,
               CAST(vocabulary ->> 'items' AS int) AS items, epochs, best_epoch, val_loss, hit_rate, seconds, bytes,
               options
        FROM recseq_models
        ORDER BY model, version DESC
        """
    )


def training_curve(model: str, version: int) -> pd.DataFrame:
    """One row an epoch; empty where the version has no curve."""
    return query(
        """
        SELECT e.epoch, e.loss, e.val_loss, e.hit_rate, e.learning_rate
        FROM recseq_models m,
             jsonb_to_recordset(m.curve)
                 AS e(epoch int, loss float8, val_loss float8, hit_rate float8, learning_rate float8)
        WHERE m.model = :model AND m.version = :version
        ORDER BY e.epoch
        """,
        model=model,
        version=version,
    )


def recommend(
    history: History,
    k: int,
    model: str,
    version: int,
    exclude_seen: bool = False,
    only_categories: Sequence[int] = (),
) -> pd.DataFrame:
    """The k items that most probably come next: rank, item, category (0: none), score, confidence, reason."""
    return query(
        """
        SELECT rank, item, coalesce(category, 0) AS category, score, confidence, reason
        FROM recseq_recommend(CAST(:items AS int[]), k => CAST(:k AS int), model => CAST(:model AS text),
                              version => CAST(:version AS int),
                              categories => CAST(:categories AS int[]),
                              events => CAST(:events AS text[]),
                              times => CAST(:times AS timestamptz[]),
                              exclude_seen => CAST(:exclude_seen AS boolean),
                              only_categories => CAST(:only_categories AS int[]))
        ORDER BY rank
        """,
        items=list(history.items),
        categories=list(history.categories),
        events=None if history.events is None else list(history.events),
        times=None if history.times is None else list(history.times),
        k=k,
        model=model,
        version=version,
        exclude_seen=exclude_seen,
        only_categories=list(only_categories) or None,
    )


@st.cache_data(ttl=timedelta(days=1), show_spinner=False)
def evaluate(source: str, model: str, version: int, created: datetime, k: int) -> pd.DataFrame:
    """Metrics of a version beside the baselines. Reads all of the source, so it takes seconds or more.

    created: of the version, which tells it from one of the same number of a model that is gone.
    """
    return query(
        """
        SELECT method, cases, hit_rate, mrr, ndcg, unseen_cases, unseen_hit_rate, unseen_mrr
        FROM recseq_evaluate(CAST(:source AS regclass), model => CAST(:model AS text), k => CAST(:k AS int),
                             version => CAST(:version AS int))
        """,
        source=source,
        model=model,
        k=k,
        version=version,
    )


def sources() -> list[str]:
    """Relations that this role may read and that have one row a sequence, as recseq_train wants them."""
    return query(
        """
        SELECT CAST(CAST(c.oid AS regclass) AS text) AS source
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'items' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p', 'v', 'm')
          AND a.atttypid IN (CAST('int[]' AS regtype), CAST('bigint[]' AS regtype), CAST('text[]' AS regtype))
          AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        ORDER BY source
        """
    )["source"].tolist()


# ------------------------------------------------------------------ health of the data


@st.cache_data(ttl=timedelta(minutes=10), show_spinner=False)
def sequence_lengths() -> pd.DataFrame:
    """How many visitors have each number of events."""
    return query("SELECT length, count(*) AS visitors FROM visitors GROUP BY length ORDER BY length")


@st.cache_data(ttl=timedelta(minutes=10), show_spinner=False)
def length_bounds() -> pd.Series:
    """Quartiles and fences of the lengths; nulls where no sequence is long enough."""
    return query("SELECT q1, q3, iqr, lower_fence, upper_fence FROM sequence_length_bounds").iloc[0]


@st.cache_data(ttl=timedelta(minutes=10), show_spinner=False)
def events_by_day() -> pd.DataFrame:
    """Number of events of each kind on each day, in UTC."""
    return query(
        """
        SELECT date_trunc('day', time AT TIME ZONE 'UTC') AS day, event, count(*) AS events
        FROM interactions
        GROUP BY day, event
        ORDER BY day, event
        """
    )


# ------------------------------------------------------------------ jobs


def jobs() -> pd.DataFrame:
    """Trainings in the background, the newest first."""
    return query(
        """
        SELECT j.job, j.model, j.state, j.phase, j.source, j.epoch, j.epochs, j.loss, j.val_loss, j.seconds_left,
               j.version, j.error, j.started, j.ended, extract(epoch FROM now() - p.started) AS seconds
        FROM recseq_jobs j
        LEFT JOIN recseq_progress p ON p.job = j.job AND p.datname = current_database()
        ORDER BY j.job DESC
        LIMIT :size
        """,
        size=JOBS,
    )


def start_job(source: str, model: str, epochs: int, units: int, learning_rate: float) -> int:
    """Begins to train in the background; returns the job's number."""
    return value(
        """
        SELECT recseq_train_async(CAST(:source AS regclass), CAST(:model AS text), epochs => CAST(:epochs AS int),
                                  units => CAST(:units AS int), learning_rate => CAST(:learning_rate AS float8))
        """,
        source=source,
        model=model,
        epochs=epochs,
        units=units,
        learning_rate=learning_rate,
    )


def cancel_job(job: int) -> None:
    query("SELECT recseq_cancel(CAST(:job AS bigint))", job=job)
