"""Help: what all this is, for people who have never met a model."""

import streamlit as st

import words

st.title("Help")
st.markdown(words.INTRODUCTION)
st.header("The pages")
st.markdown(
    """
- **Recommend**: choose a visitor, search one, or type item ids, and see what comes next. At the side (on a phone:
  behind the arrow at the top) are the model, the number of items, the filters, and a second version to compare with.
- **Models**: how good each version is. *Hit rate at 5* is the share of cases in which the true next item was among
  five proposals. A model is worth having where it beats the simple baselines: *recency* proposes the last items again,
  *popularity* what most visitors have, in the shop or in the category; *markov* what most often follows the last item;
  *vsknn* and *stan* what visitors with similar histories had.
- **Data**: what the models learn from. Look here first when recommendations get worse.
- **Jobs**: trains a model in the background.
"""
)
st.header("Words")
st.markdown(
    """
| word | means |
|---|---|
| visitor | someone who came to the shop, known by a number only |
| history | what a visitor put into the cart or bought, oldest first |
| model | what was learned from many histories; each training makes a new version |
| epoch | one pass over all the histories |
| loss | how surprised the model is by what really came next: lower is better |
| validation | histories that are kept from training, to check what was learned |
"""
)
