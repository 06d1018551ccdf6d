"""recseq_onnx, run by ONNX Runtime, beside recseq_recommend of networks that answer alone: every kind of layer and output there is. Prints TAP."""

import itertools
import random

import numpy
import onnxruntime
import psycopg

TOLERANCE = 1e-5
UNKNOWN = 1000000  # and above: ids that no model knows
MAX_LENGTH = 12
KINDS = ["addtocart", "transaction"]

SETUP = """
    SET recseq.progress = off;
    CREATE TEMP TABLE walk AS
    SELECT ARRAY(SELECT (s * 7 + i * i * (s % 3 + 1)) % 40 * 3 FROM generate_series(0, 7) i) AS items,
        ARRAY(SELECT (s * 7 + i * i * (s % 3 + 1)) % 40 / 5 FROM generate_series(0, 7) i) AS categories,
        ARRAY(SELECT CASE WHEN i % 4 = s % 4 THEN 'transaction' ELSE 'addtocart' END FROM generate_series(0, 7) i) AS events
    FROM generate_series(0, 199) s
"""

# A few numbers for each shape of the network; a rate so high that all of its parts come to count.
TRAIN = """
    SELECT recseq_train('walk', 'network', features => %(features)s::text[], layers => %(layers)s, bidirectional => %(bidirectional)s, attention => %(attention)s,
        tied => %(tied)s, scale => %(scale)s, residual => %(residual)s, copy => %(copy)s, units => %(units)s, item_dim => %(item_dim)s, feature_dim => 5,
        max_length => %(max_length)s, epochs => 3, batch_size => 32, learning_rate => 0.02, validation_fraction => 0, ranker => false)
"""

LAYERS = [dict(layers=layers, bidirectional=bidirectional, attention=attention)
          for layers, bidirectional, attention in itertools.product([1, 2, 3], [True, False], [True, False])]
OUTPUTS = [dict(tied=False, scale=0, residual=False, copy=False)] + [
    dict(tied=True, scale=scale, residual=residual, copy=copy) for scale, residual, copy in itertools.product([0, 14], [True, False], [True, False])]
FEATURES = [["categories", "events"], [], ["events"], ["categories"]]


def shapes():
    """All kinds of layers with all of outputs, and each list of features; with one unit and one column, too."""
    for number, (layers, outputs) in enumerate(itertools.product(LAYERS, OUTPUTS)):
        yield dict(layers, **outputs, features=FEATURES[number % len(FEATURES)], units=8, item_dim=6)
    yield dict(LAYERS[0], **OUTPUTS[-4], features=FEATURES[0], units=1, item_dim=1)


class Network:
    """The network of the active version in ONNX Runtime."""

    def __init__(self, connection):
        (file,) = connection.execute("SELECT recseq_onnx('network')").fetchone()
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.inputs = [node.name for node in self.session.get_inputs()]
        self.index = {name: {} for name in self.inputs}
        self.features = {}
        for name, index, id, features in connection.execute("SELECT input, index, id, features FROM recseq_vocabulary('network')"):
            self.index[name][id] = index
            if name == "items":
                self.features[id] = features
        self.item = {index: int(id) for id, index in self.index["items"].items()}

    def _tokens(self, items, kinds):
        """One row of each input."""
        unknown = {}
        tokens = {name: [] for name in self.inputs}
        for item, kind in zip(items, kinds):
            known = self.index["items"].get(str(item))
            if known is None:
                known = len(self.item) + unknown.setdefault(item, len(unknown))
            tokens["items"].append(known)
            for place, name in enumerate(self.inputs[1:]):
                if name == "events":
                    tokens[name].append(self.index[name].get(kind, 0))
                else:
                    tokens[name].append(self.features[str(item)][place] if str(item) in self.features else 0)
        return tokens

    def ask(self, histories, kinds):
        rows = [self._tokens(items[-MAX_LENGTH:], of[-MAX_LENGTH:]) for items, of in zip(histories, kinds)]
        longest = max(len(row["items"]) for row in rows)
        fill = {name: -1 if name == "items" else 0 for name in self.inputs}
        batch = {name: numpy.array([row[name] + [fill[name]] * (longest - len(row[name])) for row in rows], numpy.int64) for name in self.inputs}
        return self.session.run(["probability"], batch)[0]


def difference(connection, histories, kinds):
    """The largest, between both programs, of the probability of any item after any history."""
    network = Network(connection)
    largest = 0
    for row, items, of in zip(network.ask(histories, kinds), histories, kinds):
        answer = dict(connection.execute("SELECT item, score FROM recseq_recommend(%s::int[], 1000, 'network', events => %s::text[])", (items, of)).fetchall())
        assert len(answer) == len(network.item) == len(row)
        largest = max(largest, max(abs(answer[network.item[index]] - probability) for index, probability in enumerate(row)))
    return largest


def main():
    random.seed(1)
    # of lengths from one item to more than the network reads; with items again, and with unknown ones
    lengths = [1, 2, 3, 5, 8, MAX_LENGTH, MAX_LENGTH + 4]
    histories = [[random.choice([3 * random.randrange(40), 3 * random.randrange(4), UNKNOWN + random.randrange(3)]) for _ in range(length)] for length in lengths]
    kinds = [[random.choice(KINDS + [None]) for _ in items] for items in histories]
    tests = 0
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SETUP)
        for options in shapes():
            connection.execute(TRAIN, dict(options, max_length=MAX_LENGTH))
            largest = difference(connection, histories, kinds)
            tests += 1
            title = ", ".join(name if value is True else f"{name} {value}" for name, value in options.items() if value is not False)
            print("ok" if largest < TOLERANCE else "not ok", tests, "-", f"{title}: {largest:.1e}", flush=True)
    print(f"1..{tests}")


main()
