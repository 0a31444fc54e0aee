"""Settings of an evaluation: how it is run, how models write and draw, how scores are judged.

Part of `tasks.spec`, and as light: nothing heavy is imported here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import AfterValidator

from tasks import bounds
from tasks.bounds import Name, Stop, Text, Word

DtypeName = Literal["auto", "float32", "bfloat16", "float16"]


def plain_fields(schema: dict[str, Any]) -> None:
    """Describe what may be left out by its type alone, so that Prefect's form shows one plain field.

    The form makes a field of "a text or nothing" two tabs, one of them empty; a plain field that is left
    empty is not sent. Prefect's server still takes null for what is not required, unless it is one of a
    few values: those keep their tabs.

    >>> schema = {"properties": {"split": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}}}
    >>> plain_fields(schema)
    >>> schema
    {'properties': {'split': {'type': 'string'}}}
    """
    for field in schema.get("properties", {}).values():
        kinds = field.get("anyOf", [])
        kept = [each for each in kinds if each.get("type") != "null"]
        if len(kept) == 1 and len(kinds) == 2 and "type" in kept[0] and "enum" not in kept[0]:
            del field["anyOf"]
            field.update({key: value for key, value in kept[0].items() if key not in field})
            if field.get("default", ...) is None:
                del field["default"]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(
        extra="forbid", validate_default=True, allow_inf_nan=False, json_schema_extra=plain_fields
    )


def _pattern(expression: str) -> str:
    try:
        re.compile(expression)
    except re.error as problem:
        raise ValueError(f"it is no regular expression: {problem}") from problem
    return expression


class Generation(Strict):
    """How models that write text are asked, and how they write."""

    max_new_tokens: int | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Longest generated answer; left out, the task type's own.",
        json_schema_extra={"position": 0},
    )
    temperature: float = Field(
        0.0,
        ge=0,
        le=100,
        description="0 for the likeliest token each time; more draws more freely, each row by its own seed.",
        json_schema_extra={"position": 1},
    )
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Draw from the likeliest tokens that together have this probability.",
        json_schema_extra={"position": 2},
    )
    top_k: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Draw from this many likeliest tokens; 0 for all.",
        json_schema_extra={"position": 3},
    )
    stop: list[Stop] = Field(
        default_factory=list,
        max_length=64,
        description="Strings that end an answer; they are not part of it.",
        json_schema_extra={"position": 4},
    )
    template: Text = Field(
        "{prompt}",
        pattern=r"\{prompt\}",
        description="What the model is given, with {prompt} where the dataset's prompt goes.",
        json_schema_extra={"position": 5},
    )
    system: Text | None = Field(
        None,
        description="A system message, for models with a chat template.",
        json_schema_extra={"position": 6},
    )
    chat: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether prompts go through the model's chat template; auto where it has one.",
        json_schema_extra={"position": 7},
    )
    examples: int = Field(
        0,
        ge=0,
        le=100,
        description="Solved rows shown before each prompt (few-shot), drawn by the seed from another split.",
        json_schema_extra={"position": 8},
    )
    examples_split: Name | None = Field(
        None,
        description="The split they are drawn from; left out, it is train, dev or validation.",
        json_schema_extra={"position": 9},
    )
    extract: Annotated[str, Field(max_length=2_000), AfterValidator(_pattern)] | None = Field(
        None,
        description="A regular expression: its last match in an answer is judged, the first group's where "
        "it has one.",
        json_schema_extra={"position": 10},
    )
    beams: int | None = Field(
        None,
        gt=0,
        le=64,
        description="Texts searched side by side by encoder-decoders; left out, what the model states.",
        json_schema_extra={"position": 11},
    )
    length_penalty: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="Above 0 for longer texts in a search by beams; left out, what the model states.",
        json_schema_extra={"position": 12},
    )
    min_new_tokens: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Shortest generated answer; left out, what the model states.",
        json_schema_extra={"position": 13},
    )
    source_language: Word | None = Field(
        None,
        description="The language that is translated from, as the model names it: en, en_XX, eng_Latn.",
        json_schema_extra={"position": 14},
    )
    target_language: Word | None = Field(
        None,
        description="The language that is translated to, as the model names it.",
        json_schema_extra={"position": 15},
    )


class Diffusion(Strict):
    """How models that draw pictures draw them; what is left out is the pipeline's own choice."""

    steps: int | None = Field(
        None, gt=0, le=10_000, description="Denoising steps.", json_schema_extra={"position": 0}
    )
    guidance: float | None = Field(
        None,
        ge=0,
        le=1_000,
        description="How closely a picture follows its prompt.",
        json_schema_extra={"position": 1},
    )
    width: int | None = Field(
        None, gt=0, le=16_384, description="Width of a picture in pixels.", json_schema_extra={"position": 2}
    )
    height: int | None = Field(
        None, gt=0, le=16_384, description="Height of a picture in pixels.", json_schema_extra={"position": 3}
    )
    strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="How much of a picture that is started from is drawn anew.",
        json_schema_extra={"position": 4},
    )
    negative_prompt: Text | None = Field(
        None, description="What pictures are not to show.", json_schema_extra={"position": 5}
    )


