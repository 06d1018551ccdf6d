#!/usr/bin/python3
"""Makes the *.bin files of this directory, which reference_test.c reads.

    /usr/bin/python3 test/unit/vectors/make_vectors.py      (Debian: python3-torch)

Each file is one network that PyTorch ran: its parameters and data, and what came
out: the representation of each window, the mean loss, the gradient of every
parameter, the losses of ten steps of Adam and the parameters after them.
PyTorch computes in double precision here; the results do not depend on the
machine beyond their last digits.

A file is text and then numbers. The text: a line "recseq-vectors 1", a line
"name count" for each array, an empty line. Then the arrays in the same order,
float32, little-endian; whole numbers are float32 too.
"""
import math
import os
import struct

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 10
LEARNING_RATE = 0.01

# Smaller than what they stand for, for the sake of the files' size.
NETWORKS = {
    # (a) items only: BiLSTM, self-attention, a second LSTM
    "seed_a": dict(items=40, item_dim=8, features=[], feature_dim=1, units=6, layers=2,
                   bidirectional=True, attention=True, tied=False, clip=0.0),
    # (b) items only: LSTM
    "seed_b": dict(items=40, item_dim=10, features=[], feature_dim=1, units=16, layers=1,
                   bidirectional=False, attention=False, tied=False, clip=0.177),
    # (c) items and categories: LSTM
    "seed_c": dict(items=40, item_dim=9, features=[7], feature_dim=5, units=12, layers=1,
                   bidirectional=False, attention=False, tied=False, clip=0.0),
    # (d) items and categories: BiLSTM
    "seed_d": dict(items=40, item_dim=10, features=[7], feature_dim=10, units=8, layers=1,
                   bidirectional=True, attention=False, tied=False, clip=0.232),
    # what the seeds leave out
    "tied": dict(items=40, item_dim=7, features=[7, 3], feature_dim=3, units=5, layers=2,
                 bidirectional=True, attention=False, tied=True, clip=0.19),
    "attention": dict(items=40, item_dim=6, features=[], feature_dim=1, units=5, layers=1,
                      bidirectional=True, attention=True, tied=False, clip=0.0),
    # scores by cosine, and the newest item past the LSTM
    "cosine": dict(items=40, item_dim=7, features=[7], feature_dim=3, units=5, layers=1,
                   bidirectional=True, attention=False, tied=True, clip=1.2, scale=6.0, residual=True),
    # items of the history may be copied
    "copy": dict(items=12, item_dim=7, features=[7], feature_dim=3, units=5, layers=1,
                 bidirectional=True, attention=False, tied=True, clip=4.3, scale=6.0, residual=True, copy=True),
}
MAX_LENGTH = 5
COPY_GAIN = 10
COPY_RANKS = 16
COPY_COUNTS = 4
SEQUENCE_LENGTHS = [2, 9, 1, 4, 6, 3, 12, 2, 5]


def rounded(tensor):
    """To float32 and back: what the file holds is what PyTorch computes with."""
    return tensor.to(torch.float32).to(torch.float64)


