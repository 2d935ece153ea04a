"""The charts as files."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.builders import refusal
from tests.monitoring.experiments import foreign, hostile, odd, running, sweep
from tune_es.report.plots import curves, hyperparameters, save_plots

ALL = ["curves", "ends", "hyperparameters", "timeline"]


def test_png_files_have_a_size(tmp_path: Path) -> None:
    written = save_plots(sweep(12), tmp_path / "new" / "folder")
    assert [path.stem for path in written] == ALL
    for path in written:
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        assert width > 400
        assert height > 200


def test_svg_is_the_same_every_time(tmp_path: Path) -> None:
    first = save_plots(sweep(6), tmp_path / "one", "svg")
    second = save_plots(sweep(6), tmp_path / "two", "svg")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", ["running", "foreign", "hostile", *odd()])
def test_every_sweep_has_plots_of_what_there_is(tmp_path: Path, name: str) -> None:
    made = {"running": running(), "foreign": foreign(), "hostile": hostile(), **odd()}[name]
    written = save_plots(made, tmp_path, "svg")
    expected = ALL if name in ("running", "foreign", "hostile", "mixed config") else ALL[:2]
    assert name == "no trials" or {path.stem for path in written} >= {"ends"} & set(expected)
    for path in written:
        tags = {each.tag.rpartition("}")[2] for each in ET.parse(path).iter()}
        assert not tags & {"script", "a", "img", "image", "foreignObject"}


def test_what_users_wrote_is_not_read_as_tex(tmp_path: Path) -> None:
    plot = hyperparameters(hostile())
    assert plot is not None
    labels = [axis.get_xlabel() for axis in plot.axes]
    assert r"\$\$\text{<img src=x onerror=window.hacked=5>}\$\$" in labels


def test_a_metric_has_axes_of_its_own() -> None:
    plot = curves(sweep(6))
    assert plot is not None
    assert [axis.get_ylabel() for axis in plot.axes] == ["eval_loss", "eval_accuracy", "train_loss"]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    assert "png, svg" in refusal(save_plots, sweep(2), tmp_path, "gif")
