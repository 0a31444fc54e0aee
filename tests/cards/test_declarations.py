"""Card headers in the style of well-known datasets, quirks and all: read, or refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.cards.declarations import Declaration, choose, declarations
from tasks.configs import parse
from tasks.errors import UserError
from tasks.plan import requests

INDEX = "---\nlicense: mit\ntrain-eval-index:\n{}\n---\n# A dataset\n"


def entry(text: str) -> str:
    return INDEX.format(text.strip("\n"))


Expected = dict[str, Any]
READ: list[tuple[str, str, Expected]] = [
    (
        "emotion: the form of the documentation, F1 under several averages",
        entry("""
- config: split
  task: text-classification
  task_id: multi_class_classification
  splits:
    train_split: train
    eval_split: test
  col_mapping:
    text: text
    label: target
  metrics:
  - {type: accuracy, name: Accuracy}
  - {type: f1, name: F1 macro, args: {average: macro}}
  - {type: f1, name: F1 weighted, args: {average: weighted}}
"""),
        {
            "task": "text-classification",
            "config": "split",
            "split": "test",
            "columns": {"text": "text", "label": "label"},
            "metrics": [("accuracy", {}), ("f1", {"average": "macro"}), ("f1", {"average": "weighted"})],
            "notes": 0,
        },
    ),
    (
        "squad: answers nested",
        entry("""
- config: plain_text
  task: question-answering
  task_id: extractive_question_answering
  splits: {train_split: train, eval_split: validation}
  col_mapping:
    question: question
    context: context
    answers:
      text: text
      answer_start: answer_start
  metrics: [{type: squad, name: SQuAD}]
"""),
        {
            "columns": {"question": "question", "context": "context", "answers": "answers.text"},
            "metrics": [("squad", {})],
            "notes": 0,
        },
    ),
    (
        "squad_v2: dotted answers, hyphens for underscores",
        entry("""
- config: squad_v2
  task: question_answering
  task_id: extractive-question-answering
  splits: {eval-split: none, eval_split: validation}
  col_mapping: {question: question, context: context, answers.text: answers.text,
    answers.answer_start: answers.answer_start}
  metrics: [{type: squad_v2}]
"""),
        {
            "task": "question-answering",
            "columns": {"question": "question", "context": "context", "answers": "answers.text"},
            "metrics": [("squad_v2", {})],
            "notes": 0,
        },
    ),
    (
        "cnn_dailymail: the id says more exactly what the task is; a version is the config",
        entry("""
- config: 3.0.0
  task: summarization
  task_id: summarization
  splits: {eval_split: test}
  col_mapping: {article: text, highlights: target}
  metrics: [{type: rouge, name: Rouge}]
"""),
        {"config": "3.0.0", "columns": {"text": "article", "summary": "highlights"}, "notes": 0},
    ),
    (
        "xsum: text2text-generation whose id is summarization",
        entry("""
- config: default
  task: text2text-generation
  task_id: summarization
  splits: {eval_split: test}
  col_mapping: {document: source, summary: target}
  metrics: [{type: rouge1}, {type: rougeL}]
"""),
        {
            "task": "summarization",
            "columns": {"text": "document", "summary": "summary"},
            "metrics": [("rouge", {})],
        },
    ),
    (
        "wmt16: languages nested within one column",
        entry("""
- config: ro-en
  task: translation
  task_id: translation
  splits: {eval_split: test}
  col_mapping:
    translation:
      ro: source
      en: target
  metrics: [{type: bleu}]
"""),
        {"config": "ro-en", "columns": {"source": "translation.ro", "target": "translation.en"}},
    ),
    (
        "conll2003: named entities, judged by what fits tags",
        entry("""
- config: conll2003
  task: token-classification
  task_id: entity_extraction
  splits: {eval_split: test}
  col_mapping: {tokens: tokens, ner_tags: tags}
  metrics: [{type: seqeval}, {type: f1}, {type: precision}]
