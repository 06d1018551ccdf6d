"""Keras on TensorFlow: the stack of the seed, on its literal padded windows and on the true windows with a mask."""

import os
import sys
import time

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")

import keras
import numpy as np
import tensorflow as tf

import common

database = sys.argv[1]


def network(items, categories, masked):
    inputs = [keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")]
    embedded = [
        keras.layers.Embedding(values + 1, common.EMBEDDING, mask_zero=masked)(tokens)
        for values, tokens in zip([items, categories], inputs)
    ]
    hidden = keras.layers.Concatenate()(embedded)
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(common.UNITS))(hidden)
    hidden = keras.layers.Dropout(common.DROPOUT)(hidden)
    return keras.Model(inputs, keras.layers.Dense(items + 1, activation="softmax")(hidden))


class Peer:
    def prepare_training(self, relation, batch_size, padded):
        data = common.Data(database, relation)
        windows = data.padded_windows() if padded else data.prefix_windows()
        self.batch_size = batch_size
        self.batches = -(-len(windows) // batch_size)
        self.inputs = [windows.items.astype(np.int32), windows.categories.astype(np.int32)]
        self.targets = windows.targets.astype(np.int32)
        self.model = network(data.items, data.categories, masked=not padded)
        self.model.compile(keras.optimizers.Adam(common.LEARNING_RATE), "sparse_categorical_crossentropy")
        self._fit(0, 5)
        return {"windows": len(windows), "items": data.items}

    def _fit(self, first, last):
        rows = slice(first * self.batch_size, last * self.batch_size)
        self.model.fit([tokens[rows] for tokens in self.inputs], self.targets[rows],
                       batch_size=self.batch_size, shuffle=False, verbose=0)

    def train(self, part, parts):
        """Seconds that an epoch takes, by a share of its batches."""
        first, last = common.part_of(self.batches, part, parts)
        start = time.perf_counter()
        self._fit(first, last)
        return (time.perf_counter() - start) * self.batches / (last - first)

    def prepare_answers(self, relation):
        data = common.Data(database, relation)
        self.histories = common.Histories(database, data)
        self.model = network(data.items, data.categories, masked=False)
        shape = tf.TensorSpec((None, None), tf.int32)
        self.graph = tf.function(lambda items, categories: tf.math.top_k(self.model([items, categories]), common.BEST),
                                 input_signature=[shape, shape])

    def call_predict(self, ids):
        def answer(items, categories):
            scores = self.model.predict([np.array([items]), np.array([categories])], verbose=0)[0]
            best = np.argpartition(scores, -common.BEST)[-common.BEST:]
            return best[np.argsort(-scores[best])]

        return self.histories.time_calls(answer, ids)

    def call_graph(self, ids):
        def answer(items, categories):
            return self.graph(tf.constant([items]), tf.constant([categories])).indices[0].numpy()

        return self.histories.time_calls(answer, ids)

    def answer_batches(self, count, batch_size):
        """Histories a second through a compiled graph, from arrays that are ready to be used."""
        items, categories = (tokens.astype(np.int32) for tokens in self.histories.all(count))
        starts = range(0, len(items), batch_size)
        batches = [[tf.constant(t[s : s + batch_size]) for t in (items, categories)] for s in starts]
        start = time.perf_counter()
        for batch in batches:
            self.graph(*batch).indices.numpy()
        return len(items) / (time.perf_counter() - start)


peer = Peer()
common.serve({
    "version": lambda: f"Keras {keras.__version__} on TensorFlow {tf.__version__}",
    "prepare_training": peer.prepare_training,
    "train": peer.train,
    "prepare_answers": peer.prepare_answers,
    "call_predict": peer.call_predict,
    "call_graph": peer.call_graph,
    "answer_batches": peer.answer_batches,
})
