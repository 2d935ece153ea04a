"""A page in a real browser: what it asks for, what it says, and what is drawn on it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {
    "viewport": {"width": 375, "height": 812},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}

#: Finds the views of all figures, in the order of the page.
VIEWS = """() => {
  const {roots} = JSON.parse(document.getElementById("figures").textContent);
  window.views = Object.keys(roots ?? {}).map((id) => Bokeh.index.get_by_id(id));
  return window.views.length;
}"""

#: True once all of them are drawn.
DRAWN = """() => {
  const {roots} = JSON.parse(document.getElementById("figures").textContent);
  const drawn = (id) => Bokeh.index.get_by_id(id)?.has_finished();
  return !roots || (window.Bokeh !== undefined && Object.keys(roots).every(drawn));
}"""

#: How many pixels of each chart are neither blank nor white.
INKED = """() => window.views.map((view) => {
  const {canvas} = view.canvas_view.primary;
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 40 && data[at] + data[at + 1] + data[at + 2] < 720) inked += 1;
  }
  return inked;
})"""

#: Where in the window a mark of a figure is.
WHERE = """([at, name, row]) => {
  const view = window.views[at];
  view.el.scrollIntoView({block: "center"});
  const {data} = view.model.renderers.find((each) => each.name === name).data_source;
  const index = [...data.row].indexOf(row);
  const box = view.canvas_view.el.getBoundingClientRect();
  const x = name === "bars" ? (data.left[index] + data.right[index]) / 2
    : name === "stops" ? data.x[index] : data[name][index];
  const y = name === "bars" ? data.lane[index] : data.y[index];
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)];
}"""


def chromium() -> str | None:
    """The browser of this machine, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        yield browser
        browser.close()


@dataclass
class Seen:
    """A page that is open."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def charts(self) -> int:
        """How many figures are there; they are drawn when this returns."""
        self.page.wait_for_function(DRAWN)
        return int(self.page.evaluate(VIEWS))

    @property
    def inked(self) -> list[int]:
        assert self.charts >= 0
        self.page.wait_for_timeout(50)
        return list(self.page.evaluate(INKED))

    @property
    def tip(self) -> str:
        """What is said beside the pointer; empty where nothing is."""
        return str(self.page.evaluate("() => document.getElementById('tip').innerText"))

    def point_at(self, figure: int, name: str, row: int) -> str:
        """Move the mouse to the mark of a trial, and say what is shown then."""
        self.page.evaluate(WHERE, [figure, name, row])
        self.page.wait_for_timeout(60)  # a scroll hides what was said
        x, y = self.page.evaluate(WHERE, [figure, name, row])
        self.page.mouse.move(x + 30, y + 30)
        self.page.mouse.move(x, y)
        self.page.wait_for_timeout(60)
        return self.tip

    def figure(self, *tags: str) -> int:
        """Which figure carries these tags."""
        found = self.page.evaluate(
            "(tags) => window.views.findIndex("
            "(view) => JSON.stringify(view.model.tags) === JSON.stringify(tags))",
            list(tags),
        )
        return int(found)

    def value(self, code: str) -> Any:
        return self.page.evaluate(code)


@contextlib.contextmanager
def opened(browser: Browser, html: str, folder: Path, **options: Any) -> Iterator[Seen]:
    """The page as a file, opened as a reader would."""
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(**(options or DESKTOP))
    seen = Seen(context.new_page())
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on(
        "console",
        lambda said: seen.complaints.append(said.text) if said.type != "log" else None,
    )
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(path.as_uri())
    seen.requests = [url for url in seen.requests if url != path.as_uri()]
    yield seen
    seen.requests = [url for url in seen.requests if url != path.as_uri()]
    context.close()
