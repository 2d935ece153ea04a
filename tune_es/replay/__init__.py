"""The replay lab: a policy judged on recorded curves before it touches a GPU."""

from tune_es.replay.cluster import Cluster, Scheduler
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.curves import Task, TaskCurves, task_curves
from tune_es.replay.engine import replay
from tune_es.replay.fast import Stops, stops
from tune_es.replay.judged import InOrder, PolicyScheduler
from tune_es.replay.lab import judge
from tune_es.replay.policies import Candidate, candidate, candidates
from tune_es.replay.run import Event, Run, Span
from tune_es.replay.scorecard import Score, Stream, stream
from tune_es.replay.storage import load_curve_set, load_tasks, save_curve_set
from tune_es.replay.streaming import stream_tasks
from tune_es.replay.summary import (
    Interval,
    Point,
    Summary,
    cost_at,
    envelope,
    held_out_cost_at,
    points,
    summarise,
)
from tune_es.replay.validation import check_curve_set
from tune_es.replay.writing import CurveSetWriter

__all__ = [
    "Candidate",
    "Cluster",
    "CurveSet",
    "CurveSetWriter",
    "Event",
    "InOrder",
    "Interval",
    "Point",
    "PolicyScheduler",
    "Run",
    "Scheduler",
    "Score",
    "Span",
    "Stops",
    "Stream",
    "Summary",
    "Task",
    "TaskCurves",
    "candidate",
    "candidates",
    "check_curve_set",
    "cost_at",
    "envelope",
    "held_out_cost_at",
    "judge",
    "load_curve_set",
    "load_tasks",
    "points",
    "replay",
    "save_curve_set",
    "stops",
    "stream",
    "stream_tasks",
    "summarise",
    "task_curves",
]
