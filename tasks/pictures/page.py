"""Pages that stand alone: one HTML file, no script, light and dark, nothing fetched.

What a model wrote is anybody's text. Every piece of it is escaped, and the page's own policy forbids
scripts, forms and requests, so that a page is safe to open in MLflow, which shows it in a frame, or from a
disk.
"""

from __future__ import annotations

import html
import unicodedata
from base64 import b64encode

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --faint: #5c5c5c; --ground: #ffffff; --card: #f6f6f6;
  --line: #d4d4d4; --bad: #a33c00; --badground: #fbe3d6; --good: #00527f; --goodground: #d9ecf8; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --faint: #a9a9a9; --ground: #161616;
  --card: #222222; --line: #444444; --bad: #ffab7a; --badground: #4a2513; --good: #8fd0f7;
  --goodground: #12384f; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem 1.2rem 3rem; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .2rem; }
p { margin: .2rem 0 .8rem; color: var(--faint); max-width: 60rem; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top; padding: .15rem .5rem; }
th { color: var(--faint); font-weight: 500; white-space: nowrap; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
del { color: var(--bad); background: var(--badground); text-decoration: line-through; border-radius: 3px; }
ins { color: var(--good); background: var(--goodground); text-decoration: underline; border-radius: 3px; }
"""


def escaped(text: str) -> str:
    r"""Return a text as HTML that shows it and does nothing else; control characters become visible.

    >>> escaped('<img src=x onerror="alert(1)">')
    '&lt;img src=x onerror=&quot;alert(1)&quot;&gt;'
    >>> escaped("a\x00b\u202ec")
    'a�b�c'
    """
    text = text.replace("\r\n", "\n")
    return html.escape("".join("�" if _odd(sign) else sign for sign in text), quote=True)


def _odd(sign: str) -> bool:
    """Tell whether a character shows nothing and does something."""
    return sign not in "\n\t" and (unicodedata.category(sign) in {"Cc", "Cs"} or sign in TURNING)


TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that turn the direction of what follows, and so can make a text look like another."""


def page(title: str, body: str, style: str = "") -> str:
    """Return a whole page around a body that is escaped already."""
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}{style}</style></head>\n"
        f"<body>\n<h1>{escaped(title)}</h1>\n{body}\n</body></html>\n"
    )


def data_address(kind: str, content: bytes) -> str:
    """Return bytes as an address that holds them.

    >>> data_address("image/webp", b"abc")
    'data:image/webp;base64,YWJj'
    """
    return f"data:{kind};base64,{b64encode(content).decode()}"
