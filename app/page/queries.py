"""Every statement that the page sends.

The role's search_path names the schemas: this page's own (setup.sql), the kit's, and recseq's.
Arguments of recseq's functions are of their exact types, so that no other function of the name is a better match.
What may be old for a while is cached; what answers a click is not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from database import query, value
from history import History, Item

SUGGESTIONS = 8
LAST_CHARACTER = "\U0010ffff"
SAMPLE_SIZE = 12
JOBS = 10

KEPT = timedelta(minutes=10)
NEWEST_SEQUENCES = 2000  # that recency is measured on
Items = Sequence[Item]

# ------------------------------------------------------------------ the kit


@st.cache_data(ttl=KEPT, show_spinner=False)
def id_types() -> tuple[str, str]:
    """Types of ids in this kit: of items, integer, bigint or text; and of visitors."""
    types = query(
        """
        SELECT format_type(a.atttypid, NULL) AS type
        FROM pg_attribute a
        WHERE a.attrelid = CAST('sequences' AS regclass) AND a.attname IN ('items', 'visitorid')
        ORDER BY a.attname
        """
    )["type"].tolist()
    item_type = types[0].removesuffix("[]")
    return (item_type if item_type in ("integer", "bigint") else "text"), types[1]


def typed(statement: str) -> str:
    """A statement with the type of items filled in, which is one of three words, and what stands for no category."""
    item_type = id_types()[0]
    return statement.replace("ITEMS", f"{item_type}[]").replace("NONE", "NULL" if item_type == "text" else "0")


@st.cache_data(ttl=KEPT, show_spinner=False)
def has_products() -> bool:
    """Whether items have names."""
    return bool(value("SELECT EXISTS (SELECT FROM products WHERE name IS NOT NULL)"))


def kit_model() -> str | None:
    """The model that the kit's settings name."""
    named = query("SELECT model FROM settings")["model"].tolist()
    return named[0] if named else None


# ------------------------------------------------------------------ visitors and items


def sample_visitors(seed: int) -> pd.DataFrame:
    """Some visitors with a history that can be read at a glance: the same ones for the same seed."""
    return query(
        """
        SELECT visitor, length, last_time
        FROM visitors
        WHERE length BETWEEN 3 AND 12
        ORDER BY md5(visitor || '/' || CAST(:seed AS text)), visitor
        LIMIT :size
        """,
        seed=seed,
        size=SAMPLE_SIZE,
    )


def suggest_visitors(prefix: str) -> pd.DataFrame:
    """Visitors whose id starts so: up to the same text with its last character raised, which the index finds."""
    return query(
        """
        SELECT visitor, length, last_time
        FROM visitors
        WHERE visitor >= CAST(:prefix AS text) AND visitor < CAST(:beyond AS text)
        ORDER BY visitor
        LIMIT :size
        """,
        prefix=prefix,
        beyond=prefix[:-1] + chr(min(ord(prefix[-1]) + 1, ord(LAST_CHARACTER))),
        size=SUGGESTIONS,
    )


def visitor_history(visitor: str) -> History | None:
    """All that a visitor did, or None where there is no such visitor."""
    found = query(
        """
        SELECT items, categories, events, times
        FROM sequences
        WHERE visitorid = (SELECT v.visitorid FROM visitors v WHERE v.visitor = CAST(:visitor AS text))
        """,
        visitor=visitor,
    )
    if found.empty:
        return None
    items, categories, events, times = found.iloc[0]
    return History(tuple(items), None if categories is None else tuple(categories), tuple(events), tuple(times))


def categories_of(items: Items) -> list[Item | None]:
    found = query(
        typed("SELECT coalesce(category, NONE) AS category FROM describe_items(CAST(:items AS ITEMS))"),
        items=list(items),
    )
    return [None if pd.isna(category) else category for category in found["category"]]


def known(items: Items) -> list[bool]:
    """Whether any event that counts has each item."""
    return query(typed("SELECT known FROM describe_items(CAST(:items AS ITEMS))"), items=list(items))["known"].tolist()


def item_of(text: str) -> Item:
    return text if id_types()[0] == "text" else int(text)


def products(items: Items) -> pd.DataFrame:
    """What the shop says of items, one row an item, by item."""
    different = list(dict.fromkeys(items))
    return query(
        typed("SELECT item, name, picture, url, price, available FROM describe_items(CAST(:items AS ITEMS))"),
        items=different,
    ).set_index("item")


