"""Tags: how a tagger's tags (B-PER, I-PER, O, NOUN) correspond to a dataset's, entity type by entity type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.types.contract import Alignment
from tasks.types.labels import match

OUTSIDE = "O"
PREFIXES = frozenset("BIESLU")


def split_tag(tag: str) -> tuple[str, str]:
    """Cut a tag into its position prefix (with the hyphen) and its entity type.

    >>> split_tag("B-PER"), split_tag("NOUN"), split_tag("O")
    (('B-', 'PER'), ('', 'NOUN'), ('', 'O'))
    """
    prefix, hyphen, rest = tag.partition("-")
    return (f"{prefix}-", rest) if hyphen and prefix in PREFIXES and rest else ("", tag)


def types_of(tags: Sequence[str]) -> list[str]:
    """Return the entity types of tags, in order of appearance, without the outside tag.

    >>> types_of(["O", "B-PER", "I-PER", "B-LOC"])
    ['PER', 'LOC']
    """
    return list(dict.fromkeys(split_tag(tag)[1] for tag in tags if tag != OUTSIDE))


def match_tags(
    model_tags: Sequence[str], dataset_tags: Sequence[str], overrides: Mapping[str, str], model: str
) -> Alignment:
    """Match a model's tags to a dataset's by entity type, after the user's pairs of tags or of types.

    Raises:
        UnknownName: A pair of the user's names a tag or type that is not there.
        BadLabels: An entity type of the dataset is none of the model's.

    >>> match_tags(["O", "B-per", "I-per"], ["O", "B-PER", "I-PER"], {}, "m").to_dataset
    {'O': 'O', 'B-per': 'B-PER', 'I-per': 'I-PER'}
    """
    whole = {tag: overrides[tag] for tag in model_tags if tag in overrides and overrides[tag] in dataset_tags}
    by_type = {name: wanted for name, wanted in overrides.items() if name not in whole}
    reached = {split_tag(tag)[1] for tag in whole.values()}
    open_types = [name for name in types_of(dataset_tags) if name not in reached or name in by_type.values()]
    matched = (
        match(types_of([tag for tag in model_tags if tag not in whole]), open_types, by_type, model)
        if open_types or by_type
        else Alignment()
    )
    to_dataset = {}
    for tag in model_tags:
        prefix, kind = split_tag(tag)
        if tag in whole:
            to_dataset[tag] = whole[tag]
        elif tag == OUTSIDE:
            to_dataset[tag] = OUTSIDE
        elif kind in matched.to_dataset:
            to_dataset[tag] = prefix + matched.to_dataset[kind]
    return Alignment(tuple(dataset_tags), to_dataset, matched.notes)
