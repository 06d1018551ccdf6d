"""What the peers share: the windows, the fetch of a history from PostgreSQL, and answering the benchmark's questions.

A peer is a process of its own, so that its threads and libraries meet nobody else's. It reads one request a line from
standard input, {"call": name, "arguments": {...}}, and writes one answer a line, {"result": ...} or {"error": ...}.
"""

import json
import os
import sys
import time
import traceback

import numpy as np
import psycopg2

MAX_LENGTH = 28  # newest items of a history that are read
BEST = 5  # items that an answer has

# The network of every peer: variant (d) of the seed.
EMBEDDING = 50
UNITS = 32
DROPOUT = 0.5
LEARNING_RATE = 0.001

PADDING = 0  # index of the padding token; items and categories count from 1


class Windows:
    """Histories of a relation and the item that follows each, as indices; rows are filled from the end."""

    def __init__(self, items, categories, targets, lengths):
        self.items, self.categories, self.targets, self.lengths = items, categories, targets, lengths

    def __len__(self):
        return len(self.targets)


class Data:
    """The sequences of a relation, and the vocabularies of their items and categories."""

    def __init__(self, database, relation):
        with psycopg2.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT items, categories FROM {relation} ORDER BY id")
            rows = cursor.fetchall()
        self.item_index = _index(items for items, _ in rows)
        self.category_index = _index(categories for _, categories in rows)
        self.item_of = [None, *self.item_index]
        self.sequences = [
            ([self.item_index[i] for i in items], [self.category_index[c] for c in categories])
            for items, categories in rows
        ]

    @property
    def items(self):
        return len(self.item_index)

    @property
    def categories(self):
        return len(self.category_index)

    def prefix_windows(self):
        """Every prefix of every sequence, its newest MAX_LENGTH items, with the item that follows: what recseq trains on."""
        histories = [
            (items[max(0, i - MAX_LENGTH) : i], categories[max(0, i - MAX_LENGTH) : i], items[i])
            for items, categories in self.sequences
            for i in range(1, len(items))
        ]
        return _windows(histories)

    def padded_windows(self):
        """The seed's literal windows: of the sequence already padded to MAX_LENGTH, so that most targets are the padding."""
        histories = []
        for items, categories in self.sequences:
            missing = max(0, MAX_LENGTH - len(items))
            items = [PADDING] * missing + items[-MAX_LENGTH:]
            categories = [PADDING] * missing + categories[-MAX_LENGTH:]
            histories += [(items[:i], categories[:i], items[i]) for i in range(1, MAX_LENGTH)]
        return _windows(histories)


def _index(lists):
    return {value: index for index, value in enumerate(sorted({v for values in lists for v in values}), start=1)}


def _windows(histories):
    # One fixed shuffle, outside of every timing; no side trains on the windows of one sequence in a row.
    order = np.random.default_rng(1).permutation(len(histories))
    items = np.full((len(histories), MAX_LENGTH), PADDING, np.int64)
    categories = np.full_like(items, PADDING)
    targets = np.empty(len(histories), np.int64)
    lengths = np.empty(len(histories), np.int64)
    for row, place in enumerate(order):
        history, history_categories, targets[row] = histories[place]
        lengths[row] = len(history)
        items[row, MAX_LENGTH - lengths[row] :] = history
        categories[row, MAX_LENGTH - lengths[row] :] = history_categories
    return Windows(items, categories, targets, lengths)


def part_of(batches, part, parts):
    """The part-th of `parts` equal shares of an epoch's batches: (first, last)."""
    return batches * part // parts, batches * (part + 1) // parts


class Histories:
    """Fetches a history of 8 items from PostgreSQL by its id, with a prepared statement, as indices of a vocabulary."""

    def __init__(self, database, data):
        self.data = data
        self.connection = psycopg2.connect(database)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("PREPARE history(int) AS SELECT items, categories FROM bench.histories WHERE id = $1")

    def fetch(self, id):
        self.cursor.execute("EXECUTE history(%s)", (id,))
        items, categories = self.cursor.fetchone()
        item_index, category_index = self.data.item_index, self.data.category_index
        return [item_index.get(i, PADDING) for i in items], [category_index.get(c, PADDING) for c in categories]

    def all(self, count):
        """So many histories as two arrays, outside of every timing."""
        self.cursor.execute("SELECT items, categories FROM bench.histories ORDER BY id LIMIT %s", (count,))
        index = [(self.data.item_index, 0), (self.data.category_index, 1)]
        rows = self.cursor.fetchall()
        return [np.array([[of.get(v, PADDING) for v in row[column]] for row in rows], np.int64) for of, column in index]

    def time_calls(self, answer, ids):
        """Microseconds of each call: fetch, answer(items, categories) -> indices, and back to the items' ids."""
        times = []
        for id in ids:
            start = time.perf_counter()
            items, categories = self.fetch(id)
            best = [self.data.item_of[i] for i in answer(items, categories)]
            times.append(1e6 * (time.perf_counter() - start))
            assert len(best) == BEST
        return times


def serve(calls):
    """Answer requests until there are no more. Nothing but answers reaches the benchmark's end of standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": calls[request["call"]](**request["arguments"])}
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), file=answers, flush=True)
