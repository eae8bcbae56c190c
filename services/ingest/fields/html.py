"""The text of an advertisement, from HTML or plain text: a small safe HTML and its twin without markup."""

import re
from html import escape, unescape

import nh3

from services.ingest.fields.strict import clean

LIMIT = 100_000
# Parsing nested lists costs the square of their number.
_MOST_TAGS = 5_000

_TAGS = {"p", "br", "ul", "ol", "li", "strong", "em", "b", "i", "h2", "h3", "h4", "a"}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="nofollow noopener",
)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_ESCAPED_TAG = re.compile(r"&lt;/?(?:p|br|ul|ol|li|strong|em|b|i|h[1-6]|a|div|span)\b", re.IGNORECASE)
_ESCAPED_TWICE = re.compile(r"&amp;(?=(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_OTHER_BLOCK = re.compile(
    r"<(/?)((?i:div|section|article|header|footer|main|aside|table|tr|td|th|blockquote|dl|dt|dd|pre|center|figure|h1|h5|h6))"
    r"\b[^<>]*>"
)
_STANDS_FOR = {"h1": "h2", "h5": "h4", "h6": "h4"}
_SAFE_TAG = re.compile(r'</?[a-z][^"<>]*+(?:"[^"]*"[^"<>]*+)*>')
_NAME = re.compile(r"</?([a-zA-Z]+[0-9]?)")
_EMPTY = re.compile(r"<(p|li|ul|ol|h[234])>(?:\s|<br>)*</\1>")
_NEWLINE = re.compile(r"\n(?<=[^>\n]\n)\s*+(?=[^<\s])")
# While whitespace is folded, breaks are characters that no clean text holds.
_LINE, _PARAGRAPH, _BULLET = "\ufff9", "\ufffa", "\ufffb"
_ITEM = re.compile(rf"{_BULLET}\s*")
_BREAKS = {"<br>": _LINE, "<ul>": _LINE, "<ol>": _LINE, "<li>": _LINE + _BULLET} | dict.fromkeys(
    ("<p>", "</p>", "<h2>", "</h2>", "<h3>", "</h3>", "<h4>", "</h4>", "</ul>", "</ol>"), _PARAGRAPH
)


def sanitise(html: str, *, lines: bool = False) -> tuple[str, str]:
    """HTML that is safe to show, and its text. With `lines`, a newline between words is a line break."""
    html = _escaped_once(html[:LIMIT].replace("\r\n", "\n"))
    if not _TAG.search(html):
        return from_text(unescape(html))
    if html.count("<") > _MOST_TAGS:
        return from_text(unescape(_TAG.sub(" ", html)))
    if lines:
        html = _with_breaks(html)
    if not _TAGS.issuperset(_NAME.findall(html)):
        html = _OTHER_BLOCK.sub(_allowed_block, html)
    safe = _CLEANER.clean(html).replace("&nbsp;", " ")
    safe = _without_empty(clean(safe, 2 * LIMIT))
    text = _twin(safe)
    return (safe, text) if max(len(safe), len(text)) <= LIMIT else from_text(text)


def from_text(text: str) -> tuple[str, str]:
    """The same from plain text: a blank line parts paragraphs, a newline breaks a line."""
    paragraphs = [_tidy(paragraph) for paragraph in re.split(r"\n\s*\n", clean(text, LIMIT))]
    twin = "\n\n".join(filter(None, paragraphs))
    html = "".join(f"<p>{escape(found, quote=False)}</p>" for found in paragraphs if found)
    html = html.replace("\n", "<br>")
    return (html, twin) if len(html) <= LIMIT else from_text(twin[: len(twin) // 2])


def plain(text: str | None) -> str | None:
    """A line of text that may have come escaped: `R&amp;D` is R&D."""
    return clean(_ENTITY.sub(lambda found: unescape(found[0]), text)) or None if text else None


def _with_breaks(html: str) -> str:
    trimmed = "\n".join(line.rstrip() for line in html.split("\n"))
    return _NEWLINE.sub(lambda found: "<br><br>" if "\n" in found[0][1:] else "<br>", trimmed)


def _escaped_once(html: str) -> str:
    if "&" not in html:
        return html
    if "&lt;" in html and not _TAG.search(html) and _ESCAPED_TAG.search(html):
        html = unescape(html)
    return _ESCAPED_TWICE.sub("&", html) if "&amp;" in html else html


def _allowed_block(tag: re.Match[str]) -> str:
    slash, name = tag[1], tag[2].lower()
    return " " if name in ("td", "th") else f"<{slash}{_STANDS_FOR.get(name, 'p')}>"


def _without_empty(html: str) -> str:
    for _ in range(3):
        shorter = _EMPTY.sub("", html)
        if shorter == html:
            break
        html = shorter
    return html.strip()


def _twin(html: str) -> str:
    """The text of sanitised HTML, in which each tag is spelt in one way and text has no angle brackets."""
    for tag, stands_for in _BREAKS.items():
        html = html.replace(tag, stands_for)
    if "<" in html:
        html = _SAFE_TAG.sub("", html)
    return _broken(" ".join((unescape(html) if "&" in html else html).split()))


def _broken(text: str) -> str:
    text = text.replace(_LINE, "\n").replace(_PARAGRAPH, "\n\n").replace(" \n", "\n").replace("\n ", "\n")
    if _BULLET in text:
        text = _ITEM.sub("- ", text)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def _tidy(text: str) -> str:
    """Runs of spaces folded, none at the ends of lines."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
