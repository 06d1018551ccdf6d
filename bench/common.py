"""What every part of the benchmark uses: its settings, the database, and the processes of the peers."""

import json
import os
import pathlib
import select
import subprocess
import sys
import time

import psycopg2

HERE = pathlib.Path(__file__).parent
OUT = pathlib.Path(os.environ["BENCH_OUT"])  # scratch, below build/
DATABASE = os.environ["BENCH_DATABASE"]
QUICK = bool(os.environ.get("BENCH_QUICK"))

# The seed's variant (d), and nothing that only one side would do: no clipping, no validation, no unknown items.
VARIANT_D = dict(item_dim=50, feature_dim=50, units=32, tied=False, dropout=0.5, item_dropout=0, learning_rate=0.001,
                 clip_norm=0, validation_fraction=0, patience=0, ranker=False)


def by_mode(full, quick):
    return quick if QUICK else full


def say(text):
    print(text, flush=True)


# ---------------------------------------------------------------- PostgreSQL


def connect(**options):
    connection = psycopg2.connect(DATABASE, **options)
    if not options.get("async_"):
        connection.autocommit = True
    return connection


class Session:
    """A connection whose backend can be looked at."""

    def __init__(self, options=""):
        self.connection = connect(options=options)
        self.cursor = self.connection.cursor()
        self.pid = self.connection.info.backend_pid

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.connection.close()

    def run(self, sql, *arguments):
        self.cursor.execute(sql, arguments or None)
        return self.cursor.fetchall() if self.cursor.description else None

    def value(self, sql, *arguments):
        return self.run(sql, *arguments)[0][0]

    def seconds(self, sql, *arguments):
        start = time.perf_counter()
        self.run(sql, *arguments)
        return time.perf_counter() - start


def arguments(options):
    return ", ".join(f"{name} => {_literal(value)}" for name, value in options.items())


def _literal(value):
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


class Training:
    """One call of recseq_train: what it returned, the seconds of each epoch after the first, and those of the whole call."""

    def __init__(self, source, watch=None, **options):
        connection = connect(async_=1)
        _wait(connection)
        cursor = connection.cursor()
        start = time.perf_counter()
        cursor.execute(f"SELECT * FROM recseq_train({_literal(source)}, {arguments(options)})")
        ends = []  # of the epochs, by the notices as they come
        while _wait_a_little(connection):
            ends += [time.perf_counter()] * (len(connection.notices) - len(ends))
            if watch:
                watch(connection.info.backend_pid)
        self.seconds = time.perf_counter() - start
        self.result = dict(zip([column.name for column in cursor.description], cursor.fetchone()))
        self.epochs = [end - before for before, end in zip(ends, ends[1:])]
        connection.close()


def _wait(connection):
    while _wait_a_little(connection):
        pass


def _wait_a_little(connection):
    """Let an asynchronous connection go on; false when it has what it waited for."""
    state = connection.poll()
    if state == psycopg2.extensions.POLL_OK:
        return False
    reading = [connection] if state == psycopg2.extensions.POLL_READ else []
    writing = [connection] if state == psycopg2.extensions.POLL_WRITE else []
    select.select(reading, writing, [], 0.1)
    return True


# ---------------------------------------------------------------- memory


def memory(pid):
    """(proportional share, private memory) of a process in MB."""
    rollup = dict(line.split(":") for line in open(f"/proc/{pid}/smaps_rollup").read().splitlines()[1:])
    kilobytes = {name: int(value.split()[0]) for name, value in rollup.items()}
    return kilobytes["Pss"] / 1024, (kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]) / 1024


# ---------------------------------------------------------------- peers


class PeerError(Exception):
    pass


class Peer:
    """A peer's process, started when it is first asked (see peers/common.py)."""

    def __init__(self, name, python, script, *arguments, environment=None):
        self.name = name
        self.command = [python, str(HERE / "peers" / script), DATABASE, *map(str, arguments)]
        self.environment = environment or {}
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | self.environment, stderr=open(OUT / f"{self.name}.log", "w"))

    def ask(self, call, **arguments):
        if self.process is None:
            self.start()
        self.process.stdin.write(json.dumps({"call": call, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended: see {OUT / self.name}.log"}
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']}")
        return answer["result"]

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def pytorch(threads):
    # Debian's PyTorch takes the BLAS that is in force; here it gets OpenBLAS with as many threads as PyTorch itself.
    return Peer(f"PyTorch, {threads} thread{'s'[:threads - 1]}", sys.executable, "pytorch.py", threads,
                environment={"LD_LIBRARY_PATH": os.environ["BENCH_BLAS"], "OMP_NUM_THREADS": str(threads),
                             "OPENBLAS_NUM_THREADS": str(threads)})


def keras():
    """The peer, or None where pip could not install it."""
    return _from_venv("Keras", "tensorflow_keras.py", "tensorflow")


def onnx_runtime(threads):
    return _from_venv(f"ONNX Runtime, {threads} thread{'s'[:threads - 1]}", "onnx_runtime.py", "onnxruntime", threads)


def _from_venv(name, script, package, *arguments):
    venv = OUT / "venv"
    if not list(venv.glob(f"lib/python3*/site-packages/{package}")):
        return None
    return Peer(name, str(venv / "bin" / "python"), script, *arguments)
