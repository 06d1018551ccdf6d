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

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.75rem; }
.card { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.5rem; padding: 0.6rem;
  overflow-wrap: anywhere; }
.card img, .card .blank { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; border-radius: 0.3rem; }
.card .blank { background: color-mix(in srgb, currentColor 8%, transparent); }
.card p { margin: 0.3rem 0 0; font-size: 0.9rem; line-height: 1.3; }
.card p.name { font-weight: 600; }
.card a { color: inherit; }
.st-key-views { display: none; }
@media (max-width: 48rem) { .st-key-views { display: flex; } }
@media (max-width: 40rem) { [data-testid="stTable"] :is(td, th) { padding: 0.25rem 0.3rem; font-size: 0.8rem; } }
</style>
""")

views = [
    st.Page("views/recommend.py", title="Recommend", icon=":material/recommend:", default=True),
    st.Page("views/models.py", title="Models", icon=":material/model_training:"),
    st.Page("views/data.py", title="Data", icon=":material/monitoring:"),
    st.Page("views/jobs.py", title="Jobs", icon=":material/play_circle:"),
    st.Page("views/help.py", title="Help", icon=":material/help:"),
]
page = st.navigation(views, position="top")
# On a phone Streamlit hides the views behind an arrow, so they are shown there once more.
with st.container(key="views", horizontal=True, gap="xsmall"):
    for view in views:
        st.page_link(view)
page.run()
