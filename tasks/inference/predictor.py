"""What the engine drives: a loaded model that turns rows into predictions in three steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

Row = Mapping[str, Any]
"""A row's input columns by canonical name, and its number under `ROW`."""

ROW = "row"
Decode = Callable[[], list[dict[str, Any]]]
"""Turns what a forward pass computed into a prediction per item, in order, in the task type's schema."""


@dataclass(frozen=True)
class Options:
    """How a model is to be loaded and called: settings resolved for one machine.

    Attributes:
        device: A torch device, as cpu or cuda:0; endpoint for a model that another server runs.
        dtype: The precision weights and activations have; unknown behind an endpoint.
        engine: What runs the model: transformers, ctranslate2, vllm, or endpoint.
        max_tokens: Inputs are cut to this many tokens; None for what the model can take.
        language: Language of the speech for multilingual models.
        allow_remote_code: Whether the checkpoint's own code may run.
        compile: Whether the model is compiled with `torch.compile`.
        attention: The attention implementation; auto for the model's own choice.
        seed: Seed of everything drawn; each row's draws also depend on its number.
        max_new_tokens: Longest generated answer; None for the task type's own.
        temperature: 0 for the likeliest token each time.
        top_p: Draw from the likeliest tokens that together have this probability.
        top_k: Draw from this many likeliest tokens; 0 for all.
        stop: Strings that end an answer.
        template: What the model is given, with {prompt} where the prompt goes.
        system: A system message, for models with a chat template.
        chat: Whether prompts go through the model's chat template: auto, on, off.
        beams: Texts searched side by side; None for what the model states.
        length_penalty: Above 0 for longer texts in a search by beams; None for what the model states.
        min_new_tokens: Shortest generated answer; None for what the model states.
        source_language: The language read, as the model names it.
        target_language: The language to write, as the model names it.
        examples: Solved rows shown before each prompt, by canonical column.
        overlap: Tokens that two windows over a long input share; None for the task type's own.
        subwords: How a word's tag follows from those of its sub-words.
        candidates: The texts that a zero-shot classifier chooses from, before they go into the template; or
            what the choices of a question are called.
        layout: What the dataset's columns make of the task, where they decide it.
        hypothesis_template: What a candidate is put into, at {}; None for the task type's own.
        fields: Names of the columns that a row of a table consists of.
        threshold: The least score of a detection, or of one of several labels; None for the task type's own.
        steps: Denoising steps of a picture; this and what follows None for the pipeline's own.
        guidance: How closely a picture follows its prompt.
        width: Width of a picture in pixels.
        height: Height of a picture in pixels.
        strength: How much of a picture is drawn anew, 0 to 1.
        negative_prompt: What pictures are not to show.
    """

    device: str
    dtype: Literal["float32", "bfloat16", "float16", "unknown"]
    engine: str = "transformers"
    max_tokens: int | None = None
    language: str | None = None
    allow_remote_code: bool = False
    compile: bool = False
    attention: str = "auto"
    seed: int = 0
    max_new_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    stop: tuple[str, ...] = ()
    template: str = "{prompt}"
    system: str | None = None
    chat: str = "auto"
    beams: int | None = None
    length_penalty: float | None = None
    min_new_tokens: int | None = None
    source_language: str | None = None
    target_language: str | None = None
    examples: tuple[Mapping[str, Any], ...] = ()
    overlap: int | None = None
    subwords: str = "first"
    candidates: tuple[str, ...] = ()
    layout: str = ""
    hypothesis_template: str | None = None
    fields: tuple[str, ...] = ()
    threshold: float | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    strength: float | None = None
    negative_prompt: str | None = None


@dataclass(frozen=True)
class Item:
    """One row made ready for the model.

    Attributes:
        features: What `forward` takes of it.
        cost: What it costs before padding, in the task type's unit (tokens, images, seconds).
    """

    features: Any
    cost: float


class Predictor(Protocol):
    """A loaded model. `prepare` and the `Decode` that `forward` returns may run on other threads."""

    @property
    def network(self) -> Any:
        """The torch module that does the work; None where it is elsewhere, as behind an endpoint."""
        ...

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode, tokenise or resize rows; the engine prepares them one by one where that raises."""
        ...

    def forward(self, items: Sequence[Item]) -> Decode:
        """Start one batch; on an accelerator it need not be finished when this returns."""
        ...


@runtime_checkable
class Remote(Predictor, Protocol):
    """A model elsewhere: its `forward` returns at once, its `Decode` waits, and may do so on many threads.

    Attributes:
        at_once: How many rows may be under way at a time.
    """

    at_once: int

    @property
    def repeated(self) -> int:
        """How many requests had to be made again."""
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...
