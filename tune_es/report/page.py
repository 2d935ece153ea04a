"""The page: one HTML file that loads nothing and says it all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from bokeh.document import Document
from bokeh.resources import Resources
from jinja2 import DictLoader, Environment, StrictUndefined

from tune_es.monitoring.experiment import Experiment
from tune_es.monitoring.savings import savings_of
from tune_es.report.against import against
from tune_es.report.canvas import Chart
from tune_es.report.cost import MEANING, Cost, cost_of
from tune_es.report.curve_charts import curve_charts
from tune_es.report.groups import counts
from tune_es.report.lanes import timeline, workers
from tune_es.report.lines import lines_of
from tune_es.report.overview import Prices, overview
from tune_es.report.parameter_charts import parameter_charts
from tune_es.report.parameters import Parameter, varied
from tune_es.report.table import MOST_COLUMNS, bars, rows
from tune_es.report.text import duration, literal, number, share
from tune_es.report.timeline_chart import timeline_chart

#: Hyperparameters that are drawn.
MOST_PARAMETERS = 24
#: Times beyond the year 9999 are no times.
LATEST_TIME = 253_402_300_799
TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"


def report_page(
    experiment: Experiment, prices: Prices | None = None, cost: Cost | None = None
) -> str:
    """A sweep as one self-contained HTML page.

    Args:
        experiment: The sweep; it may still run.
        prices: What an hour of a worker costs.
        cost: What stopping may have cost, of :func:`tune_es.report.cost.cost_of`; what the sweep
            itself can tell where it is not given.
    """
    parameters, constant = varied(experiment.trials)
    lines, lanes = lines_of(experiment), timeline(experiment)
    curves = curve_charts(experiment, lines) if lines.trials else []
    drawn = against(experiment, parameters[:MOST_PARAMETERS])
    scatters = parameter_charts(experiment, drawn) if drawn.rows else []
    over_time = timeline_chart(experiment, lanes) if lanes.stretches else None
    charts = [*curves, *scatters, *([over_time] if over_time else [])]
    scripts = _scripts(charts)
    return _environment().get_template(TEMPLATE).render(
        experiment=experiment,
        name=literal(experiment.name, 120),
        folder=literal(experiment.folder, 200),
        metric=literal(experiment.metric, 60),
        time_attr=literal(experiment.time_attr, 60),
        facts=_facts(experiment, workers(lanes)),
        overview=overview(experiment, prices or Prices()),
        groups=counts(experiment.trials),
        curves=curves,
        left_out=[literal(each, 60) for each in lines.left_out],
        bars=bars(experiment.trials),
        cost=cost or cost_of(experiment),
        regret_is=MEANING,
        worth=(prices or Prices()).worth(savings_of(experiment)),
        parameters=scatters,
        more_parameters=[literal(each.name, 60) for each in parameters[MOST_PARAMETERS:]],
        constant={literal(key, 60): literal(value, 60) for key, value in constant.items()},
        timeline=over_time,
        lanes=lanes,
        policy=_yaml(experiment),
        rows=rows(experiment, parameters),
        columns=_columns(experiment, parameters),
        number=number,
        share=share,
        style=_text(STYLE),
        scripts=scripts,
        allowed=_allowed(scripts),
        data=_data(charts),
        made=f"tune_es {version('tune-es')}, Bokeh {version('bokeh')}",
    )  # fmt: skip


def _columns(experiment: Experiment, parameters: Sequence[Parameter]) -> list[str]:
    metric = literal(experiment.metric, 40)
    numbers = ["steps", f"best {metric}", "at step", "last", "time"]
    return numbers + [literal(each.name, 40) for each in parameters[:MOST_COLUMNS]]


def _facts(experiment: Experiment, at_once: int) -> list[str]:
    """What stands under the name of a sweep."""
    found = [f"{len(experiment.trials):,} trials"]
    if at_once:
        found.append(f"{at_once} at once")
    if experiment.max_t is not None:
        found.append(f"up to {number(experiment.max_t)} {literal(experiment.time_attr, 40)} each")
    began, latest = experiment.started, experiment.latest
    if began is not None and 0 <= began < LATEST_TIME:
        found.append(f"{datetime.fromtimestamp(began, timezone.utc):%Y-%m-%d %H:%M} UTC")
        if latest is not None and latest >= began:
            found.append(duration(latest - began))
    return found


def _yaml(experiment: Experiment) -> str:
    if experiment.policy is None:
        return ""
    return "\n".join(literal(line, 2000) for line in experiment.policy.to_yaml().split("\n"))


@cache
def _text(name: str) -> str:
    return files("tune_es.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=DictLoader({TEMPLATE: _text(TEMPLATE)}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _scripts(charts: Sequence[Chart]) -> list[str]:
    """The code of the page: ours, and Bokeh's where there is something to draw."""
    code = Resources(mode="inline", components=["bokeh"], log_level="warn").js_raw if charts else []
    return [each.replace("</script", "<\\/script") for each in (*code, _text(SCRIPT))]


def _allowed(scripts: Sequence[str]) -> str:
    """What may run, for the page's security policy: these very scripts and no others."""
    digests = (hashlib.sha256(each.encode("utf-8")).digest() for each in scripts)
    return " ".join(f"'sha256-{base64.b64encode(each).decode('ascii')}'" for each in digests)


def _data(charts: Sequence[Chart]) -> str:
    """The figures as JSON that can stand in a script element."""
    document = Document()
    with document.models.freeze():  # or all are walked through again for each
        for chart in charts:
            document.add_root(chart.figure)
    roots = {chart.figure.id: f"chart-{chart.key}" for chart in charts}
    plain: dict[str, Any] = (
        {"roots": roots, "document": document.to_json(deferred=False)} if charts else {}
    )
    text = json.dumps(plain, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
