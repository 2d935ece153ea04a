"""The replay lab: a policy judged on recorded curves before it touches a GPU."""

from tune_es.replay.cluster import Cluster, Scheduler
from tune_es.replay.curves import Task, TaskCurves, task_curves
from tune_es.replay.engine import Event, Run, Span, replay
from tune_es.replay.judged import InOrder, PolicyScheduler
from tune_es.replay.lab import judge
from tune_es.replay.policies import Candidate, candidate, candidates
from tune_es.replay.scorecard import Score, Stream, stream
from tune_es.replay.storage import load_tasks
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

__all__ = [
    "Candidate",
    "Cluster",
    "Event",
    "InOrder",
    "Interval",
    "Point",
    "PolicyScheduler",
    "Run",
    "Scheduler",
    "Score",
    "Span",
    "Stream",
    "Summary",
    "Task",
    "TaskCurves",
    "candidate",
    "candidates",
    "cost_at",
    "envelope",
    "held_out_cost_at",
    "judge",
    "load_tasks",
    "points",
    "replay",
    "stream",
    "summarise",
    "task_curves",
]
