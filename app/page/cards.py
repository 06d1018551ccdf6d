"""Recommended products as cards: picture, name, price and why. What the shop says of them is text, never markup."""

from html import escape

import pandas as pd
import streamlit as st

from charts import percent
from words import because

ADDRESSES = ("https://", "http://")


def show(answer: pd.DataFrame) -> None:
    """One card an item of an answer with the columns of queries.products()."""
    st.html(f'<div class="cards">{"".join(card(row) for _, row in answer.iterrows())}</div>')


def address(value: object) -> str | None:
    """An address that a browser may be sent to."""
    return value if isinstance(value, str) and value.startswith(ADDRESSES) else None


def card(row: pd.Series) -> str:
    name = escape(row["name"] if isinstance(row["name"], str) else str(row["item"]))
    picture, url = address(row["picture"]), address(row["url"])
    shown = f'<img src="{escape(picture)}" alt="" loading="lazy">' if picture else '<div class="blank"></div>'
    linked = f'<a href="{escape(url)}" target="_blank" rel="noopener">{name}</a>' if url else name
    lines = [f'<p class="name">{row["rank"]}. {linked}</p>']
    if pd.notna(row["price"]):
        lines.append(f"<p>{row['price']:,.2f}</p>")
    if row["available"] is False:
        lines.append("<p>Not available</p>")
    lines.append(f"<p>{escape(because(row['reason'], row['reason_name']))} · {percent(row['score'])}</p>")
    return f'<div class="card">{shown}{"".join(lines)}</div>'
