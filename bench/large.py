"""make bench-large: a training's phases as visitors grow, its memory, and answering over many items. Started by large.sh."""

import os
import time

import common
from common import OUT, Session, Training, memory, say
from report import number, table

SHARE = float(os.environ["LARGE_SHARE"])
LEAST_VISITORS = 1000
VISITORS = [10_000, 100_000, 1_000_000]
ITEMS_A_VISITOR = 0.2  # 200,000 items for a million
CATALOGS = [1_000_000, 10_000_000]  # items to answer from, most of which nobody has touched
EPOCHS = 2
CALLS = 200
BATCH = 20_000

# Only sequences that have a window, as a log's owner would keep them.
SEQUENCES = """
CREATE TABLE {name}.known AS
	SELECT visitorid, items, categories, events, times FROM {name}.sequences WHERE length >= 2;
ANALYZE {name}.known;
"""

CATALOG = """
DROP TABLE IF EXISTS catalog;
CREATE TABLE catalog AS
	SELECT i AS item, c.category FROM generate_series(1, {items}) i
	LEFT JOIN (SELECT DISTINCT ON (item) item, category FROM {name}.known, unnest(items, categories) u(item, category)) c ON c.item = i;
ANALYZE catalog;
"""


class Phases:
    """The seconds of each phase of a training, looked at from another session, and its processes' memory at the most."""

    def __init__(self, session):
        self.session, self.seconds, self.megabytes = session, {}, 0
        self.before = time.perf_counter()
        self.looked = 0

    def look(self, pid):
        row = self.session.run("SELECT phase, windows_total > 0 AND windows_done >= windows_total FROM recseq_progress WHERE pid = %s", pid)
        now = time.perf_counter()
        if row:
            phase = "validating" if row[0][0] == "training" and row[0][1] else row[0][0]
        else:  # not shown yet, or no longer
            phase = "storing" if self.seconds.get("training") else "reading"
        self.seconds[phase] = self.seconds.get(phase, 0) + now - self.before
        self.before = now
        if now - self.looked > 1:
            self.looked = now
            processes = [pid] + [pid for (pid,) in self.session.run("SELECT pid FROM pg_stat_activity WHERE leader_pid = %s", pid)]
            self.megabytes = max(self.megabytes, sum(self._memory_share(pid) for pid in processes))

    @staticmethod
    def _memory_share(pid):
        try:
            return memory(pid)[0]
        except OSError:
            return 0  # it has ended


def train(session, source, model, **options):
    phases = Phases(session)
    training = Training(source, watch=phases.look, model=model, epochs=EPOCHS, patience=0, **options)
    return training, phases


def sample(session, visitors):
    name = f"v{visitors}"
    items = max(int(visitors * ITEMS_A_VISITOR), 1000)
    session.run(f"SELECT recseq_retailrocket('{name}')")
    events = session.value(f"SELECT recseq_sample_data('{name}', visitors => {visitors}, items => {items})")
    session.run(SEQUENCES.format(name=name))
    return name, events


def size(session, visitors):
    """A row of the table: what a training of so many visitors costs, phase by phase."""
    name, events = sample(session, visitors)
    training, phases = train(session, f"{name}.known", name)
    spent, result = phases.seconds, training.result
    columns = [spent.get(phase, 0) for phase in ("reading", "training", "validating", "ranking", "storing")]
    microseconds = 1e6 * training.seconds / (result["windows"] * EPOCHS)
    return name, [f"{visitors:,}", f"{events:,}", f"{result['items']:,}", f"{result['windows']:,}",
                  *(number(seconds) for seconds in columns), number(training.seconds), number(microseconds),
                  number(phases.megabytes), f"{result['hit_rate']:.4f}"]


def answering(session, name, model):
    """Microseconds a call of a warm session, and answers a second of a batch, both with both stages."""
    histories = f"(SELECT items, categories, events, times FROM {name}.known LIMIT {CALLS}) h"
    calls = (f"SELECT count(*) FROM {histories}, LATERAL recseq_recommend(h.items, model => '{model}', categories => h.categories, "
             "events => h.events, times => h.times)")
    session.run(f"CREATE TEMP TABLE IF NOT EXISTS batch AS SELECT * FROM {name}.known LIMIT {BATCH}")
    batch = f"SELECT count(*) FROM recseq_recommend_batch('pg_temp.batch', model => '{model}')"
    session.run(calls)
    rows = session.value("SELECT count(*) FROM batch")
    return [number(min(1e6 * session.seconds(calls) / CALLS for _ in range(3))), number(rows / session.seconds(batch))]


def catalog(session, name, items):
    """A training whose catalog has so many items, and answering from it."""
    session.run(CATALOG.format(name=name, items=items))
    training, _ = train(session, f"{name}.known", "catalog", catalog="catalog", validation_fraction=0.01)
    return [f"{training.result['items']:,}", number(training.seconds), *answering(session, name, "catalog")]


def main():
    with Session("-c recseq.max_call_memory=8GB") as session:
        rows, last = [], None
        for visitors in sorted({max(int(visitors * SHARE), LEAST_VISITORS) for visitors in VISITORS}):
            say(f"== {visitors:,} visitors")
            last, row = size(session, visitors)
            rows.append(row)
            say("   " + " | ".join(row))
        trained = table(["visitors", "events", "items", "windows", "reading, s", "training, s", "validating, s", "second stage, s",
                         "storing, s", "all, s", "µs a window and epoch", "memory, MB", "hit rate at 5"], rows)
        rows = [[row[2], row[9], *answering(session, last, last)]]
        for items in CATALOGS:
            items = int(items * SHARE)
            say(f"== a catalog of {items:,} items")
            rows.append(catalog(session, last, items))
            say("   " + " | ".join(rows[-1]))
        answered = table(["items", "training, s", "a call, µs", "a batch, answers a second"], rows)
    (OUT / "LARGE.md").write_text(
        f"# Results of `make bench-large`\n\nShare of the full size: {number(SHARE)}. {EPOCHS} epochs, default options; both stages; "
        f"{os.cpu_count()} cores. A phase's time is seen by polling recseq_progress, memory is the proportional share of all processes "
        f"of the training at its most.\n\n{trained}\n\n## Answering\n\nWith both stages, one session.\n\n{answered}\n")
    say(str(OUT / "LARGE.md"))


main()
