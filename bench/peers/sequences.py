"""What the peers of bench/quality_peers.py share: the cases as arrays, ranks by recseq's rules, and what a process has used.

A peer is a process of its own, so that processor seconds and memory are its alone: PEER.py MODEL CASES.npz SECONDS RESULT.json.
Items are numbered from 1 by their occurrence in the sequences that are learned from; 0 in a history or as a target does not occur there.
"""

import json
import pathlib
import resource
import sys
import time

import numpy as np

UNKNOWN = 0  # an item that no sequence has
MISS = 0  # rank of a target that cannot be ranked


class Task:
    """Sequences to learn from, and cases: a history and the item that follows it."""

    def __init__(self, path):
        arrays = np.load(path)
        self.items = int(arrays["items"])
        self.exclude_seen = bool(arrays["exclude_seen"])
        self.sequences = _split(arrays["sequence_items"], arrays["sequence_ends"])
        self.histories = _split(arrays["history_items"], arrays["history_ends"])
        self.targets = arrays["targets"]

    def known_history(self, case):
        """What of a history a model that knows only the sequences can read."""
        history = self.histories[case]
        return history[history != UNKNOWN]

    def answerable(self):
        """The cases that can be asked at all: the history has a known item, and so is the target. The others are misses."""
        return [case for case, target in enumerate(self.targets) if target != UNKNOWN and len(self.known_history(case))]


def _split(flat, ends):
    return np.split(flat, ends[:-1])


class Ranks:
    """Places of the targets among all items, and of those not in the history among the items that are not."""

    def __init__(self, task):
        self.task = task
        self.all = np.full(len(task.targets), MISS)
        self.unseen = np.full(len(task.targets), MISS)

    def add(self, case, scores):
        """scores: of every item, by its number; index 0 is not read. Another item with an equal score stands above the target."""
        target = self.task.targets[case]
        history = np.unique(self.task.known_history(case))
        scores = np.array(scores, np.float64)
        scores[UNKNOWN] = -np.inf
        above = scores >= scores[target]
        self.all[case] = np.count_nonzero(above)
        if target not in history:
            above[history] = False
            self.unseen[case] = np.count_nonzero(above)


def measure(train):
    """Run train(model, task, seconds) -> (score, about), and write what came of it. score(cases) yields (case, scores of all items)."""
    model, path, seconds, result = sys.argv[1:]
    task = Task(path)
    score, about = train(model, task, float(seconds))
    used = resource.getrusage(resource.RUSAGE_SELF)
    start = time.process_time()
    ranks = Ranks(task)
    for case, scores in score(task.answerable()):
        ranks.add(case, scores)
    pathlib.Path(result).write_text(json.dumps({
        **about,
        "seconds": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
        "answer_milliseconds": 1000 * (time.process_time() - start) / len(task.targets),
        "ranks": ranks.all.tolist(),
        "unseen_ranks": ranks.unseen.tolist(),
    }))
