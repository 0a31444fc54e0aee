"""Models that read pictures and write text: captioners, readers of documents, models to chat with.

What they are told beside the picture is a prompt: through the chat template where the processor has one, as
the first tokens of the answer for a vision encoder with a text decoder (Donut), as text otherwise. They write
greedily. Rows go through together only where their pictures and prompts are of one size, since padding would
change what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.inference import checkpoints, loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.generation import cut
from tasks.inference.predictor import Decode, Item, Options

MOST_NEW = 64
"""Longest text where the evaluation says nothing: a caption or an answer, not an essay."""

SETTINGS = ("max_new_tokens", "stop", "template", "system", "chat")


class Reader:
    """A model that writes about a picture, with what prepares its pictures and prompts."""

    def __init__(self, checkpoint: Checkpoint, options: Options, auto_class: str) -> None:
        self._options = options
        self.network = loading.model(auto_class, checkpoint, options)
        self._decodes = checkpoints.config(checkpoint).get("model_type") == "vision-encoder-decoder"
        whole = None if self._decodes else loading.processor(checkpoint, options)
        self._processor: Any = whole
        self._images = getattr(whole, "image_processor", None) or loading.image_processor(checkpoint, options)
        self.tokenizer = getattr(whole, "tokenizer", None) or loading.tokenizer(checkpoint, options)
        self.chats = options.chat != "off" and bool(getattr(whole, "chat_template", None))

    def prepared(self, image: Any, prompt: str) -> Item:
        """Make one picture and its prompt ready; the cost is one picture."""
        features = dict(self._encoded(image, prompt))
        width = sum(value.numel() for value in features.values() if value.ndim <= 2)
        # The sliver lets the engine sort rows with prompts of one length together.
        return Item(features, cost=1.0 + width * 1e-9)

    def _encoded(self, image: Any, prompt: str) -> Any:
        if self._decodes:
            features = dict(self._images(images=image, return_tensors="pt"))
            if prompt:
                read = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
                features["decoder_input_ids"] = read["input_ids"]
            return features
        if self.chats and prompt:
            said = [{"type": "image", "image": image}, {"type": "text", "text": prompt}]
            messages = [{"role": "user", "content": said}]
            if self._options.system:
                system = [{"type": "text", "text": self._options.system}]
                messages.insert(0, {"role": "system", "content": system})
            return self._processor.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
        if prompt:
            return self._processor(images=image, text=prompt, return_tensors="pt")
        return self._images(images=image, return_tensors="pt")

    def write(self, items: Sequence[Item]) -> Decode:
        """Write a text for each picture."""
        import torch

        texts: dict[int, str] = {}
        for group in loading.alike([item.features for item in items], None):
            batch = loading.moved(self.network, group.batch)
            with torch.inference_mode():
                ids = self.network.generate(
                    **batch,
                    do_sample=False,
                    num_beams=1,
                    max_new_tokens=self._options.max_new_tokens or MOST_NEW,
                )
            ids = ids[:, _repeated(ids, batch.get("decoder_input_ids", batch.get("input_ids"))) :]
            written = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
            texts |= dict(zip(group.positions, written, strict=True))
        stops = self._options.stop
        return lambda: [{"text": cut(texts[position], stops).strip()} for position in range(len(items))]


def _repeated(ids: Any, prompt: Any) -> int:
    """Return how many tokens some models repeat of the prompt, at once or after a start token."""
    import torch

    if prompt is None:
        return 0
    length = prompt.shape[1]
    for start in (0, 1):
        if torch.equal(ids[:, start : start + length], prompt):
            return int(start + length)
    return 0
