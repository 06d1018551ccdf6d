"""Recommending: one call, many at once, many clients, and what a connection costs."""

import re
import statistics
import subprocess

import common
from common import OUT, VARIANT_D, Session, Training, by_mode
from report import Row, number, table

REPEATS = by_mode(7, 3)
K = 5
GROUP = 50  # calls in one query: few enough that a time slice holds them, so that a median passes over what interrupts

HISTORIES = """
-- Windows of 8 items as they occur.
CREATE TABLE bench.histories AS
	SELECT row_number() OVER (ORDER BY s.id, place)::int AS id, s.items[place - 7:place] AS items,
		   s.categories[place - 7:place] AS categories
	FROM bench.sequences s, generate_series(8, cardinality(s.items)) place;
ALTER TABLE bench.histories ADD PRIMARY KEY (id);
CREATE TABLE bench.many_histories AS
	SELECT row_number() OVER ()::int AS id, items, categories
	FROM bench.histories, generate_series(1, 100) LIMIT %s;
ANALYZE bench.histories, bench.many_histories;
"""

RECOMMEND = f"recseq_recommend(h.items, k => {K}, model => '{{model}}', categories => h.categories)"


def prepare():
    """The models and histories that are asked for."""
    epochs = by_mode(6, 2)
    with Session() as session:
        session.run(HISTORIES, by_mode(100_000, 25_000))
    runs = [Training("bench.sequences", model="d", epochs=epochs, **VARIANT_D),
            Training("bench.sequences", model="default", epochs=epochs)]
    return runs[0].result["items"]


def in_backend(session, model, calls):
    """Microseconds of a call, the fetch of its history included: median over queries that make GROUP calls each."""
    return statistics.median(1e6 * session.seconds(f"EXECUTE recommend_{model}(%s)", first) / GROUP
                             for first in range(1, calls, GROUP))


def from_client(session, ids):
    """Microseconds of each call from a client, with the fetch of the history in the same query."""
    return [1e6 * session.seconds("EXECUTE recommend(%s)", id) for id in ids]


