"""A model of RecBole, with the library's own settings, on the cases of bench/quality_peers.py."""

import pathlib
import time

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed

from sequences import measure

DATASET = "sequences"
BATCH = 256  # histories scored together

# Cross-entropy over all items wants no sampled negatives; the last event of each sequence validates.
SETTINGS = {
    "data_path": ".",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "train_neg_sample_args": None,
    "eval_args": {"split": {"LS": "valid_only"}, "group_by": "user", "order": "TO", "mode": "full"},
    "use_gpu": False,
    "show_progress": False,
    "state": "ERROR",
}


class TimeIsUp(Exception):
    """After an epoch: the best one so far is kept."""


def write_atomic_file(task):
    folder = pathlib.Path(DATASET)
    folder.mkdir(exist_ok=True)
    with (folder / f"{DATASET}.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user, items in enumerate(task.sequences):
            file.writelines(f"{user}\t{item}\t{place}\n" for place, item in enumerate(items))


def fit(trainer, train_data, valid_data, seconds):
    """Number of epochs, and whether the limit ended them."""
    epochs = []

    def after_epoch(epoch, score):
        epochs.append(score)
        if time.process_time() > seconds:
            raise TimeIsUp

    try:
        trainer.fit(train_data, valid_data, verbose=False, saved=True, callback_fn=after_epoch)
    except TimeIsUp:
        return epochs, True
    return epochs, False


def train(name, task, seconds):
    write_atomic_file(task)
    config = Config(model=name, dataset=DATASET, config_dict=SETTINGS)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train_data, valid_data, _ = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(name)(config, train_data.dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    epochs, stopped = fit(trainer, train_data, valid_data, seconds)
    model.load_state_dict(torch.load(trainer.saved_model_file)["state_dict"])
    model.eval()
    token = dataset.token2id("item_id", [str(item) for item in range(1, task.items + 1)])
    token = np.concatenate([[0], token])
    length = config["MAX_ITEM_LIST_LENGTH"]

    def score(cases):
        for begin in range(0, len(cases), BATCH):
            batch = cases[begin : begin + BATCH]
            histories = [token[task.known_history(case)[-length:]] for case in batch]
            rows = np.zeros((len(batch), length), np.int64)
            for row, history in zip(rows, histories):
                row[: len(history)] = history
            question = Interaction({"item_id_list": torch.from_numpy(rows), "item_length": torch.tensor([len(h) for h in histories])})
            with torch.no_grad():
                scores = model.full_sort_predict(question).view(len(batch), -1).numpy()
            yield from zip(batch, scores[:, token])

    return score, {"epochs": len(epochs), "best_epoch": int(np.argmax(epochs)) + 1, "stopped": stopped}


if __name__ == "__main__":
    measure(train)