class Network(nn.Module):
    """The network of src/nn out of PyTorch's own modules."""

    def __init__(self, shape, generator):
        super().__init__()
        self.shape = shape
        units = shape["units"]
        self.item_embedding = nn.Embedding(shape["items"] + 1, shape["item_dim"])
        self.feature_embedding = nn.ModuleList(
            [nn.Embedding(values, shape["feature_dim"]) for values in shape["features"]])
        width = shape["item_dim"] + len(shape["features"]) * shape["feature_dim"]
        both = shape["bidirectional"]
        self.lstms = nn.ModuleList()
        for layer in range(shape["layers"]):
            # attention lies below the last LSTM, which then reads forward only
            if shape["attention"] and layer > 0 and layer == shape["layers"] - 1:
                both = False
            lstm = nn.LSTM(width, units, bidirectional=both, batch_first=True)
            self.lstms.append(lstm)
            width = units * (2 if both else 1)
        if shape["tied"]:
            self.projection = nn.Linear(width, shape["item_dim"], bias=False)
            if shape.get("residual"):
                self.gate = nn.Linear(width, shape["item_dim"])
            if shape.get("copy"):
                read = shape["item_dim"] + len(shape["features"]) * shape["feature_dim"]
                self.copy_query = nn.Linear(width, read)
                self.copy_place = nn.Embedding(COPY_RANKS * COPY_COUNTS, 1)
            width = shape["item_dim"]
        else:
            self.output_weight = nn.Parameter(torch.empty(shape["items"], width))
        self.output_bias = nn.Parameter(torch.empty(shape["items"]))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if "bias_hh" in name:
                    # one bias in src/nn: the other of PyTorch's two stays 0
                    parameter.zero_()
                    parameter.requires_grad_(False)
                    continue
                scale = 0.8 if "embedding" in name else 1.5 / math.sqrt(parameter.shape[-1])
                if parameter.dim() == 1:
                    scale = 0.5
                parameter.copy_(rounded(scale * (2 * torch.rand(
                    parameter.shape, generator=generator) - 1)))
            if self.scale > 0:
                self.output_bias.zero_()
                self.keep_length()
                self.item_embedding.weight.copy_(rounded(self.item_embedding.weight))

    @property
    def scale(self):
        return self.shape.get("scale", 0)

    def keep_length(self):
        """With a scale, embeddings of items have length 1, also after a step ..."""
        if self.scale > 0:
            with torch.no_grad():
                weight = self.item_embedding.weight
                weight.copy_(nn.functional.normalize(weight, dim=1))

    def project_gradient(self):
        """... and a step turns them, and does nothing else."""
        if self.scale > 0:
            with torch.no_grad():
                weight = self.item_embedding.weight
                weight.grad -= (weight.grad * weight).sum(1, keepdim=True) * weight

    def pointer(self, items, x, state):
        """The distinct items of one window, and the probabilities of generating and of copying each."""
        distinct = list(dict.fromkeys(reversed(items.tolist())))
        newest = [max(p for p, item in enumerate(items.tolist()) if item == one) for one in distinct]
        counts = [items.tolist().count(one) for one in distinct]
        place = torch.tensor([min(rank, COPY_RANKS - 1) * COPY_COUNTS + min(count, COPY_COUNTS) - 1
                              for rank, count in enumerate(counts)])
        score = COPY_GAIN * self.copy_place(place).reshape(-1) + x[newest] @ self.copy_query(state)
        return distinct, torch.softmax(torch.cat([torch.zeros(1), score]), dim=0)

    def log_probability(self, representation, pointer, target):
        """Of the target, after one window."""
        result = torch.log_softmax(self.logits(representation), dim=-1)[target]
        if pointer is None:
            return result
        distinct, share = pointer
        copied = share[1 + distinct.index(int(target))] if int(target) in distinct else 0
        return torch.log(share[0] * result.exp() + copied)

    def represent(self, items, features):
        """The representation of one window: tensors of its tokens, oldest first; what may be copied."""
        parts = [self.item_embedding(items)]
        parts += [embedding(values) for embedding, values in zip(self.feature_embedding, features)]
        x = torch.cat(parts, dim=-1).unsqueeze(0)
        read = x[0]
        attended = None
        for layer, lstm in enumerate(self.lstms):
            x, (final, _) = lstm(x)
            if self.shape["attention"] and layer == max(0, len(self.lstms) - 2):
                scores = x @ x.transpose(1, 2) / math.sqrt(x.shape[-1])
                attended = x = torch.softmax(scores, dim=-1) @ x
        if self.shape["attention"] and len(self.lstms) == 1:
            state = attended[0, -1]
        else:
            state = final[:, 0].reshape(-1)     # forward, backward
        if not self.shape["tied"]:
            return state, None
        pointer = self.pointer(items, read, state) if self.shape.get("copy") else None
        result = self.projection(state)
        if self.shape.get("residual"):
            result = result + torch.sigmoid(self.gate(state)) * parts[0][-1]
        if self.scale > 0:
            result = self.scale * nn.functional.normalize(result, dim=0)
        return result, pointer

    def logits(self, representation):
        weight = (self.item_embedding.weight[:-1] if self.shape["tied"] else self.output_weight)
        return representation @ weight.t() + self.output_bias

    def views(self):
        """Name in src/nn -> parameter."""
        result = {}
        for layer, lstm in enumerate(self.lstms):
            for direction, suffix in enumerate(["", "_reverse"] if lstm.bidirectional else [""]):
                prefix = "lstm%d.%d." % (layer, direction)
                result[prefix + "w_input"] = getattr(lstm, "weight_ih_l0" + suffix)
                result[prefix + "w_hidden"] = getattr(lstm, "weight_hh_l0" + suffix)
                result[prefix + "bias"] = getattr(lstm, "bias_ih_l0" + suffix)
        if self.shape["tied"]:
            result["projection"] = self.projection.weight
        if self.shape.get("residual"):
            result["gate_weight"] = self.gate.weight
            result["gate_bias"] = self.gate.bias
        if self.shape.get("copy"):
            result["copy_query"] = self.copy_query.weight
            result["copy_bias"] = self.copy_query.bias
            result["copy_place"] = self.copy_place.weight
        result["item_embedding"] = self.item_embedding.weight
        for number, embedding in enumerate(self.feature_embedding):
            result["feature_embedding%d" % number] = embedding.weight
        if not self.shape["tied"]:
            result["output_weight"] = self.output_weight
        result["output_bias"] = self.output_bias
        return result


