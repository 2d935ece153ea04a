"""The dashboard's queries read a real sweep back, from a Prometheus that fetches Ray's metrics.

Ray hands its metrics over every second here instead of every ten: a gauge that is not set again is
gone after two.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ray import measured
from tests.ray.head_node import HeadNode, head_node, wait_until
from tests.ray.prometheus import Prometheus, needs_prometheus, prometheus
from tune_es.cli.dashboard import FILE, FOLDER_VARIABLE
from tune_es.monitoring import read_experiment, savings_of
from tune_es.monitoring.grafana import dashboard, queries
from tune_es.monitoring.meters import METERS, Kind

pytestmark = needs_prometheus

ROOT = Path(__file__).resolve().parents[2]
INTERVAL = {"RAY_metrics_report_interval_ms": "1000"}
#: No result comes for so long, and the gauges are to be there still.
SILENCE_S = 3.5
STATES, STOPPED = "ray_tune_es_trials", '{experiment="stopped"}'
#: How long something is waited for that takes seconds on a machine with nothing else to do.
PATIENCE_S = 180.0


@dataclass
class Seen:
    """What Prometheus gave, and when."""

    missing: list[str] = field(default_factory=list)
    gauges: dict[str, bool] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    states: dict[str, dict[str, float]] = field(default_factory=dict)
    totals: dict[str, dict[str, float]] = field(default_factory=dict)
    stops: dict[str, dict[tuple[str, str], float]] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    series: list[dict[str, str]] = field(default_factory=list)
    driver: str = ""
    provisioned: str = ""
    dashboards: list[str] = field(default_factory=list)


def filled(query: str, experiment: str) -> str:
    """A query as Grafana sends it."""
    values = {
        "$SessionName": ".*", "$Cluster": ".*", "$Experiment": experiment,
        "$__rate_interval": "15s",
    }  # fmt: skip
    for name, value in values.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


@contextmanager
def driver(head: HeadNode, storage: Path, *names: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs these sweeps; it is killed where it has not ended by itself."""
    with (storage / f"{names[0]}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.ray.measured", str(storage), *names],
            cwd=ROOT,
            env=head.environment(**INTERVAL, TUNE_GLOBAL_CHECKPOINT_S="1"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_all_have_data(server: Prometheus, asked: list[str], timeout_s: float) -> list[str]:
    """Ask until each query has given a number once; those that did not."""
    left, give_up = list(asked), time.monotonic() + timeout_s
    while left and time.monotonic() < give_up:
        left = [each for each in left if not server.has(each)]
        time.sleep(0.3)
    return left


def look(server: Prometheus, seen: Seen, experiment: str) -> None:
    """Note how an experiment stands."""
    of = f'{{experiment="{experiment}"}}'
    seen.totals[experiment] = {
        meter.name: sum(value for _, value in server.ask(f"{meter.in_prometheus}{of}"))
        for meter in METERS
        if meter.kind is Kind.COUNTER
    }
    stops = server.ask(f"sum by (cause, criterion) (ray_tune_es_stops_total{of})")
    seen.stops[experiment] = {
        (labels["cause"], labels["criterion"]): value for labels, value in stops
    }
    seen.series = server.get("series", **{"match[]": '{__name__=~"ray_tune_es_.*"}'})


def until_held(server: Prometheus, of: str, **states: float) -> dict[str, float]:
    """How many trials are where once so many are there."""

    def is_held() -> bool:
        found = server.by("state", STATES + of)
        return all(found.get(name) == count for name, count in states.items())

    wait_until(is_held, PATIENCE_S)
    return server.by("state", STATES + of)


def watch_stopped(server: Prometheus, seen: Seen) -> None:
    """While the sweep runs, then while nothing comes from it, until its driver is to be killed."""
    asked = [filled(each, "stopped") for each in queries(dashboard())]
    seen.missing = until_all_have_data(server, asked, PATIENCE_S)
    until_held(server, STOPPED, running=1, pending=0)
    time.sleep(SILENCE_S)
    seen.gauges = {
        meter.name: server.has(meter.in_prometheus + STOPPED)
        for meter in METERS
        if meter.kind is Kind.GAUGE
    }
    seen.states["held"] = server.by("state", STATES + STOPPED)
    (seen.driver,) = server.by("WorkerId", STATES + STOPPED)
    seen.best = server.by("metric", "ray_tune_es_best_value")
    match = 'ray_tune_es_spent_steps_total{SessionName=~".*"}'
    for label in ("SessionName", "experiment"):
        seen.labels[label] = server.get(f"label/{label}/values", **{"match[]": match})


def watch_restored(server: Prometheus, seen: Seen, storage: Path) -> None:
    """While the restored sweep waits, and the sweep with promotion after it."""
    of_the_new = f'{{experiment="stopped",WorkerId!="{seen.driver}"}}'
    seen.states["restored"] = until_held(server, of_the_new, running=1, pending=0, failed=1)
    measured.go(storage, "stopped").touch()
    of_promoted = '{experiment="promoted"}'
    seen.states["promoted"] = until_held(server, of_promoted, running=1, paused=2, finished=1)
    look(server, seen, "stopped")
    measured.go(storage, "promoted").touch()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("measured")


@pytest.fixture(scope="module")
def seen(storage: Path) -> Seen:
    found, dashboards = Seen(), storage / "dashboards"
    dashboards.mkdir()
    (dashboards / FILE).write_text(json.dumps(dashboard()))
    settings = {**INTERVAL, FOLDER_VARIABLE: str(dashboards)}
    with ExitStack() as opened:
        head = opened.enter_context(head_node(settings=settings))
        with driver(head, storage, "stopped"):  # the two start side by side
            server = opened.enter_context(prometheus(head, storage))
            watch_stopped(server, found)
        with driver(head, storage, "restored", "promoted") as process:
            watch_restored(server, found, storage)
            assert process.wait(60) == 0, (storage / "restored.log").read_text()[-2000:]
        time.sleep(2)
        look(server, found, "promoted")
        grafana = head.folder / "session_latest/metrics/grafana/provisioning"
        found.provisioned = (grafana / "dashboards/default.yml").read_text()
        found.dashboards = [path.name for path in dashboards.iterdir()]
    return found


def test_every_query_has_data_while_the_sweep_runs(seen: Seen) -> None:
    assert seen.missing == []


def test_gauges_stay_while_no_result_comes(seen: Seen) -> None:
    assert [name for name, is_there in seen.gauges.items() if not is_there] == []
    expected = {"running": 1, "stopped": 3, "finished": 2, "failed": 1, "paused": 0, "pending": 0}
    assert seen.states["held"] == expected
    assert seen.best["loss"] == 0.04


def test_the_variables_of_the_dashboard_have_values(seen: Seen) -> None:
    assert seen.labels["experiment"] == ["stopped"]
    assert len(seen.labels["SessionName"]) == 1


def test_nothing_counts_twice_after_a_retry_and_a_restore(seen: Seen, storage: Path) -> None:
    totals, steps = seen.totals["stopped"], measured.STEPS
    assert totals["tune_es_spent_steps"] == totals["tune_es_results_judged"] == sum(steps.values())
    lacks = sum(10 - steps[name] for name in measured.SAVED)
    assert totals["tune_es_saved_steps"] == lacks
    assert seen.stops["stopped"] == measured.STOPS
    told = savings_of(read_experiment(storage / "stopped"))
    assert (told.steps_run, told.steps_saved) == (sum(steps.values()), lacks)
    counted = [totals[f"tune_es_{name}"] for name in ("spent_seconds", "saved_seconds")]
    assert counted == pytest.approx([told.seconds_run, told.seconds_saved], rel=0.1)
    money = [totals[f"tune_es_{name}"] for name in ("spent_money", "saved_money")]
    assert money == pytest.approx(counted)


def test_trials_that_ended_before_a_restore_are_still_counted(seen: Seen) -> None:
    assert seen.states["restored"] == seen.states["held"]


def test_paused_trials_and_those_let_go_are_counted(seen: Seen) -> None:
    expected = {"running": 1, "paused": 2, "stopped": 0, "finished": 1, "failed": 0, "pending": 0}
    assert seen.states["promoted"] == expected
    assert seen.stops["promoted"][("HOPELESS", "RungTable")] == 2
    assert seen.totals["promoted"]["tune_es_saved_steps"] == 4
    assert seen.totals["promoted"]["tune_es_spent_money"] == 0  # no price, no money


def test_no_label_names_a_trial(seen: Seen) -> None:
    rays = {
        "Component", "NodeAddress", "SessionName", "Version", "WorkerId", "instance", "job", "le",
        "otel_scope_name", "otel_scope_schema_url", "otel_scope_version", "__name__",
    }  # fmt: skip
    ours = {"experiment", *(tag for meter in METERS for tag in meter.tags)}
    assert {label for each in seen.series for label in each} <= rays | ours
    values = {tag: {each[tag] for each in seen.series if tag in each} for tag in ours}
    assert values["criterion"] == {"Patience", "Target", "NonFinite", "Budget", "RungTable"}
    assert values["metric"] == {"loss", "time_this_iter_s"}


def test_grafana_is_pointed_to_it(seen: Seen, storage: Path) -> None:
    assert f"path: {storage / 'dashboards'}" in seen.provisioned
    assert {FILE, "default_grafana_dashboard.json"} <= set(seen.dashboards)
    kept: dict[str, Any] = json.loads((storage / "dashboards" / FILE).read_text())
    assert kept == dashboard()
