"""Columns of well-known datasets: guessed right, or asked for; never guessed wrong.

Names and feature types are those of the datasets' cards on the Hub.
"""

from __future__ import annotations

from typing import Any

import pytest
from datasets import ClassLabel, Features, List, Translation, Value

from tasks.columns import map_columns
from tasks.errors import BadEvaluation
from tasks.types import task_type

TEXT, INTEGER, FRACTION = Value("string"), Value("int64"), Value("float32")
LABEL, TAGS, TEXTS = ClassLabel(names=["a", "b"]), List(ClassLabel(names=["O", "B-X"])), List(Value("string"))
ANSWERS = {"text": TEXTS, "answer_start": List(Value("int32"))}
CHOICES = {"text": TEXTS, "label": TEXTS}

Known = tuple[str, str, dict[str, Any], dict[str, str] | None]
KNOWN: list[Known] = [
    (
        "stanfordnlp/imdb",
        "text-classification",
        {"text": TEXT, "label": LABEL},
        {"text": "text", "label": "label"},
    ),
    (
        "nyu-mll/glue sst2",
        "text-classification",
        {"sentence": TEXT, "label": LABEL, "idx": Value("int32")},
        {"text": "sentence", "label": "label"},
    ),
    (
        "nyu-mll/glue mnli",
        "text-classification",
        {"premise": TEXT, "hypothesis": TEXT, "label": LABEL, "idx": Value("int32")},
        {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    ),
    (
        "nyu-mll/glue mrpc",
        "text-classification",
        {"sentence1": TEXT, "sentence2": TEXT, "label": LABEL, "idx": Value("int32")},
        {"text": "sentence1", "text_pair": "sentence2", "label": "label"},
    ),
    (
        "nyu-mll/glue qqp",
        "text-classification",
        {"question1": TEXT, "question2": TEXT, "label": LABEL, "idx": Value("int32")},
        {"text": "question1", "text_pair": "question2", "label": "label"},
    ),
    (
        "nyu-mll/glue stsb",
        "text-classification",
        {"sentence1": TEXT, "sentence2": TEXT, "label": FRACTION, "idx": Value("int32")},
        {"text": "sentence1", "text_pair": "sentence2", "label": "label"},
    ),
    (
        "nyu-mll/glue qnli",
        "text-classification",
        {"question": TEXT, "sentence": TEXT, "label": LABEL, "idx": Value("int32")},
        {"text": "question", "text_pair": "sentence", "label": "label"},
    ),
    (
        "google-research-datasets/go_emotions",
        "text-classification",
        {"text": TEXT, "labels": TAGS, "id": TEXT},
        {"text": "text", "label": "labels"},
    ),
    (
        "mteb/amazon_polarity",
        "text-classification",
        {"label": LABEL, "title": TEXT, "content": TEXT},
        {"text": "content", "label": "label"},
    ),
    (
        "banking77",
        "text-classification",
        {"text": TEXT, "label": LABEL},
        {"text": "text", "label": "label"},
    ),
    (
        "clinc/clinc_oos",
        "text-classification",
        {"text": TEXT, "intent": LABEL},
        {"text": "text", "label": "intent"},
    ),
    (
        "AmazonScience/massive",
        "text-classification",
        {"id": TEXT, "locale": TEXT, "partition": TEXT, "intent": LABEL, "utt": TEXT, "annot_utt": TEXT},
        {"text": "utt", "label": "intent"},
    ),
    (
        "eriktks/conll2003",
        "token-classification",
        {"id": TEXT, "tokens": TEXTS, "pos_tags": TAGS, "chunk_tags": TAGS, "ner_tags": TAGS},
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    (
        "masakhane/masakhaner2",
        "token-classification",
        {"id": TEXT, "tokens": TEXTS, "ner_tags": TAGS},
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    (
        "rajpurkar/squad",
        "question-answering",
        {"id": TEXT, "title": TEXT, "context": TEXT, "question": TEXT, "answers": ANSWERS},
        {"question": "question", "context": "context", "answers": "answers.text"},
    ),
    (
        "deepset/germanquad",
        "question-answering",
        {
            "id": INTEGER,
            "context": TEXT,
            "question": TEXT,
            "answers": List({"text": TEXT, "answer_start": INTEGER}),
        },
        {"question": "question", "context": "context", "answers": "answers.text"},
    ),
    (
        "knkarthick/samsum",
        "summarization",
        {"id": TEXT, "dialogue": TEXT, "summary": TEXT},
        {"text": "dialogue", "summary": "summary"},
    ),
    (
        "abisee/cnn_dailymail",
        "summarization",
        {"article": TEXT, "highlights": TEXT, "id": TEXT},
        {"text": "article", "summary": "highlights"},
    ),
    (
        "EdinburghNLP/xsum",
        "summarization",
        {"document": TEXT, "summary": TEXT, "id": TEXT},
        {"text": "document", "summary": "summary"},
    ),
    (
        "FiscalNote/billsum",
        "summarization",
        {"text": TEXT, "summary": TEXT, "title": TEXT},
        {"text": "text", "summary": "summary"},
    ),
    (
        "ccdv/arxiv-summarization",
        "summarization",
        {"article": TEXT, "abstract": TEXT},
        {"text": "article", "summary": "abstract"},
    ),
    ("wmt/wmt16", "translation", {"translation": Translation(languages=("de", "en"))}, None),
    ("Helsinki-NLP/opus_books", "translation", {"id": TEXT, "translation": {"en": TEXT, "fr": TEXT}}, None),
    (
        "Rowan/hellaswag",
        "multiple-choice",
        {
            "ind": Value("int32"),
            "activity_label": TEXT,
            "ctx_a": TEXT,
            "ctx_b": TEXT,
            "ctx": TEXT,
            "endings": TEXTS,
            "source_id": TEXT,
            "split": TEXT,
            "split_type": TEXT,
            "label": TEXT,
        },
        {"prompt": "ctx", "choices": "endings", "label": "label"},
    ),
    (
        "allenai/ai2_arc",
        "multiple-choice",
        {"id": TEXT, "question": TEXT, "choices": CHOICES, "answerKey": TEXT},
        {"prompt": "question", "choices": "choices.text", "label": "answerKey", "keys": "choices.label"},
    ),
    (
        "allenai/openbookqa",
        "multiple-choice",
        {"id": TEXT, "question_stem": TEXT, "choices": CHOICES, "answerKey": TEXT},
        {"prompt": "question_stem", "choices": "choices.text", "label": "answerKey", "keys": "choices.label"},
    ),
    (
        "tau/commonsense_qa",
        "multiple-choice",
        {"id": TEXT, "question": TEXT, "question_concept": TEXT, "choices": CHOICES, "answerKey": TEXT},
        {"prompt": "question", "choices": "choices.text", "label": "answerKey", "keys": "choices.label"},
    ),
    (
        "cais/mmlu",
        "multiple-choice",
        {"question": TEXT, "subject": TEXT, "choices": TEXTS, "answer": LABEL},
        {"prompt": "question", "choices": "choices", "label": "answer"},
    ),
    ("ybisk/piqa", "multiple-choice", {"goal": TEXT, "sol1": TEXT, "sol2": TEXT, "label": LABEL}, None),
    (
        "openai/gsm8k",
        "text-generation",
        {"question": TEXT, "answer": TEXT},
        {"prompt": "question", "answer": "answer"},
    ),
    (
        "tatsu-lab/alpaca",
        "text-generation",
        {"instruction": TEXT, "input": TEXT, "output": TEXT, "text": TEXT},
        {"prompt": "instruction", "answer": "output"},
    ),
    ("Salesforce/wikitext", "text-generation", {"text": TEXT}, {"prompt": "text"}),
    (
        "sentence-transformers/stsb",
        "sentence-similarity",
        {"sentence1": TEXT, "sentence2": TEXT, "score": Value("float64")},
        {"sentence1": "sentence1", "sentence2": "sentence2", "score": "score"},
    ),
    (
        "mteb/sickr-sts",
        "sentence-similarity",
        {"sentence1": TEXT, "sentence2": TEXT, "score": Value("float64"), "lang": TEXT},
        {"sentence1": "sentence1", "sentence2": "sentence2", "score": "score"},
    ),
    (
        "mteb/askubuntudupquestions-reranking",
        "feature-extraction",
        {"query": TEXT, "positive": TEXTS, "negative": TEXTS},
        {"query": "query", "positives": "positive", "negatives": "negative"},
    ),
    (
        "microsoft/ms_marco",
        "feature-extraction",
        {
            "answers": TEXTS,
            "passages": {"is_selected": List(Value("int32")), "passage_text": TEXTS, "url": TEXTS},
            "query": TEXT,
            "query_id": Value("int32"),
            "query_type": TEXT,
            "wellFormedAnswers": TEXTS,
        },
        {"query": "query", "documents": "passages.passage_text", "relevance": "passages.is_selected"},
    ),
    (
        "fancyzhx/ag_news",
        "zero-shot-classification",
        {"text": TEXT, "label": LABEL},
        {"text": "text", "label": "label"},
    ),
    (
        "facebook/lama trex",
        "fill-mask",
        {
            "uuid": TEXT,
            "obj_uri": TEXT,
            "obj_label": TEXT,
            "sub_uri": TEXT,
            "sub_label": TEXT,
            "predicate_id": TEXT,
            "masked_sentence": TEXT,
            "template": TEXT,
            "label": TEXT,
        },
        {"text": "masked_sentence", "answer": "obj_label"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "features", "wanted"), [row[1:] for row in KNOWN], ids=[row[0] for row in KNOWN]
)
def test_columns_are_guessed_right_or_asked_for(
    kind: str, features: dict[str, Any], wanted: dict[str, str] | None
) -> None:
    if wanted is None:
        with pytest.raises(BadEvaluation, match="column"):
            map_columns(task_type(kind), Features(features), {}, "d")
        return
    assert map_columns(task_type(kind), Features(features), {}, "d").columns == wanted


def test_few_are_asked_for() -> None:
    assert sum(row[3] is None for row in KNOWN) <= len(KNOWN) // 8
