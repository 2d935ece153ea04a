"""Pretrained classifiers and their tokenizers, from the hub, a folder or the embedded encoder."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers import logging as transformers_logging
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from experiments.extras import EMBEDDED_MODEL, EMBEDDED_MODEL_PACKAGE, require
from experiments.finetune.settings import Settings

DROPOUTS = ("hidden_dropout_prob", "dropout", "resid_pdrop", "embd_pdrop")
ATTENTION_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")


def resolve(name: str) -> str:
    """The folder of the embedded encoder for its short name; any other name as it is."""
    if name != EMBEDDED_MODEL:
        return name
    require("demo", EMBEDDED_MODEL_PACKAGE)
    spec = find_spec(EMBEDDED_MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(f"{EMBEDDED_MODEL_PACKAGE} has no folder to read the model from")
    return str(Path(spec.origin).parent / "model")


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of that model; one without a padding token pads with its end token."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(resolve(name))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_classifier(settings: Settings, num_labels: int, pad_id: int) -> PreTrainedModel:
    """The pretrained model with a head for that many labels, drawn from torch's random state.

    A head that the model brings is kept where it has as many labels and replaced where it has not.
    A dropout that the architecture does not know by a usual name is left as it is.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    path = resolve(settings.model)
    config = AutoConfig.from_pretrained(path, num_labels=num_labels)
    for name in (*DROPOUTS, *ATTENTION_DROPOUTS):
        if hasattr(config, name):
            setattr(config, name, settings.dropout)
    if settings.num_layers is not None:
        config.num_hidden_layers = min(settings.num_layers, config.num_hidden_layers)
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = pad_id
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        path, config=config, ignore_mismatched_sizes=True
    )
    return model


def parameter_groups(model: PreTrainedModel, settings: Settings) -> list[dict[str, object]]:
    """Parameters to train, grouped by learning rate and weight decay; freezes the others.

    Biases and normalisation weights are not decayed.
    """
    groups: dict[tuple[int, bool], list[torch.nn.Parameter]] = {}
    top = 1 + max((depth(name) or 0 for name, _ in model.named_parameters()), default=0)
    for name, parameter in model.named_parameters():
        level = depth(name)
        level = top if level is None else level
        parameter.requires_grad_(level >= settings.frozen)
        if parameter.requires_grad:
            groups.setdefault((level, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise ValueError(f"Settings.frozen must leave something to train, got {settings.frozen}")
    return [
        {
            "params": parameters,
            "lr": settings.lr * settings.layer_decay ** (top - level),
            "weight_decay": settings.weight_decay if decayed else 0.0,
        }
        for (level, decayed), parameters in groups.items()
    ]


def depth(name: str) -> int | None:
    """A parameter's layer: 0 for embeddings, n + 1 for layer n, none for what lies above.

    >>> depth("bert.embeddings.word_embeddings.weight"), depth("bert.encoder.layer.0.output.bias")
    (0, 1)
    >>> depth("classifier.weight") is None
    True
    """
    layer = LAYER.search(name)
    if layer is not None:
        return int(layer.group(1)) + 1
    return 0 if "embed" in name.lower() or re.search(r"\bwt?pe\b|\bwte\b", name) else None
