"""A history: what a visitor did, oldest first, and how one is read from text. No database and no Streamlit here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

SMALLEST_ID, LARGEST_ID = -(2**31), 2**31 - 1  # of PostgreSQL's integer
SEPARATORS = re.compile(r"[\s,;\[\](){}]+")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")

# What is added to a history in thought: put into the cart a minute after the last event.
ADDED_EVENT = "addtocart"
ADDED_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class History:
    """Parallel tuples; events and times are None where only items are known."""

    items: tuple[int, ...]
    categories: tuple[int, ...]
    events: tuple[str, ...] | None = None
    times: tuple[datetime, ...] | None = None

    def then(self, items: Sequence[int], categories: Sequence[int]) -> "History":
        """This history with these items after it."""
        longer = replace(self, items=(*self.items, *items), categories=(*self.categories, *categories))
        if self.events is not None:
            longer = replace(longer, events=(*self.events, *(ADDED_EVENT for _ in items)))
        if self.times:
            added = (self.times[-1] + ADDED_AFTER * place for place in range(1, len(items) + 1))
            longer = replace(longer, times=(*self.times, *added))
        return longer

    def frame(self) -> pd.DataFrame:
        """One row an event, the newest first."""
        columns: dict[str, Sequence] = {"item": self.items, "category": self.categories}
        if self.events is not None:
            columns["event"] = self.events
        if self.times is not None:
            columns["time"] = self.times
        return pd.DataFrame(columns).iloc[::-1]


@dataclass(frozen=True, slots=True)
class ParsedItems:
    items: tuple[int, ...]
    bad: tuple[str, ...]  # what is no item id, as it was typed


def parse_items(text: str) -> ParsedItems:
    """Item ids from text, between them spaces, commas, semicolons or brackets."""
    items: list[int] = []
    bad: list[str] = []
    for word in filter(None, SEPARATORS.split(text)):
        if WHOLE_NUMBER.fullmatch(word) and SMALLEST_ID <= int(word[:12]) <= LARGEST_ID and len(word) <= 12:
            items.append(int(word))
        else:
            bad.append(word)
    return ParsedItems(tuple(items), tuple(bad))
