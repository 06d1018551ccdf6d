"""The page over a shop of its own: text ids, names and pictures, a model without categories."""

import os
import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

from conftest import DESKTOP, IMAGES, PHONE, serve

FIRST_MODEL = "a model without categories"


@pytest.fixture(scope="module")
def text_url() -> str:
    return os.environ["RECSEQ_PAGE_TEXT_URL"]


@pytest.fixture(scope="module")
def text_page(text_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(text_url, tmp_path_factory.mktemp("text"))


def test_first_view_is_an_answer(open_view: Callable[..., AppTest], text_url: str) -> None:
    app = open_view("recommend", text_url)
    assert not app.exception and not app.error
    assert app.selectbox(key="model").value == "shop"
    assert len(app.table[0].value) == 5
    assert any(
        re.search(r"Of 100 next items, \*\*\d+\*\* are.*again: \*\*\d+\*\*", text.value) for text in app.markdown
    )


def test_a_model_without_categories(open_view: Callable[..., AppTest], text_url: str) -> None:
    app = open_view("recommend", text_url)
    app.selectbox(key="model").set_value(FIRST_MODEL).run()
    assert not app.exception and not app.error
    assert not [box for box in app.multiselect if box.key == "only categories"]
    assert len(app.table[0].value) == 5


@pytest.mark.parametrize("view", ["models", "data", "jobs", "help"])
def test_other_views(open_view: Callable[..., AppTest], text_url: str, view: str) -> None:
    app = open_view(view, text_url)
    assert not app.exception and not app.error


def test_typed_and_searched(open_view: Callable[..., AppTest], text_url: str) -> None:
    app = open_view("recommend", text_url)
    app.segmented_control(key="way").set_value("Type items").run()
    app.text_input(key="typed items").set_value("SKU-7, sku of nobody,SKU-9").run()
    assert "sku of nobody" in app.warning[0].value and len(app.table[0].value) == 5
    app.segmented_control(key="way").set_value("Search a visitor").run()
    app.text_input(key="typed visitor").set_value("c/1").run()
    app.button(key="suggestion c/10").click().run()
    assert app.text_input(key="typed visitor").value == ""
    assert not [button for button in app.button if (button.key or "").startswith("suggestion ")]
    assert not app.exception and not app.error and len(app.table[0].value) == 5


def test_what_if_says_what_left(open_view: Callable[..., AppTest], text_url: str) -> None:
    app = open_view("recommend", text_url)
    box = next(box for box in app.multiselect if box.label == "What if these came next?")
    box.set_value([box.options[0]] if box.options[0].startswith("SKU") else ["SKU-100"]).run()
    said = " ".join(text.value for text in app.markdown)
    assert "Added to the history: " in said and not app.exception


def test_activation_is_for_owners(open_view: Callable[..., AppTest], text_url: str) -> None:
    app = open_view("models", text_url)
    assert "Roll back" not in [button.label for button in app.button]
    owner = text_url.replace("recseq_page@", "postgres@") + "&options=-csearch_path%3Drecseq_page,shop,public"
    app = open_view("models", owner)
    assert "Roll back" in [button.label for button in app.button]


# ------------------------------------------------------------------ in the browser


def test_cards(browser: Browser, text_page: str) -> None:
    """Names and prices are text, addresses are of the web, and the table is one click away."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", locale="en-GB", timezone_id="UTC")
    tab = context.new_page()
    alerts: list[str] = []
    tab.on("dialog", lambda dialog: alerts.append(dialog.message))
    tab.goto(text_page)
    cards = tab.locator(".card")
    expect(cards).to_have_count(5)
    expect(cards.first).to_contain_text("<b>mug</b>")
    assert tab.locator(".card img").evaluate_all("all => all.every(i => i.src.startsWith('http://127.0.0.1:9/'))")
    assert tab.locator(".card [onerror]").count() == 0
    tab.get_by_text("As a table").click()
    expect(tab.get_by_test_id("stTable").first).to_be_visible()
    tab.wait_for_timeout(700)
    IMAGES.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=IMAGES / "cards-light-desktop.png")
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    assert not alerts
    context.close()


def searched(tab: Page) -> None:
    expect(tab.locator(".card")).to_have_count(5)
    expect(tab.get_by_text("Visitor c/77", exact=True)).to_be_visible()


def test_address_keeps_the_choice(browser: Browser, text_page: str) -> None:
    context = browser.new_context(viewport=DESKTOP)
    tab = context.new_page()
    tab.goto(f"{text_page}/?visitor=c%2F77&model={FIRST_MODEL.replace(' ', '+')}")
    searched(tab)
    expect(tab.get_by_text(f"Says {FIRST_MODEL}")).to_be_visible()
    tab.reload()
    searched(tab)
    assert "visitor=c%2F77" in tab.url
    context.close()


def test_views_on_a_phone(browser: Browser, text_page: str) -> None:
    context = browser.new_context(viewport=PHONE)
    tab = context.new_page()
    tab.goto(text_page)
    expect(tab.locator(".card")).to_have_count(5)
    tab.screenshot(path=IMAGES / "cards-light-phone.png")
    tab.locator(".st-key-views").get_by_role("link", name="Models").click()
    expect(tab.get_by_role("heading", name="Models")).to_be_visible()
    context.close()
