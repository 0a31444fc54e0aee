"""BERTScore and perplexity against their definitions, in plain loops over one text at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import BadEvaluation, NotFound, OutOfReach, Refused
from tasks.metrics import compute
from tasks.metrics.bertscore import bertscore
from tasks.metrics.perplexity import perplexity
from tests.metrics import models

PAIRS = [
    ("the cat sat on the mat", "a cat sat on a mat"),
    ("cats!", "the cat"),
    ("猫 дом", "дом 猫 a"),
    ("a", "a"),
    ("", "the mat"),
    ("the the the the the the the the", "mat"),
    ("b c d e f g h", "h g f e d c b ?"),
    ("a cat", ""),
    ("unknownword", "cat"),
]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.gpt(tmp_path_factory.mktemp("gpt"))


def slow_bertscore(folder: str, pairs: list[tuple[str, str]], layer: int, idf: bool) -> np.ndarray:
    """Return F1, precision and recall of each pair, one token at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rights = [tokenizer(right)["input_ids"] for _, right in pairs]
    found = []

    def view(text: str) -> tuple[list[int], Any]:
        tokens = tokenizer(text)["input_ids"]
        with torch.no_grad():
            states = model(torch.tensor([tokens]), output_hidden_states=True).hidden_states[layer][0]
        return tokens, [state.numpy().astype(float) for state in states]

    def weight(token: int) -> float:
        if token in (tokenizer.cls_token_id, tokenizer.sep_token_id):
            return 0.0
        held = sum(token in right for right in rights)
        return math.log((len(pairs) + 1) / (held + 1)) if idf else 1.0

    def best(one: Any, other: Any) -> float:
        total = weights = 0.0
        for token, state in zip(*one, strict=True):
            near = [state @ each / np.linalg.norm(state) / np.linalg.norm(each) for each in other[1]]
            total += weight(token) * max(near)
            weights += weight(token)
        return total / weights

    for said, right in pairs:
        if not said or not right:
            found.append((0.0, 0.0, 0.0))
            continue
        one, other = view(said), view(right)
        precision, recall = best(one, other), best(other, one)
        found.append((2 * precision * recall / (precision + recall), precision, recall))
    return np.array(found)


@pytest.mark.parametrize(("layer", "idf"), [(3, False), (1, False), (0, False), (2, True)])
@pytest.mark.parametrize("batch", [2, 64])
def test_bertscore_is_its_definition(bert: str, layer: int, idf: bool, batch: int) -> None:
    predictions, references = ([pair[side] for pair in PAIRS] for side in (0, 1))
    measured = bertscore(predictions, references, bert, layer=layer, idf=idf, batch_size=batch)
    theirs = slow_bertscore(bert, PAIRS, layer, idf)
    # Model outputs in single precision differ in the seventh digit between one text and a padded batch.
    assert measured.statistics.values[:, :3] == pytest.approx(theirs, abs=1e-5)  # type: ignore[union-attr]
    found = compute(
        "bertscore", predictions=predictions, references=references, encoder=bert, layer=layer, idf=idf
    )
    assert found["bertscore_f1"].value == pytest.approx(theirs[:, 0].mean(), abs=1e-5)
    assert found["bertscore_f1"].low is not None


def test_of_several_references_the_best_counts(bert: str) -> None:
    one = bertscore(["the cat"], [["mat ?", "the cat"]], bert)
    assert one.score(one.statistics.total())["bertscore_f1"] == pytest.approx(1, abs=1e-6)
    assert "layer 3" in one.tags["bertscore"]
    assert "0 texts cut" in one.tags["bertscore"]
    cut = bertscore(["a " * 100], ["a"], bert)
    assert "1 texts cut" in cut.tags["bertscore"]
    with pytest.raises(BadEvaluation, match="layers 0 to 3, and no layer 9"):
        bertscore(["a"], ["a"], bert, layer=9)
    with pytest.raises(BadEvaluation, match="compares texts"):
        compute("bertscore", predictions=[1], references=["a"], encoder=bert)


