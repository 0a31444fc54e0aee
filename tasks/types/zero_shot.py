"""Zero-shot classification by models that align texts with pictures or sounds, as CLIP, SigLIP and CLAP.

Each of the dataset's labels becomes a text, the label's own words put into a template; the row's class is
the label whose text lies nearest. The model's `labels` of an evaluation reword them, as
`{a photo of a tabby cat: tabby}`; of several texts for one label the probabilities are added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks.errors import unknown
from tasks.inference import loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Options
from tasks.types import audio_classification, classification
from tasks.types.contract import Alignment
from tasks.types.labels import class_names

if TYPE_CHECKING:
    import datasets

LABEL = replace(audio_classification.LABEL, accepts=frozenset({"label", "text"}))
"""Numbers would say nothing to a model that knows classes by their words."""

FITTING = ("input_ids", "attention_mask")


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Word the dataset's labels as candidates; the model has none of its own.

    Raises:
        UnknownName: A candidate stands for a label that the dataset lacks.
        BadLabels: The labels of this split are hidden.
    """
    names = class_names(features, columns, rows)
    return worded(names, overrides)


def worded(names: Sequence[str], overrides: Mapping[str, str]) -> Alignment:
    """Return each label's candidate texts: those of the user, else its own name in words.

    Raises:
        UnknownName: A candidate stands for a label that is not there.

    >>> worded(["tabby", "golden_retriever"], {"a striped cat": "tabby"}).model_labels
    ('a striped cat', 'golden retriever')
    """
    for wanted in overrides.values():
        if wanted not in names:
            raise unknown("label in the dataset", wanted, names)
    to_dataset: dict[str, str] = {}
    for name in names:
        given = [text for text, label in overrides.items() if label == name]
        to_dataset |= dict.fromkeys(given or [name.replace("_", " ")], name)
    return Alignment(tuple(names), to_dataset, (), tuple(to_dataset))


class Candidates:
    """The candidate texts of an evaluation as a model sees them, read once."""

    def __init__(self, network: Any, tokenizer: Any, options: Options, template: str) -> None:
        chosen = options.hypothesis_template or template
        self.names = options.candidates
        self._network = network
        # SigLIP was trained on texts padded to one length with the padding seen.
        padded = "siglip" in network.config.model_type
        stated = getattr(network.config.text_config, "max_position_embeddings", None)
        longest = loading.longest_input(tokenizer, network.config.text_config, options)
        read = tokenizer(
            [chosen.replace("{}", name) for name in self.names],
            padding="max_length" if padded else True,
            truncation=True,
            max_length=min(longest, stated) if padded and stated else longest,
            return_tensors="pt",
        )
        self._texts = {
            name: read[name] for name in FITTING if name in read and not (padded and name != FITTING[0])
        }
        self._vectors = _unit(_called(network, "get_text_features", self._texts))

    def judge(self, sense: str, batch: Mapping[str, Any], scale: str) -> Decode:
        """Compare a batch with every text; `sense` and `scale` name its encoder and temperature."""
        import torch

        seen = _unit(_called(self._network, sense, batch))
        with torch.inference_mode():
            logits = seen @ self._vectors.T * getattr(self._network, scale).exp()
            if hasattr(self._network, "logit_bias"):
                logits = logits + self._network.logit_bias
        return lambda: classification.decode(logits.float().cpu().numpy(), self.names)


def _called(network: Any, method: str, batch: Mapping[str, Any]) -> Any:
    import torch

    with torch.inference_mode():
        found = getattr(network, method)(**loading.moved(network, batch))
    return getattr(found, "pooler_output", found)


def _unit(vectors: Any) -> Any:
    return vectors / vectors.norm(dim=-1, keepdim=True)
