"""LightGBM's lambdarank on the lists of candidates that recseq's ranker learns from: one line of JSON.

    lightgbm_ranker.py EXAMPLES FEATURES ROUNDS

EXAMPLES.train and EXAMPLES.test are written by bench/second_stage.c.
"""

import json
import resource
import sys
import time

import lightgbm
import numpy

K = 10  # of NDCG
HITS = 5


def read(path, features):
    """Features, labels and the lengths of the lists."""
    words = numpy.fromfile(path, dtype=numpy.int32)
    floats = words.view(numpy.float32)
    parts, labels, lengths, place = [], [], [], 0
    while place < len(words):
        rows, target = words[place], words[place + 1]
        end = place + 2 + rows * features
        parts.append(floats[place + 2:end].reshape(rows, features))
        label = numpy.zeros(rows, dtype=numpy.int8)
        label[target] = 1
        labels.append(label)
        lengths.append(rows)
        place = end
    return numpy.concatenate(parts), numpy.concatenate(labels), numpy.array(lengths)


def measure(scores, labels, lengths):
    """NDCG and hit rate; ties do not help."""
    ndcg = hits = start = 0
    for length in lengths:
        score, label = scores[start:start + length], labels[start:start + length]
        place = (score >= score[label == 1]).sum() - 1
        ndcg += 1 / numpy.log2(place + 2) if place < K else 0
        hits += place < HITS
        start += length
    return ndcg / len(lengths), hits / len(lengths)


def main():
    path, features, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    train, labels, lengths = read(path + ".train", features)
    began = time.process_time()
    data = lightgbm.Dataset(train, labels, group=lengths, params={"verbose": -1, "num_threads": 1})
    booster = lightgbm.train({"objective": "lambdarank", "lambdarank_truncation_level": K, "num_threads": 1, "verbose": -1}, data, rounds)
    fitted = time.process_time() - began
    test, labels, lengths = read(path + ".test", features)
    began = time.process_time()
    scores = booster.predict(test, num_threads=1)
    scored = time.process_time() - began
    ndcg, hit_rate = measure(scores, labels, lengths)
    print(json.dumps({
        "version": lightgbm.__version__, "fit_seconds": fitted, "score_seconds": scored, "ndcg": ndcg, "hit_rate": hit_rate,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
