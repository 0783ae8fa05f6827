"""The published report opened from disk: nothing fetched, nothing run, readable by all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("browser")

FACTS = """() => ({
  title: document.title,
  lang: document.documentElement.lang,
  policy: document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.content ?? "",
  h1: document.querySelectorAll("h1").length,
  levels: [...document.querySelectorAll("h1,h2,h3,h4")].map(h => +h.tagName[1]),
  landmarks: ["header", "nav", "main", "footer"].map(n => document.querySelectorAll(n).length),
  images: [...document.images].map(i => [i.alt, i.naturalWidth]),
  tables: [...document.querySelectorAll("table")].map(
    t => [!!t.caption?.textContent.trim(), [...t.querySelectorAll("th")].every(h => h.scope)]),
  scripts: document.querySelectorAll("script, iframe, object, embed, base, form").length,
  handlers: [...document.querySelectorAll("*")].flatMap(
    e => e.getAttributeNames()).filter(n => n.startsWith("on")),
  hosts: [...document.querySelectorAll("[href], [src]")].map(
    e => e.getAttribute("href") ?? e.getAttribute("src")).filter(
    u => /^(https?:|\\/\\/|javascript:)/i.test(u)),
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""

CONTRAST = """() => {
  const light = c => { const v = c.map(x => x / 255).map(
    x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const paper = light([255, 255, 255]);
  return [...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(
    n => n.nodeType === 3 && n.textContent.trim())).map(
    e => (paper + .05) / (light(rgb(getComputedStyle(e).color)) + .05));
}"""


def visit(browser: Any, page_file: Path, width: int = 1200) -> tuple[dict[str, Any], list[str]]:
    """Open a page with every request recorded, and return its facts and what went wrong."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))

    def route(request: Any) -> None:
        if request.request.url.startswith(("file://", "data:")):
            request.continue_()
        else:
            wrong.append(f"request: {request.request.url}")
            request.abort()

    page.route("**/*", route)
    page.goto(page_file.as_uri())
    facts = page.evaluate(FACTS)
    facts["contrast"] = min(page.evaluate(CONTRAST))
    page.close()
    return facts, wrong


def test_every_page_is_offline_and_accessible(published: dict[str, Any], browser: Any) -> None:
    pages = sorted(published["run"].path.glob("*.html"))
    assert [page.name for page in pages] == [
        "01_steps.html",
        "02_hostile.html",
        "index.html",
        "method.html",
    ]
    for page in pages:
        facts, wrong = visit(browser, page)
        assert wrong == [], page.name
        assert facts["policy"].startswith("default-src 'none'"), page.name
        assert facts["title"].strip() and facts["lang"] == "en"
        assert facts["h1"] == 1 and facts["landmarks"] == [1, 1, 1, 1], page.name
        steps = zip(facts["levels"], facts["levels"][1:], strict=False)
        assert all(deeper <= level + 1 for level, deeper in steps), page.name
        assert all(alt.strip() and width > 0 for alt, width in facts["images"]), page.name
        assert all(caption and scoped for caption, scoped in facts["tables"]), page.name
        assert facts["scripts"] == 0 and facts["handlers"] == [] and facts["hosts"] == []
        assert facts["contrast"] >= 4.5, page.name
        assert page.stat().st_size < 2_000_000


def test_pages_fit_a_narrow_screen(published: dict[str, Any], browser: Any) -> None:
    for page in published["run"].path.glob("*.html"):
        facts, _ = visit(browser, page, width=400)
        assert facts["wide"] <= 0, page.name


def test_the_notebook_pages_show_their_figures(published: dict[str, Any], browser: Any) -> None:
    facts, _ = visit(browser, published["run"].path / "01_steps.html")
    assert [alt for alt, _ in facts["images"]] == ["Bars: 41% of customers buy."]


def test_the_policy_stops_a_script_that_got_in(
    published: dict[str, Any], browser: Any, tmp_path: Path
) -> None:
    """The second wall holds by itself: were escaping ever to fail, nothing runs or loads."""
    text = (published["run"].path / "index.html").read_text(encoding="utf-8")
    injected = (
        '<script>document.title = "run"</script><img alt="x" src="https://example.org/x.png">'
    )
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace("</main>", injected + "</main>"), encoding="utf-8")
    facts, wrong = visit(browser, broken)
    assert facts["title"] != "run"
    assert wrong and all(line.startswith("console: ") for line in wrong)
