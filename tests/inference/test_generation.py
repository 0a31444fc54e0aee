"""Generation and likelihood: every row as if it were alone, the text that `generate` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from tasks.inference.decoder import Decoder
from tasks.inference.generation import Manner, Written, write
from tasks.inference.likelihood import Question, common_prefix, likelihoods

WORDS = 61
PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14, 15], [5, 6, 7, 8], [20, 21], [30] * 12]


class Letters:
    """Reads tokens as letters, one a token."""

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(ord("A") + token) for token in tokens)


def _models() -> dict[str, Any]:
    torch.manual_seed(3)
    sizes = {"vocab_size": WORDS, "max_position_embeddings": 96}
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return {
        "llama": LlamaForCausalLM(LlamaConfig(**sizes, **small, num_key_value_heads=2)).eval(),
        "mistral": MistralForCausalLM(
            MistralConfig(**sizes, **small, num_key_value_heads=2, sliding_window=8)
        ).eval(),
        "gpt2": GPT2LMHeadModel(
            GPT2Config(vocab_size=WORDS, n_positions=96, n_embd=32, n_layer=2, n_head=4)
        ).eval(),
    }


MODELS = _models()
for each in MODELS.values():
    each.generation_config.eos_token_id = None


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param]


def ran(model: Any, prompts: Sequence[Sequence[int]], manner: Manner, first: int = 0) -> list[Written]:
    return write(Decoder(model), Letters(), prompts, range(first, first + len(prompts)), manner)


def generated(model: Any, prompt: list[int], **more: Any) -> list[int]:
    given = torch.tensor([prompt])
    with torch.inference_mode():
        found = model.generate(
            given, attention_mask=torch.ones_like(given), do_sample=False, pad_token_id=0, **more
        )
    return list(found[0, len(prompt) :].tolist())


def test_greedy_text_is_that_of_generate_one_by_one(model: Any) -> None:
    plain = [generated(model, prompt, max_new_tokens=24) for prompt in PROMPTS]
    assert [each.tokens for each in ran(model, PROMPTS, Manner(24))] == plain
    assert not any(each.finished for each in ran(model, PROMPTS, Manner(24)))


def test_a_repetition_penalty_is_that_of_generate(model: Any) -> None:
    plain = [generated(model, prompt, max_new_tokens=16, repetition_penalty=1.4) for prompt in PROMPTS]
    assert [each.tokens for each in ran(model, PROMPTS, Manner(16, repetition_penalty=1.4))] == plain


def test_a_text_ends_at_its_end_and_the_others_go_on(model: Any) -> None:
    whole = [each.tokens for each in ran(model, PROMPTS, Manner(40))]
    end = whole[2][5]
    cut = ran(model, PROMPTS, Manner(40, ends=frozenset({end})))
    for text, each in zip(whole, cut, strict=True):
        expected = text[: text.index(end)] if end in text else text
        assert (each.tokens, each.finished) == (expected, end in text)


def test_a_text_stops_at_a_string(model: Any) -> None:
    whole = ran(model, PROMPTS, Manner(20))
    stop = Letters().decode(whole[0].tokens[6:8])
    for before, after in zip(whole, ran(model, PROMPTS, Manner(20, stops=(stop,))), strict=True):
        text, stopped = Letters().decode(before.tokens), Letters().decode(after.tokens)
        assert text.startswith(stopped)
        assert after.finished == (stop in text)
        assert stopped.find(stop) in (-1, len(stopped) - len(stop))


@pytest.mark.parametrize("drawing", [{"temperature": 0.8}, {"temperature": 1.5, "top_p": 0.7, "top_k": 20}])
def test_what_is_drawn_for_a_row_does_not_depend_on_its_neighbours(
    model: Any, drawing: dict[str, Any]
) -> None:
    manner = Manner(20, ends=frozenset({1, 2, 3}), seed=4, **drawing)
    together = ran(model, PROMPTS, manner)
    alone = [ran(model, [prompt], manner, first=row)[0] for row, prompt in enumerate(PROMPTS)]
    assert together == alone
    assert ran(model, PROMPTS, Manner(20, seed=5, **drawing)) != ran(
        model, PROMPTS, Manner(20, seed=6, **drawing)
    )


def test_draws_have_the_models_probabilities() -> None:
    model = MODELS["llama"]
    with torch.inference_mode():
        logits = model(torch.tensor([[5, 6, 7]])).logits[0, -1]
    rows = 4000
    drawn = ran(model, [[5, 6, 7]] * rows, Manner(1, temperature=1.0))
    counts = torch.bincount(torch.tensor([each.tokens[0] for each in drawn]), minlength=WORDS)
    assert torch.allclose(counts / rows, logits.softmax(-1), atol=0.02)
    kept = (logits / 1.0).softmax(-1).sort(descending=True)
    nucleus = set(kept.indices[: int((kept.values.cumsum(0) < 0.3).sum()) + 1].tolist())
    narrow = ran(model, [[5, 6, 7]] * 500, Manner(1, temperature=1.0, top_p=0.3))
    assert {each.tokens[0] for each in narrow} <= nucleus
    few = ran(model, [[5, 6, 7]] * 500, Manner(1, temperature=5.0, top_k=3))
    assert {each.tokens[0] for each in few} == set(kept.indices[:3].tolist())


def plain_likelihood(model: Any, context: Sequence[int], continuation: Sequence[int]) -> tuple[float, bool]:
    with torch.inference_mode():
        logits = model(torch.tensor([[*context, *continuation]])).logits[0].float()
    start = len(context) - 1
    logarithms = logits.log_softmax(-1)
    total = sum(float(logarithms[start + place, token]) for place, token in enumerate(continuation))
    greedy = all(int(logits[start + place].argmax()) == token for place, token in enumerate(continuation))
    return total, greedy


@pytest.mark.parametrize("shared", [0, 40])
def test_likelihoods_are_those_of_whole_texts_read_one_by_one(model: Any, shared: int) -> None:
    start = [number % WORDS for number in range(shared)]
    likely = ran(model, [[*start, 7, 8]], Manner(3))[0].tokens
    questions = [
        Question([*start, 7, 8], [likely, [4], [4, 5], likely[:1]]),
        Question([*start, 9], [[4], [5]]),
        Question([*start, 1, 2, 3, 4, 5], [[6, 7, 8, 9, 10], [11]]),
    ]
    assert common_prefix([question.context for question in questions]) == shared
    found = likelihoods(Decoder(model), questions)
    for question, several in zip(questions, found, strict=True):
        for continuation, each in zip(question.continuations, several, strict=True):
            total, greedy = plain_likelihood(model, question.context, continuation)
            assert each.log_probability == pytest.approx(total, abs=1e-4)
            assert each.greedy == greedy
    assert found[0][0].greedy
