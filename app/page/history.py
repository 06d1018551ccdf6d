"""A history: what a visitor did, oldest first, and how one is read from text. No database and no Streamlit here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

Item = int | str
LARGEST_ID = {"integer": 2**31 - 1, "bigint": 2**63 - 1}  # of PostgreSQL's types
LONGEST_NUMBER = 20
SEPARATORS = re.compile(r"[\s,;\[\](){}]+")
TEXT_SEPARATORS = re.compile(r"[,;\n]+")  # ids that are texts may have blanks and brackets
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")

# What is added to a history in thought: put into the cart a minute after the last event.
ADDED_EVENT = "addtocart"
ADDED_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class History:
    """Parallel tuples; events and times are None where only items are known."""

    items: tuple[Item, ...]
    categories: tuple[Item | None, ...] | None  # None where the kit has none
    events: tuple[str, ...] | None = None
    times: tuple[datetime, ...] | None = None

    def then(self, items: Sequence[Item], categories: Sequence[Item | None]) -> "History":
        """This history with these items after it."""
        longer = replace(self, items=(*self.items, *items))
        if self.categories is not None:
            longer = replace(longer, categories=(*self.categories, *categories))
        if self.events is not None:
            longer = replace(longer, events=(*self.events, *(ADDED_EVENT for _ in items)))
        if self.times:
            added = (self.times[-1] + ADDED_AFTER * place for place in range(1, len(items) + 1))
            longer = replace(longer, times=(*self.times, *added))
        return longer

    def frame(self) -> pd.DataFrame:
        """One row an event, the newest first."""
        columns: dict[str, Sequence] = {"item": self.items}
        if self.categories is not None:
            columns["category"] = self.categories
        if self.events is not None:
            columns["event"] = self.events
        if self.times is not None:
            columns["time"] = self.times
        return pd.DataFrame(columns).iloc[::-1]


@dataclass(frozen=True, slots=True)
class ParsedItems:
    items: tuple[Item, ...]
    bad: tuple[str, ...]  # what is no item id, as it was typed


def parse_items(text: str, item_type: str = "integer") -> ParsedItems:
    """Item ids from text: numbers with spaces, commas, semicolons or brackets between them; texts with commas."""
    if item_type not in LARGEST_ID:
        return ParsedItems(tuple(filter(None, (word.strip() for word in TEXT_SEPARATORS.split(text)))), ())
    largest = LARGEST_ID[item_type]
    items: list[Item] = []
    bad: list[str] = []
    for word in filter(None, SEPARATORS.split(text)):
        number = WHOLE_NUMBER.fullmatch(word) and len(word) <= LONGEST_NUMBER
        if number and -largest - 1 <= int(word) <= largest:
            items.append(int(word))
        else:
            bad.append(word)
    return ParsedItems(tuple(items), tuple(bad))
