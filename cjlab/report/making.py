"""Making a report: prepare, execute, verify, write, publish. Each step is a line of `run`."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from cjlab import messages
from cjlab.errors import CjlabError, ReportFailed, UserError, did_you_mean
from cjlab.periods import Period
from cjlab.report import (
    appendix,
    manifest,
    notebooks,
    overview,
    pages,
    publish,
    runner,
    summary,
)
from cjlab.report.context import Context
from cjlab.report.progress import reporter


class Reportable(Protocol):
    """What a report needs of a study."""

    config: Any
    path: Path
    assignment: Path | None

    @property
    def private(self) -> Path:
        """The study's own folder, readable by its owner only."""

    def period(self, text: str | None = None) -> Period:
        """Return the period that a text means, or the study's default."""

    def prepare(self, period: Period) -> dict[str, Any]:
        """Read, check and store the data, and return the facts."""

    def use_personas(self, assignment: Path) -> None:
        """Let journeys join a frozen assignment."""

    def write_resolved(self, path: Path) -> None:
        """Write the study as it was understood, for the notebooks to open."""


@dataclass(frozen=True)
class Run:
    """A published report.

    Parameters
    ----------
    path : Path
        Its folder.
    run_id : str
        Its name: period and instant.
    status : str
        ``ok``, or ``limits_broken`` where the data broke a limit of the study.
    exit_code : int
        0 good, 3 published with limits broken.
    limits_broken : list of str
        One line for each limit of the study that its data broke.
    quality : dict
        Rows by source and rule, and the limits broken.
    headlines : list of dict
        The numbers of the first page.
    """

    path: Path
    run_id: str
    status: str
    exit_code: int
    limits_broken: list[str] = field(default_factory=list)
    quality: dict[str, Any] = field(default_factory=dict)
    headlines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Plan:
    """One run: its names, its folders, and what it is to make."""

    study: Reportable
    span: Period
    language: str
    books: list[notebooks.Notebook]
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
    study: Reportable,
    *,
    notebooks: Iterable[str | Path] | None = None,
    period: str | None = None,
    compare: str | None = None,
    language: str = "en",
    out: str | Path = "reports/",
    jobs: int = 2,
    refit: bool = False,
    progress: runner.Progress | bool | None = None,
) -> Run:
    """Make and publish the report of a study.

    Parameters
    ----------
    study : Study
        An open study.
    notebooks : iterable of str or path, optional
        Names of notebooks that come with cjlab, or files; by default all numbered ones.
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
        A wrong argument, or a notebook that does not take the report's parameters.
    ReportFailed
        Nothing was published; names the notebook, the cell and the cause. The earlier report
        and ``latest`` stay as they were; what ran is kept in the study's ``.cjlab/failed``.
    """
    books = _checked(notebooks, compare, language)
    folder = Path(out).resolve() / publish.slug(str(study.config.name))
    publish.check_target(folder)
    key = publish.study_key(study.path)
    with publish.lock(study.private), _terminable():
        publish.sweep_runs(study.private)
        publish.sweep(folder, key)
        # The default period is the last that the data cover: asking for it may read them.
        plan = _plan(study, study.period(period), language, books, folder)
        try:
            facts = {**study.prepare(plan.span), **_freeze_personas(study, plan.span, refit)}
            results = _execute(plan, jobs, progress)
            found = summary.gather(results)
            published = publish.publish(
                lambda stage: _build(plan, stage, facts, results, found),
                folder=plan.folder,
                name=plan.run_id,
                key=key,
                step=lambda name: _note(plan, name),
            )
        except BaseException as error:
            _fail(plan, error)
            raise
        _note(plan, "done")
    broken = list(facts.get("limits_broken", []))
    return Run(
        path=published,
        run_id=plan.run_id,
        status="limits_broken" if broken else "ok",
        exit_code=3 if broken else 0,
        limits_broken=broken,
        quality=overview.quality(facts),
        headlines=found.headlines,
    )


def _checked(
    chosen: Iterable[str | Path] | None, compare: str | None, language: str
) -> list[notebooks.Notebook]:
    if compare is not None:
        raise UserError("comparing reports is not part of this version; leave compare out.")
    if language not in messages.LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, messages.LANGUAGES)}')
    return [notebooks.read(path, language) for path in notebooks.find(chosen)]


