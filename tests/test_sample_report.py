"""The sample study from files to a published report, through the command line, checked by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import cjlab as cj

PAGES = (
    "index.html",
    "01_intake.html",
    "02_journey_stages.html",
    "03_personas.html",
    "method.html",
)


def cjlab(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cjlab", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def sample(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a copy of the sample study and the report that the command line made of it."""
    root = tmp_path_factory.mktemp("sample")
    study = root / "retail"
    shutil.copytree(repo / "data" / "retail", study, ignore=shutil.ignore_patterns(".cjlab"))
    done = cjlab("report", study, "--out", root / "reports")
    assert done.returncode == 0, done.stderr
    return study, root / "reports" / "nordic-outdoor-shop" / "latest"


def table(report: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(report / "tables" / f"{name}.parquet")


def test_every_page_is_there_and_small(sample: tuple[Path, Path]) -> None:
    _, report = sample
    assert report.is_symlink()
    for page in PAGES:
        size = (report / page).stat().st_size
        assert 1_000 < size < 2_000_000, page
    manifest = json.loads((report / "manifest.json").read_text())
    listed = {str(path.relative_to(report.resolve())) for path in report.resolve().rglob("*.*")}
    assert listed - {"manifest.json"} == set(manifest["files"])


def test_index_states_the_study_and_the_data(sample: tuple[Path, Path]) -> None:
    _, report = sample
    page = (report / "index.html").read_text()
    for words in ("Fewer lost customers between cart and payment", "CX team", "2026Q3", "70,931"):
        assert words in page


def test_funnel_in_the_report_is_the_metrics_own_call(sample: tuple[Path, Path]) -> None:
    study, report = sample
    j = cj.open_study(study).journeys(start="2026-07-01", end="2026-10-01")
    direct = cj.funnel(j, window="30D")
    columns = ["step", "metric", "value", "low", "high"]
    pd.testing.assert_frame_equal(
        table(report, "funnel")[columns], direct[columns], check_dtype=False
    )


def test_funnel_equals_a_plain_loop(sample: tuple[Path, Path]) -> None:
    """Every start is tried, customer by customer, on the store's events."""
    study, report = sample
    opened = cj.open_study(study)
    model = opened.model
    events = opened.journeys(end="2026-10-01").to_ibis().execute()
    start = pd.Timestamp("2026-06-30 22:00")
    until, window = pd.Timestamp("2026-09-30 22:00"), pd.Timedelta("30D")
    rank = {stage: place for place, stage in enumerate(model.milestones)}
    reached = [0] * len(rank)
    for _, rows in events.groupby("customer_id"):
        path = sorted(
            (ts, rank[stage])
            for ts, stage in zip(rows["ts"], rows["stage"], strict=True)
            if stage in rank and ts < until
        )
        starts = [ts for ts, place in path if place == 0 and ts >= start]
        if not starts or starts[0] + window >= until:
            continue
        best = 0
        for begun in starts:
            level, at = 0, begun
            for ts, place in path:
                if place == level + 1 and at <= ts <= begun + window:
                    level, at = place, ts
            best = max(best, level)
        for place in range(best + 1):
            reached[place] += 1
    found = table(report, "funnel").query("metric == 'reached'")
    assert found["value"].astype(int).tolist() == reached


def test_personas_are_the_planted_ones(sample: tuple[Path, Path]) -> None:
    from sklearn.metrics import adjusted_rand_score

    study, report = sample
    frozen = next((study / ".cjlab" / "personas").glob("*/*/assignment-*.parquet"))
    truth = pd.read_csv(study / "truth.csv", dtype=str, keep_default_na=False)
    both = pd.read_parquet(frozen).merge(truth, on="customer_id", suffixes=("", "_true"))
    assert len(both) == len(truth) == 3000
    assert adjusted_rand_score(both["persona_true"], both["persona"]) > 0.99
    assert table(report, "persona_sizes").query("metric == 'share'").shape[0] == 4


def test_planted_pain_shows_for_its_persona_only(sample: tuple[Path, Path]) -> None:
    _, report = sample
    rows = table(report, "funnel_by_persona")
    rows = rows[(rows["metric"] == "from_previous") & (rows["step"] == "purchase")]
    worst = rows.sort_values("value").iloc[0]
    others = rows[rows["persona"] != worst["persona"]]
    assert (worst["high"] < others["value"]).all()


def test_nothing_personal_is_published(sample: tuple[Path, Path]) -> None:
    study, report = sample
    customers = pd.read_csv(study / "customers.csv", dtype=str, keep_default_na=False)
    ids = re.compile(r"(?<![\d.])(" + "|".join(customers["customer_id"].iloc[:500]) + r")(?!\d)")
    for path in report.resolve().rglob("*"):
        if path.suffix in (".html", ".json"):
            # Pictures are base64 text in the pages, where any digits may stand.
            body = re.sub(r"base64,[^\"]+", "", path.read_text(encoding="utf-8"))
            assert ids.findall(body) == [], path.name
    for path in (report / "tables").glob("*.parquet"):
        frame = pd.read_parquet(path)
        if "hits" in frame:
            assert not frame["hits"].between(1, 9).any(), path.name
            assert not frame.loc[frame["customers"] > 0, "customers"].lt(10).any(), path.name


def test_second_run_reuses_the_store_and_gives_the_same_tables(
    sample: tuple[Path, Path], tmp_path: Path
) -> None:
    study, report = sample
    first = report.resolve()
    stores = sorted((study / ".cjlab" / "store").glob("*/store.duckdb"))
    built = [path.stat().st_mtime_ns for path in stores]
    again = ("01_intake", "03_personas", "06_voice_of_customer")  # where draws and texts are
    second = cj.report.run(cj.open_study(study), notebooks=again, out=tmp_path, progress=False).path
    assert [path.stat().st_mtime_ns for path in stores] == built
    for kind, least in (("tables", 20), ("figures", 10)):
        made = sorted((second / kind).iterdir())
        assert len(made) > least
        for path in made:
            assert path.read_bytes() == (first / kind / path.name).read_bytes(), path.name


@pytest.mark.needs("browser")
def test_report_opens_from_disk_with_the_network_off(
    sample: tuple[Path, Path], browser: object
) -> None:
    _, report = sample
    wrong: list[str] = []
    page = browser.new_page()  # type: ignore[attr-defined]
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
        ),
    )
    page.context.set_offline(True)
    for name in PAGES:
        page.goto((report.resolve() / name).as_uri())
        assert page.locator("h1").count() == 1
        for picture in page.locator("img").all():
            assert picture.get_attribute("alt")
            assert picture.evaluate("image => image.naturalWidth") > 200
    assert wrong == []


