"""The page in a real browser, in the sandboxed frame that the Kubeflow Pipelines UI puts it into."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib_kfp.report import render
from katib_kfp.report.figures import MOST
from studies import finished, growing, hopeless, hostile

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Screen:
    """A page that is shown, and all that has gone wrong with it."""

    def __init__(self, browser: Any, text: str, width: int = 1000) -> None:
        self.problems: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 4600})
        self.page.on("console", lambda message: self._log(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.problems.append(f"asked for {request.url}"))
        frame = '<iframe sandbox="allow-scripts" style="width:100%;height:4500px;border:0" srcdoc="{}"></iframe>'
        self.page.set_content(frame.format(html.escape(text)))
        self.frame = self.page.frames[1]
        self.frame.wait_for_load_state("load")
        self.frame.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def _log(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(text)

    def figures(self) -> dict[str, list[str]]:
        """Names of the traces that are drawn, by figure."""
        script = """() => JSON.stringify(Object.fromEntries(
            [...document.querySelectorAll("[data-figure]")].map((element) => [
                element.dataset.figure,
                (element.querySelector("svg.main-svg") ? element.calcdata : []).map((points) => points[0].trace.name),
            ])))"""
        found: dict[str, list[str]] = json.loads(self.frame.evaluate(script))
        return found

    def column(self, index: int) -> list[str]:
        """The cells of one column of the table of trials, as they stand."""
        texts: list[str] = self.frame.locator(f"#trials tbody tr td:nth-child({index + 1})").all_inner_texts()
        return texts


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: install the package chromium")
    api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield found
        found.close()


def test_every_figure_is_drawn_and_nothing_goes_wrong(browser: Any, tmp_path: Path) -> None:
    screen = Screen(browser, render(*finished()))
    assert screen.figures() == {
        "history": ["trial", "best so far", "without a value", "goal"],
        "parallel": ["the rest", "best half", "best tenth", "best"],
        **{f"slice:{name}": ["trial", "best"] for name in ("lr", "layers", "optimizer", "batch")},
    }
    screen.page.screenshot(path=str(tmp_path / "report.png"), full_page=True)
    assert (tmp_path / "report.png").stat().st_size > 50_000
    assert screen.problems == []


def test_log_scales_are_drawn_as_such(browser: Any) -> None:
    screen = Screen(browser, render(*finished()))
    kinds = (
        """() => [...document.querySelectorAll("[data-figure^='slice:']")].map((item) => item._fullLayout.xaxis.type)"""
    )
    assert screen.frame.evaluate(kinds) == ["log", "linear", "category", "linear"]


@pytest.mark.parametrize("width", [480, 1000, 1600])
def test_nothing_sticks_out(browser: Any, width: int) -> None:
    screen = Screen(browser, render(*finished()), width)
    wide = screen.frame.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    plots = screen.frame.locator("[data-figure] svg.main-svg").evaluate_all(
        "items => items.map(item => item.getBoundingClientRect().right)"
    )
    assert max(plots) <= width
    assert screen.problems == []


def test_the_table_sorts_numbers_as_numbers_and_empty_cells_last(browser: Any) -> None:
    screen = Screen(browser, render(*finished()))
    headings = screen.frame.locator("#trials th button").all_inner_texts()
    accuracy = headings.index("accuracy")
    button = screen.frame.locator("#trials th button").nth(accuracy)
    button.click()
    up = screen.column(accuracy)
    button.click()
    down = screen.column(accuracy)
    values = [float(text) for text in up if text]
    assert values == sorted(values)
    assert up[len(values) :] == [""] * (len(up) - len(values))
    assert [float(text) for text in down if text] == values[::-1]
    assert screen.frame.locator("#trials th").nth(accuracy).get_attribute("aria-sort") == "descending"
    assert screen.problems == []


def test_values_are_shown_as_text_whatever_they_hold(browser: Any) -> None:
    screen = Screen(browser, render(*hostile()))
    assert screen.frame.evaluate("() => window.hacked") is None
    assert "<img src=x onerror=hacked=1>" in screen.frame.locator("#best").inner_text()
    assert "</script><script>hacked=1</script>" in screen.frame.locator("#failures pre").inner_text()
    assert screen.problems == []


def test_an_experiment_without_any_value_has_a_page_too(browser: Any) -> None:
    screen = Screen(browser, render(*hopeless()))
    assert screen.figures() == {}
    assert "No trial has reported a finite value of loss" in screen.frame.locator("#best").inner_text()
    assert screen.problems == []


def test_a_thousand_trials_are_drawn_of_many(browser: Any) -> None:
    screen = Screen(browser, render(*growing(1500)))
    points = screen.frame.evaluate("() => document.querySelector('[data-figure=history]').data[0].x.length")
    assert points == MOST
    assert len(screen.column(0)) == MOST
    assert screen.problems == []
