"""The inference engine beside transformers' pipeline, on real news of mixed length."""

from __future__ import annotations

import tempfile

from benchmarks.measurement import Result, side_by_side, timed
from infra.demo.prepare import prepare
from tasks import home
from tasks.inference.checkpoints import resolve
from tasks.inference.chunks import ChunkStore, chunks_of, key_of
from tasks.inference.engine import predict, stored_schema
from tasks.inference.predictor import Options
from tasks.types import task_type

SIZES = (1, 8, 32)


def text_classification() -> Result:
    """Reuters news by a two-layer BERT: Assay's engine, or the best of the pipeline's batch sizes."""
    import datasets
    from transformers import pipeline

    demo = home.home() / "demo"
    prepare(demo, only={"data/reuters", "models/reuters-bert"})
    saved = datasets.load_from_disk(str(demo / "data" / "reuters"))
    texts = [*saved["train"]["text"], *saved["test"]["text"]]
    place = str(demo / "models" / "reuters-bert")
    kind = task_type("text-classification")
    checkpoint, options = resolve(place, None), Options(device="cpu", dtype="float32")
    predictor = kind.open(checkpoint, options)
    theirs = pipeline("text-classification", model=place, device="cpu")

    def ours() -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            store = ChunkStore(folder, key_of({}), stored_schema(kind.prediction))
            chunks = chunks_of(len(texts), 256)
            predict(
                chunks,
                lambda chunk: [{"text": text} for text in texts[chunk.start : chunk.stop]],
                store,
                lambda: predictor,
                budget=float(kind.batch_cost),
            )
            return [label for table in store.tables(chunks) for label in table["label"].to_pylist()]

    def piped(size: int) -> list[str]:
        return [found["label"] for found in theirs(texts, truncation=True, batch_size=size)]

    assert ours() == piped(8)
    best = min(SIZES, key=lambda size: timed(lambda: piped(size)))
    return side_by_side(
        "engine_text_classification",
        ours,
        lambda: piped(best),
        f"{len(texts)} Reuters texts, BERT of 2 layers, CPU float32; pipeline at its best batch size, {best}",
    )
