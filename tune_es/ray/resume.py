"""``python -m tune_es.ray.resume``: an interrupted sweep goes on, with the trainable that is named.

Ray keeps everything of a sweep in its folder but the trainable, so somebody has to say it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from ray.tune import Tuner

from tune_es.ray.restoring import remedy
from tune_es.ray_files import read_state


def main(arguments: Sequence[str] | None = None) -> None:
    """Restore a sweep and run it to its end."""
    options = _parser().parse_args(arguments)
    try:
        trainable = load_trainable(options.trainable)
        check_restorable(options.folder)
    except ValueError as error:
        sys.exit(f"tune-es: {error}")
    try:
        tuner = Tuner.restore(options.folder, trainable, resume_errored=options.resume_errored)
    except (EOFError, UnpicklingError) as error:
        sys.exit(
            f"tune-es: {options.folder}/tuner.pkl cannot be read ({error}); make the same Tuner "
            "again, of the same name and storage_path, which writes it, and resume then"
        )
    tuner.fit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tune_es.ray.resume")
    parser.add_argument("folder")
    parser.add_argument("--trainable", required=True, help="FILE.py:NAME or package.module:NAME")
    parser.add_argument("--resume-errored", action="store_true")
    return parser


def check_restorable(folder: str) -> None:
    """Refuse a folder on this machine of whose trials nothing can be read.

    Ray says that it can be restored, and starts over or ends with no trials.

    Raises:
        ValueError: There is no state of the experiment, or a damaged one.
    """
    if "://" not in folder and not read_state(Path(folder)):
        raise ValueError(
            f"{folder} holds no experiment_state-*.json with trials in it, or its newest is torn: "
            f"there is no sweep that could go on; {remedy(Path(folder))}"
        )


def load_trainable(spec: str) -> Any:
    """The trainable that ``FILE.py:NAME`` or ``package.module:NAME`` names.

    The file is run as a module, not as a script: what it does under ``if __name__ ==
    "__main__"`` is left out.

    Raises:
        ValueError: It does not name one.
    """
    where, _, name = spec.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(f"--trainable must be FILE.py:NAME or package.module:NAME, got {spec!r}")
    module = _from_file(Path(where)) if where.endswith(".py") else import_module(where)
    found = getattr(module, name, None)
    if not callable(found):
        raise ValueError(f"--trainable {spec!r}: there is no function or class {name!r} in {where}")
    return found


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise ValueError(f"--trainable: there is no file {str(path)!r}")
    sys.path.insert(0, str(path.resolve().parent))
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"--trainable: {str(path)!r} is no Python file")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
