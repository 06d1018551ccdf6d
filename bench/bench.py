"""make bench: runs every part and writes the page of results. Started by run.sh, which makes the server and the data.

BENCH_QUICK=1 takes a few minutes and writes below build/ only. BENCH_ONLY="output_layer one_call" runs these parts.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import traceback

import answering
import cancelling
import common
import ranking
import scaling
import training
from common import HERE, OUT, QUICK, Session, by_mode, say
from report import HEADINGS, Row, number, table


class Report:
    """The rows so far, the tables beside them, and what could not be measured."""

    def __init__(self):
        self.rows, self.notes, self.missing = [], [], []

    def add(self, row):
        self.rows.append(row)
        say("   " + " | ".join(cell for cell in row.cells() if cell))

    def note(self, title, text):
        self.notes.append((title, text))

    def fail(self, part, problem):
        self.missing.append(f"{part}: {problem}")
        say(f"   {part} could not be measured: {problem}")


def output_layer(report):
    """Share of the sgemm peak, by the best kernels that run here; the others in a table of their own."""
    output = subprocess.run([OUT / "output_layer", str(by_mode(7, 3))], check=True, capture_output=True, text=True).stdout
    samples = {}
    for line in output.splitlines():
        kernels, windows, items, gflops, peak = line.split()
        samples.setdefault((kernels, int(windows), int(items)), []).append((float(gflops), float(peak)))
    medians = {key: tuple(map(statistics.median, zip(*pairs))) for key, pairs in samples.items()}
    for windows in [64, 256]:
        key = max((key for key in samples if key[1] == windows), key=lambda key: medians[key][0])
        report.add(Row(f"output layer ({key[0]}), {windows} windows, {key[2]:,} items: share of the sgemm peak", "%",
                       [100 * gflops / peak for gflops, peak in samples[key]], bar=("value", ">=", 50)))
    report.note("Output layer", "The three products that are needed count, computing scores twice does not; one core.\n\n" + table(
        ["kernels", "windows", "GFLOP/s", "sgemm peak, GFLOP/s", "share"],
        [[name, windows, number(gflops), number(peak), f"{100 * gflops / peak:.0f} %"]
         for (name, windows, _), (gflops, peak) in medians.items()]))


def shell(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout.strip()


def commit():
    """Of the checkout, and whether the extension's sources differ from it."""
    name = shell(f"git -C {HERE} log -1 --format=%h")
    changed = shell(f"git -C {HERE} status --porcelain -- ../src ../sql")
    return f" (commit {name}{', with changes' if changed else ''})" if name else ""


def versions(session):
    """Of every side, as they say it themselves."""
    extension = session.value("SELECT extversion FROM pg_extension WHERE extname = 'recseq'")
    blas = shell("dpkg-query -W -f '${Version}' libopenblas0-serial")
    found = [f"PostgreSQL {session.value('SHOW server_version')}", f"recseq {extension}{commit()}", f"OpenBLAS {blas}"]
    for peer in [common.pytorch(1), common.keras(), common.onnx_runtime(1)]:
        if peer:
            found.append(peer.ask("version").replace(", 1 thread(s)", ""))
            peer.stop()
    return found


def machine():
    model = shell("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1") or platform.machine()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    caches = shell("lscpu 2>/dev/null | sed -n 's/^\\(L[23]\\) cache: *\\([^(]*[^ (]\\).*/\\1 \\2/p' | paste -sd, | sed 's/,/, /g'")
    widest = next((name for name in ["avx512f", "avx2"] if name in shell("grep -m 1 flags /proc/cpuinfo")), platform.machine())
    return (f"{model}, {os.cpu_count()} cores, {widest}, {caches}, {gigabytes:.0f} GB of memory; "
            f"{platform.freedesktop_os_release()['PRETTY_NAME']}, kernel {platform.release()}")