"""),
        {"columns": {"tokens": "tokens", "tags": "ner_tags"}, "metrics": [("seqeval", {})]},
    ),
    (
        "glue mnli: two texts, the entry one mapping instead of a list",
        "---\ntrain-eval-index:\n  config: mnli\n  task: text-classification\n"
        "  task_id: natural_language_inference\n  splits: {eval_split: validation_matched}\n"
        "  col_mapping: {premise: text1, hypothesis: text2, label: target}\n---\n",
        {
            "columns": {"text": "premise", "text_pair": "hypothesis", "label": "label"},
            "metrics": [],
            "split": "validation_matched",
        },
    ),
    (
        "imdb: F1 of one label that is not named",
        entry("""
- config: plain_text
  task: text-classification
  task_id: binary_classification
  splits: {train_split: train, eval_split: test}
  col_mapping: {text: text, label: target}
  metrics: [{type: accuracy}, {type: f1, args: {average: binary}}]
"""),
        {"metrics": [("accuracy", {}), ("f1", {})], "notes": 1},
    ),
    (
        "a config called no, another called 2021: strings they stay",
        entry("""
- config: no
  task: text-classification
  splits: {test_split: test}
  col_mapping: {text: text, label: target}
"""),
        {"config": "no", "split": "test"},
    ),
    (
        "common voice: the mapping the wrong way round",
        entry("""
- config: en
  task: automatic-speech-recognition
  task_id: speech_recognition
  splits: {eval_split: test}
  col_mapping: {audio: path, target: sentence}
  metrics: [{type: wer}, {type: cer}]
"""),
        {
            "columns": {"audio": "path", "text": "sentence"},
            "metrics": [("wer", {}), ("cer", {})],
            "notes": 1,
        },
    ),
    (
        "winobias: zero-shot over written choices, with tabs in the YAML",
        entry("""
- config: mathemakitten--winobias_antistereotype_test
  task: text-generation
  task_id: text_zero_shot_classification
  splits:
\teval_split: test
  col_mapping:
\ttext: text
\tclasses: classes
\ttarget: target
"""),
        {
            "task": "multiple-choice",
            "columns": {"prompt": "text", "choices": "classes", "label": "target"},
        },
    ),
    (
        "beans: images; a metric nobody knows, and the loss, are left out and said",
        entry("""
- config: default
  task: image-classification
  task_id: multi_class_image_classification
  splits: {eval_split: [test]}
  col_mapping: {image: image, labels: target}
  metrics: [{type: acc}, {type: loss}, {type: vibe_check}]
"""),
        {
            "split": "test",
            "columns": {"image": "image", "label": "labels"},
            "metrics": [("accuracy", {})],
            "notes": 2,
        },
    ),
    (
        "amazon reviews: a name that no task type has for a column; Windows line ends",
        entry("""
- config: en
  task: text-classification
  splits: {eval_split: test}
  col_mapping: {review_body: text, stars: target, reviewer_id: author}
  metrics: [{type: accuracy}]
""").replace("\n", "\r\n"),
        {"columns": {"text": "review_body", "label": "stars"}, "notes": 1},
    ),
    (
        "ag_news: nothing but a category",
        "---\ntask_categories:\n- text-classification\ntask_ids:\n- topic-classification\n---\n",
        {"task": "text-classification", "config": None, "split": None, "columns": {}, "metrics": []},
    ),
    (
        "several configs, one of them the default",
        entry("""
