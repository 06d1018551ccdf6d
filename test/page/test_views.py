"""The logic of the page, through Streamlit's AppTest, against a database."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url
from streamlit.testing.v1 import AppTest

from conftest import LIMIT


def answers(app: AppTest) -> list[dict[str, Any]]:
    """The rows of the first table."""
    return app.table[0].value.to_dict("records")


def asked(database: sqlalchemy.Engine, call: str, **parameters: Any) -> list[int]:
    """The items that the database recommends itself."""
    with database.connect() as session:
        rows = session.execute(sqlalchemy.text(f"SELECT item FROM {call} ORDER BY rank"), parameters)
        return [row.item for row in rows]


def said(elements: Any) -> str:
    return " ".join(element.value for element in elements)


# ------------------------------------------------------------------ recommending


def test_sample(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = open_view("recommend")
    assert not app.exception and not app.error
    visitor = app.selectbox(key="sampled visitor 1").value
    expected = asked(
        database,
        "sequences s, recseq_recommend(s.items, model => 'demo', categories => s.categories, events => s.events, "
        "times => s.times) WHERE s.visitorid = :visitor",
        visitor=int(visitor),
    )
    assert [row["Item"] for row in answers(app)] == expected
    assert len(expected) == 5
    history = app.dataframe[0].value
    assert list(history.columns) == ["item", "category", "event", "time"]
    assert history["time"].is_monotonic_decreasing


def test_other_sample(open_view: Callable[..., AppTest]) -> None:
    app = open_view("recommend")
    first = app.selectbox(key="sampled visitor 1").options
    app.button[0].click().run()
    assert app.selectbox(key="sampled visitor 2").options != first


def search(open_view: Callable[..., AppTest], typed: str) -> AppTest:
    app = open_view("recommend")
    app.segmented_control(key="way").set_value("Search a visitor").run()
    return app.text_input(key="typed visitor").set_value(typed).run()


def test_search(open_view: Callable[..., AppTest], visitor: int) -> None:
    app = search(open_view, str(visitor)[0])
    assert not app.table
    suggestions = [button for button in app.button if (button.key or "").startswith("suggestion ")]
    assert len(suggestions) == 8
    assert all(button.label.startswith(str(visitor)[0]) for button in suggestions)
    app.text_input(key="typed visitor").set_value(str(visitor)).run()
    app.button(key=f"suggestion {visitor}").click().run()
    assert f"Visitor **{visitor}**" in said(app.markdown)
    assert len(answers(app)) == 5


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("99999999", "No visitor's id starts with 99999999"),
        ("x1", "“x1” is none"),
        ("1'; DROP TABLE visitors; --", "is none"),
        ("%", "is none"),
        ("-1", "is none"),
    ],
)
def test_search_without_success(open_view: Callable[..., AppTest], typed: str, message: str) -> None:
    app = search(open_view, typed)
    assert message in said(app.warning)
    assert not app.exception and not app.error and not app.table


def type_items(open_view: Callable[..., AppTest], typed: str) -> AppTest:
    app = open_view("recommend")
    app.segmented_control(key="way").set_value("Type items").run()
    return app.text_input(key="typed items").set_value(typed).run()


def test_typed_items(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1, 2 1")
    expected = asked(database, "recseq_recommend(ARRAY[1, 2, 1], model => 'demo')")
    assert [row["Item"] for row in answers(app)] == expected
    assert not app.warning and not app.error


def test_bad_items_are_named(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1 abc 2 9999999999 399999")
    assert "“abc” and “9999999999” are no item ids: left out." in said(app.error)
    assert "399999" in said(app.warning)
    expected = asked(database, "recseq_recommend(ARRAY[1, 2, 399999], model => 'demo', categories => ARRAY[0, 0, 0])")
    assert len(answers(app)) == len(expected)
    app.slider(key="k").set_value(20).run()
    assert 399999 not in {row["Item"] for row in answers(app)}
    app.text_input(key="typed items").set_value("abc").run()
    assert "“abc” is no item id: left out." in said(app.error)
    assert not app.table


def test_no_items(open_view: Callable[..., AppTest]) -> None:
    app = type_items(open_view, " ")
    assert not app.table and not app.error and not app.exception


def test_filters(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1 2 1")
    app.slider(key="k").set_value(12).run()
    app.toggle(key="exclude seen").set_value(True).run()
    rows = answers(app)
    assert len(rows) == 12 and not {1, 2} & {row["Item"] for row in rows}
    assert "seen before" not in {row["Why"] for row in rows}
    category = rows[3]["Category"]
    app.multiselect(key="only categories").set_value([category]).run()
    assert {row["Category"] for row in answers(app)} == {category}
    expected = asked(
        database,
        "recseq_recommend(ARRAY[1, 2, 1], k => 12, model => 'demo', exclude_seen => true, "
        "only_categories => ARRAY[:c])",
        c=category,
    )
    assert [row["Item"] for row in answers(app)] == expected


def test_scores_are_shares(open_view: Callable[..., AppTest]) -> None:
    rows = answers(type_items(open_view, "1 2 1"))
    shares = [float(row["Confidence"].removesuffix("%")) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    scores = [float(row["Score"].removesuffix("%")) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_what_if(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1 2 1")
    before = [row["Item"] for row in answers(app)]
    app.multiselect(key="what if (1, 2, 1)").set_value(["77"]).run()
    rows = answers(app)
    assert [row["Item"] for row in rows] == asked(database, "recseq_recommend(ARRAY[1, 2, 1, 77], model => 'demo')")
    for row in rows:
        assert (row["Moved"] == "new") == (row["Item"] not in before)
    app.multiselect(key="what if (1, 2, 1)").set_value(["rubbish"]).run()
    assert "“rubbish” is no item id" in said(app.error)
    assert [row["Item"] for row in answers(app)] == before


def test_versions(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1 2 1")
    picker = app.selectbox(key="version of demo")
    assert picker.options == ["2", "1 (active)"] and picker.value.number == 1
    picker.select_index(0).run()
    assert [row["Item"] for row in answers(app)] == asked(
        database, "recseq_recommend(ARRAY[1, 2, 1], model => 'demo', version => 2)"
    )


def test_comparison(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = type_items(open_view, "1 2 1")
    app.selectbox(key="Compare with demo 1").select_index(0).run()
    assert len(app.table) == 2
    for table, version in zip(app.table, (1, 2), strict=True):
        assert table.value["Item"].tolist() == asked(
            database, "recseq_recommend(ARRAY[1, 2, 1], model => 'demo', version => :version)", version=version
        )
    assert "items are in both answers" in said(app.markdown)


# ------------------------------------------------------------------ the other views


def test_models(open_view: Callable[..., AppTest]) -> None:
    app = open_view("models")
    assert not app.exception and not app.error
    assert [metric.label for metric in app.metric] == ["Hit rate at 5", "Validation loss", "Items", "Seconds"]
    assert "In 4 epochs the training loss went from" in said(app.caption)
    assert len(app.dataframe[-1].value) >= 2


def test_models_compared(open_view: Callable[..., AppTest]) -> None:
    app = open_view("models")
    app.selectbox(key="Compare with demo 1").select_index(0).run()
    assert not app.exception
    assert len(app.metric) == 8 and all(metric.delta for metric in app.metric if metric.label == "Validation loss")


def test_baselines(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = open_view("models")
    assert app.selectbox(key="evaluated").value == "demo_evaluation"
    next(button for button in app.button if button.label == "Measure").click().run()
    assert not app.exception and not app.error
    with database.connect() as session:
        rows = session.execute(
            sqlalchemy.text("SELECT method, hit_rate FROM recseq_evaluate('demo_evaluation', 'demo', version => 1)")
        ).all()
    for method, hit_rate in rows:
        assert f"{method} {100 * hit_rate:.1f}\u00a0%" in said(app.caption)


def test_data(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = open_view("data")
    assert not app.exception and not app.error
    with database.connect() as session:
        visitors, events = session.execute(sqlalchemy.text("SELECT count(*), sum(length) FROM sequences")).one()
        fence = session.scalar(sqlalchemy.text("SELECT upper_fence FROM sequence_length_bounds"))
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Visitors"] == f"{visitors:,}" and figures["Events"] == f"{events:,}"
    assert figures["Upper fence"] == f"{fence:g}"
    assert f"the fence is at {fence:g}" in said(app.caption)


def job_texts(app: AppTest) -> str:
    return said(app.markdown) + said(app.caption)


def wait_for_job(database: sqlalchemy.Engine, job: int) -> None:
    """Not by recseq_wait, which the role of the page may not call."""
    for _ in range(10 * LIMIT):
        with database.connect() as session:
            state = session.scalar(sqlalchemy.text("SELECT state FROM recseq_jobs WHERE job = :job"), {"job": job})
        if state not in ("queued", "running"):
            return
        time.sleep(0.1)
    raise AssertionError(f"job {job} is still {state}")


def start(app: AppTest, model: str, epochs: int) -> int:
    """Starts a job through the form; returns its number."""
    app.selectbox[0].select("demo_training")
    app.text_input[0].input(model)
    app.number_input[0].set_value(epochs)
    next(button for button in app.button if button.label == "Start").click()
    app.run()
    assert not app.exception and not app.error
    return int(re.search(r"Job (\d+) is queued", said(app.toast)).group(1))


def test_job(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = open_view("jobs")
    assert not app.exception and not app.error
    job = start(app, "from the page", 2)
    assert f"**Job {job}**: model from the page" in job_texts(app)
    wait_for_job(database, job)
    app.run()
    assert "made version 1" in job_texts(app) and "done" in job_texts(app)
    assert "from the page" in open_view("recommend").selectbox(key="model").options


def test_job_is_cancelled(open_view: Callable[..., AppTest], database: sqlalchemy.Engine) -> None:
    app = open_view("jobs")
    job = start(app, "never", 1000)
    app.button(key=f"cancel {job}").click().run()
    wait_for_job(database, job)
    app.run()
    assert not app.exception and "cancelled" in job_texts(app)


def test_job_of_nothing(open_view: Callable[..., AppTest]) -> None:
    app = open_view("jobs")
    next(button for button in app.button if button.label == "Start").click()
    app.run()
    assert "Choose what to learn from" in said(app.warning)


def test_job_for_the_model_of_another(open_view: Callable[..., AppTest]) -> None:
    app = open_view("jobs")
    app.selectbox[0].select("demo_training")
    app.text_input[0].input("demo")
    next(button for button in app.button if button.label == "Start").click()
    app.run()
    assert "demo" in said(app.error) and not app.exception


def test_help(open_view: Callable[..., AppTest]) -> None:
    app = open_view("help")
    assert not app.exception and "A **model** has read" in said(app.markdown)


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("view", ["recommend", "models", "data", "jobs"])
def test_database_away(open_view: Callable[..., AppTest], view: str, database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"host": "/nowhere"}).render_as_string(hide_password=False)
    app = open_view(view, url)
    assert not app.exception
    assert said(app.error).startswith("The database does not answer.")


def test_errors_of_the_database_are_sentences(database: sqlalchemy.Engine) -> None:
    from database import sentence

    with database.connect() as session, pytest.raises(sqlalchemy.exc.SQLAlchemyError) as caught:
        session.execute(sqlalchemy.text("SELECT * FROM recseq_recommend(ARRAY[1], model => 'nothing')"))
    said = sentence(caught.value)
    assert said.startswith('Model "nothing" does not exist.') and said.endswith(".")
    assert "psycopg" not in said and "SELECT" not in said


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM retailrocket.events",
        "SELECT FROM recseq_chunk",
        "UPDATE retailrocket.settings SET fence = true",
        "CREATE TABLE public.mine ()",
        "CREATE TABLE recseq_page.mine ()",
        "DELETE FROM recseq_version",
        "SELECT recseq_drop_model('demo')",
        "SELECT recseq_train('demo_training', 'mine')",
        "SELECT recseq_activate('demo', 2)",
        "REFRESH MATERIALIZED VIEW recseq_page.visitors",
    ],
)
def test_least_privilege(database: sqlalchemy.Engine, statement: str) -> None:
    with database.connect() as session, pytest.raises(sqlalchemy.exc.ProgrammingError) as caught:
        session.execute(sqlalchemy.text(statement))
    assert caught.value.orig.sqlstate == "42501"
