"""Looks at the dashboard with Debian's Chromium, as a person would, and takes a picture of it.

look.py URL PASSWORD_FILE PICTURE
"""

import sys

from playwright.sync_api import expect, sync_playwright

from dashboard import ADMIN, CHARTS, SLUG, report

CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1400, "height": 2340}  # the whole dashboard: only what is in sight is drawn
PATIENCE = 60_000  # milliseconds


def look(page, url, password, picture):
    """Whether every chart is drawn, a filter does what it says, and nothing failed on the way."""
    results = []
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: errors.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)

    page.goto(f"{url}/login/")
    page.fill("#username", ADMIN)
    page.fill("#password", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "/login" not in address)

    page.goto(f"{url}/superset/dashboard/{SLUG}/")
    charts = page.locator(".dashboard-chart")
    expect(charts).to_have_count(len(CHARTS))
    for name in CHARTS:
        chart = page.locator(".dashboard-component-chart-holder", has_text=name)
        drawn = chart.locator("canvas, table tbody tr").first
        drawn.wait_for(state="visible")
        results.append(report(drawn.is_visible(), f"drawn: {name}"))
    expect(page.get_by_role("img", name="Loading")).to_have_count(0)
    page.wait_for_timeout(2000)  # animations of the charts
    page.screenshot(path=picture)

    # choose a visitor: the table of recommendations keeps to it
    page.locator(".ant-select", has=page.get_by_role("combobox", name="Visitor")).click()
    page.get_by_role("combobox", name="Visitor").fill("42")
    page.locator(".ant-select-item-option[title='42']").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Apply filters").click()
    table = page.locator(".dashboard-component-chart-holder", has_text="Recommendations of each visitor")
    expect(table.locator("tbody tr").first.locator("td").first).to_have_text("42")
    visitors = set(table.locator("tbody tr td:first-child").all_inner_texts())
    results.append(report(visitors == {"42"}, f"the filter by visitor leaves visitor 42 alone: {sorted(visitors)}"))

    results.append(report(not errors, f"no error on the page {errors}"))
    return all(results)


def main():
    url, password_file, picture = sys.argv[1:]
    with open(password_file, encoding="utf-8") as file:
        password = file.read().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        passed = look(page, url, password, picture)
        browser.close()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
