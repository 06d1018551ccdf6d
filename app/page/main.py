"""The page: a shop's recommender for people. Run by page.sh, with Streamlit."""

import streamlit as st

st.set_page_config(page_title="recseq", page_icon="icon.svg", layout="wide")

page = st.navigation(
    [
        st.Page("views/recommend.py", title="Recommend", icon=":material/recommend:", default=True),
        st.Page("views/models.py", title="Models", icon=":material/model_training:"),
        st.Page("views/data.py", title="Data", icon=":material/monitoring:"),
        st.Page("views/jobs.py", title="Jobs", icon=":material/play_circle:"),
        st.Page("views/help.py", title="Help", icon=":material/help:"),
    ],
    position="top",
)
page.run()