- {config: raw, task: text-classification, splits: {eval_split: test}}
- {config: default, task: text-classification, splits: {eval_split: validation}}
"""),
        {"config": "default", "split": "validation"},
    ),
    (
        "a key written with underscores, metrics as bare names, a mapping left out",
        "---\ntrain_eval_index:\n- task: text-classification\n  splits: test\n  metrics: [acc, mcc]\n---\n",
        {"split": "test", "columns": {}, "metrics": [("accuracy", {}), ("matthews_correlation", {})]},
    ),
]
BENCHMARKS: list[tuple[str, str, Expected]] = [
    (
        "gpqa: multiple choice",
        "name: GPQA\nevaluation_framework: inspect-ai\ntasks:\n- id: gpqa_diamond\n  config: gpqa_diamond\n"
        "  split: train\n  field_spec: {input: Question, target: answer, choices: options}\n"
        "  solvers: [{name: multiple_choice}]\n  scorers: [{name: choice}]\n",
        {
            "task": "multiple-choice",
            "config": "gpqa_diamond",
            "columns": {"prompt": "Question", "label": "answer", "choices": "options"},
            "metrics": [("choice_accuracy", {})],
        },
    ),
    (
        "gsm8k: a template, and a scorer that asks another model",
        "tasks:\n- id: sums\n  config: main\n  split: test\n  field_spec: {input: question, target: answer}\n"
        "  solvers:\n  - name: prompt_template\n    args: {template: 'Solve: {prompt}'}\n  - name: generate\n"
        "  scorers: [{name: model_graded_fact}, {name: match}]\n",
        {
            "task": "text-generation",
            "columns": {"prompt": "question", "answer": "answer"},
            "metrics": [("exact_match", {})],
            "settings": {"generation": {"template": "Solve: {prompt}"}},
            "notes": 1,
        },
    ),
]
REFUSED = [
    (
        "no YAML",
        "---\nlicense: [mit\ntrain-eval-index:\n- config: x\n---\n",
        "card of 'acme/data' is not YAML",
    ),
    ("a list for a header", "---\n- mit\n---\n", "no mapping of keys to values, but list"),
    (
        "a task that is none",
        entry("- config: x\n  task: speaker-diarization\n  task_id: diarization"),
        "'speaker-diarization' or 'diarization', which is no task type there is; name one with --task",
    ),
    ("no entry", entry("  - nothing"), "train-eval-index of the card of 'acme/data' holds no entry"),
    (
        "several configs",
        entry("- {config: de, task: text-classification}\n- {config: fr, task: text-classification}"),
        "declares several evaluations; name one by --config: text-classification, config de",
    ),
    (
        "several task types",
        "---\ntask_categories: [text-classification, summarization]\n---\n",
        "names several task types: text-classification, summarization; name one with --task",
    ),
    ("nothing at all", "# A dataset without a header\n", "does not say how it is evaluated"),
]


def check(found: Declaration, expected: Expected) -> None:
    for key, value in expected.items():
        got = getattr(found, key)
        if key == "metrics":
            assert [(name, dict(arguments)) for name, arguments in got] == value
        elif key == "notes":
            assert len(got) == value, got
        else:
            assert got == value, (key, got)
    evaluation = parse(
        {
            **found.given(),
            "dataset": {"path": "acme/data", **found.given().get("dataset", {})},
            "models": ["acme/m"],
        }
    )
    assert requests(evaluation)


@pytest.mark.parametrize(("card", "expected"), [each[1:] for each in READ], ids=[each[0] for each in READ])
def test_a_card_says_how_its_dataset_is_evaluated(card: str, expected: Expected) -> None:
    check(choose(declarations(card, "", "acme/data"), "acme/data"), expected)


@pytest.mark.parametrize(
    ("benchmark", "expected"), [each[1:] for each in BENCHMARKS], ids=[each[0] for each in BENCHMARKS]
)
def test_a_benchmark_says_how_it_is_run(benchmark: str, expected: Expected) -> None:
    check(choose(declarations("", benchmark, "acme/data"), "acme/data"), expected)


@pytest.mark.parametrize(
    ("card", "sentence"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_cannot_be_read_is_one_sentence(card: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        choose(declarations(card, "", "acme/data"), "acme/data")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_config_asked_for_decides() -> None:
    card = entry("- {config: de, task: text-classification}\n- {config: fr, task: summarization}")
    found = declarations(card, "", "acme/data")
    assert choose(found, "acme/data", config="fr").task == "summarization"
    with pytest.raises(UserError, match=r"there are: de, fr"):
        choose(found, "acme/data", config="frr")
