"""YAML from anyone: nothing in it is executed, and a few aliases cannot stand for more values than memory holds."""

from __future__ import annotations

from typing import Any

import yaml

MOST_VALUES = 1_000_000  # with every alias written out; dvc.lock of the demo has 15,000
DEEPEST = 100
FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 5x faster where libyaml is


class BoundedLoader:
    """What a loader of PyYAML, of which it is the first base, needs to raise nothing but ``yaml.YAMLError``.

    Parameters
    ----------
    text
        To be read.
    """

    def __init__(self, text: str) -> None:
        _refuse_deep(text)
        super().__init__(text)  # type: ignore[call-arg]

    def get_single_data(self) -> Any:
        """Read the text."""
        node = self.get_single_node()  # type: ignore[attr-defined]
        if node is None:
            return None
        _count_values(node, {})
        return self.construct_document(node)  # type: ignore[attr-defined]

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make the value of a node."""
        try:
            return super().construct_object(node, deep)  # type: ignore[misc]
        except (ValueError, KeyError, AttributeError):
            if not isinstance(node, yaml.ScalarNode):
                raise
            tag = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(problem=f"no {tag}: {node.value:.40}", problem_mark=node.start_mark) from None


def _refuse_deep(text: str) -> None:
    """Refuse values that are nested deeply: libyaml would end the process, and Python has a limit as well."""
    depth = 0
    for event in yaml.parse(text, FASTEST):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"values are nested too deeply{event.start_mark}")


def _count_values(node: yaml.Node, counts: dict[int, int]) -> int:
    """Count the values that a node stands for; those that were counted, or are about to be, are in ``counts``."""
    if id(node) not in counts:
        counts[id(node)] = MOST_VALUES  # for an alias within itself
        inner = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in inner for part in pair]
        counts[id(node)] = 1 + sum(_count_values(part, counts) for part in inner)
    if counts[id(node)] > MOST_VALUES:
        problem = f"aliases stand for more than {MOST_VALUES:,} values: write them out"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return counts[id(node)]
