"""``tune-es dashboard``: the dashboard for Grafana, and how to see it."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

from tune_es.cli.output import say, write_file
from tune_es.monitoring import grafana

#: Ray's own dashboards lie beside it, under other names.
FILE = "tune_es_grafana_dashboard.json"
#: Where Ray is told to write its own, and to have Grafana look for all.
FOLDER_VARIABLE = "RAY_METRICS_GRAFANA_DASHBOARD_OUTPUT_DIR"
#: Where packages of Grafana put what its server needs.
GRAFANA_HOME = "/usr/share/grafana"

TEXT = """{file}

Have Ray's Grafana look for it there; for ray.init() set the variable before:

    {variable}={folder} ray start --head

Start Prometheus and Grafana, as Ray has configured them:

    prometheus --config.file={metrics}/prometheus/prometheus.yml
    grafana-server --homepath {home} --config {metrics}/grafana/grafana.ini web

See it at http://localhost:3000/d/{uid}; numbers come some 10 s after a sweep has begun.

Where Ray runs already, it need not be started again, but forgets this when it is:

    tune-es dashboard --out {metrics}/grafana/dashboards
"""


def dashboard(*, out: Path, temp_dir: Path | None = None) -> None:
    """Write a dashboard for Ray's Grafana and say how to see it.

    It shows every sweep that tune_es stops trials of: trials by state, why they stopped, steps,
    time and money spent and saved, the best values, the patience left and the time of a decision.

    Args:
        out: The folder to write it into; one that is there already is replaced.
        temp_dir: The --temp-dir of Ray, where it was given one.
    """
    if temp_dir is not None and temp_dir.exists() and not temp_dir.is_dir():
        raise ValueError(f"--temp-dir must be a folder, got {str(temp_dir)!r}")
    folder = out.resolve()
    write_file(folder / FILE, json.dumps(grafana.dashboard(), indent=2) + "\n")
    root = _temp_dir() if temp_dir is None else temp_dir.resolve()
    metrics = root / "session_latest" / "metrics"
    say(
        TEXT.format(
            file=folder / FILE,
            variable=FOLDER_VARIABLE,
            folder=shlex.quote(str(folder)),
            metrics=shlex.quote(str(metrics)),
            home=GRAFANA_HOME,
            uid=grafana.UID,
        ).rstrip()
    )


def _temp_dir() -> Path:
    """Where Ray puts its sessions by default."""
    named = os.environ.get("RAY_TMPDIR")
    if named is None and sys.platform.startswith("linux"):
        named = os.environ.get("TMPDIR", "/tmp")
    return Path(named or tempfile.gettempdir(), "ray")
