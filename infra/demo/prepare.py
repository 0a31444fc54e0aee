"""Make the demo's models and data: `python -m infra.demo.prepare --into FOLDER`."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from filelock import FileLock

from infra.demo import digits, messages, packages, personal, photos, reuters, speech, templates, text_models
from infra.demo import training as fitting
from infra.demo.assets import Asset, NotToBeHad

_TEXT = (text_models, messages, templates, fitting)
ASSETS = (
    Asset("data/digits", digits.make_data, (digits,)),
    Asset("models/digits-vit-nano", digits.make_vit_nano, (digits, fitting), needs=("data/digits",)),
    Asset("models/digits-vit-small", digits.make_vit_small, (digits, fitting), needs=("data/digits",)),
    Asset("models/digits-resnet", digits.make_resnet, (digits, fitting), needs=("data/digits",)),
    Asset("data/messages", text_models.make_data, _TEXT),
    Asset("models/messages-topic-small", text_models.make_topic_small, _TEXT),
    Asset("models/messages-topic-large", text_models.make_topic_large, _TEXT),
    Asset("models/messages-tagger-small", text_models.make_tagger_small, _TEXT),
    Asset("models/messages-tagger-large", text_models.make_tagger_large, _TEXT),
    Asset("data/speech", speech.make_data, (speech, packages), core=False),
    Asset("models/whisper-tiny.en", speech.make_whisper, (speech, packages), core=False),
    Asset("data/photos", photos.make_data, (photos,), core=False),
    Asset("models/efficientnet-lite0", photos.make_efficientnet, (photos, packages), core=False),
    Asset("data/personal", personal.make_data, (personal,), core=False),
    Asset("models/rampart", personal.make_tagger, (personal, packages), core=False),
    Asset("data/reuters", reuters.make_data, (reuters, packages), core=False),
    Asset(
        "models/reuters-bert",
        reuters.make_classifier,
        (reuters, packages, fitting),
        core=False,
        needs=("data/reuters",),
    ),
)


def prepare(into: Path, only: set[str] | None = None, wider: bool = True) -> dict[str, str]:
    """Make every asset that is not ready, and say of each what became of it.

    Of several processes that prepare one folder, one makes and the others wait for it.

    Args:
        into: The demo's folder.
        only: Names of the assets wanted; None for all.
        wider: Whether to fetch published models and data too, beside the core.

    Returns:
        Name -> `ready`, `made in … s`, or `skipped: why`.

    Raises:
        NotToBeHad: An asset of the core could not be made.
    """
    into.mkdir(parents=True, exist_ok=True)
    with FileLock(into.with_name(f"{into.name}.lock")):
        return _prepared(into, only, wider)


def _prepared(into: Path, only: set[str] | None, wider: bool) -> dict[str, str]:
    report: dict[str, str] = {}
    for asset in ASSETS:
        if (only is not None and asset.name not in only) or not (wider or asset.core):
            continue
        missing = [name for name in asset.needs if report.get(name, "").startswith("skipped")]
        if missing:
            report[asset.name] = f"skipped: it needs {missing[0]}"
        elif asset.is_ready(into):
            report[asset.name] = "ready"
        else:
            report[asset.name] = _made(asset, into)
        print(f"  {asset.name:32} {report[asset.name]}", flush=True)
    return report


def _made(asset: Asset, into: Path) -> str:
    began = time.perf_counter()
    try:
        asset.build(into)
    except NotToBeHad as error:
        if asset.core:
            raise
        return f"skipped: {error}"
    except Exception as error:
        # A fetched package may be anything; what it breaks must not take the demo with it.
        if asset.core:
            raise
        return f"skipped: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return f"made in {time.perf_counter() - began:.1f} s"


def main() -> None:
    """Prepare the demo from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, required=True, help="the demo's folder")
    parser.add_argument("--core", action="store_true", help="make only what needs no network")
    given = parser.parse_args()
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    prepare(given.into, wider=not given.core)


if __name__ == "__main__":
    main()
