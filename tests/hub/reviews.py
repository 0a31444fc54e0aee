"""A small Hub as it is in the wild: a dataset that says how it is evaluated, models with reported scores."""

from __future__ import annotations

import io
from pathlib import Path

import datasets

from tests.hub.server import Hub, Repository, folder

DATASET_CARD = """---
license: mit
task_categories:
- text-classification
train-eval-index:
- config: default
  task: text-classification
  task_id: multi_class_classification
  splits:
    eval_split: validation
  col_mapping:
    text: text
    topic: target
  metrics:
  - type: accuracy
    name: Accuracy
  - type: f1
    name: F1 macro
    args:
      average: macro
---
# Reviews
"""
BENCHMARK = "name: Reviews\ntasks:\n- id: topics\n  config: default\n  split: validation\n"
MODEL_CARD = """---
license: apache-2.0   # as the data
pipeline_tag: text-classification
datasets:
- acme/reviews
model-index:
- name: topic
  results:
  - task:
      type: text-classification
    dataset:
      name: Reviews
      type: acme/reviews
    metrics:
    - type: accuracy
      value: {accuracy}
    - type: loss
      value: 0.31
tags:
- topics
---
# Topic   \r
Written by hand.
"""
OTHERS = "- dataset:\n    id: acme/reviews\n    task_id: topics\n  value: 0.5\n  notes: another's\n"


def made(demo: Path, *, accuracy: str = "99.1", moody: bool = False) -> Hub:
    """Return a Hub with the dataset `acme/reviews`, the model `acme/topic`, and other models."""
    hub = Hub(moody=moody)
    files = folder(demo / "models" / "messages-topic-small")
    card = MODEL_CARD.replace("{accuracy}", accuracy).encode()
    model = hub.add(Repository("models", "acme/topic", downloads=70))
    model.commit({**files, "README.md": card, ".eval_results/others.yaml": OTHERS.encode()})
    for name, downloads, header in (
        ("popular/classifier", 900, "pipeline_tag: text-classification\ndatasets: [acme/reviews]"),
        ("popular/tagger", 800, "pipeline_tag: token-classification"),
        ("quiet/classifier", 5, "pipeline_tag: text-classification"),
    ):
        other = hub.add(Repository("models", name, downloads=downloads))
        other.commit({"README.md": f"---\n{header}\n---\n# {name}\n".encode()})
    rows = datasets.load_from_disk(str(demo / "data" / "messages"))["test"].select(range(60))
    buffer = io.BytesIO()
    rows.select_columns(["text", "topic"]).to_parquet(buffer)
    data = {
        "data/validation-00000-of-00001.parquet": buffer.getvalue(),
        "README.md": DATASET_CARD.encode(),
        "eval.yaml": BENCHMARK.encode(),
    }
    hub.add(Repository("datasets", "acme/reviews")).commit(data)
    hub.add(Repository("datasets", "acme/secret", private=True)).commit(data)
    return hub
