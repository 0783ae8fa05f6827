"""The command line: exit codes 0, 1, 2 and 3, one line on stderr, never a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from cjlab import cli, study

GOOD = "".join(f"{n},2026-01-0{1 + n % 9},home\n" for n in range(20))


def make(tmp_path: Path, rows: str, **keys: object) -> Path:
    (tmp_path / "e.csv").write_text("customer_id,ts,touchpoint\n" + rows)
    said = {"name": "test", "sources": {"events": {"path": "e.csv"}}} | keys
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(said))
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process; return exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cjlab", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def test_check_is_good(call, tmp_path: Path) -> None:
    code, out, err = call("check", make(tmp_path, GOOD))
    assert (code, err) == (0, "")
    assert "e.csv: utf-8, delimiter comma" in out
    assert "quarantine.parquet" in out


def test_limits_broken_is_three(call, tmp_path: Path) -> None:
    rows = GOOD + "".join(f",2026-01-01,{n}\n" for n in range(14))
    code, out, err = call("check", make(tmp_path, rows))
    assert (code, err) == (3, "")
    assert "limit broken: e.csv: 41.2% of the rows refused, 5.0% allowed" in out


@pytest.mark.parametrize(
    ("rows", "keys", "said"),
    [
        (GOOD, {"timezone": "Europe/Stokholm"}, 'Did you mean "Europe/Stockholm"?'),
        (GOOD, {"stages": "sm10"}, "sm9"),
        (GOOD, {"engine": {"kind": "spak"}}, 'Did you mean "spark"?'),
        (GOOD, {"touchpoints": "none.csv"}, "none.csv"),
        ('a,2026-01-01,"x\n', {}, "line 2 is never closed"),
        ("", {}, "no source has a single row"),
        ("a,soon,x\n", {}, "not_a_time"),
        (
            GOOD,
            {"sources": {"events": {"query": "SELECT * FROM 'no\nsuch'"}}},
            "Table with name no",
        ),
    ],
)
def test_mistakes_are_two_and_one_line(
    call, tmp_path: Path, rows: str, keys: dict, said: str
) -> None:
    code, out, err = call("check", make(tmp_path, rows, **keys))
    assert (code, out) == (2, "")
    assert err.startswith("cjlab: ")
    assert err.count("\n") == 1
    assert said in err
    assert "Traceback" not in err


def test_no_study_is_two(call, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "x.yaml", "\x1b[31m"):
        code, _, err = call("check", path)
        assert (code, err.count("\n")) == (2, 1)
        assert "\x1b" not in err


@pytest.mark.parametrize("words", [["chek", "x"], ["check"], ["check", "x", "--nope"], []])
def test_wrong_use_is_two(call, words: list[str]) -> None:
    code, out, err = call(*words)
    assert code == 2
    assert "Traceback" not in out + err


def test_help_is_good(call) -> None:
    for words in (["--help"], ["report", "--help"]):
        code, out, _ = call(*words)
        assert code == 0
        assert "Usage" in out


def test_a_defect_is_one_and_one_line(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(study.Study, "check", fail)
    code, out, err = call("check", make(tmp_path, GOOD))
    assert (code, out) == (1, "")
    assert err == "cjlab: unexpected ZeroDivisionError: a b (CJLAB_DEBUG=1 shows where)\n"
    monkeypatch.setenv("CJLAB_DEBUG", "1")
    code, _, err = call("check", tmp_path)
    assert code == 1
    assert "Traceback" in err


def test_hostile_names_do_not_steer_the_terminal(call, tmp_path: Path) -> None:
    rows = GOOD + "a,2026-01-01,\x1b[31m[bold]red\x1b]0;title\x07\n"
    code, out, err = call("check", make(tmp_path, rows))
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "?[31m[bold]red?]0;title?" in out


def test_new_refuses_a_folder_in_use(call, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    code, _, err = call("new", "retail", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    code, _, err = call("new", "retial", tmp_path / "new")
    assert (code, err.count("\n")) == (2, 1)
    assert not (tmp_path / "new").exists()


def low_answers(tmp_path: Path) -> Path:
    """Make a study whose customers 0 to 19 gave twelve low answers, one of them hostile."""
    rows = [f"nps,{2 if n < 12 else 9},{n},2026-01-05T10:00:00,good" for n in range(20)]
    rows[0] = "nps,1,0,2026-01-05T10:00:00,\"=cmd|' /C calc'!A0\""
    (tmp_path / "r.csv").write_text("kind,score,customer_id,ts,text\n" + "\n".join(rows) + "\n")
    tables = {"events": {"path": "e.csv"}, "responses": {"path": "r.csv"}}
    return make(tmp_path, GOOD, sources=tables, observed_until="2026-02-01")


def test_loop_shows_gated_metrics(call, tmp_path: Path) -> None:
    code, out, err = call("loop", low_answers(tmp_path), "--period", "all", "--by", "owner")
    assert (code, err) == (0, "")
    assert "(unassigned)" in out and " 12" in out
    assert "the study names no log of cases" in out
    assert "calc" not in out


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_the_list_of_customers_leaves_private(call, tmp_path: Path, name: str) -> None:
    out_file = tmp_path / "out" / name
    out_file.parent.mkdir()
    study_folder = low_answers(tmp_path)
    code, out, err = call("loop", study_folder, "--private", "--period", "all", "--out", out_file)
    assert (code, err) == (0, "")
    assert "wrote 12 open cases" in out
    assert out_file.stat().st_mode & 0o777 == 0o600
    if name.endswith(".csv"):
        assert "'=cmd" in out_file.read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--private"], "both --private and --out"),
        (["--out", "x.csv"], "both --private and --out"),
        (["--private", "--out", "x.pdf"], '--out ends with ".pdf"'),
        (["--private", "--out", "none/x.csv"], "there is no folder none"),
        (["--by", "ownr", "--period", "all"], 'Did you mean "owner"?'),
    ],
)
def test_a_list_without_its_words_is_two(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call("loop", low_answers(tmp_path), *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not list(tmp_path.glob("x.*"))