def one_call(report, items):
    calls = by_mode(2000, 500)
    peers = [(common.pytorch(threads), "call", "eager", calls // 2) for threads in (1, 2)]
    peers += [(common.onnx_runtime(threads), "call", "", calls // 2) for threads in (1, 2)]
    keras = common.keras()
    peers += [(keras, "call_predict", "predict()", calls // 40), (keras, "call_graph", "compiled graph", calls // 4)]
    peers = [entry for entry in peers if entry[0]]
    exported = str(OUT / "network.onnx")
    for peer, call, _, _ in peers:
        if "ONNX" in peer.name:
            peer.ask("prepare_answers", relation="bench.sequences", model=exported)
        elif peer.name == "PyTorch, 1 thread":
            peer.ask("prepare_answers", relation="bench.sequences", export=exported)
        elif call != "call_graph":
            peer.ask("prepare_answers", relation="bench.sequences")

    with Session() as session:
        size = session.value("SELECT count(*) FROM bench.histories")
        session.run("PREPARE recommend(int) AS SELECT r.* FROM bench.histories h, "
                    f"LATERAL {RECOMMEND.format(model='d')} r WHERE h.id = $1")
        for model in ["d", "default"]:
            session.run(f"PREPARE recommend_{model}(int) AS SELECT count(*), sum(r.score) FROM bench.histories h, "
                        f"LATERAL {RECOMMEND.format(model=model)} r WHERE h.id BETWEEN $1 AND $1 + {GROUP - 1}")
        ids = [1 + i * 7919 % size for i in range(calls)]
        ours = {"d": [], "default": []}
        client = []
        theirs = [[] for _ in peers]
        for repeat in range(REPEATS + 1):
            for model, samples in ours.items():
                samples.append(in_backend(session, model, min(calls, size - GROUP)))
            client.append(statistics.median(from_client(session, ids)))
            for samples, (peer, call, _, count) in zip(theirs, peers):
                samples.append(statistics.median(peer.ask(call, ids=ids[:count])))
    # The first round is the warm-up of every side.
    report.add(Row(f"one call in the backend: 8 items, {items:,} in the vocabulary", "µs", ours["d"][1:],
                   bar=("value", "<", 60)))
    report.add(Row("the same with the default model: both stages", "µs", ours["default"][1:], bar=("value", "<", 120)))
    for samples, (peer, _, kind, _) in zip(theirs, peers):
        report.add(Row("one call from a client, with the fetch of the history", "µs", client[1:],
                       ", ".join(filter(None, [peer.name, kind])), samples[1:]))
    for peer, *_ in peers:
        peer.stop()


def batch(report):
    count = by_mode(25_600, 5_120)
    peers = [peer for peer in [common.pytorch(1), common.pytorch(2), common.onnx_runtime(1), common.onnx_runtime(2),
                               common.keras()] if peer]
    for peer in peers:
        more = {"model": str(OUT / "network.onnx")} if "ONNX" in peer.name else {}
        peer.ask("prepare_answers", relation="bench.sequences", **more)
    ours, default, theirs = [], [], [[] for _ in peers]
    with Session() as session:
        rows = session.value("SELECT count(*) FROM bench.many_histories")
        for repeat in range(by_mode(5, 2) + 1):
            for model, samples in [("d", ours), ("default", default)]:
                seconds = session.seconds("SELECT count(*), sum(score) FROM "
                                          f"recseq_recommend_batch('bench.many_histories', k => {K}, model => '{model}')")
                samples.append(rows / seconds)
            for samples, peer in zip(theirs, peers):
                samples.append(peer.ask("answer_batches", count=count, batch_size=256))
    report.add(Row(f"recseq_recommend_batch of {rows:,} rows with 8 items, one core, reading them included", "/s", ours[1:],
                   bar=("value", ">=", 50_000), more_is_better=True))
    report.add(Row("the same with the default model: both stages", "/s", default[1:], more_is_better=True))
    for samples, peer in zip(theirs, peers):
        report.add(Row("the same with the network alone", "/s", ours[1:], f"{peer.name}, batches of 256, reading excluded", samples[1:],
                       more_is_better=True))
        peer.stop()


def pgbench(report):
    """Throughput with many clients: each transaction looks up a history by its key and recommends."""
    script = OUT / "recommend.sql"
    with Session() as session:
        size = session.value("SELECT count(*) FROM bench.histories")
    script.write_text(f"\\set id random(1, {size})\nSELECT r.* FROM bench.histories h, "
                      f"LATERAL {RECOMMEND.format(model='d')} r WHERE h.id = :id;\n")
    lines = []
    for clients in [1, 2, 8, 64]:
        output = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(by_mode(8, 2)),
             "-f", str(script), common.DATABASE], check=True, capture_output=True, text=True).stdout
        tps = float(re.search(r"tps = ([\d.]+)", output)[1])
        latency = float(re.search(r"latency average = ([\d.]+)", output)[1])
        lines.append([clients, f"{tps:,.0f}", number(latency)])
        report.add(Row(f"pgbench, {clients} client{'s' if clients > 1 else ''}", "/s", [tps], more_is_better=True))
    report.note("pgbench", table(["clients", "recommendations a second", "latency, ms"], lines))


# ---------------------------------------------------------------- connections

FIRST_CALL = f"SELECT count(*) FROM bench.histories h, LATERAL {RECOMMEND.format(model='d')} r WHERE h.id = 1"


def connections(report):
    """Memory of many backends that have answered, and the first call of a new one."""
    count = by_mode(50, 20)
    sessions = [Session() for _ in range(count)]
    for session in sessions:
        session.run("SELECT count(*) FROM bench.histories WHERE id = 1")
    before = [common.memory(session.pid) for session in sessions]
    for session in sessions:
        session.run(FIRST_CALL)
    after = [common.memory(session.pid) for session in sessions]
    for session in sessions:
        session.connection.close()
    private = [a[1] - b[1] for a, b in zip(after, before)]
    share = [a[0] - b[0] for a, b in zip(after, before)]
    peers = [common.pytorch(1), common.onnx_runtime(1)]
    for peer in filter(None, peers):
        more = {"model": str(OUT / "network.onnx")} if "ONNX" in peer.name else {}
        peer.ask("prepare_answers", relation="bench.sequences", **more)
        peer.ask("call", ids=list(range(1, 51)))
        report.add(Row(f"private memory that recommending adds to each of {count} connections", "MB", private,
                       f"a process of {peer.name}", [common.memory(peer.process.pid)[1]]))
        peer.stop()
    report.add(Row(f"its share of memory (Pss) that recommending adds to each of {count} connections", "MB", share))

    report.add(Row("first call of a new connection, the model loaded by another", "ms", first_calls("")[1:],
                   bar=("value", "<", 20)))
    report.add(Row("first call of a new connection, nothing shared", "ms",
                   first_calls("-c recseq.shared_cache_size=0")[1:], bar=("value", "<", 20)))


def first_calls(options):
    times = []
    for _ in range(by_mode(21, 6)):
        with Session(options) as session:
            times.append(1e3 * session.seconds(FIRST_CALL))
    return times