class Settings(Strict):
    """How to run it. The defaults are right for most evaluations."""

    dtype: DtypeName = Field(
        "auto",
        description="Precision: auto is bfloat16 on a GPU that has it, float32 on a CPU.",
        json_schema_extra={"position": 0},
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        max_length=16,
        description="auto, cpu, cuda, cuda:1 or mps.",
        json_schema_extra={"position": 1},
    )
    batch_cost: int | None = Field(
        None,
        gt=0,
        le=10**9,
        description="Most cost in one batch (tokens, images, seconds of audio); left out, "
        "the task type's own.",
        json_schema_extra={"position": 2},
    )
    chunk_rows: int = Field(
        256,
        gt=0,
        le=1_000_000,
        description="Rows predicted and stored together: what a crash can lose at most.",
        json_schema_extra={"position": 3},
    )
    max_tokens: int | None = Field(
        None,
        gt=0,
        le=10_000_000,
        description="Cut inputs to this many tokens; left out, what the model can take.",
        json_schema_extra={"position": 4},
    )
    language: Word | None = Field(
        None,
        description="Language of the speech, for multilingual models, as en.",
        json_schema_extra={"position": 5},
    )
    hypothesis_template: Name | None = Field(
        None,
        pattern=r"\{\}",
        description="What a zero-shot classifier makes of a label, with {} where it goes; left out, the task "
        "type's own.",
        json_schema_extra={"position": 18},
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The least score of a detection, or of one of several labels; left out, the task type's "
        "own.",
        json_schema_extra={"position": 19},
    )
    generation: Generation = Field(
        default_factory=Generation,
        description="Models that write text: how they are asked, and how they write.",
        json_schema_extra={"position": 6},
    )
    engine: Literal["transformers", "ctranslate2", "vllm"] = Field(
        "transformers",
        description="What runs the models: transformers, or a faster engine for some task types; models "
        "behind an endpoint are run there.",
        json_schema_extra={"position": 23},
    )
    overlap: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="Tokens that two windows over a long text share; left out, the task type's own.",
        json_schema_extra={"position": 20},
    )
    subwords: Literal["first", "max", "average"] = Field(
        "first",
        description="A word's tag: that of its first sub-word, of its surest one, or of their mean.",
        json_schema_extra={"position": 21},
    )
    diffusion: Diffusion = Field(
        default_factory=Diffusion,
        description="How models that draw pictures draw them.",
        json_schema_extra={"position": 22},
    )
    compile: bool = Field(
        False,
        description="Compile the model with torch.compile: slower to start, faster on long runs.",
        json_schema_extra={"position": 18},
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = Field(
        "auto",
        description="Attention implementation; auto is the fastest that the model and machine have.",
        json_schema_extra={"position": 19},
    )
    workers: int | None = Field(
        None,
        gt=0,
        le=64,
        description="Processes that predict side by side, each with the model loaded; left out, one a GPU, "
        "or one.",
        json_schema_extra={"position": 20},
    )
    ray: str | None = Field(
        None,
        pattern=r"^(auto|(ray://)?[^/:\s]+:\d+)$",
        max_length=255,
        description="A Ray cluster to predict on: auto for the one this machine is part of, host:port, or "
        "ray://host:port; left out, this machine predicts.",
        json_schema_extra={"position": 24},
    )
    shards: int | None = Field(
        None,
        gt=0,
        le=1000,
        description="Runs that predict it side by side, on whatever workers of the server's queue are free; "
        "left out, one.",
        json_schema_extra={"position": 25},
    )
    level: float = Field(
        0.95,
        gt=0,
        lt=1,
        description="Confidence level of the intervals.",
        json_schema_extra={"position": 7},
    )
    resamples: int = Field(
        1000,
        ge=0,
        le=100_000,
        description="Bootstrap resamples behind each interval; 0 for none.",
        json_schema_extra={"position": 8},
    )
    intervals: Literal["auto", "percentile", "bca", "wilson", "clopper-pearson"] = Field(
        "auto",
        description="How intervals are found; auto is Wilson's formula for plain shares of rows, else the "
        "percentile bootstrap.",
        json_schema_extra={"position": 9},
    )
    groups: Name | None = Field(
        None,
        min_length=1,
        description="A dataset column, as document or speaker: rows with the same value are drawn together.",
        json_schema_extra={"position": 10},
    )
    test: Literal["bootstrap", "randomisation", "mcnemar", "wilcoxon"] = Field(
        "bootstrap",
        description="The test between models; mcnemar is for plain shares of rows, wilcoxon for scores "
        "that rows have.",
        json_schema_extra={"position": 11},
    )
    seed: int = Field(
        0,
        ge=0,
        le=bounds.LARGEST,
        description="Seed of everything random: the sample of rows, the resamples.",
        json_schema_extra={"position": 12},
    )
    on_error: Literal["record", "stop"] = Field(
        "record",
        description="A row that cannot be read or predicted: record it and go on, or stop.",
        json_schema_extra={"position": 13},
    )
    reuse: bool = Field(
        True,
        description="Use predictions already stored for exactly this model, data and settings.",
        json_schema_extra={"position": 14},
    )
    allow_remote_code: bool = Field(
        False,
        description="Let a model's repository, or a metric's module, run its own Python code here.",
        json_schema_extra={"position": 15},
    )
    allow_pickle: bool = Field(
        False,
        description="Load weights stored as pickles, which can run code on this machine.",
        json_schema_extra={"position": 16},
    )
    experiment: Name | None = Field(
        None,
        description="MLflow experiment; left out, the dataset's name.",
        json_schema_extra={"position": 17},
    )
    publish: bool = Field(
        False,
        description="Open a pull request with the results on each model's page of the Hub.",
        json_schema_extra={"position": 24},
    )