HOW = """
Every number is measured in the same run, on the same data and windows; the sides take turns, and a median is over those
turns, with the lowest and the highest beside it. Each side is warmed up first. A ratio says how many times better recseq is.
`OPENBLAS_CORETYPE` and `OPENBLAS_L2_SIZE` are unset for every side. All sides use Adam at the same rate, batches of the same
size, the same shuffled windows, no clipping. The peers' batches are tensors made before the timing starts, for PyTorch packed
sequences; denormals are off there, and the better of one and two threads counts. A slow side runs a share of an epoch's batches
each turn (PyTorch on packed sequences {share}, the padded and masked pipelines {keras_share}), another one each turn, and the
time is scaled to the epoch. recseq's epochs come from `recseq_train` as a client sees them end; the first of each call is its
warm-up and does not count. Its data is read by the statement itself, from PostgreSQL.

The network is the seed's variant (d): items and categories, two embeddings of 50 columns, a bidirectional LSTM of 32 units,
dropout 0.5, softmax over all items. The peers have nothing like recseq's second stage, so that is left out (`ranker => false`)
but for the rows that name it. Its ranker is fitted, and scores, beside LightGBM's lambdarank, on the same features of the
same candidates, by seconds of processor time of one thread.
"""


def page(report, data, versions, started, load):
    title = "Results of `make bench`" + (" (quick: not to be quoted)" if QUICK else "")
    how = HOW.format(share=f"1/{training.SHARES}", keras_share=f"1/{training.KERAS_SHARES}").strip()
    parts = [
        f"# {title}",
        f"{started}, {(time.time() - STARTED) / 60:.0f} minutes. Load average before it: {load}.\n\n"
        f"- Machine: {machine()}\n- Software: {'; '.join(versions)}\n- Data: {data}",
        how,
        table(HEADINGS, [row.cells() for row in report.rows]),
        *(f"## {title}\n\n{text}" for title, text in report.notes),
    ]
    if report.missing:
        parts.append("## Not measured\n\n" + "\n".join(f"- {line}" for line in report.missing))
    return "\n\n".join(parts) + "\n"


STARTED = time.time()


def main():
    started = time.strftime("%Y-%m-%d %H:%M")
    load = number(os.getloadavg()[0])
    target = OUT if QUICK or os.environ.get("BENCH_ONLY") else HERE
    report = Report()
    for name in ["Keras", "ONNX Runtime"]:
        if not (common.keras() if name == "Keras" else common.onnx_runtime(1)):
            report.fail(name, "pip could not install it")
    with Session() as session:
        session.run("CREATE SCHEMA bench")
        session.run(training.SEQUENCES)
        described = versions(session)
    clicks = pathlib.Path(os.environ.get("BENCH_DIGINETICA", ""))
    items = answering.prepare()
    parts = {
        "output_layer": lambda: output_layer(report),
        "packed_windows": lambda: training.packed_windows(report),
        "seed_pipeline": lambda: training.seed_pipeline(report),
        "one_call": lambda: answering.one_call(report, items),
        "batch": lambda: answering.batch(report),
        "pgbench": lambda: answering.pgbench(report),
        "connections": lambda: answering.connections(report),
        "second_stage": lambda: ranking.second_stage(report),
        "cancel": lambda: cancelling.phases(report),
        "million": lambda: scaling.million(report),
        "diginetica": lambda: training.diginetica(report, clicks),
        "doubling": lambda: scaling.doubling(report, target / "scaling.svg"),
    }
    failed = False
    wanted = os.environ.get("BENCH_ONLY", "").split() or parts
    if not clicks.is_file():
        del parts["diginetica"]
        report.fail("Diginetica", "its file is not here")
    for name in wanted:
        say(f"\n== {name.replace('_', ' ')}")
        since = time.time()
        try:
            parts[name]()
        except Exception as problem:
            # One part that fails does not take the others with it, but the run fails in the end.
            traceback.print_exc()
            report.fail(name, f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}")
            failed = True
        say(f"   ({time.time() - since:.0f} s)")
    (target / "RESULTS.md").write_text(page(report, os.environ["BENCH_DATA"], described, started, load))
    (OUT / "results.json").write_text(json.dumps([vars(row) for row in report.rows], indent=1))
    say(f"\n{target / 'RESULTS.md'}")
    return failed


sys.exit(main())
