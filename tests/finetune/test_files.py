from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from experiments.finetune.tasks import load_task, needs_hub

HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def write(folder: Path, **files: str | bytes) -> str:
    """Files by name (`train_txt` is `train.txt`), as bytes or as UTF-8."""
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(raw)
    return str(folder)


def mrpc_rows(count: int) -> str:
    rows = [f"{i % 2}\t{i}\t{i + 1}\tHe said \"one {i}\tHe said 'two {i}" for i in range(count)]
    return "\r\n".join([HEADER, *rows]) + "\r\n"


def test_mrpc_has_pairs_a_byte_order_mark_and_quotes_that_are_text(tmp_path: Path) -> None:
    rows = mrpc_rows(20)
    folder = write(
        tmp_path,
        msr_paraphrase_train__txt=("\ufeff" + rows).encode(),
        msr_paraphrase_test__txt=rows,
    )
    task = load_task(f"mrpc:{folder}")
    assert task.label_names == ("not_equivalent", "equivalent")
    assert (len(task.train), len(task.validation), len(task.test)) == (18, 2, 20)
    assert task.test.texts[1] == ('He said "one 1', "He said 'two 1")
    assert task.test.labels[:2] == (0, 1)


def test_trec_takes_the_coarse_label_and_reads_latin_1(tmp_path: Path) -> None:
    train = "".join(f"{c}:x Who is Ren\xe9 {i} ?\n" for i in range(10) for c in ("HUM", "LOC"))
    folder = write(tmp_path, train__txt=train.encode("latin-1"), test__txt="LOC:city Where ?\n")
    task = load_task(f"trec:{folder}")
    assert task.label_names == ("HUM", "LOC")
    assert task.train.texts[0] == "Who is Ren\xe9 0 ?"
    assert Counter(task.validation.labels) == {0: 1, 1: 1}
    assert task.test.labels == (1,)


def test_trec_is_also_known_by_its_original_file_names(tmp_path: Path) -> None:
    write(tmp_path, train_5500__label="A:b one two\n" * 10, TREC_10__label="A:c three\n")
    assert len(load_task(f"trec:{tmp_path}").test) == 1


def test_rte_may_lack_a_header(tmp_path: Path) -> None:
    rows = "1\tIt rains.\tIt is wet.\tentailment\n2\tIt rains.\tIt is dry.\tnot_entailment\n"
    header = "index\tsentence1\tsentence2\tlabel\n"
    folder = write(tmp_path, train__tsv=header + rows, val__tsv=rows, dev__tsv=header + rows)
    task = load_task(f"rte:{folder}")
    assert [len(part) for part in (task.train, task.validation, task.test)] == [2, 2, 2]
    assert task.validation.texts[0] == ("It rains.", "It is wet.")


def test_without_a_validation_file_a_stratified_tenth_of_train_is_held_out(tmp_path: Path) -> None:
    rows = "".join(f"s\t{int(i % 4 > 0)}\t\tSentence {i}.\n" for i in range(80))
    task = load_task(f"cola:{write(tmp_path, train__tsv=rows, dev__tsv=rows)}")
    assert Counter(task.validation.labels) == {0: 2, 1: 6}
    assert not set(task.train.texts) & set(task.validation.texts)
    assert task == load_task(f"cola:{tmp_path}")
    assert task.validation != load_task(f"cola:{tmp_path}", seed=1).validation


def test_sst2_is_label_and_text(tmp_path: Path) -> None:
    text = "1 a fine film\n0 dull .\n"
    names = {f"stsa__binary__{part}": text for part in ("train", "dev", "test")}
    task = load_task(f"sst2:{write(tmp_path, **names)}")
    assert task.test.texts == ("a fine film", "dull .")
    assert task.label_names == ("negative", "positive")


@pytest.mark.parametrize(
    ("task", "files", "said"),
    [
        ("mrpc", {"msr_paraphrase_train__txt": f"{HEADER}\n1\t2\t3\tone\n"}, "row 2: expected 5 "),
        ("trec", {"train__txt": "HUM:x Who ?\nHUM Who ?\n"}, "row 2: expected 'COARSE:fine text'"),
        ("rte", {"train__tsv": "1\ta\tb\tmaybe\n"}, "label one of entailment, not_entailment"),
        ("sst2", {"stsa__binary__train": "2 good\n"}, "row 1: expected 'label text'"),
    ],
)
def test_a_bad_row_is_named_with_its_file_and_what_was_expected(
    tmp_path: Path, task: str, files: dict[str, str], said: str
) -> None:
    folder = write(tmp_path, **files)
    with pytest.raises(ValueError, match=said) as caught:
        load_task(f"{task}:{folder}")
    assert next(tmp_path.iterdir()).name in str(caught.value)


def test_a_label_that_only_the_test_file_has_is_named_with_its_row(tmp_path: Path) -> None:
    write(tmp_path, train__txt="A:b one\n" * 10, test__txt="\nB:c two\n")
    with pytest.raises(ValueError, match=r"test\.txt, row 2: .* label one of A; got 'B:c two'"):
        load_task(f"trec:{tmp_path}")


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trec: no train\.txt or train_5500\.label in"):
        load_task(f"trec:{tmp_path}")
    with pytest.raises(ValueError, match="trec:/path/to/folder"):
        load_task("trec")


def test_an_unknown_task_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'docstrings'"):
        load_task("docstring")


def test_only_data_sets_of_the_hub_need_a_network(tmp_path: Path) -> None:
    assert needs_hub("glue/mrpc")
    assert needs_hub("hub:owner/data")
    assert not any(map(needs_hub, ("docstrings", "trec:folder", str(tmp_path), f"hub:{tmp_path}")))


@pytest.mark.parametrize(
    ("name", "rows", "labels"),
    [
        ("mrpc", (3668, 408, 1725), {0: 578, 1: 1147}),
        ("trec", (4907, 545, 500), {0: 9, 1: 138, 2: 94, 3: 65, 4: 81, 5: 113}),
        ("rte", (2127, 363, 277), {0: 146, 1: 131}),
        ("cola", (7250, 1301, 1043), {0: 322, 1: 721}),
        ("sst2", (6920, 872, 1821), {0: 912, 1: 909}),
    ],
)
def test_the_real_corpora(
    shared: Path, name: str, rows: tuple[int, int, int], labels: dict[int, int]
) -> None:
    folder = shared / "text" / name
    if not folder.is_dir():
        pytest.skip(f"no {name} among the shared texts")
    task = load_task(f"{name}:{folder}")
    assert (len(task.train), len(task.validation), len(task.test)) == rows
    assert Counter(task.test.labels) == labels
