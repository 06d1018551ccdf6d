"""SASRec or eSASRec of RecTools, as its authors set them in their benchmark, on the cases of bench/quality_peers.py."""

import datetime
import time

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.transformers.ligr import LiGRLayers

from sequences import measure

# Of the benchmark for eSASRec: sampled softmax for both, one block of 64 columns for the sets of Amazon reviews.
SETTINGS = {
    "n_factors": 64, "n_blocks": 1, "n_heads": 1, "dropout_rate": 0.2, "session_max_len": 50,
    "loss": "sampled_softmax", "n_negatives": 256, "lr": 0.001, "batch_size": 128, "use_key_padding_mask": True,
}
LAYERS = {"SASRec": {}, "eSASRec": {"transformer_layers_type": LiGRLayers, "transformer_layers_kwargs": {"ff_factors_multiplier": 1}}}
EPOCHS = 200
PATIENCE = 50
SEED = 1
BATCH = 256  # histories scored together
BEST = 50  # places that are looked at, and more
START = datetime.datetime(2020, 1, 1)


class TimeLimit(Callback):
    """Ends training after the epoch in which the processor seconds are used up."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.stopped = False

    def on_train_epoch_end(self, trainer, _module):
        self.stopped = time.process_time() > self.seconds
        trainer.should_stop = trainer.should_stop or self.stopped


def interactions(sequences):
    """One row an event: sequences by (user, items)."""
    users = np.concatenate([np.full(len(items), user) for user, items in sequences])
    places = np.concatenate([np.arange(len(items)) for _, items in sequences])
    return pd.DataFrame({
        Columns.User: users, Columns.Item: np.concatenate([items for _, items in sequences]), Columns.Weight: 1.0,
        Columns.Datetime: START + pd.to_timedelta(places, "s"),
    })


def last_of_each(events):
    """The validation mask: the last event of every sequence that keeps two without it."""
    by_user = events.groupby(Columns.User)[Columns.Datetime]
    return ((by_user.rank(ascending=False, method="first") == 1) & (by_user.transform("size") > 2)).to_numpy()


def train(name, task, seconds):
    seed_everything(SEED)
    limit, best = TimeLimit(seconds), ModelCheckpoint(monitor=SASRecModel.val_loss_name, mode="min", save_top_k=1)

    def trainer():
        return Trainer(max_epochs=EPOCHS, min_epochs=1, deterministic=True, accelerator="cpu", enable_progress_bar=False,
                       enable_model_summary=False, logger=False,
                       callbacks=[EarlyStopping(SASRecModel.val_loss_name, mode="min", patience=PATIENCE), best, limit])

    model = SASRecModel(**SETTINGS, **LAYERS[name], get_trainer_func=trainer, get_val_mask_func=last_of_each)
    model.fit(Dataset.construct(interactions(list(enumerate(task.sequences)))))
    callbacks = {type(callback): callback for callback in model.fit_trainer.callbacks}
    checkpoint = callbacks[ModelCheckpoint].best_model_path
    model.load_weights_from_checkpoint(checkpoint)
    about = {"epochs": model.fit_trainer.current_epoch, "best_epoch": torch.load(checkpoint, weights_only=False)["epoch"] + 1,
             "stopped": callbacks[TimeLimit].stopped}
    return lambda cases: score_all(model, task, cases), about


def score_all(model, task, cases):
    """The best items have their scores, all others less: enough for BEST places among the items that are not in the history."""
    known = set(model.data_preparator.get_known_item_ids())
    readable = [(case, task.known_history(case)) for case in cases if task.targets[case] in known]
    readable = [(case, history) for case, history in readable if known.intersection(history)]
    readable.sort(key=lambda one: len(one[1]))
    for begin in range(0, len(readable), BATCH):
        batch = readable[begin : begin + BATCH]
        answers = model.recommend([case for case, _ in batch], Dataset.construct(interactions(batch)),
                                  k=min(BEST + len(batch[-1][1]), len(known)), filter_viewed=False, add_rank_col=False)
        for case, answer in answers.groupby(Columns.User):
            scores = np.full(task.items + 1, -np.inf)
            scores[answer[Columns.Item].to_numpy()] = answer[Columns.Score].to_numpy()
            yield case, scores


if __name__ == "__main__":
    measure(train)
