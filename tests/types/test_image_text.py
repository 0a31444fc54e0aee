"""Task types that write about pictures: the texts are those of a plain loop, one picture at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import transformers
from PIL import Image

from tests.metrics import models
from tests.types.judging import judged, saved
from tests.types.media import pictures, png

VISION = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 16,
    "patch_size": 8,
}
WORDS = {
    "vocab_size": 42,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "initializer_range": 0.8,
}
SPECIAL = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
QUESTIONS = ["the cat", "on the mat", "the mat", "a cat sat on the mat"]


def encoder_decoder(place: Path) -> str:
    """Save a picture encoder with a text decoder, as captioners and Donut are."""
    torch.manual_seed(0)
    decoder = transformers.GPT2Config(
        vocab_size=42,
        n_positions=32,
        n_embd=16,
        n_layer=1,
        n_head=2,
        initializer_range=0.8,
        add_cross_attention=True,
        is_decoder=True,
        **SPECIAL,
    )
    both = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(**VISION, initializer_range=0.8), decoder
    )
    model = transformers.VisionEncoderDecoderModel(both)
    model.generation_config.decoder_start_token_id = 2
    model.generation_config.pad_token_id = 0
    model.generation_config.eos_token_id = 3
    model.config.decoder_start_token_id = 2
    model.config.pad_token_id = 0
    model.save_pretrained(place)
    models.vision_processor(place)
    models.tokenizer(place, start=True)
    return str(place)


def blip(place: Path, family: str) -> str:
    torch.manual_seed(0)
    config = transformers.BlipConfig(
        text_config={
            **WORDS,
            **SPECIAL,
            "sep_token_id": 3,
            "encoder_hidden_size": 16,
            "projection_dim": 8,
            "max_position_embeddings": 32,
        },
        vision_config={**VISION, "projection_dim": 8, "initializer_range": 0.8},
        projection_dim=8,
        initializer_range=0.8,
    )
    getattr(transformers, family)(config).save_pretrained(place)
    processor(place, transformers.BlipImageProcessor(size={"height": 16, "width": 16}), "BlipProcessor")
    return str(place)


def vilt(place: Path) -> str:
    torch.manual_seed(0)
    config = transformers.ViltConfig(
        **{**VISION, "image_size": 32},
        vocab_size=42,
        max_position_embeddings=20,
        initializer_range=0.4,
        id2label={0: "net", 1: "cat", 2: "mat", 3: "yes"},
        label2id={"net": 0, "cat": 1, "mat": 2, "yes": 3},
        max_image_length=-1,
    )
    transformers.ViltForQuestionAnswering(config).save_pretrained(place)
    images = transformers.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=8)
    processor(place, images, "ViltProcessor")
    return str(place)


def processor(place: Path, images: Any, family: str) -> None:
    models.tokenizer(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    getattr(transformers, family)(images, words).save_pretrained(place)


def photos(folder: Path, **columns: Any) -> tuple[str, list[Image.Image]]:
    shown = [*pictures(2), *pictures(2, width=64)]
    data = saved(folder, {"image": [png(each) for each in shown], **columns}, image=datasets.Image())
    return data, [Image.fromarray(each) for each in shown]


@pytest.mark.parametrize("made", ["encoder and decoder", "blip", "blip with a prompt"])
def test_captions(tmp_path: Path, made: str) -> None:
    place = tmp_path / "model"
    if made.startswith("blip"):
        blip(place, "BlipForConditionalGeneration")
    else:
        encoder_decoder(place)
    captions = [["the cat", "a cat sat"], ["on a mat", "mat"], ["cat", "the"], ["a b c", "c"]]
    data, shown = photos(tmp_path / "data", caption=captions)
    settings: dict[str, Any] = {"max_new_tokens": 8}
    if made == "blip with a prompt":
        settings["template"] = "the {prompt}"
    judgement, rows = judged(
        {
            "task": "image-to-text",
            "dataset": {"path": data},
            "models": [str(place)],
            "metrics": ["rouge", "sacrebleu"],
            "settings": {"generation": settings},
        }
    )
    model = transformers.AutoModelForImageTextToText.from_pretrained(place).eval()
    images = transformers.AutoImageProcessor.from_pretrained(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    texts = []
    for picture in shown:
        if made == "blip with a prompt":
            given = transformers.AutoProcessor.from_pretrained(place)(
                images=picture, text="the", return_tensors="pt"
            )
        else:
            given = images(images=picture, return_tensors="pt")
        ids = model.generate(**given, do_sample=False, num_beams=1, max_new_tokens=8)
        texts.append(words.decode(ids[0], skip_special_tokens=True).strip())
    assert [row["text"] for row in rows] == texts
    assert len(set(texts)) > 1
    import sacrebleu

    wanted = sacrebleu.corpus_bleu(texts, [list(each) for each in zip(*captions, strict=True)])
    assert judgement.scores["sacrebleu"].value == pytest.approx(wanted.score, abs=1e-9)


def test_visual_question_answering_by_choice(tmp_path: Path) -> None:
    place = vilt(tmp_path / "model")
    answers = [[{"answer": "cat", "answer_id": n} for n in range(4)] for _ in QUESTIONS]
    data, shown = photos(tmp_path / "data", question=QUESTIONS, answers=answers)
    judgement, rows = judged(
        {"task": "visual-question-answering", "dataset": {"path": data}, "models": [place]}
    )
    model = transformers.ViltForQuestionAnswering.from_pretrained(place).eval()
    both = transformers.AutoProcessor.from_pretrained(place)
    right = 0
    for picture, question, row in zip(shown, QUESTIONS, rows, strict=True):
        torch.manual_seed(0)
        with torch.inference_mode():
            logits = model(**both(images=picture, text=question, return_tensors="pt")).logits[0]
        assert row["text"] == model.config.id2label[int(logits.argmax())]
        assert row["score"] == pytest.approx(float(logits.max().sigmoid()), rel=1e-4)
        right += row["text"] == "cat"
    assert judgement.scores["vqa_accuracy"].value == right / 4


def test_visual_question_answering_by_writing(tmp_path: Path) -> None:
    place = Path(blip(tmp_path / "model", "BlipForQuestionAnswering"))
    data, shown = photos(tmp_path / "data", question=QUESTIONS, multiple_choice_answer=["cat"] * 4)
    judgement, rows = judged(
        {
            "task": "visual-question-answering",
            "dataset": {"path": data},
            "models": [str(place)],
            "settings": {"generation": {"max_new_tokens": 6}},
        }
    )
    model = transformers.BlipForQuestionAnswering.from_pretrained(place).eval()
    both = transformers.AutoProcessor.from_pretrained(place)
    texts = []
    for picture, question in zip(shown, QUESTIONS, strict=True):
        ids = model.generate(
            **both(images=picture, text=question, return_tensors="pt"), do_sample=False, max_new_tokens=6
        )
        texts.append(both.decode(ids[0], skip_special_tokens=True).strip())
    assert [row["text"] for row in rows] == texts
    assert judgement.scores["vqa_accuracy"].value == texts.count("cat") / 4


def test_document_question_answering_by_a_prompted_decoder(tmp_path: Path) -> None:
    place = Path(encoder_decoder(tmp_path / "model"))
    answers = [["mat", "the mat"], ["cat"], ["a"], ["the cat sat"]]
    data, shown = photos(tmp_path / "data", question=QUESTIONS, answers=answers)
    judgement, rows = judged(
        {
            "task": "document-question-answering",
            "dataset": {"path": data},
            "models": [str(place)],
            "settings": {"generation": {"max_new_tokens": 5, "template": "a {prompt} !", "stop": ["z"]}},
        }
    )
    from rapidfuzz.distance import Levenshtein

    model = transformers.AutoModelForImageTextToText.from_pretrained(place).eval()
    images = transformers.AutoImageProcessor.from_pretrained(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    total = 0.0
    for picture, question, row, right in zip(shown, QUESTIONS, rows, answers, strict=True):
        prompt = words(f"a {question} !", add_special_tokens=False, return_tensors="pt")["input_ids"]
        ids = model.generate(
            **images(images=picture, return_tensors="pt"),
            decoder_input_ids=prompt,
            do_sample=False,
            max_new_tokens=5,
        )
        text = words.decode(ids[0, 1 + prompt.shape[1] :], skip_special_tokens=True).partition("z")[0].strip()
        assert row["text"] == text
        likeness = max(1 - Levenshtein.distance(text, each) / max(len(text), len(each)) for each in right)
        total += likeness if likeness > 0.5 else 0.0
    assert judgement.scores["anls"].value == pytest.approx(total / 4, abs=1e-9)


def chatting(place: Path) -> str:
    """Save a tiny model to chat with about pictures, with its chat template."""
    torch.manual_seed(0)
    models.tokenizer(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    words.add_tokens(["<image>"], special_tokens=True)
    vision = transformers.CLIPVisionConfig(**VISION, initializer_range=0.8)
    spoken = transformers.LlamaConfig(
        **{**WORDS, "vocab_size": 64}, num_key_value_heads=2, max_position_embeddings=64, **SPECIAL
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=spoken,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    transformers.LlavaForConditionalGeneration(config).save_pretrained(place)
    images = transformers.CLIPImageProcessor(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    template = (
        "{% for message in messages %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}"
        "{% endfor %}! {% endfor %}"
    )
    both = transformers.LlavaProcessor(
        images,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    both.save_pretrained(place)
    return str(place)


def test_questions_go_through_the_chat_template_where_there_is_one(tmp_path: Path) -> None:
    place = chatting(tmp_path / "model")
    data, shown = photos(tmp_path / "data", question=QUESTIONS, answer=["cat"] * 4)
    generation = {"max_new_tokens": 6, "system": "a b"}
    judgement, rows = judged(
        {
            "task": "visual-question-answering",
            "dataset": {"path": data},
            "models": [place],
            "settings": {"generation": generation},
        }
    )
    model = transformers.AutoModelForImageTextToText.from_pretrained(place).eval()
    both = transformers.AutoProcessor.from_pretrained(place)
    texts = []
    for picture, question in zip(shown, QUESTIONS, strict=True):
        given = both(text=f"a b ! <image> {question} !", images=picture, return_tensors="pt")
        given.pop("token_type_ids", None)
        ids = model.generate(**given, do_sample=False, max_new_tokens=6)
        written = ids[0, given["input_ids"].shape[1] :]
        texts.append(both.decode(written, skip_special_tokens=True).strip())
    assert [row["text"] for row in rows] == texts
    assert judgement.scores["vqa_accuracy"].value == texts.count("cat") / 4
    assert len(set(texts)) > 1
