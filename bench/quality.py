"""make quality: measures methods and variants through SQL, and writes docs/quality.md and its plots. Started by quality.sh."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import textwrap
import time

import psycopg2
import psycopg2.extras

import plots
from report import table

ROOT = pathlib.Path(__file__).parent.parent
OUT = pathlib.Path(os.environ["QUALITY_OUT"])
DATABASE = os.environ["QUALITY_DATABASE"]
PARTS = os.environ["QUALITY_PARTS"].split()
LIBRARY = hashlib.sha256(pathlib.Path(os.environ["QUALITY_LIBRARY"]).read_bytes()).hexdigest()[:16]
PAGE = ROOT / "docs" / "quality.md"
IMAGES = ROOT / "docs" / "images"

CORES = 2
TEST_DAYS = 14
HISTORY_BANDS = [(1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, None)]
SEED_PADDING = 0.780  # share of the seed's targets that are the padding token
SEED_FIGURES = {"c": 0.8462, "d": 0.8535}  # what the seed reports as precision at 5


def say(text):
    print(text, flush=True)


# ---------------------------------------------------------------- SQL


def run(*statements):
    """Run statements in a session of their own; the rows of each as dictionaries."""
    results = []
    with psycopg2.connect(DATABASE, cursor_factory=psycopg2.extras.RealDictCursor) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SET recseq.progress = off")
        for statement in statements:
            cursor.execute(statement)
            results.append([dict(row) for row in cursor.fetchall()] if cursor.description else [])
    return results


def value(statement):
    return next(iter(run(statement)[0][0].values()))


def exists(relation):
    return value(f"SELECT to_regclass('{relation}') IS NOT NULL")


def literal(value):
    if isinstance(value, list):
        value = "{" + ",".join(value) + "}"
    if isinstance(value, dict):
        value = json.dumps(value)
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).lower()


def call(function, **arguments):
    return f"SELECT * FROM {function}({', '.join(f'{name} => {literal(value)}' for name, value in arguments.items())})"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What statements say; kept, and made anew only for another library or other statements."""

    name: str
    statements: tuple

    @property
    def path(self):
        digest = hashlib.sha256(repr((LIBRARY, self.statements)).encode()).hexdigest()[:16]
        return OUT / f"{digest}.json"

    def take(self):
        if not self.path.exists():
            start = time.monotonic()
            try:
                result = {"results": run(*self.statements)}
            except psycopg2.Error as error:
                result = {"results": [], "problem": str(error).splitlines()[0]}
            result["seconds"] = time.monotonic() - start
            self.path.write_text(json.dumps(result))
            say(f"   {self.name}: {result['seconds']:.0f} s" + (f", {result['problem']}" if "problem" in result else ""))
        return json.loads(self.path.read_text())

    def methods(self, statement=0):
        """Rows of recseq_evaluate by their methods; none where it could not be measured."""
        results = self.take()["results"]
        return {row["method"]: row for row in results[statement]} if results else {}


def take_all(measurements):
    """Several at a time, one a core; so each trains without workers."""
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        list(pool.map(Measurement.take, measurements))


# ---------------------------------------------------------------- Retailrocket

# What a visitor had and the model does not know may be recommended: the recency baseline has it, too.
UNKNOWN_ITEMS = {"unknown_items": True}
LEAVE_ONE_OUT = {"protocol": "leave_one_out", "min_history": 2, **UNKNOWN_ITEMS}


def prepare_retailrocket():
    run("""CREATE TABLE visitors AS SELECT visitorid, items, categories, events, times FROM retailrocket.sequences;
           CREATE VIEW without_kinds AS SELECT visitorid, items, categories, times FROM visitors;
           CREATE VIEW without_times AS SELECT visitorid, items, categories, events FROM visitors;
           CREATE VIEW only_items AS SELECT visitorid, items, categories FROM visitors;
           -- what the seed trains on: 3 to 28 events, inside the fence
           UPDATE retailrocket.settings SET fence = true, long_sequences = 'drop';
           CREATE TABLE seed_visitors AS SELECT visitorid, items, categories FROM retailrocket.training_sequences;
           -- the same rules for what is learned before each visitor's last event, and before the last days
           CREATE VIEW fenced AS SELECT v.visitorid, items[:n] AS items, categories[:n] AS categories, events[:n] AS events, times[:n] AS times
           FROM (SELECT *, cardinality(items) - (cardinality(items) > 2)::int AS n FROM visitors) v
           WHERE cardinality(items) BETWEEN 3 AND 28 AND cardinality(items) <= (SELECT upper_fence FROM retailrocket.sequence_length_bounds)""")


