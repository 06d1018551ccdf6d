"""The three ways to say whose next item is asked for. Each returns a history, or None while there is none.

Who or what was chosen stands in the page's address too, so that it can be sent and survives a reload.
"""

from collections.abc import Iterable
from datetime import datetime

import streamlit as st

import queries
from database import errors_shown
from history import LARGEST_ID, History, parse_items

NUMBERS = ("smallint", "integer", "bigint")
ADDRESS = ("visitor", "items")  # parameters of the page's address
RECALLED = "recalled"  # in the session: the address was read
SEED = "sample seed"  # in the session: of the sample of visitors
SEARCHED = "searched visitor"  # in the session: who was chosen among the suggestions
TYPED = "typed visitor"  # in the session: what the box holds
JUST_SEARCHED = "just searched"  # in the session: the rest of the page has not heard of it yet


def _choose_visitor() -> History | None:
    seed = st.session_state.setdefault(SEED, 1)
    sample = queries.sample_visitors(seed)
    if sample.empty:
        st.info("No visitor has a history of 3 to 12 events. Search for one, or type items.")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        visitor = st.selectbox(
            "Visitor",
            sample["visitor"].tolist(),
            format_func=lambda v: _about(*sample[sample["visitor"] == v].iloc[0]),
            key=f"sampled visitor {seed}",
            persist_state="session",
        )
        st.button("Others", icon=":material/shuffle:", help="Draw another sample of visitors", on_click=_draw_others)
    _remember(visitor=visitor)
    return queries.visitor_history(visitor)


def _draw_others() -> None:
    st.session_state[SEED] += 1


def _search_visitor() -> History | None:
    _search_box()
    visitor = st.session_state.get(SEARCHED)
    if visitor is None:
        return None
    history = queries.visitor_history(visitor)
    if history is None:
        st.warning(f"Visitor {visitor} has no history any more.")
    else:
        _remember(visitor=visitor)
        st.markdown(f"Visitor **{visitor}**")
    return history


@st.fragment
def _search_box() -> None:
    """A box that suggests while one types. Only this part runs again with each pause of the typing."""
    if st.session_state.pop(JUST_SEARCHED, False):
        st.rerun()
    typed = st.text_input(
        "Visitor id",
        key=TYPED,
        type="search",
        live="100ms",
        placeholder="Type its beginning",
        persist_state="session",
    ).strip()
    if typed:
        with errors_shown():
            _suggest(typed)


def _suggest(typed: str) -> None:
    if queries.id_types()[1] in NUMBERS and not (typed.isascii() and typed.isdigit()):
        st.warning(f"A visitor id is a whole number, and “{typed}” is none.")
        return
    found = queries.suggest_visitors(typed)
    if found.empty:
        st.warning(f"No visitor's id starts with {typed}.")
        return
    with st.container(horizontal=True, gap="xsmall", key="suggestions"):
        for visitor in found.itertuples(index=False):
            st.button(
                _about(*visitor), key=f"suggestion {visitor.visitor}", on_click=_search_for, args=(visitor.visitor,)
            )


def _search_for(visitor: str) -> None:
    """A callback, so that a click counts also where typing has replaced the suggestions in the meantime.

    Empties the box, which closes the suggestions.
    """
    st.session_state[SEARCHED] = visitor
    st.session_state[TYPED] = ""
    st.session_state[JUST_SEARCHED] = True


def _type_items() -> History | None:
    typed = st.text_input(
        "Item ids, oldest first",
        key="typed items",
        live="250ms",
        placeholder="for example 303, 303, 328" if queries.id_types()[0] in LARGEST_ID else "with commas between them",
        persist_state="session",
    )
    parsed = parse_items(typed, queries.id_types()[0])
    if parsed.bad:
        st.error(
            f"{named(parsed.bad)} no item id{'s' if len(parsed.bad) > 1 else ''}: left out.", icon=":material/error:"
        )
    if not parsed.items:
        return None
    _remember(items=", ".join(map(str, parsed.items)))
    known = queries.known(parsed.items)
    unknown = [str(item) for item, seen in zip(parsed.items, known, strict=True) if not seen]
    if unknown:
        st.warning(
            f"Nobody has put {enumerate_words(dict.fromkeys(unknown))} into a cart yet. "
            "The model reads what it does not know through its category alone.",
            icon=":material/warning:",
        )
    return History(parsed.items, tuple(queries.categories_of(parsed.items)))


def named(bad: tuple[str, ...]) -> str:
    """Subject and verb for what was typed wrong: “abc” and “1.5” are"""
    return f"{enumerate_words(f'“{word}”' for word in dict.fromkeys(bad))} {'are' if len(set(bad)) > 1 else 'is'}"


def enumerate_words(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _about(visitor: str, length: int, last_time: datetime) -> str:
    return f"{visitor} · {length} event{'s' if length > 1 else ''}, last {last_time:%d %b %Y}"


WAYS = {"Choose a visitor": _choose_visitor, "Search a visitor": _search_visitor, "Type items": _type_items}


def _remember(**chosen: str) -> None:
    """Puts what was chosen into the page's address."""
    for name in ADDRESS:
        if name in chosen:
            st.query_params[name] = chosen[name]
        else:
            st.query_params.pop(name, None)


def _recall() -> None:
    """Chooses what the address says, when a session begins."""
    if st.session_state.setdefault(RECALLED, False):
        return
    st.session_state[RECALLED] = True
    if "visitor" in st.query_params:
        st.session_state[SEARCHED] = st.query_params["visitor"]
        st.session_state["way"] = "Search a visitor"
    elif "items" in st.query_params:
        st.session_state["typed items"] = st.query_params["items"]
        st.session_state["way"] = "Type items"


def choose_history() -> History | None:
    _recall()
    st.session_state.setdefault("way", next(iter(WAYS)))
    way = st.segmented_control("Whose next item?", list(WAYS), required=True, key="way", persist_state="session")
    return WAYS[way]()
