"""YAML as people write it: data only, no key twice, 1e-3 a number."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, stricter about keys and kinder to floats."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for at, key in enumerate(keys):
            if key in keys[:at]:
                line = node.value[at][0].start_mark.line + 1
                raise yaml.YAMLError(f"line {line} gives {key!r} a second time")
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-3 as a string, because it has no point; 1.2 reads a number, as everybody does.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def dump_yaml(data: Any) -> str:
    """Plain data as a YAML document, in the order given."""
    return yaml.safe_dump(data, sort_keys=False)


def load_yaml(text: str) -> Any:
    """The plain data in a YAML document; tags that would build objects are refused.

    Raises:
        ValueError: The text is not YAML, or has a key twice, with the line.

    >>> load_yaml("min_delta: 1e-3")
    {'min_delta': 0.001}
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"the policy is not valid YAML: {words}") from None
