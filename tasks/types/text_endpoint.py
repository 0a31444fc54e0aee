"""Text generation by a model behind an OpenAI-compatible endpoint: one request a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inference.attempts import Attempts, Rejected
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.generation import MOST_NEW, cut, row_seed
from tasks.inference.predictor import ROW, Decode, Item, Options, Row
from tasks.types import prompts

MOST = "max_tokens"
NEWER_MOST = "max_completion_tokens"
"""What newer servers call the longest answer; some refuse the older name, others do not know this one."""


class EndpointWriter:
    """Asks for answers. Nothing is known here of the model's tokens: prompts that are too long it refuses."""

    network = None

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        assert checkpoint.endpoint is not None
        self._attempts = Attempts(checkpoint.endpoint)
        self._model = checkpoint.endpoint.model
        self._options = options
        self._most = MOST
        self.at_once = checkpoint.endpoint.concurrency

    @property
    def repeated(self) -> int:
        """How many requests had to be made again."""
        return self._attempts.repeated

    def close(self) -> None:
        """Give up what is under way."""
        self._attempts.close()

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Write the requests; each costs one."""
        return [Item(request(self._model, row["prompt"], row[ROW], self._options), 1.0) for row in rows]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Return what asks for the answers, one after the other, and waits for them."""
        return lambda: [self._answered(item.features) for item in items]

    def _answered(self, body: Mapping[str, Any]) -> dict[str, Any]:
        # Other threads may change the name meanwhile.
        most = self._most
        try:
            return self._sent(most, body)
        except Rejected as rejected:
            if NEWER_MOST not in str(rejected) or most == NEWER_MOST:
                raise
        answer = self._sent(NEWER_MOST, body)
        self._most = NEWER_MOST
        return answer

    def _sent(self, most: str, body: Mapping[str, Any]) -> dict[str, Any]:
        path = "chat/completions" if "messages" in body else "completions"
        named = {most if key == MOST else key: value for key, value in body.items()}
        return self._attempts.post(path, named, lambda answer: prediction(answer, self._options.stop))


def request(
    model: str, prompt: str | Sequence[prompts.Message], row: int, options: Options
) -> dict[str, Any]:
    """Return the body of a row's request, behind the evaluation's solved examples.

    It is a chat's, unless the options turn chat off.

    >>> options = Options("endpoint", "unknown", template="Q: {prompt}", max_new_tokens=5)
    >>> request("m", "1 + 1?", 0, options)["messages"]
    [{'role': 'user', 'content': 'Q: 1 + 1?'}]
    """
    shown = prompts.solved(options.examples, "prompt", "answer")
    body: dict[str, Any] = {
        "model": model,
        MOST: options.max_new_tokens or MOST_NEW,
        "temperature": options.temperature,
    }
    if options.temperature:
        body |= {"top_p": options.top_p, "seed": row_seed(options.seed, row)}
        if options.top_k:
            body["top_k"] = options.top_k
    if options.stop:
        body["stop"] = list(options.stop)
    if options.chat == "off":
        return {**body, "prompt": prompts.written(prompt, options.template, shown)}
    return {**body, "messages": prompts.conversation(prompt, options.template, shown, options.system)}


def prediction(answer: Any, stops: Sequence[str]) -> dict[str, Any]:
    """Read an answer's body.

    Args:
        answer: The JSON of a chat's or a plain completion.
        stops: Strings that end a text, for servers that do not heed them.

    Raises:
        LookupError, TypeError, ValueError: It is no such body.

    >>> body = {"choices": [{"text": " 2\\n", "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
    >>> prediction(body, [])
    {'text': '2', 'tokens': 2, 'prompt_tokens': None, 'truncated': False, 'finished': True}
    """
    choice = answer["choices"][0]
    if "message" in choice:
        # A refusal, or an answer cut off while the model still reasoned, has no content.
        text = choice["message"].get("content") or choice["message"].get("refusal") or ""
    else:
        text = choice["text"]
    if not isinstance(text, str):
        raise TypeError(f"the text is {type(text).__name__}")
    used = answer.get("usage") or {}
    return {
        "text": cut(text, stops).strip(),
        "tokens": _count(used.get("completion_tokens")),
        "prompt_tokens": _count(used.get("prompt_tokens")),
        "truncated": False,
        "finished": choice.get("finish_reason") == "stop",
    }


def _count(stated: Any) -> int | None:
    return stated if isinstance(stated, int) else None
