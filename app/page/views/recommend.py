"""Recommend: a history, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
import inputs
import pickers
import queries
import words
from database import errors_shown
from history import History, parse_items

EVENTS = {"addtocart": "in cart", "transaction": "bought", "view": "viewed"}
ROWS_AT_ONCE = 6
ROW_HEIGHT = 35
UNCHANGED, NEW = "", "new"


@dataclass(frozen=True, slots=True)
class Filters:
    k: int
    exclude_seen: bool
    only_categories: tuple[int, ...]


def pick_filters() -> Filters:
    k = st.slider("How many items", 1, 20, 5, key="k", persist_state="session")
    exclude_seen = st.toggle("Leave out what the visitor had", key="exclude seen", persist_state="session")
    only_categories = st.multiselect(
        "Only these categories", queries.categories(), key="only categories", placeholder="All", persist_state="session"
    )
    return Filters(k, exclude_seen, tuple(only_categories))


def show_history(history: History) -> None:
    frame = history.frame()
    if "event" in frame:
        frame["event"] = frame["event"].map(lambda event: EVENTS.get(event, event))
    st.dataframe(
        frame,
        hide_index=True,
        height=ROW_HEIGHT * (min(len(frame), ROWS_AT_ONCE) + 1) + 3,
        row_height=ROW_HEIGHT,
        column_config={
            "item": st.column_config.NumberColumn("Item", format="%d"),
            "category": st.column_config.NumberColumn("Category", format="%d", help="0: the shop gives none"),
            "event": "What",
            "time": st.column_config.DatetimeColumn("When", format="D MMM YYYY HH:mm"),
        },
        alt=f"History of {len(frame)} events, newest first",
    )


def added_items(history: History, suggested: Sequence[int]) -> tuple[int, ...]:
    """What the visitor might do next, in thought."""
    chosen = st.multiselect(
        "What if these came next?",
        [str(item) for item in suggested],
        accept_new_options=True,
        select_all=False,
        key=f"what if {history.items}",
        placeholder="Choose an item, or type any item's id",
        help="They are added to the end of the history, as if put into the cart. Nothing is stored.",
    )
    parsed = parse_items(" ".join(chosen))
    if parsed.bad:
        st.error(f"{inputs.named(parsed.bad)} no item id: left out.", icon=":material/error:")
    return parsed.items


def moves(answer: pd.DataFrame, before: pd.DataFrame) -> list[str]:
    """How far each item of the answer has moved, beside the answer before."""
    ranks = dict(zip(before["item"], before["rank"], strict=True))
    return [move(ranks.get(item), rank) for item, rank in zip(answer["item"], answer["rank"], strict=True)]


def move(before: int | None, now: int) -> str:
    if before is None:
        return NEW
    if before == now:
        return UNCHANGED
    return f"▲ {before - now}" if before > now else f"▼ {now - before}"


def answer_table(answer: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "Rank": answer["rank"],
            "Item": answer["item"],
            "Category": answer["category"],
            "Score": answer["score"].map(charts.percent),
            "Confidence": answer["confidence"].map(charts.percent),
            "Why": answer["reason"],
        }
    )
    if before is not None:
        table.insert(2, "Moved", moves(answer, before))
    return table


def show_answer(answer: pd.DataFrame, before: pd.DataFrame | None = None) -> None:
    if answer.empty:
        st.info("No item is left. Loosen the filters.")
        return
    st.table(answer_table(answer, before), hide_index=True, border="horizontal", alt="Recommended items")
    charts.show(charts.scores(answer), charts.scores_sentence(answer))
    for kind in answer["reason"].map(words.reason_kind).unique():
        if kind in words.REASONS:
            st.caption(f"**{kind.capitalize()}**: {words.REASONS[kind]}")


def agreement(one: pd.DataFrame, other: pd.DataFrame) -> str:
    shared = len(set(one["item"]) & set(other["item"]))
    same_first = one["item"].head(1).tolist() == other["item"].head(1).tolist()
    first = "The first place is the same." if same_first else "The first places differ."
    return f"{shared} of {max(len(one), len(other))} items are in both answers. {first}"


def show_comparison(answers: dict[str, pd.DataFrame]) -> None:
    """The answers of two versions, by their names, side by side."""
    st.header("Most probable next items")
    st.markdown(agreement(*answers.values()))
    for column, (name, answer) in zip(st.columns(2, gap="medium"), answers.items(), strict=True):
        with column:
            st.markdown(f"**{name}**")
            show_answer(answer)


def page() -> None:
    st.title("What comes next?")
    with st.expander("New here? What you are looking at", icon=":material/school:"):
        st.markdown(words.INTRODUCTION)

    models = queries.models()
    if models.empty:
        st.info(words.NO_MODEL)
        return
    with st.sidebar:
        version = pickers.pick_version(models)
        filters = pick_filters()
        other = pickers.pick_other_version(models, version, "Compare with")

    history = inputs.choose_history()
    if history is None:
        return

    def ask(history: History, version: pickers.Version) -> pd.DataFrame:
        return queries.recommend(
            history, filters.k, version.model, version.number, filters.exclude_seen, filters.only_categories
        )

    before = ask(history, version)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.header("History", help="Newest first")
        show_history(history)
    with left if other is None else right:
        added = added_items(history, before["item"].tolist())
    changed = history.then(added, queries.describe_items(added)["category"].tolist()) if added else history
    if other is None:
        with right:
            st.header("Most probable next items")
            st.caption(f"Says {version}")
            if added:
                show_answer(ask(changed, version), before)
            else:
                show_answer(before)
    else:
        show_comparison({str(one): ask(changed, one) for one in (version, other)})


with errors_shown():
    page()
