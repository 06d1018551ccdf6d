"""ONNX Runtime: answers by the network that the PyTorch peer exported."""

import sys
import time

import numpy as np
import onnxruntime

import common

database, threads = sys.argv[1], int(sys.argv[2])


class Peer:
    def prepare_answers(self, relation, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.histories = common.Histories(database, common.Data(database, relation))

    def _best(self, items, categories):
        return self.session.run(["item"], {"items": items, "categories": categories})[0]

    def call(self, ids):
        def answer(items, categories):
            return self._best(np.array([items]), np.array([categories]))[0].tolist()

        return self.histories.time_calls(answer, ids)

    def answer_batches(self, count, batch_size):
        """Histories a second, from arrays that are ready to be used."""
        items, categories = self.histories.all(count)
        start = time.perf_counter()
        for row in range(0, len(items), batch_size):
            self._best(items[row : row + batch_size], categories[row : row + batch_size]).tolist()
        return len(items) / (time.perf_counter() - start)


peer = Peer()
common.serve({
    "version": lambda: f"ONNX Runtime {onnxruntime.__version__}, {threads} thread(s)",
    "prepare_answers": peer.prepare_answers,
    "call": peer.call,
    "answer_batches": peer.answer_batches,
})