def make_data(shape, generator):
    """Sequences of tokens: lists of item tensors and of lists of feature tensors."""
    def draw(bound, count):
        return torch.randint(bound, (count,), generator=generator)

    items = [draw(shape["items"], length) for length in SEQUENCE_LENGTHS]
    for sequence in items[::3]:
        sequence[0] = shape["items"]    # unknown; nobody's target
    features = [[draw(values, length) for values in shape["features"]]
                for length in SEQUENCE_LENGTHS]
    return items, features


def forward(network, items, features):
    """Representations of all windows, in the order of their targets, and mean loss."""
    representations = []
    losses = []
    for item, feature in zip(items, features):
        for position in range(1, len(item)):
            first = max(0, position - MAX_LENGTH)
            representation, pointer = network.represent(
                item[first:position], [values[first:position] for values in feature])
            representations.append(representation)
            losses.append(-network.log_probability(representation, pointer, item[position]))
    return torch.stack(representations), torch.stack(losses).mean()


def write(path, arrays):
    with open(path, "wb") as file:
        file.write(b"recseq-vectors 1\n")
        for name, values in arrays:
            file.write(("%s %d\n" % (name, len(values))).encode())
        file.write(b"\n")
        for _, values in arrays:
            file.write(struct.pack("<%df" % len(values), *values))


def flat(tensor):
    return tensor.detach().reshape(-1).tolist()


def make(name, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    network = Network(shape, generator)
    items, features = make_data(shape, generator)
    parameters = [p for p in network.parameters()
                  if p.requires_grad and not (network.scale > 0 and p is network.output_bias)]
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-7)
    arrays = [
        ("config", [shape["items"], shape["item_dim"], shape["feature_dim"], shape["units"],
                    shape["layers"], MAX_LENGTH, shape["bidirectional"], shape["attention"],
                    shape["tied"], shape.get("scale", 0), shape.get("residual", False),
                    shape.get("copy", False)]),
        ("feature_values", shape["features"]),
        ("training", [STEPS, LEARNING_RATE, shape["clip"]]),
        ("sequence_lengths", SEQUENCE_LENGTHS),
        ("item", torch.cat(items).tolist()),
    ]
    for number in range(len(shape["features"])):
        arrays.append(("feature%d" % number,
                       torch.cat([values[number] for values in features]).tolist()))
    for view, parameter in network.views().items():
        arrays.append(("initial." + view, flat(parameter)))

    losses = []
    clipped = []
    for step in range(STEPS):
        network.zero_grad()
        representation, loss = forward(network, items, features)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            arrays.append(("representation", flat(representation)))
            for view, parameter in network.views().items():
                arrays.append(("gradient." + view, flat(parameter.grad)))
        network.project_gradient()
        if shape["clip"] > 0:
            norm = nn.utils.clip_grad_norm_(parameters, shape["clip"])
            clipped.append(bool(norm > shape["clip"]))
        optimizer.step()
        network.keep_length()
    # Adam does not see a factor that all gradients share: some steps only must be clipped
    assert not clipped or 3 <= sum(clipped) <= 7, "%d steps are clipped" % sum(clipped)
    arrays.append(("losses", losses))
    for view, parameter in network.views().items():
        arrays.append(("final." + view, flat(parameter)))
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".bin"), arrays)
    print("%-10s loss %.6f -> %.6f" % (name, losses[0], losses[-1]))


if __name__ == "__main__":
    for number, (name, shape) in enumerate(NETWORKS.items()):
        make(name, shape, 20240 + number)