def test_bad_input_publishes_nothing(repo: Path, tmp_path: Path) -> None:
    study = tmp_path / "retail"
    shutil.copytree(repo / "data" / "retail", study, ignore=shutil.ignore_patterns(".cjlab"))
    text = (
        (study / "study.yaml").read_text().replace("customer_id: kundnr", "customer_id: kundnummer")
    )
    (study / "study.yaml").write_text(text)
    done = cjlab("report", study, "--out", tmp_path / "reports")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert 'Did you mean "kundnr"?' in done.stderr
    assert (
        not list((tmp_path / "reports").glob("*/*.html"))
        if (tmp_path / "reports").exists()
        else True
    )
    assert not list(tmp_path.glob("reports/*/latest"))


def test_broken_limit_is_published_with_exit_code_3(repo: Path, tmp_path: Path) -> None:
    """Forty per cent of the order lines without a number: published, said so, exit code 3."""
    study = tmp_path / "retail"
    shutil.copytree(repo / "data" / "retail", study, ignore=shutil.ignore_patterns(".cjlab"))
    orders = pd.read_csv(study / "orders.csv", dtype=str, keep_default_na=False)
    bad = orders.index % 5 < 2
    orders.loc[bad, "value"] = "unknown"
    orders.to_csv(study / "orders.csv", index=False)
    done = cjlab("check", study)
    assert done.returncode == 3
    assert "not_a_number in value" in done.stdout
    opened = cj.open_study(study)
    source = next(s for s in opened.intake.sources if s.table == "orders")
    assert (source.rows_in, source.rejected) == (len(orders), int(bad.sum()))
    refused = pd.read_parquet(opened.quarantine).query("rule == 'not_a_number'")
    assert refused["row"].tolist() == (orders.index[bad] + 1).tolist()
    assert set(refused["value"]) == {"unknown"}
