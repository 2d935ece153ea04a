"""All processes of a data-parallel run decide alike, in a real run of two on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_two_processes_stop_at_the_same_step_and_restore_the_same(tmp_path: Path) -> None:
    launch = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    worker = ["-m", "tests.integrations.two_processes", str(tmp_path)]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, *launch, *worker],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first["transformers"]["step"] == 6
    assert first["transformers"]["why"].startswith("budget used: Budget (seconds=36")
    assert (first["lightning"]["step"], first["lightning"]["best"]) == (12, 3)