def backtest(name, source, split, k=5, **options):
    return Measurement(name, (call("recseq_backtest", source=source, k=k, options=options, **split),))


def default_model(name, source, k, split, *more):
    """The default options, alone on all cores, for the time they take; then more statements about this model."""
    return Measurement(f"default options, {name}", (
        call("recseq_backtest", source=source, model=name, k=k, **split),
        f"SELECT seconds FROM recseq_models WHERE model = '{name}' AND active", *more))


def training_time(measurement):
    return f"Trained in {measurement.take()['results'][1][0]['seconds']:.0f} s on {CORES} cores."


def figure(row, name, interval=True):
    if not row or row[name] is None:
        return ""
    text = f"{row[name]:.4f}"
    if interval:
        text += f" ({row[name + '_low']:.3f}..{row[name + '_high']:.3f})"
    return text


METHOD_NAMES = {
    "model": "**recseq**",
    "known": "recseq, without `unknown_items`",
    "popularity in category": "popularity in the last item's category",
    "recency": "recency (the last items again)",
    "markov": "Markov, first order",
    "vsknn": "VSKNN",
    "stan": "STAN",
}


def method_table(methods, k):
    cases = methods["model"]
    rows = [[METHOD_NAMES.get(name, name), figure(row, "hit_rate"), figure(row, "mrr"), figure(row, "ndcg"), f"{row['precision']:.4f}",
             figure(row, "unseen_hit_rate"), figure(row, "unseen_mrr"), f"{row['coverage']:.3f}", f"{row['mean_popularity']:.3f}"]
            for name, row in methods.items()]
    return (f"{cases['cases']:,} cases, {cases['unseen_cases']:,} of them with a target that is not in the history; the target of "
            f"{100 * cases['unknown_targets']:.1f} % does not occur in what was learned from.\n\n"
            + table(["method", f"HR@{k}", f"MRR@{k}", f"NDCG@{k}", f"precision@{k}", f"unseen HR@{k}", f"unseen MRR@{k}", "coverage",
                     "mean popularity"], rows))


def temporal_split():
    return {"protocol": "temporal", **UNKNOWN_ITEMS, "cut": value(f"SELECT (max(t) - interval '{TEST_DAYS} days')::text FROM visitors, unnest(times) t")}


def default_models():
    """Leave-one-out; and by time, with histories of some lengths after that."""
    split = temporal_split()
    bands = [call("recseq_evaluate", source="visitors", model="temporal", **split, min_history=low, max_history=high) for low, high in HISTORY_BANDS]
    known = call("recseq_evaluate", source="visitors", model="temporal", **{**split, "unknown_items": False})
    return default_model("leave_one_out", "visitors", 5, LEAVE_ONE_OUT), default_model("temporal", "visitors", 5, split, *bands, known)


def retailrocket():
    loo, temporal = default_models()
    for name, one in (("leave_one_out", loo), ("temporal", temporal)):
        methods = one.methods()
        if one is temporal:
            methods = {"model": methods["model"], "known": one.methods(-1)["model"], **methods}
        write(name, method_table(methods, 5) + "\n\n" + training_time(one))
    plots.scatter(IMAGES / "coverage.svg",
                  [(title, [(name, row["coverage"], row["hit_rate"]) for name, row in one.methods().items()])
                   for title, one in (("leave-one-out", loo), ("temporal", temporal))],
                  "coverage of the catalog", "hit rate at 5")
    history([temporal.methods(2 + i) for i in range(len(HISTORY_BANDS))])


def history(bands):
    """Hit rate by the length of the history, for events of the last days."""
    labels = [str(low) if high == low else f"{low}–{high}" if high else f"{low}+" for low, high in HISTORY_BANDS]
    lines = {name: [band[name]["hit_rate"] for band in bands] for name in bands[0]}
    plots.lines(IMAGES / "history.svg", labels, lines, "events in the history", "hit rate at 5")
    write("history", table(["events in the history", "cases", *(METHOD_NAMES.get(name, name) for name in lines)],
                           [[label, f"{band['model']['cases']:,}", *(figure(row, "hit_rate", False) for row in band.values())]
                            for label, band in zip(labels, bands)]))


