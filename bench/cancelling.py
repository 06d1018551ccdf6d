"""How long a cancelled statement goes on, in each of its phases."""

import threading
import time

import psycopg2

from common import Session, by_mode
from report import Row

CANCELS = by_mode(9, 3)

SOURCES = """
-- A set-returning function in FROM would be spooled before the first row.
CREATE VIEW bench.endless AS
	SELECT ARRAY[g % 1000, g % 77, g % 5]::int[] AS items FROM (SELECT generate_series(1, 1000000000) AS g) s;
"""

ENDLESS = "epochs => 10000, patience => 0, ranker => false"

# Title, statement, the phase of recseq_progress to wait for, and the seconds within which it is cancelled then.
PHASES = [
    ("reading an endless source", "SELECT recseq_train('bench.endless')", None, 0.5),
    ("training, default options", f"SELECT recseq_train('bench.sequences', {ENDLESS})", "training", 1),
    ("training, batches of 8,192", f"SELECT recseq_train('bench.sequences', batch_size => 8192, {ENDLESS})", "training", 2),
    ("training, 512 units", f"SELECT recseq_train('bench.sequences', units => 512, item_dim => 256, {ENDLESS})", "training", 2),
    ("fitting the second stage", "SELECT recseq_train('bench.sequences', epochs => 1)", "ranking", 1),
    ("recommending a batch", "SELECT count(*) FROM generate_series(1, 1000) i, "
     "LATERAL recseq_recommend_batch('bench.many_histories', 5 + 0 * i)", None, 1),
    ("evaluating", "SELECT count(*) FROM generate_series(1, 1000) i, LATERAL recseq_evaluate('bench.sequences', k => 5 + 0 * i)", None, 1),
    ("backtesting", "SELECT recseq_backtest('bench.sequences')", None, 3),
]


def phases(report):
    with Session() as watcher:
        watcher.run(SOURCES)
        for title, statement, phase, seconds in PHASES:
            latencies = [cancelled(watcher, statement, phase, seconds * turn / CANCELS) for turn in range(CANCELS)]
            report.add(Row(f"from a cancel to its effect: {title}", "ms", latencies, bar=("value", "<", 100)))


def cancelled(watcher, statement, phase, delay):
    """Milliseconds from the cancel, sent after so many seconds of the phase, until the backend is idle."""
    with Session("-c recseq.progress=off -c recseq.max_training_memory=8GB") as victim:
        thread = threading.Thread(target=run_until_cancelled, args=(victim, statement))
        thread.start()
        look = (f"SELECT EXISTS (SELECT FROM recseq_progress WHERE pid = {victim.pid} AND phase = '{phase}')" if phase else
                f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {victim.pid} AND state = 'active')")
        while not watcher.value(look):
            time.sleep(0.01)
        time.sleep(delay)
        started = time.perf_counter()
        watcher.run("SELECT pg_cancel_backend(%s)", victim.pid)
        while watcher.value("SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s", victim.pid):
            time.sleep(0.0005)
        latency = 1000 * (time.perf_counter() - started)
        thread.join()
        return latency


def run_until_cancelled(victim, statement):
    try:
        victim.run(statement)
    except psycopg2.errors.QueryCanceled:
        pass
