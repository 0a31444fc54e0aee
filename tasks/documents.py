"""Documents: YAML read so that a small file stays small.

A few lines of YAML can stand for billions of values: an alias repeats what it names, a merge key copies it.
PyYAML's safe loader runs no code, and unfolds both. How many values a document stands for is counted before
any is made.
"""

from __future__ import annotations

from typing import Any

import yaml

from tasks.errors import BadEvaluation

MOST_CHARACTERS = 4_000_000
MOST_VALUES = 200_000
"""A config has tens of values, a suite hundreds, the largest dataset card some ten thousand."""
DEEPEST = 100


class TooMuch(yaml.YAMLError):
    """A document that stands for more than anyone writes."""


def load(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Return what a YAML text holds.

    Args:
        text: The YAML.
        loader: PyYAML's safe loader, or one made of it.

    Raises:
        yaml.YAMLError: It is not YAML, too large, too deep, or stands for too many values.

    >>> load("a: [1, 2]")
    {'a': [1, 2]}
    >>> load("a: &a [x, x]\\nb: &b [*a, *a]\\nc: [*b, *b]")["c"]
    [[['x', 'x'], ['x', 'x']], [['x', 'x'], ['x', 'x']]]
    """
    if len(text) > MOST_CHARACTERS:
        raise TooMuch(f"it has {len(text)} characters, more than {MOST_CHARACTERS}")
    if _brackets(text) > 10 * DEEPEST:
        # PyYAML's scanner looks at every open bracket again for each that follows.
        raise TooMuch("it is nested too deep")
    reading = loader(text)
    try:
        node = reading.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return reading.construct_document(node)
    except RecursionError as error:
        raise TooMuch("it is nested too deep") from error
    finally:
        reading.dispose()


def _brackets(text: str) -> int:
    """Return about how deep brackets are nested; those within strings count too."""
    depth = deepest = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth = max(depth - 1, 0)
    return deepest


def _count(node: yaml.Node, known: dict[int, int], depth: int = 0) -> int:
    """Return how many values a node stands for, its aliases unfolded.

    Args:
        node: The node.
        known: What has been counted, by the node's id; 0 while it is being counted.
        depth: How deep it lies.
    """
    identity = id(node)
    if identity in known:
        if not known[identity]:
            raise TooMuch("it contains itself")
        return known[identity]
    if depth > DEEPEST:
        raise TooMuch(f"it is nested more than {DEEPEST} deep")
    if not isinstance(node, yaml.CollectionNode):
        return 1
    known[identity] = 0
    inner = (
        [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
    )
    total = 1 + sum(_count(each, known, depth + 1) for each in inner)
    if total > MOST_VALUES:
        raise TooMuch(f"it stands for more than {MOST_VALUES} values")
    known[identity] = total
    return total


def read(text: str, what: str) -> Any:
    """Return what a YAML text holds, or say in one sentence why that cannot be known.

    Args:
        text: The YAML.
        what: What it is, to begin the sentence with.

    Raises:
        BadEvaluation: It is not YAML, or too much of it.

    >>> read("a: [", "The file 'x.yaml'")
    Traceback (most recent call last):
    tasks.errors.BadEvaluation: The file 'x.yaml' is not YAML: while parsing a flow node expected the node \
content, but found '<stream end>' in "<unicode string>", line 1, column 5: a: [ ^.
    """
    try:
        return load(text)
    except TooMuch as error:
        raise BadEvaluation(f"{what} cannot be read: {error}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadEvaluation(f"{what} is not YAML: {' '.join(str(error).split())}.") from error
