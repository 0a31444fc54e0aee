"""What models and datasets write is anybody's text: it is shown, and does nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pictures.gallery import Card, Section, gallery
from tasks.pictures.matrix_page import matrix_page
from tasks.pictures.page import escaped
from tasks.pictures.word_diff import closest, word_diff

HOSTILE = (
    "<script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    '"><svg onload=window.hacked=1>',
    "' onmouseover='window.hacked=1",
    "</style><script>window.hacked=1</script>",
    "</title></head><body onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "javascript:window.hacked=1",
    "<a href='javascript:window.hacked=1'>click</a>",
    "<meta http-equiv=refresh content='0;url=javascript:window.hacked=1'>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "\u202e<b>turned\u202c",
    "nul \x00 and \x1b[31m",
    "{{7*7}} ${7*7} <%= 7 %>",
    "<!--", "-->", "]]>", "<![CDATA[",
)  # fmt: skip
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "section",
        "div",
        "article",
        "header",
    ),
    *(
        "span",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "del",
        "ins",
        "figure",
        "img",
        "figcaption",
        "audio",
    ),
    *("fieldset", "label", "input", "small"),
}


class Seen(HTMLParser):
    """Collects elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_gallery(texts: tuple[str, ...] = HOSTILE) -> str:
    cards = [
        Card(
            number,
            right=bool(number % 2),
            score=text,
            fields={text: text, "prediction": text},
            difference=(f"the right words {text}", f"the words {text} {text[::-1]}"),
            tags=((text, text, "O"), (text, "O", "O"), (text, text, text)),
            images={text: b"RIFF"},
            sound=b"ID3",
            note=text,
        )
        for number, text in enumerate(texts)
    ]
    return gallery(texts[0], texts[1 % len(texts)], [Section(text, text, cards) for text in texts[:3]])


def harmless(page: str) -> Seen:
    seen = Seen(page)
    assert set(seen.tags) <= TAGS
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    for name, value in seen.attributes:
        if name in {"src", "href"}:
            assert (value or "").startswith("data:")
    return seen


def test_a_gallery_of_hostile_texts_holds_no_element_of_theirs() -> None:
    seen = harmless(hostile_gallery())
    for text in HOSTILE[:9]:
        assert text in seen.text


def test_a_matrix_of_hostile_labels_holds_no_element_of_theirs() -> None:
    count = len(HOSTILE)
    harmless(matrix_page(HOSTILE, np.ones((count, count), dtype=np.int64), HOSTILE[0]))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_harmless(text: str) -> None:
    harmless(hostile_gallery((text, text)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("abc<>&")), st.lists(st.sampled_from("abc<>&")))
def test_a_word_diff_holds_both_texts(right: list[str], predicted: list[str]) -> None:
    both = Marked(word_diff(" ".join(right), " ".join(predicted)))
    assert both.right.split() == right
    assert both.predicted.split() == predicted


class Marked(HTMLParser):
    """Reads the right text (what is equal or struck out) and the predicted one (equal or new)."""

    def __init__(self, diff: str) -> None:
        super().__init__()
        self.right = self.predicted = self.inside = ""
        self.feed(diff)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        self.right += "" if self.inside == "ins" else f" {data} "
        self.predicted += "" if self.inside == "del" else f" {data} "


def test_long_texts_are_cut_and_the_rest_is_counted() -> None:
    assert "(600 more words)" in word_diff("a " * 1000, "b " * 10)
    assert len(escaped("x" * 10)) == 10


def test_the_nearest_of_several_right_texts_is_compared() -> None:
    assert closest("", []) == ""
    assert closest("two black cats", ["a dog", "two cats", "cats two"]) == "two cats"


def test_a_page_stays_small_and_says_what_it_leaves_out() -> None:
    cards = [Card(number, images={"image": bytes(100_000)}) for number in range(40)]
    page = gallery("m", "d", [Section("Worst", "why", cards)], most_bytes=1_000_000)
    assert len(page) < 1_100_000
    assert "33 more rows are left out" in page
