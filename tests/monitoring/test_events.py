"""The event log: what is written is read, and a disk that refuses it stops nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.monitoring.experiments import HOSTILE
from tests.unit.test_reading import Hidden, Itself, Odd
from tune_es.monitoring.events import EventReader, EventWriter, has_events
from tune_es.monitoring.story import Story

NAMES = ("time", "policy", "planned", "experiment", "name", "config", "values", "why", "left")
FIELDS = (*NAMES, "seconds", "where", "done", "action", "failed", "error")
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
#: What JSON may hold.
junk = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
circle: list[object] = []
circle.append({"again": circle})
#: What a trial may hold.
hostile = junk | st.sampled_from(
    [circle, {"deep": circle}, 10**5000, {"n": 10**5000}, "\ud800", b"x", Odd(KeyError), Itself(),
     Hidden(), np.zeros(2), np.array(circle, dtype=object), {(1, 2): 3}, {1}, object]
)  # fmt: skip

#: Fills its disk: a process that may write 2,000 bytes into a file and no more.
FULL_DISK = """
import logging, resource, signal, sys
from pathlib import Path
from tune_es.monitoring.events import EventReader, EventWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
logging.basicConfig(stream=sys.stdout, format="%(message)s")
folder = Path(sys.argv[1])
writer = EventWriter(folder)
for at in range(100):
    writer.write({"event": "result", "step": at})
    writer.flush()
writer.close()
print([event["step"] for event in EventReader(folder).new()])
"""


def write(folder: Path, *events: dict[str, object]) -> None:
    writer = EventWriter(folder)
    for event in events:
        writer.write(event)
    writer.close()


def test_what_is_written_is_read_and_later_what_is_new(tmp_path: Path) -> None:
    assert not has_events(tmp_path)
    writer, reader = EventWriter(tmp_path / "deep" / "er"), EventReader(tmp_path / "deep" / "er")
    writer.write({"event": "start", "trial": "a"})
    assert [*reader.new()] == []
    writer.flush()
    assert [*reader.new()] == [{"event": "start", "trial": "a"}]
    assert [*reader.new()] == []
    writer.write({"event": "over"})
    writer.close()
    assert [*reader.new()] == [{"event": "over"}]
    assert has_events(tmp_path / "deep" / "er")


def test_a_sweep_that_begins_again_writes_a_file_of_its_own_behind_the_first(
    tmp_path: Path,
) -> None:
    for at in range(3):
        write(tmp_path, {"event": "sweep", "at": at})
    files = sorted(path.name for path in tmp_path.iterdir())
    assert [name[:14] for name in files] == ["es_events-0001", "es_events-0002", "es_events-0003"]
    assert [event["at"] for event in EventReader(tmp_path).new()] == [0, 1, 2]


def test_a_line_that_was_cut_off_is_waited_for_and_one_that_is_no_event_left_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "es_events-0001-x.jsonl"
    path.write_bytes(b'{"event": "start"}\nnothing\n[1]\n{"event": 3}\n\xff\xfe\n{"event": "o')
    reader = EventReader(tmp_path)
    assert [*reader.new()] == [{"event": "start"}]
    with path.open("ab") as file:
        file.write(b'ver"}\n')
    assert [*reader.new()] == [{"event": "over"}]


def test_what_json_does_not_know_is_written_in_words(tmp_path: Path) -> None:
    config = {"fn": len, "dtype": np.float32, "n": np.int64(3), "x": float("nan"), "t": (1, 2)}
    write(tmp_path, {"event": "trial", "config": config}, {"event": "texts", "of": [*HOSTILE]})
    first, second = EventReader(tmp_path).new()
    assert first["config"]["fn"] == "<built-in function len>"
    assert first["config"]["n"] == 3
    assert second["of"] == [*HOSTILE]


@settings(max_examples=50)
@given(config=st.dictionaries(st.text(max_size=3) | st.integers() | st.none(), hostile))
def test_whatever_a_trial_holds_is_written_and_the_rest_of_it_kept(config: dict[Any, Any]) -> None:
    with TemporaryDirectory() as folder:
        write(Path(folder), {"event": "trial", "config": {**config, "lr": 0.1}}, {"event": "over"})
        first, last = EventReader(Path(folder)).new()
    assert first["config"]["lr"] == 0.1
    assert last == {"event": "over"}


@settings(max_examples=60)
@given(
    events=st.lists(
        st.fixed_dictionaries(
            {"event": st.sampled_from(["sweep", "policy", "trial", "start", "result", "end"])},
            optional=dict.fromkeys(FIELDS, junk)
            | {"trial": st.sampled_from(["a", "b"]) | junk, "step": st.integers(0, 5) | junk},
        ),
        max_size=12,
    )
)
def test_no_event_raises(events: list[dict[str, Any]]) -> None:
    story = Story(Path("sweep"))
    last = {"event": "result", "trial": "last", "step": 1, "values": {"loss": 0.5}}
    for event in [*events, {"event": "trial", "trial": "last"}, last]:
        story.take(event)
    assert story.experiment("loss", "min").trials[-1].trial_id == "last" or events


def test_a_line_that_is_too_deep_or_too_large_a_number_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "es_events-0001-x.jsonl").write_text(
        f'{"[" * 100_000}\n{{"event": {"1" * 5000}}}\n{{"event": "over"}}\n'
    )
    assert [*EventReader(tmp_path).new()] == [{"event": "over"}]


def test_a_folder_that_cannot_be_made_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    writer = EventWriter(tmp_path / "file" / "folder")
    for _ in range(3):
        writer.write({"event": "alive"})
        writer.flush()
    writer.close()
    (record,) = caplog.records
    assert "could not be written" in record.getMessage()


def test_a_full_disk_is_one_warning_and_what_was_written_before_is_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    warning, read = done.stdout.splitlines()
    assert "could not be written" in warning
    steps = json.loads(read)
    assert steps == [*range(len(steps))]
    assert 10 < len(steps) < 100
