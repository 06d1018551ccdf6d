"""Jobs: training in the background, with its progress."""

import pandas as pd
import queries
import streamlit as st
from database import errors_shown

REFRESH = "1s"
MODEL_NAME_LENGTH = 63
UNFINISHED = ("queued", "starting", "running")


def start_form() -> None:
    sources = queries.sources()
    with st.form("start", border=True):
        st.subheader("Train a model")
        with st.container(horizontal=True):
            source = st.selectbox("Learn from", sources, index=None, placeholder="Choose a relation of sequences")
            model = st.text_input("Name of the model", "page", max_chars=MODEL_NAME_LENGTH)
        with st.container(horizontal=True):
            epochs = st.number_input(
                "Epochs, at most",
                1,
                1000,
                20,
                help="One epoch reads all the data once. Training stops early when it no longer helps.",
            )
            units = st.number_input("Units", 1, 1024, 32, help="Size of the network's memory")
            rate = st.number_input(
                "Learning rate", 1e-4, 1.0, 0.005, step=0.001, format="%.4f", help="Size of the steps"
            )
        if st.form_submit_button("Start", type="primary", icon=":material/play_arrow:"):
            if source is None or not model:
                st.warning("Choose what to learn from, and name the model.")
                return
            job = queries.start_job(source, model, epochs, units, rate)
            st.toast(f"Job {job} has started.", icon=":material/play_circle:")


def show_job(job: pd.Series) -> bool:
    """One job; returns whether it goes on."""
    goes_on = job["state"] in UNFINISHED
    epoch, epochs = int(job["epoch"] or 0), max(int(job["epochs"] or 0), 1)
    said = f"**Job {job['job']}** · {job['model']} · {job['state']}"
    if epoch > 0:
        said += f" · epoch {epoch} of {epochs}"
    if pd.notna(job["loss"]):
        said += f" · loss {job['loss']:.3f}"
    if pd.notna(job["val_loss"]):
        said += f", validation loss {job['val_loss']:.3f}"
    with st.container(border=True):
        st.markdown(said)
        if goes_on:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.progress(min(epoch / epochs, 1.0))
                if st.button("Cancel", key=f"cancel {job['job']}", icon=":material/cancel:"):
                    queries.cancel_job(int(job["job"]))
                    st.rerun(scope="fragment")
    return goes_on


def show_jobs(polling: bool) -> None:
    with errors_shown():
        jobs = queries.jobs()
        if jobs.empty:
            st.info("No job has run yet.")
            return
        active = [show_job(job) for _, job in jobs.iterrows()]
        if any(active) != polling:
            st.session_state["polling"] = any(active)
            st.rerun()


def page() -> None:
    st.title("Jobs")
    if not queries.has_jobs():
        st.info("This version of recseq trains only in the foreground: SELECT * FROM recseq_train(...).")
        return
    start_form()
    st.subheader("Jobs")
    polling = st.session_state.get("polling", True)
    st.fragment(show_jobs, run_every=REFRESH if polling else None)(polling)


with errors_shown():
    page()
