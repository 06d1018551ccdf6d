"""What the tests of the page share: a server of it, a browser, and the database's own answers to compare with.

RECSEQ_PAGE_URL says where the database is: as SQLAlchemy's URL, for the role recseq_page. Results are printed as TAP.
"""

import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
import streamlit as st
from playwright.sync_api import Browser, Page, expect, sync_playwright
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app" / "page"
IMAGES = Path(os.environ.get("RECSEQ_IMAGES", ROOT / "build" / "test" / "images"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
START_LIMIT = 60  # seconds for the server of the page to answer
PATIENCE = 15_000  # milliseconds for the browser to find something
DESKTOP = {"width": 1280, "height": 1100}
PHONE = {"width": 390, "height": 844}
LIMIT = 30  # seconds for one run of a view

sys.path.insert(0, str(APP))
expect.set_options(timeout=PATIENCE)

# ------------------------------------------------------------------ TAP

numbers = itertools.count(1)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str]:
    return (report.outcome if report.when == "call" or not report.passed else ""), "", ""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.getplugin("terminalreporter")

    class Tap:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when != "call" and report.passed:
                return
            name = f"{next(numbers)} - {report.nodeid.split('/')[-1]}"
            terminal.ensure_newline()
            if report.skipped:
                terminal.write_line(f"ok {name} # skip {report.longrepr[2]}")
            elif report.passed:
                terminal.write_line(f"ok {name}")
                for _, said in report.user_properties:
                    terminal.write_line(f"# {said}")
            else:
                terminal.write_line(f"not ok {name}")
                for line in report.longreprtext.splitlines():
                    terminal.write_line(f"# {line}")

    config.pluginmanager.register(Tap())


# ------------------------------------------------------------------ the database


@pytest.fixture(scope="session")
def database_url() -> str:
    return os.environ["RECSEQ_PAGE_URL"]


@pytest.fixture(scope="session")
def database(database_url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(database_url, isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="session")
def visitor(database: sqlalchemy.Engine) -> int:
    """One with a history of some length."""
    with database.connect() as session:
        return session.scalar(
            sqlalchemy.text("SELECT visitorid FROM visitors WHERE length BETWEEN 6 AND 9 ORDER BY visitorid LIMIT 1")
        )


# ------------------------------------------------------------------ the page


def write_secrets(file: Path, url: str) -> Path:
    """As app/page.sh writes them."""
    file.write_text(
        f'[connections.recseq]\nurl = "{url}"\n'
        'create_engine_kwargs = { isolation_level = "AUTOCOMMIT", pool_pre_ping = true }\n'
    )
    return file


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(10 * START_LIMIT):
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            assert process.poll() is None, "the server of the page has ended"
            time.sleep(0.1)
    raise AssertionError("the server of the page does not answer")


def serve(database_url: str, home: Path) -> Iterator[str]:
    """A server of the page; nothing but what it says at its start may be in its log at the end."""
    secrets, log = write_secrets(home / "secrets.toml", database_url), home / "log"
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "main.py",
        f"--server.port={port}",
        f"--secrets.files={secrets}",
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=APP, env={**os.environ, "HOME": str(home)}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/_stcore/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
    said = [line for line in log.read_text().splitlines() if line.strip()]
    unexpected = [
        line
        for line in said
        if not any(known in line for known in ("Uvicorn server", "You can now", "URL: ", "Stopping"))
    ]
    assert not unexpected, "\n".join(unexpected)


@pytest.fixture(scope="session")
def page_url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(database_url, tmp_path_factory.mktemp("page"))


@pytest.fixture
def open_view(database_url: str, tmp_path: Path) -> Callable[..., AppTest]:
    """open_view(name) runs a view of the page."""

    def run(name: str, url: str = database_url) -> AppTest:
        secrets = write_secrets(tmp_path / "secrets.toml", url)
        config.set_option("secrets.files", [str(secrets)])
        secrets_singleton._reset()  # connections read these, not AppTest.secrets
        st.cache_resource.clear()
        st.cache_data.clear()
        app = AppTest.from_file(str(APP / "main.py"), default_timeout=LIMIT).run()
        if name != "recommend":
            app.switch_page(f"views/{name}.py").run()
        return app

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root, and sees nothing here but our own page.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


class Watched:
    """A tab that notes what must not happen: errors, and requests to anywhere but this page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda said: self.wrong.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("request", lambda request: self._check(request.url, url))

    def _check(self, request: str, url: str) -> None:
        if not request.startswith((url, url.replace("http", "ws"), "data:", "blob:")):
            self.wrong.append(f"request: {request}")


@pytest.fixture
def tab(browser: Browser, page_url: str) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", locale="en-GB", timezone_id="UTC")
    watched = Watched(context.new_page(), page_url)
    watched.page.goto(page_url)
    yield watched.page
    assert watched.page.locator("[data-testid=stException]").count() == 0
    context.close()
    assert not watched.wrong, "\n".join(watched.wrong)