# ---------------------------------------------------------------- ablation

# Weights that stay as they were drawn.
NO_NETWORK = {"epochs": 1, "learning_rate": 1e-8}

# name, source, options, whether by time as well
ABLATIONS = [
    ("the network alone, no second stage", "visitors", {"ranker": False}, True),
    ("the second stage alone, with a network that has learned nothing", "visitors", NO_NETWORK, True),
    ("without categories", "visitors", {"features": []}, True),
    ("without kinds of events", "without_kinds", {}, False),
    ("without times", "without_times", {}, False),
    ("without either", "only_items", {}, False),
    ("one direction", "visitors", {"bidirectional": False}, False),
    ("with self-attention", "visitors", {"attention": True}, False),
    ("output weights of their own", "visitors", {"tied": False}, False),
    ("no unknown items in training", "visitors", {"item_dropout": 0}, False),
]


def ablation():
    measured = [(name, [backtest(f"{name}, {split['protocol']}", source, split, workers=0, **options)
                        for split in ([LEAVE_ONE_OUT, temporal_split()] if by_time else [LEAVE_ONE_OUT])])
                for name, source, options, by_time in ABLATIONS]
    fence = Measurement("3..28 and the fence, leave_one_out", (
        call("recseq_train", source="fenced", model="fenced", workers=0),
        call("recseq_evaluate", source="visitors", model="fenced", **LEAVE_ONE_OUT)))
    take_all([one for _, several in measured for one in several] + [fence])
    rows = [("all of it", [one.methods().get("model") for one in default_models()])]
    rows += [(name, [one.methods().get("model") for one in several]) for name, several in measured]
    rows.append(("trained by the 3..28 rule and inside the IQR fence", [fence.methods(1).get("model")]))
    write("ablation", table(["variant", "leave-one-out HR@5", "MRR@5", "unseen HR@5", "temporal HR@5", "MRR@5", "unseen HR@5"],
                            [[name, *(figure(model, column, column == "hit_rate") for model in (models + [None])[:2]
                                      for column in ("hit_rate", "mrr", "unseen_hit_rate"))] for name, models in rows]))


# ---------------------------------------------------------------- the seed's variants

# Trained for as long as it takes: on this split the more is learned by heart, the better.
SEED_OPTIONS = {"item_dim": 50, "tied": False, "dropout": 0.5, "item_dropout": 0, "embedding_dropout": 0, "batch_size": 256, "learning_rate": 0.005,
                "decay_epochs": 0, "epochs": 30, "patience": 0, "validation_fraction": 0, "workers": 0}

SEED_VARIANTS = {
    "a": ("items; BiLSTM, self-attention, a second LSTM", {"features": [], "units": 64, "layers": 2, "attention": True}),
    "b": ("items; LSTM(64)", {"features": [], "units": 64, "bidirectional": False}),
    "c": ("items and categories; LSTM(32)", {"units": 32, "bidirectional": False, "feature_dim": 50}),
    "d": ("items and categories; BiLSTM(32)", {"units": 32, "feature_dim": 50}),
}


def seed_statement(letter):
    """The statement that trains a variant; it says all that is not as by default."""
    options = {**SEED_VARIANTS[letter][1], **SEED_OPTIONS}
    return textwrap.fill(call("recseq_train", source="seed_visitors", model=letter, **options) + ";", 140, subsequent_indent="    ")


def seed():
    split = {"protocol": "random_windows", "test_share": 0.2}
    measured = {letter: backtest(f"variant ({letter}), random_windows", "seed_visitors", split, **options, **SEED_OPTIONS)
                for letter, (_, options) in SEED_VARIANTS.items()}
    take_all(measured.values())
    share = float(value("SELECT sum(greatest(27 - cardinality(items), 0)) / (27.0 * count(*)) FROM seed_visitors"))
    rows = []
    for letter, one in measured.items():
        model = one.methods().get("model")
        hit_rate = model["hit_rate"] if model else 0
        rows.append([f"({letter}) {SEED_VARIANTS[letter][0]}", figure(model, "hit_rate"), figure(model, "mrr"),
                     f"{share + (1 - share) * hit_rate:.4f}", f"{SEED_PADDING + (1 - SEED_PADDING) * hit_rate:.4f}",
                     f"{SEED_FIGURES[letter]:.4f}" if letter in SEED_FIGURES else ""])
    baselines = measured["d"].methods()
    rows += [[METHOD_NAMES.get(name, name), figure(row, "hit_rate"), figure(row, "mrr"), "", "", ""] for name, row in baselines.items() if name != "model"]
    write("seed", "What trains each of the four:\n\n```\n" + "\n".join(map(seed_statement, SEED_VARIANTS)) + "\n```\n\n"
          + f"{baselines['model']['cases']:,} windows tested. Of the windows cut from these sequences once they are padded to 28 items, "
          f"{100 * share:.1f} % have the padding token for a target; {100 * SEED_PADDING:.1f} % of the seed's had.\n\n"
          + table(["method", "HR@5 over items", "MRR@5", f"with {100 * share:.1f} % padding targets", f"with {100 * SEED_PADDING:.1f} %",
                   "the seed's \"precision at 5\""], rows))


