"""PyTorch: the same network, trained on the same windows as packed sequences, or on the seed's padded windows."""

import sys
import time

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import common

database, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)  # Adam's moments fade into denormals, which would slow PyTorch down


class Network(nn.Module):
    def __init__(self, items, categories):
        super().__init__()
        self.item = nn.Embedding(items + 1, common.EMBEDDING)
        self.category = nn.Embedding(categories + 1, common.EMBEDDING)
        self.lstm = nn.LSTM(2 * common.EMBEDDING, common.UNITS, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(common.DROPOUT)
        self.output = nn.Linear(2 * common.UNITS, items + 1)

    def embed(self, items, categories):
        return torch.cat([self.item(items), self.category(categories)], -1)

    def score(self, last):
        return self.output(self.dropout(torch.cat([last[0], last[1]], 1)))

    def forward(self, items, categories):
        """Padded or equally long histories: batch x time."""
        return self.score(self.lstm(self.embed(items, categories))[1][0])

    def forward_packed(self, packed, batch_sizes):
        """Packed histories, longest first: packed is tokens x (item, category)."""
        tokens = PackedSequence(self.embed(packed[:, 0], packed[:, 1]), batch_sizes)
        return self.score(self.lstm(tokens)[1][0])


class Answer(nn.Module):
    """The best items and their probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, items, categories):
        return torch.topk(torch.softmax(self.network(items, categories), 1), common.BEST)


class Peer:
    def prepare_training(self, relation, batch_size, padded):
        """Every batch of an epoch as tensors that are ready to be used."""
        data = common.Data(database, relation)
        windows = data.padded_windows() if padded else data.prefix_windows()
        self.batches = [
            self._batch(windows, slice(start, start + batch_size), padded)
            for start in range(0, len(windows), batch_size)
        ]
        self.network = Network(data.items, data.categories)
        self.forward = self.network if padded else self.network.forward_packed
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=common.LEARNING_RATE)
        self.loss = nn.CrossEntropyLoss()
        self._train(self.batches[:5])
        return {"windows": len(windows), "items": data.items}

    @staticmethod
    def _batch(windows, rows, padded):
        items, categories = torch.tensor(windows.items[rows]), torch.tensor(windows.categories[rows])
        targets = torch.tensor(windows.targets[rows])
        if padded:
            return (items, categories), targets
        lengths, order = torch.sort(torch.tensor(windows.lengths[rows]), descending=True, stable=True)
        tokens = torch.stack([items, categories], -1)
        tokens = torch.stack([tokens[row].roll(int(n), 0) for row, n in zip(order, lengths)])  # filled from the front
        packed = pack_padded_sequence(tokens, lengths, batch_first=True)
        return (packed.data, packed.batch_sizes), targets[order]

    def _train(self, batches):
        for inputs, targets in batches:
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.forward(*inputs), targets).backward()
            self.optimizer.step()

    def train(self, part, parts):
        """Seconds that an epoch takes, by a share of its batches."""
        first, last = common.part_of(len(self.batches), part, parts)
        start = time.perf_counter()
        self._train(self.batches[first:last])
        return (time.perf_counter() - start) * len(self.batches) / (last - first)

    def prepare_answers(self, relation, export=None):
        data = common.Data(database, relation)
        self.histories = common.Histories(database, data)
        self.answer = Answer(Network(data.items, data.categories)).eval()
        if export:
            axes = {"items": {0: "batch", 1: "time"}, "categories": {0: "batch", 1: "time"}}
            example = torch.ones((1, 8), dtype=torch.int64)
            torch.onnx.export(self.answer, (example, example), export, opset_version=14, dynamic_axes=axes,
                              input_names=["items", "categories"], output_names=["score", "item"])

    def call(self, ids):
        def answer(items, categories):
            return self.answer(torch.tensor([items]), torch.tensor([categories])).indices[0].tolist()

        with torch.inference_mode():
            return self.histories.time_calls(answer, ids)

    def answer_batches(self, count, batch_size):
        """Histories a second, from arrays that are ready to be used."""
        items, categories = map(torch.tensor, self.histories.all(count))
        with torch.inference_mode():
            start = time.perf_counter()
            for batch in zip(items.split(batch_size), categories.split(batch_size)):
                self.answer(*batch).indices.tolist()
            return len(items) / (time.perf_counter() - start)


peer = Peer()
common.serve({
    "version": lambda: f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread(s)",
    "prepare_training": peer.prepare_training,
    "train": peer.train,
    "prepare_answers": peer.prepare_answers,
    "call": peer.call,
    "answer_batches": peer.answer_batches,
})
