"""Jobs: training in the background, with its progress."""

from typing import Literal

import pandas as pd
import streamlit as st

import queries
from database import as_sentence, errors_shown

REFRESH = "1s"
MODEL_NAME_LENGTH = 63
Color = Literal["gray", "blue", "orange", "green", "red"]
COLORS: dict[str, Color] = {
    "queued": "gray",
    "running": "blue",
    "interrupted": "orange",
    "done": "green",
    "failed": "red",
    "cancelled": "orange",
}
UNFINISHED = ("queued", "running", "interrupted")
POLLING = "polling"  # in the session: some job was unfinished when the jobs were shown last


def start_form() -> None:
    with st.form("start"):
        st.header("Train a model")
        with st.container(horizontal=True):
            source = st.selectbox("Learn from", queries.sources(), index=None, placeholder="Choose a table or a view")
            model = st.text_input("Name of the model", "page", max_chars=MODEL_NAME_LENGTH)
        with st.container(horizontal=True):
            epochs = st.number_input(
                "Epochs, at most",
                1,
                1000,
                20,
                help="One epoch reads all histories once. Training stops when more do not help.",
            )
            units = st.number_input("Units", 1, 1024, 32, help="Size of the network's memory")
            rate = st.number_input(
                "Learning rate", 1e-4, 1.0, 0.005, 0.001, "%.4f", help="Size of the steps it learns in"
            )
        if not st.form_submit_button("Start", icon=":material/play_arrow:"):
            return
    if source is None or not model.strip():
        st.warning("Choose what to learn from, and name the model.")
        return
    job = queries.start_job(source, model.strip(), epochs, units, rate)
    st.session_state[POLLING] = True
    st.toast(f"Job {job} is queued.", icon=":material/schedule:")


def progress(job: pd.Series) -> float:
    """Share of the time of training that is over, both stages of it."""
    if pd.isna(job["seconds"]) or pd.isna(job["seconds_left"]):
        return 1.0 if job["phase"] == "storing" else 0.0
    seconds = float(job["seconds"])
    return min(seconds / max(seconds + job["seconds_left"], 0.001), 1.0)


def about(job: pd.Series) -> str:
    """What there is to say of a job, in one line."""
    said = [f"Reads {job['source']}"]
    if pd.notna(job["phase"]):
        said.append(str(job["phase"]))
    if job["epoch"] > 0:
        said.append(f"epoch {job['epoch']} of {job['epochs']}")
    if pd.notna(job["loss"]):
        said.append(f"loss {job['loss']:.3f}")
    if pd.notna(job["val_loss"]):
        said.append(f"validation loss {job['val_loss']:.3f}")
    if pd.notna(job["seconds_left"]):
        said.append(f"at most {job['seconds_left']:.0f} s left")
    if pd.notna(job["version"]):
        said.append(f"made version {job['version']:.0f} in {(job['ended'] - job['started']).total_seconds():.1f} s")
    return ", ".join(said) + "."


def show_job(job: pd.Series) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Job {job['job']}**: model {job['model']}")
            st.badge(job["state"], color=COLORS.get(job["state"], "gray"))
        st.caption(about(job))
        if pd.notna(job["error"]):
            st.caption(as_sentence(job["error"]))
        if job["state"] not in UNFINISHED:
            return
        st.progress(progress(job), text=f"{100 * progress(job):.0f} %")
        if st.button("Cancel", key=f"cancel {job['job']}", icon=":material/cancel:"):
            queries.cancel_job(int(job["job"]))
            st.rerun(scope="fragment")


def show_jobs() -> None:
    """Runs again every second while some job goes on."""
    with errors_shown():
        jobs = queries.jobs()
        if jobs.empty:
            st.info(
                "No job of this page's is on record. Jobs of other roles are not shown, and old ones are forgotten."
            )
        for _, job in jobs.iterrows():
            show_job(job)
        unfinished = bool(jobs["state"].isin(UNFINISHED).any())
    if unfinished != st.session_state.get(POLLING, False):
        st.session_state[POLLING] = unfinished
        st.rerun()


def page() -> None:
    st.title("Jobs")
    st.markdown("A model is trained in the background, by the database itself. This page may be closed meanwhile.")
    start_form()
    st.header("The newest jobs")
    st.fragment(show_jobs, run_every=REFRESH if st.session_state.get(POLLING, False) else None)()


with errors_shown():
    page()
