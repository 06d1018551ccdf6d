"""Models: every version, how its training went, and how it compares with another and with the baselines."""

from typing import Literal

import pandas as pd
import streamlit as st

import charts
import pickers
import queries
import words
from database import errors_shown

Better = Literal["normal", "inverse", "off"]  # which difference is good: more, less, neither
EVALUATION = "demo_evaluation"  # the demo's, whose last items training has not seen: the first choice where it exists


def show_versions(models: pd.DataFrame) -> None:
    st.dataframe(
        models,
        hide_index=True,
        column_order=[
            "model",
            "version",
            "active",
            "created",
            "hit_rate",
            "val_loss",
            "sequences",
            "items",
            "seconds",
            "bytes",
            "source",
        ],
        column_config={
            "model": "Model",
            "version": "Version",
            "active": "Active",
            "created": st.column_config.DatetimeColumn("Trained", format="D MMM YYYY, HH:mm"),
            "hit_rate": st.column_config.NumberColumn("Hit rate at 5", format="percent"),
            "val_loss": st.column_config.NumberColumn("Validation loss", format="%.3f"),
            "sequences": st.column_config.NumberColumn("Sequences", format="localized"),
            "items": st.column_config.NumberColumn("Items", format="localized"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "bytes": st.column_config.NumberColumn("Size", format="bytes"),
            "source": "Source",
        },
        alt="All versions of all models",
    )


def is_zero(shown: str) -> bool:
    """Whether a difference is none, as it is shown: +0.0% is neither good nor bad."""
    return not any(digit in shown for digit in "123456789")


def show_metrics(one: pd.Series, than: pd.Series | None = None) -> None:
    """The figures of a version, with the difference to another where there is one."""

    def metric(label: str, column: str, form: str, better: Better, meaning: str) -> None:
        number = one[column]
        difference = None if than is None or pd.isna(number) or pd.isna(than[column]) else number - than[column]
        st.metric(
            label,
            "–" if pd.isna(number) else f"{number:{form}}",
            delta=None if difference is None else f"{difference:+{form}}",
            delta_color="off" if difference is not None and is_zero(f"{difference:{form}}") else better,
            border=True,
            help=meaning,
        )

    with st.container(horizontal=True):
        metric(
            "Hit rate at 5",
            "hit_rate",
            ".1%",
            "normal",
            "Share of held-out histories whose next item is among the best 5",
        )
        metric(
            "Validation loss",
            "val_loss",
            ".3f",
            "inverse",
            "How surprised the model is by held-out items: lower is better",
        )
        metric("Items", "items", ",", "off", "Items that the model knows")
        metric("Seconds", "seconds", ",.1f", "off", "Time that training took")


def show_curve(version: pd.Series) -> None:
    epochs = queries.training_curve(version["model"], int(version["version"]))
    if epochs.empty:
        st.info("This version has kept no training curve.")
        return
    best = int(version["best_epoch"])
    charts.show(
        charts.curve(epochs, best),
        charts.curve_sentence(epochs, best),
        epochs,
        f"{version['model']} {version['version']}",
    )


def show_version(version: pd.Series, than: pd.Series | None = None) -> None:
    show_metrics(version, than)
    show_curve(version)
    with st.expander("Options of this training", icon=":material/tune:"):
        options = pd.Series(version["options"], name="value").map(str).rename_axis("option")
        st.dataframe(options.reset_index(), hide_index=True, alt="Options of recseq_train as they were used")


def show_evaluation(version: pickers.Version) -> None:
    st.header("Beside simple baselines")
    st.markdown(
        "The last item of each history is hidden, and has to be predicted. The figures mean something only if the "
        "model was not trained on those last items."
    )
    sources = queries.sources()
    if not sources:
        st.info("There is no relation of sequences that this page may read.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            "Histories", sources, index=sources.index(EVALUATION) if EVALUATION in sources else 0, key="evaluated"
        )
        k = st.number_input("Best k", 1, 100, 5, key="evaluated k", width=120)
        if st.button("Measure", icon=":material/speed:"):
            st.session_state["measured"] = (source, version, k)
    if st.session_state.get("measured") != (source, version, k):
        return
    with st.spinner("Ranking all items for every history"):
        metrics = queries.evaluate(source, version.model, version.number, version.created, k)
    charts.show(charts.methods(metrics, k), charts.methods_sentence(metrics, k), metrics, "methods")


def show_activation(version: pickers.Version) -> None:
    """For a role that may: makes a version the one that answers, or goes back to the one before."""
    if not queries.may_activate(version.model):
        return
    with st.container(horizontal=True):
        if not version.active and st.button(f"Let version {version.number} answer", icon=":material/check_circle:"):
            queries.activate(version.model, version.number)
            st.rerun()
        if st.button("Roll back", icon=":material/undo:", help="Lets the version that answered before answer again"):
            queries.roll_back(version.model)
            st.rerun()


def page() -> None:
    st.title("Models")
    models = queries.models()
    if models.empty:
        st.info(words.NO_MODEL)
        return
    with st.sidebar:
        version = pickers.pick_version(models)
        other = pickers.pick_other_version(models, version, "Compare with")

    def row(version: pickers.Version) -> pd.Series:
        return models[(models["model"] == version.model) & (models["version"] == version.number)].iloc[0]

    show_activation(version)
    if other is None:
        st.header(str(version))
        show_version(row(version))
    else:
        one, two = row(version), row(other)
        for column, name, figures, than in zip(
            st.columns(2, gap="large"), (version, other), (one, two), (two, one), strict=True
        ):
            with column:
                st.header(str(name))
                show_version(figures, than)
    show_evaluation(version)
    st.header("All versions")
    show_versions(models)


with errors_shown():
    page()
