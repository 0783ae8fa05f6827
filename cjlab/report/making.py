"""Making a report: prepare, execute, verify, write, publish. Each step is a line of `run`."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cjlab import messages
from cjlab.errors import CjlabError, ReportFailed, UserError, did_you_mean
from cjlab.periods import Period
from cjlab.report import appendix, manifest, notebooks, pages, publish, runner, summary, tables
from cjlab.report.context import Context
from cjlab.report.progress import reporter
from cjlab.report.runner import Progress, Result
from cjlab.report.summary import Gathered
from cjlab.study import Study

STATED = ("goal", "scope", "question", "owner", "review_date")
Books = tuple[list[notebooks.Notebook], list[notebooks.Notebook]]
PRIMARY = "primary suppression; complementary suppression within rows of a whole only"


@dataclass(frozen=True)
class Run:
    """A published report.

    Parameters
    ----------
    path : Path
        Its folder.
    run_id : str
        Its name: period and instant.
    limits_broken : list of str
        One line for each limit of the study that its data broke.
    quality : dict
        Rows by source and rule, and the limits broken.
    headlines : list of dict
        The numbers of the first page.
    """

    path: Path
    run_id: str
    limits_broken: list[str]
    quality: dict[str, Any]
    headlines: list[dict[str, Any]]

    @property
    def status(self) -> str:
        """``ok``, or ``limits_broken`` where the data broke a limit of the study."""
        return "limits_broken" if self.limits_broken else "ok"

    @property
    def exit_code(self) -> int:
        """0 good, 3 published with limits broken."""
        return 3 if self.limits_broken else 0


@dataclass(frozen=True)
class _Plan:
    """One run: its names, its folders, and what it is to make."""

    study: Study
    span: Period
    language: str
    books: list[notebooks.Notebook]
    left_out: list[notebooks.Notebook]
    folder: Path
    run_id: str
    started: datetime

    @property
    def private(self) -> Path:
        return self.study.private / "runs" / self.run_id

    @property
    def minimum(self) -> int:
        return int(self.study.config.report.minimum_cell)

    @property
    def parameters(self) -> dict[str, str]:
        return {
            "study": str((self.private / "study.yaml").resolve()),
            "start": self.span.start.isoformat(),
            "end": self.span.end.isoformat(),
            "language": self.language,
        }


def run(
    study: Study,
    *,
    notebooks: Iterable[str | Path] | None = None,
    period: str | None = None,
    compare: str | None = None,
    language: str = "en",
    out: str | Path = "reports/",
    jobs: int = 2,
    refit: bool = False,
    progress: Progress | bool | None = None,
) -> Run:
    """Make and publish the report of a study.

    Parameters
    ----------
    study : Study
        An open study.
    notebooks : iterable of str or path, optional
        Names of notebooks that come with cjlab, or files; by default all numbered ones that the
        study has the tables for. The first page names those left out.
    period : str, optional
        ``2026``, ``2026Q3``, ``2026-07``, ``2026W30`` or ``start..end``; by default the study's.
    compare : str, optional
        Not taken yet: comparison with an earlier period comes with a later version.
    language : str, default "en"
        One of `cjlab.messages.LANGUAGES`.
    out : path, default "reports/"
        The report is ``out/<study>/<run>``, and ``out/<study>/latest`` points to it.
    jobs : int, default 2
        How many notebooks run at once, each in a process of its own.
    refit : bool, default False
        Find the personas anew instead of scoring with the stored model.
    progress : callable or bool, optional
        Gets each event as a dict; False is silent; by default bars on a terminal.

    Returns
    -------
    Run
        Where the report is and whether limits were broken.

    Raises
    ------
    UserError
        A wrong argument, a notebook that does not take the report's parameters, or one named
        here that needs a table which the study lacks.
    ReportFailed
        Nothing was published; names the notebook, the cell and the cause. The earlier report
        and ``latest`` stay as they were; what ran is kept in the study's ``.cjlab/failed``.
    """
    books, left_out = _checked(study, notebooks, compare, language)
    folder = Path(out).resolve() / publish.slug(str(study.config.name))
    publish.check_target(folder)
    key = publish.study_key(study.path)
    with publish.lock(study.private), _terminable():
        publish.sweep_runs(study.private)
        publish.sweep(folder, key)
        # The default period is the last that the data cover: asking for it may read them.
        plan = _plan(study, study.period(period), language, (books, left_out), folder)
        try:
            facts = {**study.prepare(plan.span), **_freeze_personas(study, plan.span, refit)}
            results = _execute(plan, jobs, progress)
            found = summary.gather(results)
            published = publish.publish(
                lambda stage: _build(plan, stage, facts, results, found),
                folder=plan.folder,
                name=plan.run_id,
                key=key,
                step=lambda step: _note(plan) if step == "rename" else None,
            )
        except BaseException as error:
            _fail(plan, error)
            raise
        _done(plan)
    broken = facts["limits_broken"]
    return Run(published, plan.run_id, broken, _quality(facts), found.of("headline"))


def _checked(
    study: Study, chosen: Iterable[str | Path] | None, compare: str | None, language: str
) -> Books:
    """Return the notebooks to run, and those that the study has no tables for."""
    if compare is not None:
        raise UserError("comparing reports is not part of this version; leave compare out.")
    if language not in messages.LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, messages.LANGUAGES)}')
    books = [notebooks.read(path, language) for path in notebooks.find(chosen)]
    lacking = {book.name: _lacking(study, book) for book in books}
    if chosen is not None and (short := [name for name, tables in lacking.items() if tables]):
        missing = " and ".join(lacking[short[0]])
        raise UserError(f"{short[0]}: needs {missing}; add it to {study.path.name} under sources.")
    whole = [book for book in books if not lacking[book.name]]
    return whole, [book for book in books if lacking[book.name]]


def _lacking(study: Study, book: notebooks.Notebook) -> list[str]:
    return [table for table in book.needs if not study.config.sources.get(table)]


def _plan(study: Study, span: Period, language: str, books: Books, folder: Path) -> _Plan:
    """Give the run its id and its private folder; two runs never share one."""
    started = datetime.now(UTC).replace(microsecond=0)
    stem = f"{span.label}_{started:%Y%m%dT%H%M%SZ}"
    for count in range(1, 1000):
        name = stem if count == 1 else f"{stem}-{count}"
        plan = _Plan(study, span, language, *books, folder, name, started)
        if (folder / name).exists() or (study.private / "failed" / name).exists():
            continue
        with suppress(FileExistsError):
            plan.private.mkdir(mode=0o700, parents=True)
            return plan
    raise ReportFailed(f"no free name for a run at {stem}.")


def _freeze_personas(study: Study, span: Period, refit: bool) -> dict[str, Any]:
    """Place every customer before any notebook starts, so that all see the same personas."""
    from cjlab import personas

    found = personas.assign(study, period=span, refit=refit)
    study.use_personas(found.path)
    said = {"model": found.model_hash, "personas": found.n_personas}
    said["assignment"] = manifest.sha256(found.path)
    return {"personas": said, "seeds": {"personas": 0}}


def _execute(plan: _Plan, at_once: int, progress: Progress | bool | None) -> list[Result]:
    plan.study.write_resolved(plan.private / "study.yaml")
    plan.study.close()  # the notebooks need the cluster's cores
    jobs = [_job(plan, book) for book in plan.books]
    with reporter(progress) as tell:
        results = runner.execute(jobs, at_once=at_once, progress=tell)
    if failed := [result for result in results if result.problem]:
        first, *others = (result.job.notebook.name for result in failed)
        more = f" (and {', '.join(others)} failed too)" if others else ""
        raise ReportFailed(f"{first}, {failed[0].problem}{more}")
    return results


def _job(plan: _Plan, book: notebooks.Notebook) -> runner.Job:
    stage = plan.private / "stage" / book.name
    context = Context(stage, plan.private, book.name, plan.minimum, plan.language)
    return runner.Job(book, plan.private, stage, plan.parameters, context)


def _build(
    plan: _Plan, stage: Path, facts: dict[str, Any], results: list[Result], found: Gathered
) -> None:
    """Write every file of the report; the manifest comes last, over all others."""
    summary.collect_files(results, stage)
    facing = _facing(plan)
    withheld = found.hidden
    numbers = {kind: found.of(kind.rstrip("s")) for kind in ("headlines", "tables", "figures")}
    content = {**facing, "quality": _quality(facts), **numbers, "withheld": withheld}
    tables.write_object({"format": 1, **content}, stage / "summary.json")
    hidden: dict[str, Any] = {"withheld_by_table": withheld, "withheld": found.of("withheld")}
    hidden["quotes"] = found.of("quotes")
    method = {"format": 1, "minimum_cell": plan.minimum, "method": PRIMARY}
    tables.write_object({**method, **hidden}, stage / "privacy.json")

    versions = manifest.versions()
    settings = {"minimum_cell": str(plan.minimum), **facing["period"]}
    settings = {messages.label("setting", key, plan.language): settings[key] for key in settings}
    links = pages.links(results, plan.language)
    frame = pages.Frame(stage, plan.study.config, plan.span, plan.language, links)
    for result in results:
        blocks = pages.blocks(result.node)
        frame.write(f"{result.job.notebook.name}.html", "page.html.j2", blocks=blocks)
    methods = appendix.methods(book.node for book in plan.books)
    shown = {"methods": methods, "versions": versions, "settings": settings}
    frame.write("method.html", "method.html.j2", **shown)
    made = datetime.now(UTC).replace(microsecond=0)
    about = {"run": plan.run_id, "made": made.replace(tzinfo=None), "version": versions["cjlab"]}
    told = {"stated": STATED, "facts": facts, "found": found, "minimum": plan.minimum}
    told["left_out"] = [
        {"title": notebooks.title(book.node, book), "lacks": _lacking(plan.study, book)}
        for book in plan.left_out
    ]
    frame.write("index.html", "index.html.j2", **told, **about)
    # Where the exports and the cluster lie is nobody's business; what the exports hold is in
    # the facts, as hashes.
    private: dict[str, Any] = dict.fromkeys(("folder", "assignment", "sources", "identities"), True)
    private |= {"engine": {"master", "settings"}}
    made_from = {
        "parameters": {**plan.parameters, "study": plan.study.path.name},
        "period": plan.span.label,
        "settings": plan.study.config.model_dump(mode="json", exclude=private),
        "notebooks": {book.name: manifest.digest(book.node) for book in plan.books},
        "versions": versions,
        "facts": facts,
        "suppressed": withheld,
    }
    times = {"started": plan.started.isoformat(), "finished": made.isoformat()}
    ran = {"run": plan.run_id, "status": "ok", "study": facing["study"], **times}
    manifest.write(stage, made_from, ran)


def _facing(plan: _Plan) -> dict[str, Any]:
    """Return what opens a report: the study in its own words, and the period."""
    config = plan.study.config
    stated = {name: getattr(config, name) for name in ("name", *STATED)}
    said = {name: None if value is None else str(value) for name, value in stated.items()}
    start, end = plan.parameters["start"], plan.parameters["end"]
    period = {"label": plan.span.label, "start": start, "end": end, "timezone": config.timezone}
    return {"study": said.pop("name"), **said, "language": plan.language, "period": period}


def _quality(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of each source and rule, and the limits broken."""
    return {name: facts[name] for name in ("sources", "counts", "limits_broken")}


def _note(plan: _Plan) -> None:
    """Leave on disk where the report goes, so that a later run can tell how this one ended."""
    target = plan.folder / plan.run_id
    (plan.private / publish.TARGET).write_text(f"{target}\n", encoding="utf-8")


def _done(plan: _Plan) -> None:
    os.rename(plan.private / publish.TARGET, plan.private / publish.PUBLISHED)
    for folder in ("work", "stage"):
        shutil.rmtree(plan.private / folder, ignore_errors=True)


def _fail(plan: _Plan, error: BaseException) -> None:
    if isinstance(error, CjlabError):
        cause = str(error)
    elif isinstance(error, KeyboardInterrupt):
        cause = "interrupted"
    else:
        cause = " ".join(f"{type(error).__name__}: {error}".split())
    with suppress(OSError):
        publish.keep_failed(plan.private, plan.study.private, cause)
    if isinstance(error, OSError):
        raise ReportFailed(f"nothing was published: {error}") from error


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite kill end a run as Ctrl-C does: children stopped, nothing published."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
