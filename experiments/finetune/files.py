"""Local files in the formats in which MRPC, TREC, RTE, CoLA and SST-2 are distributed.

Every file is read as UTF-8, with or without a byte order mark, and as Latin-1 where it is not
valid UTF-8 (TREC's training file). Tabs separate columns and quotation marks are plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from experiments.finetune.data import Split, Task, Text, hold_out

VALIDATION_SHARE = 0.1
"""Share of the training file that becomes the validation split where there is no such file."""

Row = tuple[Text, str]


@dataclass(frozen=True)
class Format:
    """How a corpus lies on disk.

    Several names for one file are alternatives, the first that exists is read. `columns` is what
    an error message says was expected. With `header` the first row may be a header; one that is
    absent is not missed. An empty `labels` means: whatever labels the training file has, sorted.
    """

    name: str
    columns: str
    parse: Callable[[str], Row | None]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    labels: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    header: str | None = None


def load(form: Format, folder: str, seed: int) -> Task:
    """The task in that folder; a missing validation file is split off the training file."""
    if not folder:
        raise ValueError(f"{form.name}: say where the files are, as '{form.name}:/path/to/folder'")
    base = Path(folder).expanduser()
    train_rows = _rows(form, _find(form, base, form.train), form.labels)
    labels = form.labels or tuple(sorted({label for _, label in train_rows}))
    train = _split(train_rows, labels)
    test = _split(_rows(form, _find(form, base, form.test), labels), labels)
    found = _first(base, form.validation)
    if found is None:
        train, validation = hold_out(train, VALIDATION_SHARE, seed)
    else:
        validation = _split(_rows(form, found, labels), labels)
    return Task(form.name, form.label_names or labels, train, validation, test)


def _first(base: Path, names: tuple[str, ...]) -> Path | None:
    return next((base / name for name in names if (base / name).is_file()), None)


def _find(form: Format, base: Path, names: tuple[str, ...]) -> Path:
    found = _first(base, names)
    if found is None:
        raise FileNotFoundError(f"{form.name}: no {' or '.join(names)} in {base}")
    return found


def _split(rows: list[Row], labels: tuple[str, ...]) -> Split:
    index = {label: i for i, label in enumerate(labels)}
    return Split(tuple(text for text, _ in rows), tuple(index[label] for _, label in rows))


def _rows(form: Format, path: Path, labels: tuple[str, ...]) -> list[Row]:
    """Every example of the file; without `labels`, whatever labels it has."""
    allowed = f", label one of {', '.join(labels)}" if labels else ""
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or (number == 1 and line == form.header):
            continue
        row = form.parse(line)
        if row is None or (labels and row[1] not in labels):
            raise ValueError(
                f"{path}, row {number}: expected {form.columns}{allowed}; got {line[:80]!r}"
            )
        rows.append(row)
    return rows


def _lines(path: Path) -> list[str]:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return [line.rstrip("\r") for line in text.split("\n")]


def _mrpc(line: str) -> Row | None:
    cells = line.split("\t")
    if len(cells) != 5:
        return None
    return (cells[3], cells[4]), cells[0]


def _rte(line: str) -> Row | None:
    cells = line.split("\t")
    if len(cells) != 4:
        return None
    return (cells[1], cells[2]), cells[3]


def _cola(line: str) -> Row | None:
    cells = line.split("\t")
    if len(cells) != 4:
        return None
    return cells[3], cells[1]


def _trec(line: str) -> Row | None:
    label, space, text = line.partition(" ")
    coarse, colon, _ = label.partition(":")
    if not (space and colon and coarse and text.strip()):
        return None
    return text.strip(), coarse


def _sst2(line: str) -> Row | None:
    label, space, text = line.partition(" ")
    if not (space and text.strip()):
        return None
    return text.strip(), label


MRPC = Format(
    name="mrpc",
    columns="5 tab-separated columns (Quality, #1 ID, #2 ID, #1 String, #2 String)",
    parse=_mrpc,
    train=("msr_paraphrase_train.txt",),
    validation=(),
    test=("msr_paraphrase_test.txt",),
    labels=("0", "1"),
    label_names=("not_equivalent", "equivalent"),
    header="Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
)
TREC = Format(
    name="trec",
    columns="'COARSE:fine text' separated by a space",
    parse=_trec,
    train=("train.txt", "train_5500.label"),
    validation=(),
    test=("test.txt", "TREC_10.label"),
)
RTE = Format(
    name="rte",
    columns="4 tab-separated columns (index, sentence1, sentence2, label)",
    parse=_rte,
    train=("train.tsv",),
    validation=("val.tsv",),
    test=("dev.tsv",),
    labels=("entailment", "not_entailment"),
    header="index\tsentence1\tsentence2\tlabel",
)
COLA = Format(
    name="cola",
    columns="4 tab-separated columns (source, label, original mark, sentence)",
    parse=_cola,
    train=("train.tsv",),
    validation=("val.tsv",),
    test=("dev.tsv",),
    labels=("0", "1"),
    label_names=("unacceptable", "acceptable"),
)
SST2 = Format(
    name="sst2",
    columns="'label text' separated by a space",
    parse=_sst2,
    train=("stsa.binary.train",),
    validation=("stsa.binary.dev",),
    test=("stsa.binary.test",),
    labels=("0", "1"),
    label_names=("negative", "positive"),
)
FORMATS: Mapping[str, Format] = MappingProxyType(
    {form.name: form for form in (MRPC, TREC, RTE, COLA, SST2)}
)
