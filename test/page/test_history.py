"""Reading item ids, histories that grow, and sentences: what needs no database."""

from datetime import UTC, datetime

import pytest

from history import ADDED_AFTER, History, parse_items


@pytest.mark.parametrize(
    ("text", "items", "bad"),
    [
        ("", (), ()),
        ("  ", (), ()),
        ("1 2 3", (1, 2, 3), ()),
        ("1,2;3\n4\t5", (1, 2, 3, 4, 5), ()),
        ("ARRAY[1, 2]", (1, 2), ("ARRAY",)),
        ("{7,7}", (7, 7), ()),
        ("-5 +6 007", (-5, 6, 7), ()),
        ("1.5 0x10 1e3 abc 12a", (), ("1.5", "0x10", "1e3", "abc", "12a")),
        ("2147483647 -2147483648", (2147483647, -2147483648), ()),
        ("2147483648 -2147483649", (), ("2147483648", "-2147483649")),
        ("9" * 5000, (), ("9" * 5000,)),
        ("٣ ³ 1_000", (), ("٣", "³", "1_000")),
        ("1' OR '1'='1", (), ("1'", "OR", "'1'='1")),
    ],
)
def test_parse_items(text: str, items: tuple[int, ...], bad: tuple[str, ...]) -> None:
    parsed = parse_items(text)
    assert (parsed.items, parsed.bad) == (items, bad)


def test_then() -> None:
    now = datetime(2015, 6, 1, tzinfo=UTC)
    history = History((1, 2), (10, 20), ("addtocart", "transaction"), (now, now))
    longer = history.then((3, 4), (30, 0))
    assert longer.items == (1, 2, 3, 4) and longer.categories == (10, 20, 30, 0)
    assert longer.events == ("addtocart", "transaction", "addtocart", "addtocart")
    assert longer.times == (now, now, now + ADDED_AFTER, now + 2 * ADDED_AFTER)
    assert history.items == (1, 2)


def test_then_without_events() -> None:
    longer = History((1,), (10,)).then((2,), (20,))
    assert longer == History((1, 2), (10, 20))


def test_frame_is_newest_first() -> None:
    frame = History((1, 2, 3), (10, 20, 30)).frame()
    assert frame["item"].tolist() == [3, 2, 1]
    assert list(frame.columns) == ["item", "category"]
