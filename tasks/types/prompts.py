"""Prompts: what a causal model is given, from a row, the evaluation's template and solved examples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

PLACE = "{prompt}"
Message = Mapping[str, str]


def pieces(template: str, *more: str) -> list[str]:
    """Cut a template at its places, which are pieces of their own.

    >>> pieces("Q: {prompt} A:")
    ['Q: ', '{prompt}', ' A:']
    """
    return re.split(f"({'|'.join(re.escape(each) for each in (PLACE, *more))})", template)


def first_of(answer: str | Sequence[str]) -> str:
    """Return a right answer, the first where there are several.

    >>> first_of("yes"), first_of(["yes", "yeah"])
    ('yes', 'yes')
    """
    return answer if isinstance(answer, str) else answer[0]


def continued(prompt: str, answer: str) -> str:
    """Return a prompt with its answer, a space between them where there is none.

    >>> continued("Q: 1+1?\\nA:", "2"), continued("A:\\n", "2")
    ('Q: 1+1?\\nA: 2', 'A:\\n2')
    """
    return prompt + ("" if not prompt or prompt[-1].isspace() else " ") + answer


def written(asked: str | Sequence[Message], template: str, shown: Sequence[tuple[str, str]]) -> str:
    """Return the text given to a model without a chat template.

    Args:
        asked: The row's prompt, or the messages of a chat, of which the contents are given.
        template: What prompts go into, at {prompt}; messages stay as they are.
        shown: Prompts that were answered, with their answers.

    >>> written("2+2", "Q: {prompt}\\nA:", [("1+1", "2")])
    'Q: 1+1\\nA: 2\\n\\nQ: 2+2\\nA:'
    """
    solved = [continued(template.replace(PLACE, prompt), answer) for prompt, answer in shown]
    if isinstance(asked, str):
        return "\n\n".join([*solved, template.replace(PLACE, asked)])
    return "\n\n".join([*solved, *(message["content"] for message in asked)])


def conversation(
    asked: str | Sequence[Message], template: str, shown: Sequence[tuple[str, str]], system: str | None
) -> list[dict[str, str]]:
    """Return the messages given to a model with a chat template, examples as turns of their own.

    A system message of the row's own stays in place of the evaluation's.

    >>> [each["role"] for each in conversation("2+2", "{prompt}", [("1+1", "2")], "Be brief.")]
    ['system', 'user', 'assistant', 'user']
    """
    turns: list[dict[str, str]] = []
    for prompt, answer in shown:
        turns.append({"role": "user", "content": template.replace(PLACE, prompt)})
        turns.append({"role": "assistant", "content": answer})
    if isinstance(asked, str):
        turns.append({"role": "user", "content": template.replace(PLACE, asked)})
        return [*_system(system), *turns]
    own = [{"role": message["role"], "content": message["content"]} for message in asked]
    opening = [message for message in own if message["role"] == "system"] or _system(system)
    return [*opening, *turns, *(message for message in own if message["role"] != "system")]


def _system(content: str | None) -> list[dict[str, str]]:
    return [{"role": "system", "content": content}] if content else []


def solved(examples: Sequence[Mapping[str, Any]], prompt: str, answer: str) -> list[tuple[str, str]]:
    """Return examples as prompts with their answers.

    Args:
        examples: Solved rows by canonical column.
        prompt: The column of prompts; of a chat, its last message counts.
        answer: The column of answers.
    """
    pairs = []
    for row in examples:
        asked = row[prompt] if isinstance(row[prompt], str) else row[prompt][-1]["content"]
        pairs.append((asked, first_of(row[answer])))
    return pairs
