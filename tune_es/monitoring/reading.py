"""A sweep, read from its folder."""

from __future__ import annotations

from pathlib import Path

from tune_es.monitoring.events import EventReader, has_events
from tune_es.monitoring.experiment import Experiment
from tune_es.monitoring.from_files import events_from_files
from tune_es.monitoring.story import Story


def read_experiment(
    folder: Path | str, metric: str | None = None, mode: str | None = None
) -> Experiment:
    """A sweep that runs, was killed or is over, from the folder of its experiment.

    The event log that ``EarlyStoppingScheduler`` leaves says everything. Without one Ray's own
    files are read: they come to the folder ten seconds or more after the fact, and do not say when
    a trial was on a worker. Ray is not needed.

    Args:
        folder: The folder of the experiment.
        metric: What to judge trials by, nested keys joined with a slash; the policy's by default.
        mode: ``"min"`` or ``"max"``; the policy's for a metric that it names.

    Raises:
        ValueError: No experiment is there, or neither a policy nor the arguments say the metric
            and its mode.

    >>> import json, tempfile
    >>> result = {"trial_id": "a", "training_iteration": 1, "val": {"loss": 0.9}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "train_a").mkdir()
    ...     _ = Path(folder, "train_a", "result.json").write_text(json.dumps(result))
    ...     read_experiment(folder, "val/loss", "min").trials[0].values
    {'val/loss': [0.9]}
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"there is no folder {str(folder)!r}")
    story = Story(path)
    for event in EventReader(path).new() if has_events(path) else events_from_files(path):
        story.take(event)
    return story.experiment(metric, mode)
