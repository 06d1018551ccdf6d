"""What doubling costs, and a million items; on synthetic sequences made in SQL."""

import statistics

import common
from common import VARIANT_D, Session, Training, by_mode
from report import Panel, Row, number, plot, table

# Every item occurs: token t is item t x STEP mod items, with a prime that no number of items here has as a factor.
SYNTHETIC = """
CREATE TABLE {name} AS
	SELECT s AS id, array_agg(token * 7919 % {items} + 1 ORDER BY token) AS items,
		   array_agg(token * 7919 % {items} % {categories} + 1 ORDER BY token) AS categories
	FROM generate_series(1, {sequences}) s, LATERAL (SELECT (s - 1)::bigint * {length} + i AS token FROM generate_series(0, {length} - 1) i) t
	GROUP BY s;
ANALYZE {name};
"""

BASE = dict(items=8000, sequences=4000, length=8, units=32)
DOUBLED = {
    "items": by_mode([2000, 4000, 8000, 16000, 32000], [4000, 8000, 16000]),
    "sequences": by_mode([1000, 2000, 4000, 8000, 16000], [2000, 4000, 8000]),
    "length": by_mode([4, 8, 16, 32, 64], [4, 8, 16]),
    "units": by_mode([16, 32, 64, 128, 256], [16, 32, 64]),
}
CALLS = by_mode(1000, 200)
MILLION = by_mode(1_000_000, 250_000)


def synthetic(session, name, items, sequences, length, categories=500):
    session.run(f"DROP TABLE IF EXISTS {name}")
    session.run(SYNTHETIC.format(name=name, items=items, sequences=sequences, length=length, categories=categories))


def call_microseconds(session, source, model, calls, repeats=3):
    query = (f"SELECT count(*), sum(r.score) FROM (SELECT * FROM {source} LIMIT {calls}) h, "
             f"LATERAL recseq_recommend(h.items, model => '{model}', categories => h.categories) r")
    session.run(query)
    return [1e6 * session.seconds(query) / calls for _ in range(repeats)]


def doubling(report, svg):
    """An epoch on two cores and a call, as one thing doubles and the others stay."""
    lines, panels = [], []
    known = {}
    with Session() as session:
        for name, values in DOUBLED.items():
            points = []
            for value in values:
                shape = BASE | {name: value}
                key = tuple(shape.values())
                if key not in known:
                    known[key] = measure(session, **shape)
                points.append((value, *known[key]))
            lines += [[name if first else "", f"{v:,}", number(s), number(c)]
                      for first, (v, s, c) in zip([True] + [False] * len(points), points)]
            panels.append([Panel(name, "training, s an epoch", [(v, s) for v, s, _ in points]),
                           Panel(name, "a call, µs", [(v, c) for v, _, c in points])])
    plot(svg, list(zip(*panels)))
    base = f"{BASE['items']:,} items, {BASE['sequences']:,} sequences of {BASE['length']}, {BASE['units']} units a direction"
    report.note("What doubling costs", f"Around {base}; variant (d), batch 256, two cores, everything but one thing fixed. "
                "The dashed lines are cost in proportion.\n\n"
                + table(["what doubles", "", "seconds an epoch", "microseconds a call"], lines)
                + f"\n\n![cost against size]({svg.name})")


def measure(session, units, **shape):
    synthetic(session, "bench.doubling", **shape)
    options = VARIANT_D | dict(units=units, max_length=shape["length"], batch_size=256)
    run = Training("bench.doubling", model="doubling", epochs=2, workers=1, **options)
    assert run.result["items"] == shape["items"]
    calls = min(CALLS, shape["sequences"])
    microseconds = statistics.median(call_microseconds(session, "bench.doubling", "doubling", calls))
    session.run("SELECT recseq_drop_model('doubling')")
    return statistics.median(run.epochs), microseconds


def million(report):
    """Memory and time of training on a million items, and of a call."""
    peak = 0

    def watch(pid):
        nonlocal peak
        workers = workers_of.run("SELECT pid FROM pg_stat_activity WHERE leader_pid = %s", pid)
        peak = max(peak, sum(_share(p) for p in [pid, *(row[0] for row in workers)]))

    with Session() as session, Session() as workers_of:
        synthetic(session, "bench.million", items=MILLION, sequences=MILLION // 5, length=6, categories=1000)
        run = Training("bench.million", watch=watch, model="million", loss="sampled_softmax", validation_fraction=0, ranker=False,
                       patience=0, epochs=2, workers=1)
        calls = call_microseconds(session, "bench.million", "million", calls=by_mode(300, 50), repeats=by_mode(7, 3))
        session.run("SELECT recseq_drop_model('million')")
    items = f"{run.result['items']:,} items"
    report.add(Row(f"{items}: epoch of {run.result['windows']:,} windows, sampled softmax, two cores", "s", run.epochs))
    report.add(Row(f"{items}: peak memory of training, all processes", "MB", [peak], bar=("value", "<", 2048)))
    report.add(Row(f"{items}: one call, exact", "ms", [c / 1e3 for c in calls], bar=("value", "<", 5)))


def _share(pid):
    try:
        return common.memory(pid)[0]
    except (FileNotFoundError, ProcessLookupError):  # a worker that has just ended
        return 0
