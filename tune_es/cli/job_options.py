"""What goes to a cluster with a job: the command, a folder, variables, and what it reserves."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tune_es.checks import nearest
from tune_es.cli.replay import Many
from tune_es.documents import load_yaml, read_text
from tune_es.ray_files import read_state


@dataclass(frozen=True)
class Sent:
    """What goes to the cluster with a job.

    Args:
        working_dir: The folder that is uploaded, or the URI of a package; the current one by
            default where the script lies in it, else that of the script.
        exclude: What is left out of it, as in a .gitignore; .git, .venv and caches always are.
        upload_mib: The largest package, in MiB.
        env: Variables of the job's environment, NAME=VALUE.
        runtime_env: A YAML file with anything else of Ray's runtime environment.
        num_cpus: CPUs for the script itself, beside those of its trials.
        num_gpus: GPUs for the script itself.
        resources: Other resources for it, NAME=AMOUNT.
    """

    working_dir: str | None = None
    exclude: Annotated[tuple[str, ...], Many] = ()
    upload_mib: float = 100.0
    env: Annotated[tuple[str, ...], Many] = ()
    runtime_env: Path | None = None
    num_cpus: float = 0.0
    num_gpus: float = 0.0
    resources: Annotated[tuple[str, ...], Many] = ()

    def environment(self, root: Path, into: Path) -> dict[str, Any]:
        """Ray's runtime environment; the folder is packed here, so that its size is known."""
        from tune_es.ray.upload import packed

        found = _fields(self.runtime_env)
        found["env_vars"] = {**found.get("env_vars", {}), **_pairs("env", self.env)}
        if self.working_dir is not None and "://" in self.working_dir:
            return {**found, "working_dir": self.working_dir}
        excludes = [*found.pop("excludes", ()), *self.exclude]
        package = packed(root, into, excludes, self.upload_mib)
        return {**found, "working_dir": str(package)}

    def reserved(self) -> dict[str, Any]:
        """What the script itself takes of the cluster, as Ray calls it."""
        amounts = _pairs("resources", self.resources)
        try:
            own = {name: float(value) for name, value in amounts.items()}
        except ValueError as error:
            raise ValueError(f"--resources must be NAME=AMOUNT: {error}") from error
        found = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus, "resources": own}
        return {f"entrypoint_{name}": value for name, value in found.items() if value}


@dataclass(frozen=True)
class Command:
    """The words after the interpreter, and the folder in which they are to be run."""

    words: Sequence[str]
    root: Path

    @property
    def line(self) -> str:
        """The words for a shell."""
        return shlex.join(self.words)


def script(target: str, arguments: Sequence[str], working_dir: str | None) -> Command:
    """A script with its arguments.

    Raises:
        ValueError: There is none, or the folder that is uploaded does not hold it.
    """
    path = Path(target)
    if path.is_dir() or "://" in target:
        raise ValueError(
            f"an experiment goes on with its trainable, which Ray keeps in no folder: "
            f"--trainable FILE.py:{_trainable_of(path)}, or submit a script that restores {target}"
        )
    if path.suffix != ".py" or not path.is_file():
        beside = sorted(path.parent.glob("*.py")) if path.parent.is_dir() else []
        names = nearest(path.name, [each.name for each in beside])
        raise ValueError(f"there is no script {target!r}; {names}")
    root, inside = _within(path, working_dir)
    return Command([inside, *arguments], root)


def resumed(target: str, trainable: str, working_dir: str | None, resume_errored: bool) -> Command:
    """An interrupted experiment that goes on with a trainable.

    Raises:
        ValueError: There is no such folder or file.
    """
    if "://" not in target and not Path(target).is_dir():
        raise ValueError(f"there is no folder {target!r} to go on from")
    folder = target if "://" in target else str(Path(target).resolve())
    more = ["--resume-errored"] if resume_errored else []
    where, _, name = trainable.rpartition(":")
    if not where.endswith(".py"):
        root = Path(working_dir or ".")
        words = ["-m", "tune_es.ray.resume", folder, "--trainable", trainable, *more]
        return Command(words, root)
    if not Path(where).is_file():
        raise ValueError(f"--trainable: there is no file {where!r}")
    root, inside = _within(Path(where), working_dir)
    named = f"{inside}:{name}"
    return Command(["-m", "tune_es.ray.resume", folder, "--trainable", named, *more], root)


def interpreter(python: str | None) -> str:
    """The interpreter for a shell on the cluster: this one's path where it is there as well."""
    if python is not None:
        return shlex.quote(python)
    return f"$(command -v {shlex.quote(sys.executable)} || echo python)"


def _trainable_of(folder: Path) -> str:
    """What the trainable of an experiment is called, as far as its folder says."""
    names = {str(each.get("trainable_name") or "") for each in read_state(folder).values()}
    name = next(iter(names), "") if len(names) == 1 else ""
    return name if name.isidentifier() else "NAME"


def _within(file: Path, working_dir: str | None) -> tuple[Path, str]:
    """The folder that goes with a file, and where in it the file is."""
    here, whole = Path.cwd().resolve(), file.resolve()
    if working_dir is not None and "://" in working_dir:
        return here, str(file)
    root = here if here in whole.parents else whole.parent
    if working_dir is not None:
        root = Path(working_dir).resolve()
        if not root.is_dir() or root not in whole.parents:
            raise ValueError(f"--working-dir must be a folder with {file} in it, got {working_dir}")
    return root, str(whole.relative_to(root))


def _fields(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    found = load_yaml(read_text(path))
    if not isinstance(found, dict):
        raise ValueError(f"--runtime-env must be a YAML file of fields and values, got {path}")
    return found


def _pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    for each in words:
        if "=" not in each[1:]:
            raise ValueError(f"--{option} must be NAME=VALUE, got {each!r}")
    return {each.partition("=")[0]: each.partition("=")[2] for each in words}
