"""An epoch, beside the peers on the same windows; and on Diginetica's million clicks."""

import gzip
import statistics

import common
from common import VARIANT_D, PeerError, Session, Training, by_mode
from report import Row, number, table

REPEATS = by_mode(5, 2)
SHARES = by_mode(5, 25)  # a slow side runs one share of an epoch's batches each time, another one each
KERAS_SHARES = by_mode(20, 60)

SEQUENCES = """
CREATE TABLE bench.sequences AS
	SELECT visitorid AS id, items, categories FROM retailrocket.sequences WHERE length >= 2;
-- The seed's rule: three items at least, of longer sequences the newest 28.
CREATE TABLE bench.seed_sequences AS
	SELECT visitorid AS id, items, categories FROM retailrocket.training_sequences;
ANALYZE bench.sequences, bench.seed_sequences;
"""


def epoch(source, batch_size, workers):
    return Training(source, model="bench", epochs=2, batch_size=batch_size, workers=workers, **VARIANT_D)


def fastest(samples):
    """(name, samples) of the lowest median."""
    return min(samples.items(), key=lambda item: statistics.median(item[1]))


def prepare(peer, same, **arguments):
    """Let a peer read its windows, and see that they are those of recseq."""
    windows = peer.ask("prepare_training", **arguments)
    if same and (windows["windows"], windows["items"]) != (same["windows"], same["items"]):
        raise PeerError(f"{peer.name} has other windows than recseq: {windows}")
    return windows


def packed_windows(report):
    """recseq with and without a worker, PyTorch with packed sequences on one and two threads, at two batch sizes."""
    for batch_size in [64, 256]:
        peers = [common.pytorch(threads) for threads in (1, 2)]
        ours = {0: [], 1: []}
        theirs = {peer.name: [] for peer in peers}
        result = epoch("bench.sequences", batch_size, 0).result
        for peer in peers:
            prepare(peer, result, relation="bench.sequences", batch_size=batch_size, padded=False)
        for repeat in range(REPEATS):
            for workers, samples in ours.items():
                samples += epoch("bench.sequences", batch_size, workers).epochs
            for peer in peers:
                theirs[peer.name].append(peer.ask("train", part=repeat, parts=SHARES))
        for peer in peers:
            peer.stop()
        windows = f"{result['windows']:,} windows, {result['items']:,} items, batch {batch_size}"
        best = min(ours.values(), key=statistics.median)
        name, other = fastest(theirs)
        report.add(Row(f"epoch: {windows}", "s", best, f"{name}, packed", other, bar=("ratio", ">=", 5)))
        (slow,) = set(theirs) - {name}
        report.add(Row(f"the same, batch {batch_size}", "s", best, f"{slow}, packed", theirs[slow]))
        report.add(Row(f"a second process, batch {batch_size}", "s", ours[1], "recseq alone", ours[0],
                       bar=("ratio", ">=", 1.7)))


def seed_pipeline(report):
    """The seed's padded windows in its own stack, beside recseq on the true windows of the same sequences."""
    source, batch_size = "bench.seed_sequences", 64
    result = epoch(source, batch_size, 1).result
    pipelines = [(common.pytorch(1), True, 0)]
    keras = common.keras()
    if keras:
        # A process for each, so that neither is in the other's way.
        pipelines = [(keras, True, 40), (common.keras(), False, None)] + pipelines
    ours = []
    measured = []
    for peer, padded, bar in pipelines:
        windows = prepare(peer, None if padded else result, relation=source, batch_size=batch_size, padded=padded)
        measured.append((peer, padded, bar, windows["windows"], []))
    for repeat in range(REPEATS):
        ours += epoch(source, batch_size, 1).epochs
        for peer, _, _, _, samples in measured:
            samples.append(peer.ask("train", part=repeat, parts=KERAS_SHARES))
    for peer, padded, bar, windows, samples in measured:
        kind = "the seed's windows, padded" if padded else "true windows, masked"
        report.add(Row(f"epoch: {result['windows']:,} windows of {result['sequences']:,} sequences, batch {batch_size}", "s",
                       ours, f"{peer.name}, {kind}: {windows:,}", samples, bar=("ratio", ">=", bar) if bar else None))
        peer.stop()


DIGINETICA = """
CREATE TABLE bench.clicks ("user" int, item int, position int, category int, split text);
"""
DIGINETICA_SEQUENCES = """
CREATE TABLE bench.diginetica AS
	SELECT "user" AS id, array_agg(item ORDER BY position) AS items, array_agg(category ORDER BY position) AS categories
	FROM bench.clicks WHERE split = 'train' GROUP BY "user" HAVING count(*) >= 2;
ANALYZE bench.diginetica;
"""


def diginetica(report, path):
    """An epoch with sampled softmax on two cores, and how its time grows with the number of sessions."""
    with Session() as session:
        session.run(DIGINETICA)
        with gzip.open(path, "rt") as clicks:
            session.cursor.copy_expert("COPY bench.clicks FROM STDIN WITH (FORMAT csv, HEADER)", clicks)
        session.run(DIGINETICA_SEQUENCES)
        sessions = session.value("SELECT count(*) FROM bench.diginetica")
        shares = [1 / 8, 1 / 4, 1 / 2, 1]
        points = []
        for share in shares:
            session.run(f"CREATE OR REPLACE VIEW bench.diginetica_share AS SELECT * FROM bench.diginetica "
                        f"ORDER BY id LIMIT {int(sessions * share)}")
            run = Training("bench.diginetica_share", model="bench", loss="sampled_softmax", validation_fraction=0, ranker=False,
                           patience=0, epochs=by_mode(4, 2) if share == 1 else 2, workers=1)
            points.append((run.result["windows"], statistics.median(run.epochs), run.result["items"]))
    report.add(Row(f"Diginetica: epoch, sampled softmax, {run.result['windows']:,} windows, {run.result['items']:,} items",
                   "s", run.epochs, bar=("value", "<", 60)))
    r = statistics.correlation([w for w, _, _ in points], [s for _, s, _ in points])
    report.add(Row("Diginetica: how straight the line of seconds against windows is (R², 100: straight)", "%", [100 * r * r]))
    report.note("Diginetica, cost against data", table(
        ["windows", "items", "seconds an epoch", "microseconds a window"],
        [[f"{w:,}", f"{i:,}", number(s), number(1e6 * s / w)] for w, s, i in points]))