def slow_losses(folder: str, texts: list[str]) -> list[tuple[float, int]]:
    """Return the negative log-likelihood and the tokens of each text, one forward pass each."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    found = []
    for text in texts:
        tokens = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.no_grad():
            likely = model(torch.tensor([tokens])).logits[0].double().log_softmax(-1)
        loss = -sum(float(likely[place, token]) for place, token in enumerate(tokens[1:]))
        found.append((loss, len(tokens) - 1))
    return found


def test_perplexity_is_its_definition(gpt: str) -> None:
    texts = ["the cat sat", "a", "mat on the mat . ! ?", "дом 猫", "a b c d e f g h i j k l m n o"]
    theirs = slow_losses(gpt, texts)
    total, tokens = (sum(each[side] for each in theirs) for side in (0, 1))
    for batch in (1, 2, 16):
        found = compute("perplexity", predictions=texts, model=gpt, batch_size=batch)
        assert found["perplexity"].value == pytest.approx(math.exp(total / tokens), rel=1e-6)
        mean = np.mean([math.exp(loss / count) for loss, count in theirs])
        assert found["perplexity_mean"].value == pytest.approx(mean, rel=1e-6)
        size = len("".join(texts).encode())
        assert found["bits_per_byte"].value == pytest.approx(total / math.log(2) / size, rel=1e-6)
        assert not found["perplexity"].higher_is_better
        assert found["perplexity"].low is not None


def test_a_long_text_is_read_in_windows_that_count_each_token_once(gpt: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = "the cat sat on a mat and b c d " * 6
    model, tokenizer = AutoModelForCausalLM.from_pretrained(gpt).eval(), AutoTokenizer.from_pretrained(gpt)
    tokens = [2, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert len(tokens) > 48
    loss, scored = 0.0, 1
    for begin in range(0, len(tokens), 8):
        window = tokens[begin : begin + 16]
        with torch.no_grad():
            likely = model(torch.tensor([window])).logits[0].double().log_softmax(-1)
        for place in range(scored - begin, len(window)):
            loss -= float(likely[place - 1, window[place]])
            scored += 1
        if begin + 16 >= len(tokens):
            break
    assert scored == len(tokens)
    found = compute("perplexity", predictions=[text], model=gpt)["perplexity"].value
    assert found == pytest.approx(math.exp(loss / (len(tokens) - 1)), rel=1e-6)
    assert "start token [CLS]" in perplexity([text], [], gpt).tags["perplexity"]


@pytest.mark.parametrize("texts", [[""], ["a", None]])
def test_a_text_without_tokens_has_no_perplexity(gpt: str, texts: list[Any]) -> None:
    with pytest.raises(BadEvaluation, match="not defined"):
        compute("perplexity", predictions=texts, model=gpt)
    with pytest.raises(BadEvaluation, match="needs the argument 'model'"):
        compute("perplexity", predictions=["a"])


def test_models_that_do_not_load_are_said(bert: str, tmp_path: Path) -> None:
    def scored(encoder: str, **more: Any) -> None:
        compute("bertscore", predictions=["a"], references=["a"], encoder=encoder, **more)

    with pytest.raises(NotFound, match="it has no config"):
        scored(str(tmp_path))
    with pytest.raises(NotFound, match="Did you mean"):
        scored(bert + "x")
    with pytest.raises(OutOfReach, match="the Hub is out of reach"):
        scored("nobody/nothing-at-all")
    with pytest.raises(BadEvaluation, match="has no revisions"):
        scored(bert, revision="main")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Refused, match="no safetensors"):
        scored(str(tmp_path))
    with pytest.raises(BadEvaluation, match="is not a whole AutoModelForCausalLM: its checkpoint lacks"):
        compute("perplexity", predictions=["a"], model=bert)


def test_a_published_encoder_finds_a_paraphrase_nearer(published: Path) -> None:
    encoder = str(published / "models" / "reuters-bert")
    near, far = (
        compute("bertscore", predictions=[said], references=["Crude oil prices rose."], encoder=encoder)
        for said in ("The price of oil went up.", "She plays the piano well.")
    )
    assert near["bertscore_f1"].value > far["bertscore_f1"].value + 0.05
