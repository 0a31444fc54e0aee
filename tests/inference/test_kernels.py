"""The faster ways to compute linear layers and attention compute what the usual ones do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM

from tasks.inference import attention, linear
from tasks.inference.efficiency import operations, parameters

LENGTHS = [40, 7, 40, 23]


@pytest.fixture(autouse=True)
def packing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack on every machine, whether it gains by it or not."""
    monkeypatch.setattr(linear, "worthwhile", lambda: True)


def bert(longest: int) -> tuple[Any, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    ids = torch.randint(1, 50, (4, longest))
    mask = torch.tensor([[1] * min(length, longest) + [0] * (longest - length) for length in LENGTHS])
    return BertForSequenceClassification(config).eval(), {"input_ids": ids, "attention_mask": mask}


def llama() -> tuple[Any, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
    )
    return LlamaForCausalLM(config).eval(), {"input_ids": torch.randint(0, 50, (3, 9))}


@pytest.mark.parametrize("longest", [40, 90])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_an_encoder_gives_the_same_logits(longest: int, dtype: torch.dtype, near: float) -> None:
    model, batch = bert(longest)
    model = model.to(dtype)
    quick = copy.deepcopy(model)
    linear.accelerate(quick)
    quick.set_attn_implementation(attention.register())
    with torch.inference_mode():
        assert torch.allclose(quick(**batch).logits, model(**batch).logits, atol=near)
        alone = {name: value[:1] for name, value in batch.items()}
        assert torch.allclose(quick(**alone).logits, model(**alone).logits, atol=near)


def test_a_decoder_gives_the_same_logits_step_by_step() -> None:
    model, batch = llama()
    quick = copy.deepcopy(model)
    assert linear.accelerate(quick) == 15
    quick.set_attn_implementation(attention.register())
    with torch.inference_mode():
        plain = model(**batch).logits
        assert torch.allclose(quick(**batch).logits, plain, atol=1e-5)
        cache = None
        for step in range(batch["input_ids"].shape[1]):
            found = quick(batch["input_ids"][:, step : step + 1], past_key_values=cache, use_cache=True)
            cache = found.past_key_values
            assert torch.allclose(found.logits[:, 0], plain[:, step], atol=1e-5)


def test_packing_leaves_other_precisions_and_the_counts_alone() -> None:
    model, batch = llama()
    counted, there = operations(lambda: model(**batch)), parameters(model)
    assert linear.accelerate(copy.deepcopy(model).to(torch.bfloat16)) == 0
    linear.accelerate(model)
    assert parameters(model) == there
    with torch.inference_mode():
        assert operations(lambda: model(**batch)) == counted
