"""Data: is what the models learn from in good health?"""

import pandas as pd
import streamlit as st

import charts
import queries
from database import errors_shown


def page() -> None:
    st.title("Data")
    counts, bounds, events = queries.sequence_lengths(), queries.length_bounds(), queries.events_by_day()
    if counts.empty or pd.isna(bounds["upper_fence"]):
        st.info("No visitor has enough events yet.")
        return
    with st.container(horizontal=True):
        st.metric("Visitors", f"{counts['visitors'].sum():,}", border=True)
        st.metric("Events", f"{events['events'].sum():,}", border=True)
        st.metric("Days", f"{events['day'].nunique():,}", border=True)
        st.metric(
            "Upper fence",
            f"{bounds['upper_fence']:g}",
            border=True,
            help="Third quartile plus 1.5 times the interquartile range",
        )

    st.header("How long are the histories?")
    charts.show(charts.lengths(counts, bounds), charts.lengths_sentence(counts, bounds), counts, "lengths")
    with st.expander("What is the fence?", icon=":material/school:"):
        st.markdown(
            f"A quarter of the histories that are long enough to learn from have at most **{bounds['q1']:g}** events, "
            f"and a quarter at least **{bounds['q3']:g}**. The distance between the two is the interquartile range, "
            f"**{bounds['iqr']:g}**. Histories longer than the upper number plus 1.5 times that distance are outliers: "
            "often machines, not people. The table settings decides what training does with them."
        )

    st.header("Events by day")
    charts.show(charts.days(events), charts.days_sentence(events), events, "days")
    st.caption("Days are in UTC. A gap or a sudden step is worth a question. The figures may be ten minutes old.")


with errors_shown():
    page()
