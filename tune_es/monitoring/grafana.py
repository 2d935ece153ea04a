"""The dashboard for Grafana as plain data; ``tune-es dashboard`` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tune_es.monitoring.meters import STEPS_SPENT
from tune_es.monitoring.panels import ROWS, Look, Panel

#: Grafana knows the dashboard by it: a newer file with the same one takes its place.
UID = "tuneEarlyStopping"
TITLE = "Tune early stopping"

#: The grid has so many columns; the heights are in its own unit.
COLUMNS, ROW_HEIGHT = 24, 1
#: Tells a layout that Grafana brings up to date by itself from one that is: that of Grafana 10.
SCHEMA = 38

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
OPTIONS: Mapping[Look, Mapping[str, Any]] = {
    Look.STAT: {
        "colorMode": "value",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    Look.LINES: {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}
OPTIONS = {**OPTIONS, Look.STACKED: OPTIONS[Look.LINES]}


def dashboard() -> dict[str, Any]:
    """All of it, ready for ``json.dump``.

    The variables are those of Ray's own dashboards, ``datasource``, ``SessionName`` and
    ``Cluster``, and ``Experiment``.

    >>> made = dashboard()
    >>> made["title"], [each["name"] for each in made["templating"]["list"]]
    ('Tune early stopping', ['datasource', 'SessionName', 'Cluster', 'Experiment'])
    """
    return {
        "uid": UID,
        "title": TITLE,
        "description": "Sweeps of Ray Tune whose trials tune_es stops early.",
        "tags": ["ray", "tune_es"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": [*_laid_out(ROWS)],
    }


def queries(made: Mapping[str, Any]) -> list[str]:
    """Every query of a dashboard, those of its variables left out."""
    targets = [target for panel in made["panels"] for target in panel.get("targets", ())]
    return [str(target["expr"]) for target in targets]


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 2,
        "includeAll": False,
        "multi": False,
    }
    session = _labels("SessionName", "SessionName", "", "Filter by Ray session.")
    within = 'SessionName=~"$SessionName"'
    cluster = _labels("Cluster", "ray_io_cluster", within, "Filter by Ray cluster, for KubeRay.")
    within += ',ray_io_cluster=~"$Cluster"'
    experiment = _labels("Experiment", "experiment", within, "Filter by sweep.")
    return [source, session, cluster, {**experiment, "multi": True}]


def _labels(name: str, label: str, within: str, description: str) -> dict[str, Any]:
    """A variable with the values that a label has in the numbers of sweeps."""
    query = f"label_values({STEPS_SPENT.in_prometheus}{{{within}}}, {label})"
    return {
        "name": name,
        "type": "query",
        "description": description,
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "refresh": 2,
        "sort": 2,
        "hide": 0,
        "includeAll": True,
        "allValue": ".*",
        "multi": False,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _laid_out(rows: Mapping[str, Sequence[Panel]]) -> Iterator[dict[str, Any]]:
    """Rows from top to bottom, the panels of each side by side."""
    number, top = 0, 0
    for title, panels in rows.items():
        number += 1
        place = {"h": ROW_HEIGHT, "w": COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        top += ROW_HEIGHT
        width = COLUMNS // len(panels)
        for at, panel in enumerate(panels):
            number += 1
            place = {"h": panel.height, "w": width, "x": at * width, "y": top}
            yield _drawn(panel, number, place)
        top += max(panel.height for panel in panels)


def _drawn(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.look is Look.STACKED:
        defaults["custom"] = {"stacking": {"mode": "normal"}, "fillOpacity": 60, "lineWidth": 1}
    elif panel.look is Look.LINES:
        defaults["custom"] = {"fillOpacity": 0, "lineWidth": 2, "showPoints": "never"}
    targets = [
        {"refId": chr(ord("A") + at), "expr": expr, "legendFormat": legend, "range": True}
        for at, (expr, legend) in enumerate(panel.lines)
    ]
    return {
        "id": number,
        "type": "stat" if panel.look is Look.STAT else "timeseries",
        "title": panel.title,
        "description": panel.description,
        "gridPos": dict(place),
        "datasource": DATASOURCE,
        "targets": [{**each, "datasource": DATASOURCE} for each in targets],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": dict(OPTIONS[panel.look]),
    }
