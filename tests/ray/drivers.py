"""Runs the driver of a sweep in a process of its own that is to be killed half-way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.ray.killed import ARMED

ROOT = Path(__file__).resolve().parents[2]


def run_until_killed(module: str, *arguments: str, timeout_s: float = 300) -> None:
    """Run a module of this folder until it kills itself; the tests fail where it does not."""
    died = subprocess.run(
        [sys.executable, "-m", f"tests.ray.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, ARMED: "1", "TUNE_GLOBAL_CHECKPOINT_S": "1"},
        capture_output=True,
        check=False,
        text=True,
        timeout=timeout_s,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
