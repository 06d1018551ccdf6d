"""make quality-peers: other libraries' models on the cases of recseq_backtest, and recseq beside them. Started by quality_peers.sh."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time

import numpy as np

import plots
import quality
from quality import OUT, PARTS, ROOT, Measurement, call, exists, run, say
from report import table

PYTHON = os.environ["QUALITY_PEERS_PYTHON"]
WANTED = os.environ.get("QUALITY_PEERS", "").split()
SECONDS = int(os.environ.get("QUALITY_PEERS_SECONDS") or 3600)
LAST_SECOND = 2 * SECONDS  # by which an epoch that began before the limit must end, and the cases be answered
CUT_OFF = f"no answers within {LAST_SECOND:,} processor seconds, or not enough memory"
MISS = 0  # rank of a target that cannot be ranked
SCRIPTS = ROOT / "bench" / "peers"

USAGE = "SELECT pg_read_file('/proc/self/stat', 0, 4096) AS stat, pg_read_file('/proc/self/status', 0, 4096) AS status"


# name, model, script
PEERS = [
    ("RecTools SASRec", "SASRec", "rectools_models.py"),
    ("RecTools eSASRec", "eSASRec", "rectools_models.py"),
    ("RecBole GRU4Rec", "GRU4Rec", "recbole_models.py"),
    ("RecBole NARM", "NARM", "recbole_models.py"),
    ("RecBole SASRec", "SASRec", "recbole_models.py"),
    ("RecBole CORE", "CORE", "recbole_models.py"),
    ("RecBole SR-GNN", "SRGNN", "recbole_models.py"),
]

# name, what is learned from, options
RECSEQ = [
    ("recseq", "learned", {}),
    ("recseq, items alone", "learned_items", {}),
    ("recseq, the network alone", "learned", {"ranker": False}),
]


@dataclasses.dataclass(frozen=True)
class Part:
    """A data set and a protocol: how many answers count, and whether items of the history are left out of them."""

    name: str
    relation: str
    k: int
    split: dict
    exclude_seen: bool = False

    @property
    def prefix(self):
        return "unseen_" if self.exclude_seen else ""

    @property
    def columns(self):
        """Figures of the table; "unseen" is what exclude_seen ranks anyway."""
        names = ["hit_rate", "mrr", "ndcg"] + ([] if self.exclude_seen else ["unseen_hit_rate"])
        return [name if name.startswith("unseen") else self.prefix + name for name in names]


def parts():
    """Those whose data are there, with their relations."""
    quality.prepare_retailrocket()
    found = [
        Part("leave_one_out", "visitors", 5, quality.LEAVE_ONE_OUT),
        Part("temporal", "visitors", 5, quality.temporal_split()),
    ]
    if exists("diginetica_events"):
        quality.prepare_diginetica()
        found.append(Part("diginetica", "diginetica", 20, quality.diginetica_split()))
    if exists("toys_events"):
        quality.prepare_toys()
        found.append(Part("toys", "toys", 10, quality.LEAVE_ONE_OUT, exclude_seen=True))
    return [part for part in found if not PARTS or part.name in PARTS]


# ---------------------------------------------------------------- the cases, as recseq_backtest cuts them


def known_events(split):
    """SQL: the number of events of a row that are learned from."""
    if split["protocol"] == "leave_one_out":
        return f"cardinality(items) - (cardinality(items) > {split['min_history']})::int"
    return f"""coalesce((SELECT min(place) - 1 FROM unnest(times) WITH ORDINALITY event (time, place) WHERE time >= '{split["cut"]}'),
                        cardinality(items))::int"""


def columns_of(relation):
    return [row["attname"] for row in run(f"SELECT attname FROM pg_attribute WHERE attrelid = '{relation}'::regclass AND attnum > 0 ORDER BY attnum")[0]]


def prepare_views(part):
    """known, and what is learned from: with all that recseq reads, and with items alone."""
    id, *arrays = (name for name in columns_of(part.relation) if name != "split")
    cut = ", ".join(f"{name}[:known] AS {name}" for name in arrays)
    run(f'CREATE VIEW {part.name}_known AS SELECT *, {known_events(part.split)} AS known FROM {part.relation}',
        f'CREATE VIEW {part.name}_learned AS SELECT "{id}", {cut} FROM {part.name}_known WHERE known > 0',
        f'CREATE VIEW {part.name}_learned_items AS SELECT "{id}", items FROM {part.name}_learned',
        f'CREATE VIEW {part.name}_items AS SELECT "{id}", items{", times" if "times" in arrays else ""} FROM {part.relation}')


def flat(lists, number):
    """Lists one after another, as numbers of items, and the end of each."""
    return (np.array([number.get(item, 0) for items in lists for item in items], np.int64), np.cumsum([len(items) for items in lists]))


def write_cases(part):
    """The file that peers read, and how many targets are not in their histories."""
    sequences, cases = run(
        f"SELECT items FROM {part.name}_learned ORDER BY 1",
        f"""SELECT items[:place - 1] AS history, items[place] AS target
            FROM {part.name}_known, generate_series(greatest(known + 1, 2), cardinality(items)) place ORDER BY 1, 2""")
    sequences = [row["items"] for row in sequences]
    number = {item: index for index, item in enumerate(sorted({item for items in sequences for item in items}), start=1)}
    sequence_items, sequence_ends = flat(sequences, number)
    history_items, history_ends = flat([row["history"] for row in cases], number)
    path = OUT / f"{part.name}.npz"
    np.savez(path, items=len(number), exclude_seen=part.exclude_seen, sequence_items=sequence_items, sequence_ends=sequence_ends,
             history_items=history_items, history_ends=history_ends, targets=[number.get(row["target"], 0) for row in cases])
    say(f"   {part.name}: {len(sequences):,} sequences, {len(number):,} items, {len(cases):,} cases")
    return path, sum(row["target"] not in row["history"] for row in cases)


# ---------------------------------------------------------------- measuring


def digest(*what):
    return hashlib.sha256(b"".join(one if isinstance(one, bytes) else pathlib.Path(one).read_bytes() for one in what)).hexdigest()[:16]


def cases_digest(path):
    return digest(*(np.ascontiguousarray(array).tobytes() for array in np.load(path).values()))


def measured(path, wanted):
    """What was measured before of the same cases by the same script, unless the limit of time cut it short and is another now."""
    result = json.loads(path.read_text()) if path.exists() else {}
    cut_short = result.get("stopped") or "problem" in result
    return result if result.get("digest") == wanted and not (cut_short and result["limit"] != SECONDS) else None


def measure_peer(part, cases, name, model, script):
    """Runs the peer in a process of its own, on one core. What failed for another reason than the limit is tried again the next time."""
    if not pathlib.Path(PYTHON).exists():
        return {"problem": "pip could not install it"}
    path, log = (OUT / f"{part.name}-{name.replace(' ', '-')}.{suffix}" for suffix in ("json", "log"))
    wanted = digest(cases_digest(cases).encode(), SCRIPTS / script, SCRIPTS / "sequences.py")
    result = measured(path, wanted)
    if result is None:
        start = time.monotonic()
        result = run_peer(cases, model, script, log)
        if result.get("problem") in (None, CUT_OFF):
            path.write_text(json.dumps({**result, "digest": wanted, "limit": SECONDS}))
        say(f"   {part.name}, {name}: {time.monotonic() - start:.0f} s" + (f", {result['problem']}" if "problem" in result else ""))
    return result


def run_peer(cases, model, script, log):
    """What the peer wrote; or the problem, which a process that was not cut off says in its last line."""
    with tempfile.TemporaryDirectory(dir=OUT) as folder, log.open("w") as output:
        answer = pathlib.Path(folder) / "result.json"
        status = subprocess.run([PYTHON, SCRIPTS / script, model, cases, str(SECONDS), answer], cwd=folder, stdout=output,
                                stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}, preexec_fn=limit_process, check=False).returncode
        if answer.exists():
            return json.loads(answer.read_text())
    lines = [line for line in log.read_text().splitlines() if line.strip()]
    return {"problem": CUT_OFF if status == -signal.SIGKILL else lines[-1] if lines else f"exit status {status}"}


def limit_process():
    resource.setrlimit(resource.RLIMIT_CPU, (LAST_SECOND, LAST_SECOND))


def figures(result, unseen_cases, k):
    """Of ranks, by the rules of recseq_evaluate."""
    answer = {}
    for prefix, ranks, cases in (("", result["ranks"], len(result["ranks"])), ("unseen_", result["unseen_ranks"], unseen_cases)):
        hits = [rank for rank in ranks if MISS < rank <= k]
        answer |= {f"{prefix}hit_rate": len(hits) / cases, f"{prefix}mrr": sum(1 / rank for rank in hits) / cases,
                   f"{prefix}ndcg": sum(1 / np.log2(rank + 1) for rank in hits) / cases}
    return answer


def measure_recseq(part, name, learned, options):
    """Trained in one process, its time and memory, then evaluated."""
    source = f"{part.name}_items" if learned == "learned_items" else part.relation
    model = f"{part.name}, {name}"
    return Measurement(model, (
        call("recseq_train", source=f"{part.name}_{learned}", model=model, workers=0, **options), USAGE,
        call("recseq_evaluate", source=source, model=model, k=part.k, **part.split)))


def usage(row):
    """Processor seconds and megabytes of a backend, from /proc."""
    fields = row["stat"].rpartition(")")[2].split()
    peak = next(line for line in row["status"].splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


# ---------------------------------------------------------------- the page


HEADINGS = {"hit_rate": "HR", "mrr": "MRR", "ndcg": "NDCG"}


@dataclasses.dataclass(frozen=True)
class Line:
    """Of the table, and a point of the plot."""

    name: str
    values: dict
    seconds: float
    megabytes: float
    epochs: str

    def cells(self, part):
        return [f"**{self.name}**" if self.name.startswith("recseq") else self.name, *(f"{self.values[column]:.4f}" for column in part.columns),
                f"{self.seconds:,.0f}", f"{self.megabytes:,.0f}", self.epochs]


def recseq_line(name, result):
    (trained,), (used,), methods = result["results"]
    values = next(row for row in methods if row["method"] == "model")
    return Line(name, values, *usage(used), f"{trained['best_epoch']} of {trained['epochs']}")


def peer_line(name, result, unseen_cases, k):
    epochs = f"{result['best_epoch']} of {result['epochs']}" + (", at the limit" if result["stopped"] else "")
    return Line(name, figures(result, unseen_cases, k), result["seconds"], result["megabytes"], epochs)


def measure_part(part):
    """The lines of the table, and what was left out."""
    prepare_views(part)
    cases, unseen_cases = write_cases(part)
    wanted = [peer for peer in PEERS if not WANTED or any(word in peer[0].split() for word in WANTED)]
    with concurrent.futures.ThreadPoolExecutor(quality.CORES) as pool:
        recseq = list(pool.map(lambda one: (one[0], measure_recseq(part, *one).take()), RECSEQ))
        peers = list(pool.map(lambda peer: (peer[0], measure_peer(part, cases, *peer)), wanted))
    lines = [recseq_line(name, result) for name, result in recseq if "problem" not in result]
    lines += [peer_line(name, result, unseen_cases, part.k) for name, result in peers if "problem" not in result]
    return lines, [f"{name} ({result['problem']})" for name, result in recseq + peers if "problem" in result]


def headings(part):
    names = [("unseen " if name.startswith("unseen_") and not part.exclude_seen else "") + HEADINGS[name.removeprefix("unseen_")] for name in part.columns]
    return ["model", *(f"{name}@{part.k}" for name in names), "processor seconds", "MB", "best epoch"]


def write_part(part):
    lines, left_out = measure_part(part)
    if not lines:
        raise SystemExit(f"nothing could be measured: {'; '.join(left_out)}")
    notes = f"Limit: {SECONDS:,} processor seconds." + (f" Left out: {'; '.join(left_out)}." if left_out else "")
    image = quality.IMAGES / f"peers-{part.name}.svg"
    text = f"{table(headings(part), [line.cells(part) for line in lines])}\n\n{notes}\n\n![Hit rate against processor seconds](images/{image.name})"
    quality.write(f"peers_{part.name}", text, "make quality-peers")
    plots.cost(image, [(line.name, line.seconds, line.values[part.columns[0]]) for line in lines],
               "processor seconds of training", f"hit rate at {part.k}")


def main():
    for part in parts():
        say(part.name)
        write_part(part)


if __name__ == "__main__":
    main()
