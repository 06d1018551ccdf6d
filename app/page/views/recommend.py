"""Recommend: a history, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import cards
import charts
import inputs
import pickers
import queries
import words
from database import errors_shown
from history import History, Item, parse_items

EVENTS = {"addtocart": "in cart", "transaction": "bought", "view": "viewed"}
ROWS_AT_ONCE = 6
ROW_HEIGHT = 35
UNCHANGED, NEW = "", "new"


@dataclass(frozen=True, slots=True)
class Filters:
    k: int
    exclude_seen: bool
    only_categories: tuple[Item, ...]


def pick_filters(version: pickers.Version) -> Filters:
    k = st.slider("How many items", 1, 20, 5, key="k", persist_state="session")
    exclude_seen = st.toggle("Leave out what the visitor had", key="exclude seen", persist_state="session")
    only_categories: list[Item] = []
    if version.reads_categories:
        only_categories = st.multiselect(
            "Only these categories",
            queries.categories(),
            key="only categories",
            placeholder="All",
            persist_state="session",
        )
    return Filters(k, exclude_seen, tuple(only_categories))


def show_history(history: History) -> None:
    frame = history.frame()
    if "event" in frame:
        frame["event"] = frame["event"].map(lambda event: EVENTS.get(event, event))
    if queries.has_products():
        frame.insert(0, "name", [*map(names(history.items).get, frame["item"])])
    st.dataframe(
        frame,
        hide_index=True,
        height=ROW_HEIGHT * (min(len(frame), ROWS_AT_ONCE) + 1) + 3,
        row_height=ROW_HEIGHT,
        column_config={
            "name": "Name",
            **id_columns(),
            "event": "What",
            "time": st.column_config.DatetimeColumn("When", format="D MMM YYYY HH:mm"),
        },
        alt=f"History of {len(frame)} events, newest first",
    )


def id_columns() -> dict[str, object]:
    if queries.id_types()[0] == "text":
        return {"item": "Item", "category": "Category"}
    return {
        "item": st.column_config.NumberColumn("Item", format="%d"),
        "category": st.column_config.NumberColumn("Category", format="%d", help="0: the shop gives none"),
    }


def names(items: Sequence[Item]) -> dict[Item, str]:
    """What items are called: by their names where they have any, else by their ids."""
    if not queries.has_products():
        return {item: str(item) for item in items}
    return {item: name or str(item) for item, name in queries.products(items)["name"].items()}


def added_items(history: History, suggested: Sequence[Item]) -> tuple[Item, ...]:
    """What the visitor might do next, in thought."""
    called = {str(item): name for item, name in names(suggested).items()}
    chosen = st.multiselect(
        "What if these came next?",
        list(called),
        format_func=lambda item: called.get(item, item),
        accept_new_options=True,
        select_all=False,
        key=f"what if {history.items}",
        placeholder="Choose an item, or type any item's id",
        help="They are added to the end of the history, as if put into the cart. Nothing is stored.",
    )
    parsed = parse_items(",".join(chosen), queries.id_types()[0])
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


def with_products(answer: pd.DataFrame) -> pd.DataFrame:
    """The answer with what the shop says of its items and of those that the reasons name."""
    shown = answer.join(queries.products(answer["item"].tolist()), on="item")
    named = answer["reason_item"].dropna().unique().tolist()
    called = {str(item): name for item, name in names([queries.item_of(item) for item in named]).items()}
    return shown.assign(reason_name=answer["reason_item"].map(called))


def show_table(answer: pd.DataFrame, before: pd.DataFrame | None) -> None:
    st.table(answer_table(answer, before), hide_index=True, border="horizontal", alt="Recommended items")


def show_changes(answer: pd.DataFrame, before: pd.DataFrame, added: Sequence[Item]) -> None:
    gone = [item for item in before["item"] if item not in set(answer["item"])]
    called = names([*added, *gone])
    said = f"Added to the history: {inputs.enumerate_words([called[item] for item in added])}."
    if gone:
        said += f" Left the list: {inputs.enumerate_words([called[item] for item in gone])}."
    st.markdown(said)


def show_answer(answer: pd.DataFrame, before: pd.DataFrame | None = None, top: float | None = None) -> None:
    """before: the answer that this one is compared with; top: end of the chart's scale."""
    if answer.empty:
        st.info("No item is left. Loosen the filters.")
        return
    if queries.has_products():
        answer = with_products(answer)
        cards.show(answer)
        table = st.expander("As a table", icon=":material/table:", key=f"table {answer['item'].tolist()} {top}")
    else:
        table = st.container()
    with table:
        show_table(answer, before)
    charts.show(charts.scores(answer, top), charts.scores_sentence(answer))
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
            show_answer(answer, top=max((a["score"].max() for a in answers.values() if not a.empty), default=None))


def show_worth(version: pd.Series) -> None:
    """What the model is worth, in a sentence: on events that it had not learned from when it was measured."""
    hit_rate = version["hit_rate"]
    if pd.isna(hit_rate):
        return
    said = f"Of 100 next items, **{100 * hit_rate:.0f}** are among the five that this model names"
    share = float(version["options"].get("validation_fraction") or 0)
    if share > 0 and version["relation"] in queries.sources() and version["relation"] in queries.timed_sources():
        recency = queries.recency_hit_rate(version["relation"], share, version["created"])
        if recency is not None:
            said += f"; showing the visitor's last five again: **{100 * recency:.0f}**"
    st.markdown(f"{said}.", help="On the newest histories, which training holds out. The Models page has more.")


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
        filters = pick_filters(version)
        other = pickers.pick_other_version(models, version, "Compare with")
    show_worth(models[(models["model"] == version.model) & (models["version"] == version.number)].iloc[0])

    history = inputs.choose_history()
    if history is None:
        return

    def ask(history: History, version: pickers.Version) -> pd.DataFrame:
        return queries.recommend(
            history,
            filters.k,
            version.model,
            version.number,
            filters.exclude_seen,
            filters.only_categories,
            version.reads_categories,
        )

    before = ask(history, version)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.header("History", help="Newest first")
        show_history(history)
    with left if other is None else right:
        added = added_items(history, before["item"].tolist())
    changed = history.then(added, queries.categories_of(added)) if added else history
    if other is None:
        with right:
            st.header("Most probable next items")
            st.caption(f"Says {version}")
            if added:
                after = ask(changed, version)
                show_changes(after, before, added)
                show_answer(after, before)
            else:
                show_answer(before)
    else:
        show_comparison({str(one): ask(changed, one) for one in (version, other)})


with errors_shown():
    page()