# ---------------------------------------------------------------- Diginetica


def prepare_diginetica():
    # Sessions come in date order without dates: spread over the 145 days that they are from, an event a second.
    run("""CREATE TABLE diginetica AS
           SELECT "user" AS session, array_agg(item ORDER BY position) AS items, array_agg(category ORDER BY position) AS categories,
                  array_agg(timestamptz '2016-01-01 UTC' + "user" * interval '62 seconds' + position * interval '1 second' ORDER BY position) AS times,
                  min(split) AS split
           FROM diginetica_events GROUP BY "user" """)


def diginetica_split():
    return {"protocol": "temporal", "cut": value("SELECT min(times[1])::text FROM diginetica WHERE split = 'test'")}


def diginetica():
    if not exists("diginetica_events"):
        say("   there are no Diginetica sessions")
        return
    prepare_diginetica()
    split = diginetica_split()
    both = default_model("diginetica", "diginetica", 20, split)
    parts = {"both stages": both}
    for name, options in (("the network alone", {"ranker": False}), ("the second stage alone, with a network that has learned nothing", NO_NETWORK)):
        parts[name] = backtest(f"Diginetica, {name}", "diginetica", split, 20, workers=0, **options)
    take_all(list(parts.values())[1:])
    rows = [[name, *(figure(one.methods().get("model"), column) for column in ("hit_rate", "mrr", "unseen_hit_rate"))] for name, one in parts.items()]
    write("diginetica", method_table(both.methods(), 20) + "\n\n" + training_time(both) + "\n\n"
          + table(["what answers", "HR@20", "MRR@20", "unseen HR@20"], rows))


# ---------------------------------------------------------------- Toys


def prepare_toys():
    run("""CREATE TABLE toys AS
           SELECT "user", array_agg(item ORDER BY position) AS items, array_agg(category ORDER BY position) AS categories
           FROM toys_events GROUP BY "user" """)


def toys():
    if not exists("toys_events"):
        say("   there are no Toys reviews")
        return
    prepare_toys()
    parts = {"both stages": default_model("toys", "toys", 10, LEAVE_ONE_OUT)}
    for name, options in (("the network alone", {"ranker": False}), ("the second stage alone, with a network that has learned nothing", NO_NETWORK)):
        parts[name] = backtest(f"Toys, {name}", "toys", LEAVE_ONE_OUT, 10, workers=0, **options)
    take_all(list(parts.values())[1:])
    methods = {name: one.methods().get("model") for name, one in parts.items()}
    methods.update((METHOD_NAMES.get(name, name), row) for name, row in parts["both stages"].methods().items() if name != "model")
    write("toys", f"{methods['both stages']['unseen_cases']:,} cases.\n\n"
          + table(["what answers", "HR@10", "MRR@10", "NDCG@10"],
                  [[name, *(figure(row, f"unseen_{column}") for column in ("hit_rate", "mrr", "ndcg"))] for name, row in methods.items()])
          + "\n\n" + training_time(parts["both stages"]))


# ---------------------------------------------------------------- the page


def write(name, text, command="make quality"):
    """Put a table between its marks on the page."""
    begin, end = f"<!-- {name}: written by {command} -->\n", f"<!-- end of {name} -->\n"
    page = PAGE.read_text()
    before, rest = page.split(begin)
    _, after = rest.split(end)
    PAGE.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")


def main():
    start = time.monotonic()
    prepare_retailrocket()
    for part in (retailrocket, seed, ablation, diginetica, toys):
        if not PARTS or part.__name__ in PARTS:
            say(part.__name__)
            part()
    say(f"docs/quality.md is written, after {(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