@st.cache_data(ttl=timedelta(minutes=10), show_spinner=False)
def categories() -> list[Item]:
    """Every category that an item has."""
    found = query("SELECT DISTINCT category FROM item_categories ORDER BY category")["category"].tolist()
    return [str(category) for category in found] if id_types()[0] == "text" else found


# ------------------------------------------------------------------ models and answers


def models() -> pd.DataFrame:
    """Every version of every model, the newest version of each first."""
    return query(
        """
        SELECT model, version, active, owner, created, source, sequences,
               CAST(to_regclass(source) AS text) AS relation, windows,
               CAST(vocabulary ->> 'items' AS int) AS items, epochs, best_epoch, val_loss, hit_rate, seconds, bytes,
               options, coalesce(vocabulary -> 'categories' IS NOT NULL, false) AS reads_categories
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
    only_categories: Items = (),
    reads_categories: bool = True,
) -> pd.DataFrame:
    """The k items that most probably come next, of those that can be had.

    rank, item, category, score, confidence, reason, reason_item
    """
    return query(
        typed("""
        SELECT rank, item, coalesce(category, NONE) AS category, score, confidence, reason,
               CAST(reason_item AS text) AS reason_item
        FROM recseq_recommend(CAST(:items AS ITEMS), k => CAST(:k AS int), model => CAST(:model AS text),
                              version => CAST(:version AS int),
                              categories => CAST(:categories AS ITEMS),
                              events => CAST(:events AS text[]),
                              times => CAST(:times AS timestamptz[]),
                              exclude_seen => CAST(:exclude_seen AS boolean),
                              exclude => (SELECT CAST(array_agg(itemid) AS ITEMS) FROM products
                                          WHERE NOT available AND itemid IS NOT NULL),
                              only_categories => CAST(:only_categories AS ITEMS))
        ORDER BY rank
        """),
        items=list(history.items),
        categories=list(history.categories) if reads_categories and history.categories is not None else None,
        events=None if history.events is None else list(history.events),
        times=None if history.times is None else list(history.times),
        k=k,
        model=model,
        version=version,
        exclude_seen=exclude_seen,
        only_categories=list(only_categories) if reads_categories and only_categories else None,
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


@st.cache_data(ttl=timedelta(days=1), show_spinner=False)
def recency_hit_rate(source: str, share: float, created: datetime, k: int = 5) -> float | None:
    """How often the next item is among the visitor's last k, over the share of a source that training holds out.

    source: one of sources(). created: of the version that was trained on it.
    """
    newest = query(
        f"""
        SELECT items
        FROM (SELECT s.items, s.times[cardinality(s.times)] AS last_time, count(*) OVER () AS many FROM {source} s) s
        ORDER BY last_time DESC
        LIMIT (SELECT least(:most, ceil(CAST(:share AS float8) * count(*))) FROM {source})
        """,
        share=share,
        most=NEWEST_SEQUENCES,
    )["items"]
    hits = [hit for items in newest for hit in recency_hits(items, k)]
    return sum(hits) / len(hits) if hits else None


def recency_hits(items: Items, k: int) -> list[bool]:
    """Of each item but the first, whether it is one of the last k different items before it."""
    last: list[Item] = []
    hits = []
    for item in items:
        hits.append(item in last[:k])
        last = [item, *(other for other in last if other != item)]
    return hits[1:]


def timed_sources() -> list[str]:
    """Of the sources those with the time of each event."""
    return query(
        """
        SELECT CAST(CAST(a.attrelid AS regclass) AS text) AS source
        FROM pg_attribute a
        WHERE a.attname = 'times' AND a.atttypid = CAST('timestamptz[]' AS regtype) AND NOT a.attisdropped
        """
    )["source"].tolist()


def may_activate(model: str) -> bool:
    """Whether this role may decide which version of the model answers."""
    return bool(
        value(
            """
            SELECT bool_and(has_function_privilege(f, 'EXECUTE'))
                   AND EXISTS (SELECT FROM recseq_models m JOIN pg_roles r ON r.rolname = m.owner
                               WHERE m.model = :model AND pg_has_role(r.oid, 'USAGE'))
            FROM unnest(ARRAY[CAST('recseq_activate(text,integer)' AS regprocedure),
                              CAST('recseq_rollback(text)' AS regprocedure)]) AS f
            """,
            model=model,
        )
    )


def activate(model: str, version: int) -> None:
    query("SELECT recseq_activate(CAST(:model AS text), CAST(:version AS int))", model=model, version=version)


def roll_back(model: str) -> None:
    query("SELECT recseq_rollback(CAST(:model AS text))", model=model)


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
