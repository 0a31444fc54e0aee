"""Task types that draw: pictures and scores are those of a plain loop over the pipeline, one at a time."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import datasets
import diffusers
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks import predict
from tasks.errors import BadEvaluation, Refused
from tasks.metrics import compute
from tasks.score import Judgement
from tasks.tracking import artifacts
from tests.metrics import models
from tests.types.judging import judged, planned, saved
from tests.types.media import pictures, png

PROMPTS = ["a cat", "the mat", "a cat on the mat"]


def seeded(seed: int, row: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(int(np.random.default_rng((seed, row)).integers(2**63)))


def ddpm(place: Path) -> str:
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
    )
    diffusers.DDPMPipeline(unet=network, scheduler=diffusers.DDPMScheduler()).save_pretrained(place)
    return str(place)


def stable_diffusion(place: Path) -> str:
    torch.manual_seed(0)
    models.tokenizer(place / "words", longest=12)
    network = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    coder = diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        norm_num_groups=4,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
    )
    reader = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=42,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=12,
            bos_token_id=2,
            eos_token_id=3,
            pad_token_id=0,
        )
    )
    diffusers.StableDiffusionPipeline(
        vae=coder,
        text_encoder=reader,
        tokenizer=transformers.AutoTokenizer.from_pretrained(place / "words"),
        unet=network,
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(place)
    return str(place)


def same(drawn: bytes, wanted: Image.Image) -> None:
    """Compare pictures to within the rounding of one of 256 shades: batches add up in another order."""
    with Image.open(io.BytesIO(drawn)) as opened:
        found = np.asarray(opened).astype(int)
    assert found.shape == np.asarray(wanted).shape
    assert np.abs(found - np.asarray(wanted)).max() <= 1


def one_by_one(given: dict[str, Any]) -> Judgement:
    """Evaluate with one picture a batch, as the plain loop draws: then nothing is added in another order."""
    alone = {**given, "settings": {**given["settings"], "batch_cost": 1, "reuse": False}}
    judgement, _ = judged(alone)
    return judgement


def test_text_to_image(tmp_path: Path) -> None:
    place = stable_diffusion(tmp_path / "model")
    right = pictures(3, width=24, height=24)
    columns = {"text": PROMPTS, "image": [png(each) for each in right]}
    data = saved(tmp_path / "data", columns, image=datasets.Image())
    encoder = models.clip(tmp_path / "clip")
    settings = {"steps": 3, "guidance": 4.0, "negative_prompt": "a b c", "width": 16, "height": 16}
    given = {
        "task": "text-to-image",
        "dataset": {"path": data},
        "models": [place],
        "metrics": ["ssim", "psnr", {"name": "clip_score", "encoder": encoder}],
        "settings": {"seed": 5, "diffusion": settings},
    }
    judgement, rows = judged(given)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(place)
    pipeline.set_progress_bar_config(disable=True)
    drawn, resized = [], []
    for number, (prompt, row) in enumerate(zip(PROMPTS, rows, strict=True)):
        (picture,) = pipeline(
            prompt,
            negative_prompt="a b c",
            num_inference_steps=3,
            guidance_scale=4.0,
            width=16,
            height=16,
            generator=seeded(5, number),
        ).images
        same(row["image"], picture)
        assert (row["prompt"], row["flagged"]) == (prompt, False)
        drawn.append(picture)
        resized.append(Image.fromarray(right[number]).resize((16, 16), Image.Resampling.LANCZOS))
    for name in ("ssim", "psnr"):
        wanted = compute(name, predictions=drawn, references=resized, resamples=0)[name]
        assert judgement.scores[name].value == pytest.approx(wanted.value, rel=1e-2)
        assert one_by_one(given).scores[name].value == pytest.approx(wanted.value, rel=1e-4)
    assert len({row["image"] for row in rows}) == 3
    assert "clip_score_clip" in judgement.scores
    _, other = planned({**given, "settings": {"seed": 6, "diffusion": settings}})
    _, first = planned(given)
    assert other.key != first.key
    with pytest.raises(BadEvaluation, match=r"'ssim' .*prompts"):
        planned({**given, "columns": {"prompt": "text"}, "dataset": {"path": alone(tmp_path)}})


def alone(folder: Path) -> str:
    return saved(folder / "prompts", {"text": PROMPTS})


def test_what_a_pipeline_does_not_take_is_refused_before_it_loads(tmp_path: Path) -> None:
    place = ddpm(tmp_path / "model")
    data = saved(tmp_path / "data", {"img": [png(each) for each in pictures(2)]}, img=datasets.Image())
    given = {"task": "unconditional-image-generation", "dataset": {"path": data}, "models": [place]}
    encoder = models.vit(tmp_path / "vit")
    given["metrics"] = [{"name": "frechet_distance", "encoder": encoder}]
    plan, candidate = planned({**given, "settings": {"diffusion": {"guidance": 3}}})
    with pytest.raises(BadEvaluation, match=r"DDPMPipeline\) takes no guidance; it takes: steps"):
        predict.predict(plan, candidate)
    columns = {"img": [png(each) for each in pictures(1)], "label": ["a"]}
    labelled = saved(tmp_path / "labelled", columns, img=datasets.Image())
    with pytest.raises(BadEvaluation, match="is one of diffusers, and image-classification takes those of"):
        planned({"task": "image-classification", "dataset": {"path": labelled}, "models": [place]})


def test_image_to_image(tmp_path: Path) -> None:
    place = stable_diffusion(tmp_path / "model")
    sources = [*pictures(2, width=16, height=16), *pictures(1, width=24, height=16)]
    columns = {
        "input_image": [png(each) for each in sources],
        "edit_prompt": PROMPTS,
        "edited_image": [png(each[::-1]) for each in sources],
    }
    data = saved(tmp_path / "data", columns, input_image=datasets.Image(), edited_image=datasets.Image())
    given = {
        "task": "image-to-image",
        "dataset": {"path": data},
        "models": [place],
        "settings": {"diffusion": {"steps": 4, "strength": 0.5}},
    }
    judgement, rows = judged(given)
    pipeline = diffusers.StableDiffusionImg2ImgPipeline.from_pretrained(place)
    pipeline.set_progress_bar_config(disable=True)
    drawn = []
    for number, (prompt, source) in enumerate(zip(PROMPTS, sources, strict=True)):
        (picture,) = pipeline(
            prompt,
            image=Image.fromarray(source),
            num_inference_steps=4,
            strength=0.5,
            generator=seeded(0, number),
        ).images
        same(rows[number]["image"], picture)
        drawn.append(picture)
    flipped = [each[::-1] for each in sources]
    for name in ("ssim", "psnr"):
        wanted = compute(name, predictions=drawn, references=flipped, resamples=0)[name]
        assert judgement.scores[name].value == pytest.approx(wanted.value, rel=1e-2)
        assert one_by_one(given).scores[name].value == pytest.approx(wanted.value, rel=1e-4)


def test_unconditional_image_generation_and_its_grid(tmp_path: Path) -> None:
    place = ddpm(tmp_path / "model")
    real = pictures(6, width=16, height=16)
    data = saved(tmp_path / "data", {"img": [png(each) for each in real]}, img=datasets.Image())
    encoder = models.vit(tmp_path / "vit")
    given = {
        "task": "unconditional-image-generation",
        "dataset": {"path": data},
        "models": [place],
        "metrics": [{"name": "frechet_distance", "encoder": encoder}],
        "settings": {"diffusion": {"steps": 3}, "chunk_rows": 4},
    }
    judgement, rows = judged(given)
    pipeline = diffusers.DDPMPipeline.from_pretrained(place)
    pipeline.set_progress_bar_config(disable=True)
    drawn = []
    for number, row in enumerate(rows):
        (picture,) = pipeline(num_inference_steps=3, generator=seeded(0, number)).images
        same(row["image"], picture)
        drawn.append(picture)
    wanted = compute("frechet_distance", predictions=drawn, references=real, encoder=encoder, resamples=0)
    (key,) = wanted
    assert judgement.scores[key].value == pytest.approx(wanted[key].value, rel=1e-2)
    assert one_by_one(given).scores[key].value == pytest.approx(wanted[key].value, rel=1e-4)
    plan, candidate = planned(given)
    table = predict.predict(plan, candidate).table()
    shown = artifacts.sample_table(plan, candidate, table)
    assert len(shown["image"]) == len(shown["reference"]) == 6
    from tasks.pictures.contact_sheet import grid

    assert grid([row["image"] for row in rows]).size == (3 * 192, 2 * 192)


def test_a_pipeline_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    place = Path(ddpm(tmp_path / "model"))
    index: dict[str, Any] = json.loads((place / "model_index.json").read_text(encoding="utf-8"))
    (place / "model_index.json").write_text(
        json.dumps({**index, "_class_name": ["own", "Pipeline"]}), encoding="utf-8"
    )
    data = saved(tmp_path / "data", {"img": [png(each) for each in pictures(2)]}, img=datasets.Image())
    given = {
        "task": "unconditional-image-generation",
        "dataset": {"path": data},
        "models": [str(place)],
        "metrics": [{"name": "frechet_distance", "encoder": models.vit(tmp_path / "vit")}],
    }
    with pytest.raises(Refused, match="runs code from its own repository"):
        planned(given)
