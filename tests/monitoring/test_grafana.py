"""The dashboard as data: well-formed, and nothing in it that is not measured."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tune_es.monitoring.grafana import COLUMNS, dashboard, queries
from tune_es.monitoring.meters import EXPERIMENT, METERS, Kind
from tune_es.monitoring.panels import FILTERS

#: Names in queries with the labels that they are selected or grouped by.
NAMES = {
    each.in_prometheus + ("_bucket" if each.kind is Kind.HISTOGRAM else ""): each for each in METERS
}
RAYS = {"SessionName", "ray_io_cluster", "le"}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return dashboard()


def test_it_is_json_and_the_same_every_time(made: dict[str, Any]) -> None:
    assert json.loads(json.dumps(made, allow_nan=False)) == dashboard()


def test_every_meter_is_shown_and_nothing_else_is_asked_for(made: dict[str, Any]) -> None:
    named = set(re.findall(r"\bray_tune_es_\w+", "\n".join(queries(made))))
    assert named == set(NAMES)


def test_every_query_is_narrowed_by_the_variables(made: dict[str, Any]) -> None:
    for query in queries(made):
        selectors = re.findall(r"ray_tune_es_\w+\{([^}]*)\}", query)
        assert len(selectors) == len(re.findall("ray_tune_es_", query))
        assert all(each.startswith(FILTERS) for each in selectors)


def test_every_label_is_one_that_the_series_has(made: dict[str, Any]) -> None:
    for query in queries(made):
        meters = [NAMES[name] for name in re.findall(r"\bray_tune_es_\w+", query)]
        grouped = ",".join(re.findall(r"by \(([^)]*)\)", query)).replace(" ", "")
        selected = re.findall(r"(\w+)=~", query)
        for meter in meters:
            has = {EXPERIMENT, *meter.tags} | RAYS
            assert {*filter(None, grouped.split(",")), *selected} <= has, query


def test_legends_name_labels_that_the_query_leaves(made: dict[str, Any]) -> None:
    for panel in made["panels"]:
        for target in panel.get("targets", ()):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = set(re.findall(r"^(?:sum|max) by \((\w+)\)", target["expr"]))
            assert shown <= grouped or not grouped, target


def test_panels_have_numbers_of_their_own_and_do_not_overlap(made: dict[str, Any]) -> None:
    assert len({each["id"] for each in made["panels"]}) == len(made["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        place = panel["gridPos"]
        across = range(place["x"], place["x"] + place["w"])
        down = range(place["y"], place["y"] + place["h"])
        assert across.stop <= COLUMNS
        own = set(itertools.product(across, down))
        assert not own & cells, panel["title"]
        cells |= own


def test_variables_are_used_and_defined(made: dict[str, Any]) -> None:
    defined = {each["name"] for each in made["templating"]["list"]}
    text = json.dumps(made)
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__all"}
    assert used == defined


def test_the_page_on_monitoring_names_every_metric() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "monitoring.md").read_text()
    assert [each.in_prometheus for each in METERS if f"`{each.in_prometheus}`" not in page] == []
