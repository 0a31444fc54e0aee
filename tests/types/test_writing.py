"""Encoder-decoders and causal models write what plain transformers writes, one row at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import datasets
import pytest
import sacrebleu
import torch
import transformers

from tasks.errors import BadEvaluation, UnknownName
from tasks.inference import languages
from tasks.inference.predictor import Options
from tasks.predict import PredictionFailed
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, llama, words_of

SIZES = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1}
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
WIDTHS = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 64, "init_std": 0.3}


def bart(demo: Path, place: Path, **stated: Any) -> tuple[Any, Any]:
    words = words_of(demo, place)
    torch.manual_seed(1)
    config = transformers.BartConfig(
        vocab_size=len(words),
        **SIZES,
        **HEADS,
        **WIDTHS,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.cls_token_id,
        eos_token_id=words.sep_token_id,
        decoder_start_token_id=words.sep_token_id,
        forced_eos_token_id=None,
    )
    model = transformers.BartForConditionalGeneration(config).eval()
    for name, value in stated.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(place)
    return words, model


def t5(demo: Path, place: Path, parameters: dict[str, Any]) -> tuple[Any, Any]:
    words = words_of(demo, place)
    torch.manual_seed(2)
    config = transformers.T5Config(
        vocab_size=len(words),
        d_model=32,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        initializer_factor=3.0,
        pad_token_id=words.pad_token_id,
        eos_token_id=words.sep_token_id,
        decoder_start_token_id=words.pad_token_id,
        task_specific_params=parameters,
    )
    model = transformers.T5ForConditionalGeneration(config).eval()
    model.save_pretrained(place)
    return words, model


def plain(words: Any, model: Any, text: str, **arguments: Any) -> str:
    encoded = words(text, return_tensors="pt", truncation=True, max_length=64)
    with torch.inference_mode():
        ids = model.generate(
            input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"], **arguments
        )
    return str(words.batch_decode(ids, skip_special_tokens=True)[0]).strip()


def test_summaries_are_written_by_the_beams_and_lengths_that_the_model_states(
    demo: Path, tmp_path: Path
) -> None:
    import rouge_score.rouge_scorer

    stated = {"num_beams": 3, "length_penalty": 2.0, "max_length": 12, "no_repeat_ngram_size": 2}
    words, model = bart(demo, tmp_path / "bart", **stated)
    place = saved(tmp_path / "data", {"dialogue": SENTENCES, "summary": SENTENCES[::-1]})
    given = {
        "task": "summarization",
        "dataset": {"path": place},
        "models": [str(tmp_path / "bart")],
        "metrics": ["rouge"],
    }
    judgement, rows = judged(given)
    wanted = [plain(words, model, text, do_sample=False) for text in SENTENCES]
    assert [row["text"] for row in rows] == wanted
    assert len(set(wanted)) > 1
    scorer = rouge_score.rouge_scorer.RougeScorer(["rouge1"])
    mean = sum(
        scorer.score(right, text)["rouge1"].fmeasure
        for right, text in zip(SENTENCES[::-1], wanted, strict=True)
    ) / len(wanted)
    assert judgement.scores["rouge1"].value == pytest.approx(mean)
    assert samples(given)["prediction"] == wanted
    _, rows = judged({**given, "settings": {"generation": {"beams": 1, "max_new_tokens": 7}}})
    assert [row["text"] for row in rows] == [
        plain(words, model, text, do_sample=False, num_beams=1, max_new_tokens=7) for text in SENTENCES
    ]
    assert max(row["tokens"] for row in rows) <= 7


def test_a_checkpoint_s_parameters_for_the_task_are_used(demo: Path, tmp_path: Path) -> None:
    parameters = {
        "translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 2, "max_length": 9}
    }
    words, model = t5(demo, tmp_path / "t5", parameters)
    pairs = [{"en": one, "de": other} for one, other in zip(SENTENCES, SENTENCES[::-1], strict=True)]
    place = saved(
        tmp_path / "data", {"translation": pairs}, translation=datasets.Translation(languages=("en", "de"))
    )
    given = {
        "task": "translation",
        "dataset": {"path": place},
        "columns": {"source": "translation.en", "target": "translation.de"},
        "models": [str(tmp_path / "t5")],
        "metrics": ["sacrebleu"],
        "settings": {"generation": {"source_language": "en", "target_language": "de"}},
    }
    judgement, rows = judged(given)
    wanted = [
        plain(
            words,
            model,
            f"translate English to German: {text}",
            num_beams=2,
            max_length=9,
            do_sample=False,
        )
        for text in SENTENCES
    ]
    assert [row["text"] for row in rows] == wanted
    bleu = sacrebleu.corpus_bleu(wanted, [SENTENCES[::-1]]).score
    assert judgement.scores["sacrebleu"].value == pytest.approx(bleu, abs=1e-6)


def test_what_is_drawn_for_a_row_depends_on_no_other(demo: Path, tmp_path: Path) -> None:
    bart(demo, tmp_path / "bart")
    place = saved(tmp_path / "data", {"text": SENTENCES, "target": SENTENCES})
    drawn = {"temperature": 1.5, "max_new_tokens": 8}

    def texts(**settings: Any) -> list[str]:
        _, rows = judged(
            {
                "task": "text2text-generation",
                "dataset": {"path": place},
                "models": [str(tmp_path / "bart")],
                "settings": {"generation": drawn, **settings},
            }
        )
        return [row["text"] for row in rows]

    together = texts()
    assert texts(batch_cost=1, reuse=False) == together
    assert texts(seed=1) != together


def mbart(place: Path) -> tuple[Any, Any]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words = transformers.MBart50Tokenizer(vocab=[*vocabulary, *((each, -3.0) for each in letters)])
    torch.manual_seed(4)
    config = transformers.MBartConfig(
        vocab_size=len(words),
        **SIZES,
        **HEADS,
        **WIDTHS,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        decoder_start_token_id=words.eos_token_id,
        forced_eos_token_id=None,
    )
    model = transformers.MBartForConditionalGeneration(config).eval()
    model.save_pretrained(place)
    words.save_pretrained(place)
    return transformers.AutoTokenizer.from_pretrained(place), model


def test_a_model_of_many_languages_is_told_what_it_reads_and_writes(tmp_path: Path) -> None:
    words, model = mbart(tmp_path / "mbart")
    texts = ["the cat sat", "on a mat"]
    place = saved(tmp_path / "data", {"source": texts, "target": texts})
    given: dict[str, Any] = {
        "task": "translation",
        "dataset": {"path": place},
        "models": [str(tmp_path / "mbart")],
        "settings": {
            "generation": {"source_language": "fr_XX", "target_language": "de_DE", "max_new_tokens": 6}
        },
    }
    _, rows = judged(given)
    words.src_lang = "fr_XX"
    german = words.convert_tokens_to_ids("de_DE")
    wanted = [
        plain(words, model, text, forced_bos_token_id=german, max_new_tokens=6, do_sample=False)
        for text in texts
    ]
    assert [row["text"] for row in rows] == wanted
    with pytest.raises(UnknownName, match=r"no language of the model 'm' 'de_D'.* Did you mean 'de_DE'"):
        languages.forced(words, Options("cpu", "float32", target_language="de_D"), "mbart", "m")
    with pytest.raises(BadEvaluation, match=r"say which as settings\.generation\.target_language"):
        languages.forced(words, Options("cpu", "float32"), "m2m_100", "m")
    assert languages.forced(words, Options("cpu", "float32"), "mbart", "m") is None


def greedy(words: Any, model: Any, text: str, most: int, *, special: bool) -> str:
    ids = words(text, return_tensors="pt", add_special_tokens=special)["input_ids"]
    with torch.inference_mode():
        found = model.generate(ids, max_new_tokens=most, do_sample=False)
    return str(words.decode(found[0, ids.shape[1] :], skip_special_tokens=True)).strip()


def test_causal_models_sum_up_and_translate_by_a_prompt(demo: Path, tmp_path: Path) -> None:
    words, model = llama(demo, tmp_path / "llama")
    place = saved(tmp_path / "data", {"document": SENTENCES, "summary": SENTENCES})
    given: dict[str, Any] = {
        "task": "summarization",
        "dataset": {"path": place},
        "models": [str(tmp_path / "llama")],
        "settings": {"generation": {"max_new_tokens": 6}},
    }
    _, rows = judged(given)
    asked = "Summarize the following text.\n\n{}\n\nSummary:"
    wanted = [greedy(words, model, asked.format(text), 6, special=True) for text in SENTENCES]
    assert [row["text"] for row in rows] == wanted
    with pytest.raises(BadEvaluation, match=r"settings\.generation\.target_language"):
        judged({**given, "task": "translation", "columns": {"source": "document", "target": "summary"}})


def test_examples_come_from_another_split_and_are_shown_before_each_prompt(
    demo: Path, tmp_path: Path
) -> None:
    words, model = llama(demo, tmp_path / "llama")
    split = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict({"question": SENTENCES[:3], "answer": ["a", "b", "c"]}),
            "test": datasets.Dataset.from_dict({"question": SENTENCES[3:], "answer": ["7", "8"]}),
        }
    )
    split.save_to_disk(tmp_path / "data")
    generation = {"examples": 2, "max_new_tokens": 4, "template": "Q: {prompt}\nA:"}
    given: dict[str, Any] = {
        "task": "text-generation",
        "dataset": {"path": str(tmp_path / "data"), "split": "test"},
        "models": [str(tmp_path / "llama")],
        "settings": {"generation": generation},
    }
    _, candidate = planned(given)
    shown = [(row["prompt"], row["answer"]) for row in candidate.options.examples]
    assert len(shown) == 2
    assert set(shown) < set(zip(SENTENCES[:3], "abc", strict=True))
    _, rows = judged(given)
    before = "".join(f"Q: {question}\nA: {answer}\n\n" for question, answer in shown)
    assert [row["text"] for row in rows] == [
        greedy(words, model, f"{before}Q: {question}\nA:", 4, special=True) for question in SENTENCES[3:]
    ]
    generation["examples_split"] = "test"
    with pytest.raises(BadEvaluation, match="'test', the split that is evaluated"):
        planned(given)
    generation |= {"examples_split": "train", "examples": 9}
    with pytest.raises(BadEvaluation, match="9 examples are asked for, and there are 3 rows"):
        planned(given)
    generation["examples_split"] = "trian"
    with pytest.raises(UnknownName, match="Did you mean 'train'"):
        planned(given)


def test_chats_go_through_the_model_s_own_template(demo: Path, tmp_path: Path) -> None:
    words, model = llama(demo, tmp_path / "llama", chat=True)
    chats = [
        [{"role": "system", "content": "be brief"}, {"role": "user", "content": SENTENCES[0]}],
        [{"role": "user", "content": SENTENCES[1]}],
    ]
    place = saved(tmp_path / "data", {"messages": chats, "answer": [["a", "b"], ["c"]]})
    given: dict[str, Any] = {
        "task": "text-generation",
        "dataset": {"path": place},
        "models": [str(tmp_path / "llama")],
        "settings": {"generation": {"max_new_tokens": 5, "system": "be kind"}},
    }
    _, rows = judged(given)
    asked = [
        f"system be brief . user {SENTENCES[0]} . assistant",
        f"system be kind . user {SENTENCES[1]} . assistant",
    ]
    assert [row["text"] for row in rows] == [greedy(words, model, text, 5, special=False) for text in asked]
    assert samples(given)["reference"] == ["a | b", "c"]


def test_what_is_judged_is_extracted_without_another_run(demo: Path, tmp_path: Path) -> None:
    llama(demo, tmp_path / "llama")
    place = saved(tmp_path / "data", {"prompt": SENTENCES, "answer": SENTENCES})
    given: dict[str, Any] = {
        "task": "text-generation",
        "dataset": {"path": place},
        "models": [str(tmp_path / "llama")],
        "metrics": ["exact_match"],
        "settings": {"generation": {"max_new_tokens": 4}},
    }
    plan, candidate = planned(given)
    whole, _ = judged(given)
    given["settings"]["generation"]["extract"] = r"()"
    other, same = planned(given)
    assert candidate.key == same.key
    assert plan.evaluation != other.evaluation
    nothing, _ = judged(given)
    assert (whole.scores["exact_match"].value, nothing.scores["exact_match"].value) == (0.0, 1.0)


def test_a_model_that_needs_a_chat_template_says_so(demo: Path, tmp_path: Path) -> None:
    llama(demo, tmp_path / "llama")
    place = saved(tmp_path / "data", {"prompt": SENTENCES, "answer": SENTENCES})
    with pytest.raises((BadEvaluation, PredictionFailed), match="has no chat template"):
        judged(
            {
                "task": "text-generation",
                "dataset": {"path": place},
                "models": [str(tmp_path / "llama")],
                "settings": {"generation": {"chat": "on"}},
            }
        )


def test_texts_without_right_answers_are_read_for_their_perplexity(demo: Path, tmp_path: Path) -> None:
    """Long texts in windows of 12 tokens that share 5, each token judged once."""
    words, model = llama(demo, tmp_path / "llama")
    texts = [*SENTENCES, "train"]
    given: dict[str, Any] = {
        "task": "text-generation",
        "dataset": {"path": saved(tmp_path / "data", {"text": texts})},
        "models": [str(tmp_path / "llama")],
        "settings": {"max_tokens": 12, "overlap": 5},
    }
    judgement, _ = judged(given)
    total, count, means = 0.0, 0, []
    for text in texts:
        ids = words(text, return_tensors="pt")["input_ids"][0]
        own, judged_already = 0.0, 1
        for start in range(0, len(ids), 7):
            window = ids[start : start + 12]
            with torch.inference_mode():
                logs = model(window[None]).logits[0].log_softmax(-1)
            for place in range(judged_already, min(start + 12, len(ids))):
                own += float(logs[place - start - 1, ids[place]])
            judged_already = start + 12
            if judged_already >= len(ids):
                break
        total, count = total + own, count + len(ids) - 1
        means.append(math.exp(-own / (len(ids) - 1)))
    assert judgement.scores["model_perplexity"].value == pytest.approx(math.exp(-total / count), rel=1e-4)
    assert judgement.scores["model_perplexity_mean"].value == pytest.approx(sum(means) / 6, rel=1e-4)
    assert len(samples(given)["perplexity"]) == 6
    with pytest.raises(BadEvaluation, match="'rouge' judges texts, and with these columns"):
        planned({**given, "metrics": ["rouge"]})
