"""Token classification: one tag a word, for entities or parts of speech; or entities as spans of a text.

A word's tag is that of its first sub-word, of its surest, or of their mean, as the evaluation says. Rows
longer than the model takes are read in overlapping windows, each word in the one where it has most context;
words that a tokenizer makes nothing of count as outside (O) and are counted. Of a raw text the words are the
tokenizer's own, and tags are made spans of its characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import BadEvaluation
from tasks.inference import checkpoints, loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import text_spans
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import named, names_in
from tasks.types.nesting import leaves, read
from tasks.types.tags import OUTSIDE, match_tags, split_tag

if TYPE_CHECKING:
    import datasets

WORDS, SPANS = "words", "spans"
"""The ways in which datasets come; the second is the layout of alignments too."""

TOKENS = Column(
    name="tokens",
    role="input",
    accepts=frozenset({"words"}),
    typical="words",
    aliases=("words", "token", "sentence", "text"),
    help="the words of a text",
    way=WORDS,
)
TAGS = Column(
    name="tags",
    role="reference",
    accepts=frozenset({"labels", "words", "integers"}),
    typical="labels",
    aliases=("ner_tags", "labels", "ner", "pos_tags", "upos", "pos", "chunk_tags"),
    help="the right tag of each word",
    way=WORDS,
)
TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("sentence", "source_text", "full_text", "content", "document"),
    help="a text, where entities are given as ranges of its characters",
    way=SPANS,
)
ENTITIES = Column(
    name="spans",
    role="reference",
    accepts=frozenset({"records"}),
    typical="records",
    aliases=("entities", "ner", "annotations", "privacy_mask", "labels", "entity_spans"),
    help="its entities, a list of structs or a struct of lists with start, end (not included) and label",
    way=SPANS,
)
PREDICTION = pa.schema(
    [
        pa.field("tags", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float32())),
        pa.field("lost_words", pa.int32()),
        pa.field(
            "spans",
            pa.list_(
                pa.struct(
                    [
                        pa.field("start", pa.int32()),
                        pa.field("end", pa.int32()),
                        pa.field("label", pa.string()),
                        pa.field("score", pa.float32()),
                    ]
                )
            ),
        ),
    ]
)


OVERLAP = 64
"""Tokens that two windows share."""

Place = tuple[int, list[int]]
"""The number of a window, and positions of tokens in it."""


class Tagger:
    """A token classifier with its (fast) tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        if not self._tokenizer.is_fast:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has only a slow tokenizer, which cannot tell which sub-word "
                "belongs to which word."
            )
        self._raw = options.layout == SPANS
        if not self._raw and self._prefixes():
            self._tokenizer = loading.tokenizer(checkpoint, options, add_prefix_space=True)
        self.network = loading.model("AutoModelForTokenClassification", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._subwords = options.subwords
        room = self._limit - self._tokenizer.num_special_tokens_to_add()
        if options.overlap is not None and options.overlap >= room:
            raise BadEvaluation(f"Windows of {room} tokens of words cannot share {options.overlap}.")
        self._overlap = min(OVERLAP, room // 4) if options.overlap is None else options.overlap
        # Decoding goes by position from the left, whatever side the tokenizer pads.
        self._padding = replace(Padding.of(self._tokenizer), left=False)

    def _prefixes(self) -> bool:
        named = "add_prefix_space" in self._tokenizer.init_kwargs
        return named or hasattr(self._tokenizer, "add_prefix_space")

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise words or texts, in windows where they are too long; a row costs its tokens."""
        read = [row["text"] if self._raw else list(row["tokens"]) for row in rows]
        encoded = self._tokenizer(
            read,
            is_split_into_words=not self._raw,
            truncation=True,
            max_length=self._limit,
            stride=self._overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=self._raw,
            verbose=False,
        )
        names = [name for name in encoded if name in self._tokenizer.model_input_names]
        windows: list[list[int]] = [[] for _ in rows]
        for number, owner in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[owner].append(number)
        items = []
        for content, own in zip(read, windows, strict=True):
            owners = [encoded.word_ids(number) for number in own]
            where = None
            if self._raw:
                where = ranges(owners, [encoded["offset_mapping"][number] for number in own])
            inputs = [{name: encoded[name][number] for name in names} for number in own]
            count = len(content) if where is None else len(where)
            cost = float(sum(len(encoded["input_ids"][number]) for number in own))
            items.append(Item((inputs, count, placed(owners), (content, where)), cost=cost))
        return items

    def forward(self, items: Sequence[Item]) -> Decode:
        """Tag a batch of rows."""
        windows = [window for item in items for window in item.features[0]]
        found = pieces.outputs(
            self.network, self._padding, windows, lambda output, *_: output.logits.float().softmax(-1)
        )

        def decode() -> list[dict[str, Any]]:
            probabilities = pieces.gathered([(of, each.cpu().numpy()) for of, each in found])
            decoded, place = [], 0
            for item in items:
                stop = place + len(item.features[0])
                decoded.append(self._decode(probabilities[place:stop], *item.features[1:]))
                place = stop
            return decoded

        return decode

    def _decode(
        self,
        probabilities: Sequence[NDArray[np.float32]],
        words: int,
        places: Mapping[int, Place],
        content: tuple[Any, Sequence[tuple[int, int]] | None],
    ) -> dict[str, Any]:
        tags = [OUTSIDE] * words
        scores = np.zeros(words, dtype=np.float32)
        for word, (window, positions) in places.items():
            row = of_word(probabilities[window][positions], self._subwords)
            best = int(row.argmax())
            tags[word], scores[word] = self._names[best], row[best]
        text, where = content
        if where is not None:
            return {"spans": text_spans.joined(text, where, tags, scores.tolist())}
        return {"tags": tags, "scores": scores, "lost_words": words - len(places)}


def ranges(
    windows: Sequence[Sequence[int | None]], offsets: Sequence[Sequence[tuple[int, int]]]
) -> list[tuple[int, int]]:
    """Return the characters of each word, from those of its tokens in any window.

    >>> ranges([[None, 0, 1, 1, None]], [[(0, 0), (0, 3), (4, 6), (6, 9), (0, 0)]])
    [(0, 3), (4, 9)]
    """
    found: dict[int, tuple[int, int]] = {}
    for owners, own in zip(windows, offsets, strict=True):
        for word, (start, end) in zip(owners, own, strict=True):
            if word is not None:
                first, last = found.get(word, (start, end))
                found[word] = (min(first, start), max(last, end))
    return [found.get(word, (0, 0)) for word in range(max(found, default=-1) + 1)]


def placed(windows: Sequence[Sequence[int | None]]) -> dict[int, Place]:
    """Return for each word the window to read it in, and where its sub-words stand there.

    It is the window that holds most of the word, and of those the one with most context around it.

    Args:
        windows: Of every window, the word of each token; None for tokens that belong to no word.

    >>> placed([[None, 0, 1, 1, 2, None], [None, 1, 2, 3, None]])
    {0: (0, [1]), 1: (0, [2, 3]), 2: (1, [2]), 3: (1, [3])}
    """
    best: dict[int, tuple[tuple[int, int], Place]] = {}
    for number, window in enumerate(windows):
        inside: dict[int, list[int]] = {}
        for position, word in enumerate(window):
            if word is not None:
                inside.setdefault(word, []).append(position)
        for word, positions in inside.items():
            context = min(positions[0], len(window) - 1 - positions[-1])
            worth = len(positions), context
            if word not in best or worth > best[word][0]:
                best[word] = worth, (number, positions)
    return {word: place for word, (_, place) in best.items()}


def of_word(probabilities: NDArray[np.float32], subwords: str) -> NDArray[np.float32]:
    """Return the probabilities of a word's tags from those of its sub-words, shape (sub-words, tags).

    >>> several = np.array([[0.6, 0.4], [0.1, 0.9]], dtype=np.float32)
    >>> [int(of_word(several, each).argmax()) for each in ("first", "max", "average")]
    [0, 1, 1]
    """
    if subwords == "max":
        surest: NDArray[np.float32] = probabilities[probabilities.max(axis=1).argmax()]
        return surest
    chosen: NDArray[np.float32] = probabilities.mean(axis=0) if subwords == "average" else probabilities[0]
    return chosen


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the checkpoint's tags to the dataset's by entity type, once tokens and tags are known to pair up.

    Raises:
        BadEvaluation: A row has more tags than tokens, or fewer; or spans without a start, an end or a label.
        BadLabels: An entity type of the dataset is none of the model's.
    """
    if ENTITIES.name in columns:
        return _align_spans(features, columns[ENTITIES.name], rows, checkpoint, overrides)
    table = rows.with_format("arrow")[:]
    differ = pc.not_equal(
        pc.list_value_length(table[columns["tokens"]]), pc.list_value_length(table[columns["tags"]])
    )
    uneven = pc.index(differ, True).as_py()
    if uneven >= 0:
        raise BadEvaluation(
            f"Row {uneven} has another number of values in '{columns['tokens']}' than in '{columns['tags']}'."
        )
    tags = table[columns["tags"]].combine_chunks().flatten()
    names = names_in(features[columns["tags"]].feature, tags.unique().to_pylist())
    return match_tags(checkpoints.labels(checkpoint), names, overrides, checkpoint.name)


def _align_spans(
    features: datasets.Features,
    column: str,
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    feature = leaves(features)[column]
    struct = feature if isinstance(feature, Mapping) else feature.feature
    text_spans.fields(struct)
    right = [text_spans.spans_of(named(feature, value)) for value in read(rows, column)]
    lost = sum(len(spans) - len(text_spans.disjoint(spans)) for spans in right)
    types = sorted({span["label"] for spans in right for span in spans})
    matched = match_tags(checkpoints.labels(checkpoint), types, overrides, checkpoint.name)
    by_type = {split_tag(tag)[1]: split_tag(wanted)[1] for tag, wanted in matched.to_dataset.items()}
    notes = list(matched.notes)
    if lost:
        notes.append(f"{lost} entities that overlap others, or lie within them, are left out.")
    return Alignment(tuple(types), by_type, tuple(notes), layout=SPANS)


def _spans(prediction: Sequence[Mapping[str, Any]], alignment: Alignment) -> list[text_spans.Span]:
    """Return predicted spans in the dataset's words."""
    to = alignment.to_dataset
    return [{**span, "label": to.get(span["label"], span["label"])} for span in prediction]


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right tags, one list a row, in the dataset's words; of spans, what they make."""
    if ENTITIES.name in references:
        pairs = [
            text_spans.as_tags(_spans(found, alignment), text_spans.disjoint(text_spans.spans_of(right)))
            for found, right in zip(predictions["spans"], references[ENTITIES.name], strict=True)
        ]
        return {"tags": Judged([found for found, _ in pairs], [right for _, right in pairs])}
    mapped = [[alignment.to_dataset.get(tag, tag) for tag in tags] for tags in predictions["tags"]]
    return {"tags": Judged(mapped, list(references["tags"]))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the words with the right and the predicted entities, and the words tagged wrongly."""
    if row.get(ENTITIES.name) is not None:
        spans = _spans(prediction["spans"], alignment)
        wanted = text_spans.disjoint(text_spans.spans_of(row[ENTITIES.name]))
        one, other = (
            {(each["start"], each["end"], each["label"]) for each in some} for some in (spans, wanted)
        )
        return {
            "text": row["text"],
            "reference": text_spans.marked(row["text"], wanted),
            "prediction": text_spans.marked(row["text"], spans),
            "right": one == other,
        }
    predicted = [alignment.to_dataset.get(tag, tag) for tag in prediction["tags"]]
    words = list(row["tokens"])
    wrong = [
        f"{word}: {tag} for {right}"
        for word, tag, right in zip(words, predicted, row["tags"], strict=True)
        if tag != right
    ]
    return {
        "text": " ".join(words),
        "reference": marked(words, row["tags"]),
        "prediction": marked(words, predicted),
        "wrong": "; ".join(wrong),
        "right": not wrong,
    }


def marked(words: Sequence[str], tags: Sequence[str]) -> str:
    """Write tagged words out, the outside ones bare.

    >>> marked(["Ada", "came"], ["B-PER", "O"])
    'Ada/B-PER came'
    """
    return " ".join(
        word if tag == OUTSIDE else f"{word}/{tag}" for word, tag in zip(words, tags, strict=True)
    )


TOKEN_CLASSIFICATION = TaskType(
    name="token-classification",
    version=3,
    summary="One tag a word, or entities as spans of a text: names, personal data, parts of speech.",
    columns=(TOKENS, TAGS, TEXT, ENTITIES),
    prediction=PREDICTION,
    metrics=(("seqeval", {}),),
    batch_cost=2048,
    cost_unit="tokens",
    preprocessing=("max_tokens", "overlap", "subwords", "layout"),
    align=align,
    open=Tagger,
    evidence=evidence,
    judged_by=("tags",),
    sample=sample,
    answers={"tags": "tags"},
)
