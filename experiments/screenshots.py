"""Pictures of a finished sweep: its report, on a desk and on a phone, and the terminal.

    python -m experiments.screenshots runs/demo --out docs/images

It needs the extras report and dev, and Chromium.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.extras import require
from tune_es.cli.watch import screen
from tune_es.monitoring import Experiment, read_experiment

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESK = {"viewport": {"width": 1280, "height": 960}}
PHONE = {
    "viewport": {"width": 375, "height": 812},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 1.5,
}
COLUMNS, ROWS = 110, 16

#: Where the marker of the last trial that was stopped is, in the first chart.
STOP = """() => {
  const {roots} = JSON.parse(document.getElementById("figures").textContent);
  const view = Bokeh.index.get_by_id(Object.keys(roots)[0]);
  const {data} = view.model.renderers.find((each) => each.name === "stops").data_source;
  const stopped = (row) => document.getElementById(`t${row}`).dataset.g !== "FAILED";
  const at = [...data.row].findLastIndex(stopped);
  if (at < 0) return null;
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.left + view.frame.x_scale.compute(data.x[at]),
          box.top + view.frame.y_scale.compute(data.y[at])];
}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the pictures."""
    options = _options(arguments)
    require("report", "bokeh", "jinja2")
    require("dev", "playwright")
    experiment = read_experiment(options.experiment_dir)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(_page(experiment, options), encoding="utf-8")
        photograph(page, options.out, options.chromium)
    (options.out / "terminal.svg").write_text(terminal(experiment), encoding="utf-8")
    for path in sorted(options.out.iterdir()):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment_dir", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--price-per-hour", type=float)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser.parse_args(arguments)


def _page(experiment: Experiment, options: Any) -> str:
    from tune_es.report.overview import Prices
    from tune_es.report.page import report_page

    return report_page(experiment, Prices(options.price_per_hour))


def photograph(page: Path, out: Path, chromium: str | None) -> None:
    """The first screen on a desk, with a stop explained, and on a phone."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, options in (("report", DESK), ("report-phone", PHONE)):
            context: Any = browser.new_context(**options)
            seen = context.new_page()
            seen.goto(page.resolve().as_uri())
            seen.wait_for_timeout(1500)
            stop = seen.evaluate(STOP)
            if stop is not None and options is DESK:
                seen.mouse.move(*stop)
                seen.wait_for_timeout(300)
            seen.screenshot(path=out / f"{name}.png")
            context.close()
        browser.close()


def terminal(experiment: Experiment) -> str:
    """What `tune-es watch` shows of the sweep, as a picture that loads no font from anywhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(screen(experiment, ROWS, COLUMNS, experiment.latest))
    picture = console.export_svg(title=f"tune-es watch {experiment.name}", unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)


if __name__ == "__main__":
    main()
