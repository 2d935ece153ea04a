"""YAML as people write it: data only, no key twice, 1e-3 a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"

#: More values than this, aliases counted wherever they stand, are refused.
MOST = 10_000


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, stricter about keys and kinder to floats."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != MERGE]
        mapping = super().construct_mapping(node, deep)
        seen: set[Any] = set()
        for key_node in own:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line} gives {key!r} a second time")
            seen.add(key)
        return mapping


def _size(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many values are in a node; few lines of aliases can stand for millions."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    line = node.start_mark.line + 1
    if node not in known:
        known[node] = 0
        inner = node.value
        if isinstance(node, yaml.MappingNode):
            inner = [each for pair in inner for each in pair]
        known[node] = 1 + sum(_size(each, known) for each in inner)
    if not known[node]:
        raise yaml.YAMLError(f"what begins in line {line} holds itself")
    if known[node] > MOST:
        raise yaml.YAMLError(f"what begins in line {line} has over {MOST} values")
    return known[node]


class _Dumper(yaml.SafeDumper):
    """YAML's safe dumper, which quotes what the loader would read as a float."""


# YAML 1.1 reads 1e-3 as a string, because it has no point; 1.2 reads a number, as everybody does.
for _end in (_Loader, _Dumper):
    _end.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def dump_yaml(data: Any) -> str:
    """Plain data as a YAML document, in the order given."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False)


def load_yaml(text: str) -> Any:
    """The plain data in a YAML document; tags that would build objects are refused.

    Raises:
        ValueError: The text is not YAML, has a key twice, a value that holds itself, or more than
            10,000 values, with the line.

    >>> load_yaml("min_delta: 1e-3")
    {'min_delta': 0.001}
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {})
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
    except (LookupError, AttributeError, TypeError, ArithmeticError) as error:
        words = f"a value does not fit its tag: {error!r}"  # PyYAML does not look: !!int ''
    raise ValueError(f"the policy is not valid YAML: {words}")


def read_text(path: Path | str) -> str:
    """The text of a file.

    Raises:
        ValueError: It is not UTF-8.
        OSError: It cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(path)!r} must be a text in UTF-8: {error}") from None


def renamed(data: Any, old: Any, new: Any) -> Any:
    """Plain data with one name in place of another, wherever it is a key or a value.

    >>> renamed({"Composite": {"weights": {"loss": 1}, "rule": {"Patience": {"metric": "loss"}}}},
    ...         "loss", "f1")
    {'Composite': {'weights': {'f1': 1}, 'rule': {'Patience': {'metric': 'f1'}}}}
    """
    if isinstance(data, Mapping):
        return {(new if key == old else key): renamed(item, old, new) for key, item in data.items()}
    if isinstance(data, list):
        return [renamed(item, old, new) for item in data]
    return new if isinstance(data, str) and data == old else data


def changed_document(data: Any, changes: Mapping[str, Any]) -> Any:
    """The fields of a policy with others for some; a new metric is renamed in the rule, too."""
    if not changes or not isinstance(data, Mapping):
        return data
    changed = {**data, **changes}
    if "stop" in data and "stop" not in changes:
        changed["stop"] = renamed(data["stop"], data.get("metric"), changed.get("metric"))
    return changed
