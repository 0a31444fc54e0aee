"""A tokenizer that several threads use at once gives each what it asks for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.inference import loading
from tasks.inference.checkpoints import resolve
from tasks.inference.predictor import Options
from tasks.inference.threads import PerThread


def test_threads_that_cut_differently_do_not_disturb_each_other(demo: Path) -> None:
    checkpoint = resolve(str(demo / "models" / "messages-topic-small"), None)
    tokenizer = loading.tokenizer(checkpoint, Options("cpu", "float32"))
    texts = ["where is my parcel, it was to be here on Monday " * 8] * 40

    def lengths(longest: int) -> set[int]:
        found = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
        return {len(ids) for ids in found}

    with ThreadPoolExecutor(4) as pool:
        limits = [5 + number % 17 for number in range(200)]
        assert list(pool.map(lengths, limits)) == [{limit} for limit in limits]


def test_what_is_set_reaches_the_object_of_every_thread() -> None:
    import types

    original = types.SimpleNamespace(side="right")
    shared = PerThread(original)
    shared.side = "left"
    assert original.side == "left"
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(lambda: shared.side).result() == "left"
