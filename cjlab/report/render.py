"""Markup: one Jinja2 environment that escapes everything it is not told to trust."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import mistune
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cjlab import messages


@cache
def environment() -> Environment:
    """Return the templates, with autoescape on for all of them."""
    made = Environment(
        loader=PackageLoader("cjlab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"shown": messages.format_value, "day": messages.day}
    return made


def render(template: str, language: str, **values: Any) -> Markup:
    """Fill a template; ``_("key", ...)`` in it gives a message in the report's language."""
    words = partial(messages.text, language=language)
    filled = environment().get_template(template).render(_=words, language=language, **values)
    return Markup(filled)


class _Prose(mistune.HTMLRenderer):
    """Markdown without raw HTML, without remote pictures, and with no second first heading."""

    def __init__(self) -> None:
        super().__init__(escape=True)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return super().heading(text, max(2, level), **attrs)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(escape(text))


@cache
def _markdown() -> mistune.Markdown:
    return mistune.create_markdown(renderer=_Prose(), plugins=["table"])


def prose(source: str) -> Markup:
    """Render Markdown of a notebook; HTML in it is shown as text.

    Examples
    --------
    >>> str(prose("**so** <script>")).strip()
    '<p><strong>so</strong> &lt;script&gt;</p>'
    """
    return Markup(str(_markdown()(source)))