def _plan(
    study: Reportable, span: Period, language: str, books: list[notebooks.Notebook], folder: Path
) -> _Plan:
    """Give the run its id and its private folder; two runs never share one."""
    started = datetime.now(UTC)
    stem = f"{span.label}_{started:%Y%m%dT%H%M%SZ}"
    for count in range(1, 1000):
        name = stem if count == 1 else f"{stem}-{count}"
        if (folder / name).exists() or (study.private / "failed" / name).exists():
            continue
        with suppress(FileExistsError):
            (study.private / "runs" / name).mkdir(mode=0o700, parents=True)
            return _Plan(study, span, language, books, folder, name, started)
    raise ReportFailed(f"no free name for a run at {stem}.")


def _freeze_personas(study: Reportable, span: Period, refit: bool) -> dict[str, Any]:
    """Place every customer before any notebook starts, so that all see the same personas."""
    from cjlab import personas

    found = personas.assign(study, period=span, refit=refit)
    study.use_personas(found.path)
    return {
        "personas": {
            "model": found.model_hash,
            "personas": found.n_personas,
            "assignment": manifest.sha256(found.path),
        },
        "seeds": {"personas": 0},
    }


def _execute(
    plan: _Plan, at_once: int, progress: runner.Progress | bool | None
) -> list[runner.Result]:
    plan.study.write_resolved(plan.private / "study.yaml")
    jobs = [_job(plan, book) for book in plan.books]
    with reporter(progress) as tell:
        results = runner.execute(jobs, at_once=at_once, progress=tell)
    failed = [result for result in results if result.problem]
    if failed:
        first = failed[0]
        others = ", ".join(result.job.notebook.name for result in failed[1:])
        more = f" (and {others} failed too)" if others else ""
        raise ReportFailed(f"{first.job.notebook.name}, {first.problem}{more}")
    return results


def _job(plan: _Plan, book: notebooks.Notebook) -> runner.Job:
    stage = plan.private / "stage" / book.name
    context = Context(stage, plan.private, book.name, plan.minimum, plan.language)
    return runner.Job(book, plan.private, stage, plan.parameters, context)


def _build(
    plan: _Plan,
    stage: Path,
    facts: dict[str, Any],
    results: Sequence[runner.Result],
    found: summary.Gathered,
) -> None:
    """Write every file of the report; the manifest comes last, over all others."""
    config, language = plan.study.config, plan.language
    summary.collect_files(results, stage)
    facing = overview.facing(config, plan.span, language)
    summary.write_summary(stage, {**facing, "quality": overview.quality(facts)}, found)
    summary.write_privacy(stage, plan.minimum, found)
    words = (messages.text(key, language) for key in ("page.index", "page.method"))
    frame = pages.Frame(str(config.name), language, plan.span.label, pages.links(results, *words))
    pages.write_notebooks(stage, frame, results)
    versions = manifest.versions()
    settings = {"minimum_cell": str(plan.minimum), **facing["period"]}
    methods = appendix.methods(result.job.notebook.node for result in results)
    pages.write_method(stage, frame, methods, versions, settings)
    overview.write(stage, frame, plan.study, plan.span, facts, found, _about(plan), plan.minimum)
    made_from = {
        "parameters": {**plan.parameters, "study": Path(plan.study.path).name},
        "period": plan.span.label,
        "minimum_cell": plan.minimum,
        "notebooks": {book.name: manifest.digest(book.node) for book in plan.books},
        "versions": versions,
        "facts": facts,
        "suppressed": found.hidden,
    }
    manifest.write(stage, made_from, _about(plan))


def _about(plan: _Plan) -> dict[str, Any]:
    return {
        "run": plan.run_id,
        "status": "ok",
        "study": str(plan.study.config.name),
        "started": plan.started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _note(plan: _Plan, step: str) -> None:
    """Leave on disk how far publishing came, so that a later run can tell."""
    if step == "rename":
        target = plan.folder / plan.run_id
        (plan.private / publish.TARGET).write_text(f"{target}\n", encoding="utf-8")
    elif step == "done":
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
