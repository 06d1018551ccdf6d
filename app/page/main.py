"""The page: a shop's recommender for people. Run by page.sh, with Streamlit."""

import streamlit as st

st.set_page_config(page_title="recseq", page_icon="icon.svg", layout="wide")

# Streamlit leaves much room at the top and, on a wide screen, at the sides; and on a narrow one, in tables.
# Its tags are white on the primary color, which in dark mode is too light for that.
st.html("""
<style>
[data-testid="stMainBlockContainer"] { padding-top: 4rem; }
[data-tag], [data-tag] * { color: light-dark(white, black) !important; }
@media (min-width: 60rem) { [data-testid="stMainBlockContainer"] { padding-left: 2.5rem; padding-right: 2.5rem; } }
@media (max-width: 40rem) { [data-testid="stTable"] :is(td, th) { padding: 0.25rem 0.3rem; font-size: 0.8rem; } }
</style>
""")

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
