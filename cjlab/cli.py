"""One command, ``cjlab``: make a study, check its data, publish its report."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjlab.errors import CjlabError

if TYPE_CHECKING:
    from cjlab.preview import Proposal
    from cjlab.report.cells import View
    from cjlab.study import Study

LIMITS_BROKEN = 3

app = typer.Typer(
    name="cjlab",
    help="Persona journey maps whose every number carries its n, its interval and its source.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def new(
    template: Annotated[str, typer.Argument(help="retail (a whole sample study) or empty")],
    folder: Annotated[Path, typer.Argument(help="a new or empty folder")],
) -> None:
    """Make a study folder to start from."""
    from cjlab import samples

    study = samples.make(template, folder)
    following = "fill in the tables, then: cjlab check" if template == "empty" else "cjlab report"
    typer.echo(f"made {study}; next: {following} {folder}")


@app.command()
def check(
    study: Annotated[Path, typer.Argument(help="study.yaml, or the folder that holds it")],
) -> None:
    """Read the sources and say what came in, what was refused and why."""
    from cjlab.study import open_study

    opened = open_study(study)
    with _progress(opened):
        opened.check()
    _show_check(opened)
    if opened.intake.over_limit:
        raise typer.Exit(LIMITS_BROKEN)


@app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="a survey's export: CSV, .xlsx or .sav")],
    form: Annotated[
        str | None, typer.Option("--format", help="wide, surveymonkey or qualtrics")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="which sheet of a workbook")] = None,
) -> None:
    """Look at a survey's export and propose how a study could read it."""
    from cjlab.preview import propose

    _show_proposal(propose(file, format=form, sheet=sheet))


@app.command()
def report(
    study: Annotated[Path, typer.Argument(help="study.yaml, or the folder that holds it")],
    period: Annotated[
        str | None, typer.Option(help="2026, 2026Q3, 2026-07, 2026W30 or start..end")
    ] = None,
    language: Annotated[str, typer.Option(help="language of the report")] = "en",
    engine: Annotated[str | None, typer.Option(help="overrides the study's engine")] = None,
    out: Annotated[Path, typer.Option(help="where reports are published")] = Path("reports"),
    refit_personas: Annotated[
        bool, typer.Option("--refit-personas", help="fit the personas anew; their ids may change")
    ] = False,
) -> None:
    """Run the notebooks headless and publish the report."""
    from cjlab.periods import KINDS, parse
    from cjlab.report import run
    from cjlab.study import open_study

    opened = open_study(study, engine)
    if period and period not in KINDS:
        parse(period, opened.zone)  # a slip of the pen is told before the work
    with _progress(opened):
        opened.store()
    found = run(opened, period=period, language=language, out=out, refit=refit_personas)
    typer.echo(f"published {found.path / 'index.html'}")
    for line in found.limits_broken:
        typer.echo(f"data quality: {line}", err=True)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


@app.command()
def metric(
    name: Annotated[str, typer.Argument(help="funnel, retention, attribution and so on")],
    study: Annotated[Path, typer.Argument(help="study.yaml, or the folder that holds it")],
    by: Annotated[
        list[str] | None, typer.Option(help="persona, channel, an attribute, month …; repeatable")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="option=value, such as window=30D; repeatable")
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="as for a report, or all; the study's own by default")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    engine: Annotated[str | None, typer.Option(help="overrides the study's engine")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="show small cells and single customers too")
    ] = False,
) -> None:
    """Compute one metric of a study, with n and interval beside every number."""
    from cjlab import ask, voice
    from cjlab.errors import UserError, did_you_mean
    from cjlab.study import open_study

    if form not in ask.FORMATS:
        raise UserError(f'--format is "{form}".{did_you_mean(form, ask.FORMATS)}')
    opened = open_study(study, engine)
    with _progress(opened):
        found = ask.answer(
            opened, name, by=by or (), settings=settings or (), period=period, private=private
        )
    if form == "table":
        _show_view(ask.shown(found, opened))
    else:
        typer.echo(ask.written(found, form))
    if said := voice.notice(found, opened.language):
        typer.echo(said, err=form != "table")


@app.command()
def loop(
    study: Annotated[Path, typer.Argument(help="study.yaml, or the folder that holds it")],
    by: Annotated[
        list[str] | None, typer.Option(help="owner, touchpoint, stage, persona …; repeatable")
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="as for a report, or all; the study's own by default")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="write the list of customers to follow up")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="where: a .csv or .xlsx file")] = None,
) -> None:
    """Follow up low answers: the metrics, or with --private the list of customers itself."""
    from cjlab.errors import UserError

    if private != (out is not None):
        raise UserError(
            "a list of customers leaves only with both --private and --out FILE.csv or FILE.xlsx; "
            "without either, the metrics are shown."
        )
    from cjlab import ask
    from cjlab.study import open_study
    from cjlab.voice import _followup

    if out is not None:
        _followup.check_path(out)
    opened = open_study(study)
    with _progress(opened):
        if out is None:
            found = ask.closed_loop(opened, by=by or (), period=period)
        else:
            listed = _followup.follow_up(opened, **ask.edges(opened, period))
            _followup.write(listed, out)
    if out is None:
        _show_view(ask.shown(found, opened, rows=200, long=True))
    else:
        typer.echo(f"wrote {len(listed):,} open cases to {out}, readable by you only")


@app.command()
def survey(
    name: Annotated[str | None, typer.Argument(help="nps, csat, ces, …; all are listed")] = None,
    language: Annotated[str | None, typer.Option(help="en (default), sv, nb, da or fi")] = None,
    form: Annotated[str, typer.Option("--format", help="md, csv or yaml")] = "md",
    out: Annotated[Path | None, typer.Option(help="a file to write; the screen by default")] = None,
    company: Annotated[str | None, typer.Option(help="what customers call it")] = None,
    product: Annotated[str | None, typer.Option(help="what customers call it")] = None,
    feature: Annotated[list[str] | None, typer.Option(help="for kano; repeatable")] = None,
    check: Annotated[
        Path | None, typer.Option("--lint", help="an own questionnaire, YAML or CSV")
    ] = None,
) -> None:
    """Write a questionnaire of the survey kit, or check an own one."""
    from cjlab.voice import _kit_commands as kit

    if check is not None:
        findings = kit.checked(check, language)
        for line in findings:
            typer.echo(_plain(line))
        raise typer.Exit(1 if findings else 0)
    if name is None:
        typer.echo(kit.listed(language or "en"))
        return
    names = {"company": company, "product": product, "feature": feature}
    found = kit.written(name, language or "en", form, names)
    if out is None:
        typer.echo(found, nl=False)
    else:
        kit.save(found, out)


@app.command("map")
def map_(
    source: Annotated[Path, typer.Argument(help="a study, or a map: JSON, YAML, XLSX, CSV")],
    to: Annotated[list[Path] | None, typer.Option(help="map.html, .pptx …; repeatable")] = None,
    persona: Annotated[str | None, typer.Option(help="id or name; everybody by default")] = None,
    period: Annotated[str | None, typer.Option(help="as for a report")] = None,
    template: Annotated[str, typer.Option(help="current, day, future or blueprint")] = "current",
    scenario: Annotated[Path | None, typer.Option(help="of a future state: a YAML file")] = None,
    stages: Annotated[str | None, typer.Option(help="another stage model, such as da3")] = None,
    language: Annotated[str | None, typer.Option(help="en, sv, nb, da or fi")] = None,
    lint: Annotated[bool, typer.Option("--lint", help="say what the map lacks")] = False,
    least: Annotated[int, typer.Option(help="exit 1 below this score; with --lint")] = 0,
    conformance: Annotated[Path | None, typer.Option(help="study to compare the plan with")] = None,
) -> None:
    """Fill a journey map from a study, or read one, and write it."""
    from cjlab.maps import _commands

    job = (source, persona, period, template, language, scenario, conformance, stages)
    found = _commands.Job(*job)
    typer.echo("\n".join(found.write(to)))
    found.conformance(lambda line: typer.echo(_plain(line)))
    if lint and found.lint(lambda line: typer.echo(_plain(line))) < least:
        raise typer.Exit(1)


@app.command()
def bench(
    events: Annotated[float, typer.Option(help="about how many, such as 10e6")] = 1e6,
    customers: Annotated[int | None, typer.Option(help="a tenth of the events by default")] = None,
    metrics: Annotated[str | None, typer.Option(help="names with commas between them")] = None,
    engine: Annotated[str, typer.Option(help="duckdb or spark")] = "duckdb",
    memory: Annotated[str, typer.Option(help="what the engine may take")] = "4GB",
    peers: Annotated[Path | None, typer.Option(help="a Python that has retentioneering")] = None,
    folder: Annotated[Path | None, typer.Option(help="keeps generated data for next time")] = None,
    format: Annotated[str, typer.Option(help="table or json")] = "table",
) -> None:
    """Measure every metric on generated data, beside a plain scan and the peers."""
    from cjlab import bench as measuring

    if format not in ("table", "json"):
        raise typer.BadParameter(f'format is "{format}"; write table or json.')
    found = measuring.run(
        events=int(events),
        customers=customers,
        metrics=metrics.split(",") if metrics else None,
        engine=engine,
        memory=memory,
        peers=peers,
        folder=folder,
        progress=lambda line: typer.echo(line, err=True),
    )
    if format == "json":
        typer.echo(found.to_json(orient="records", indent=1))
    else:
        typer.echo(measuring.text(found))


@contextmanager
def _progress(study: Study) -> Iterator[None]:
    """Tell a person what is being read; be quiet for machines."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("opening the study") as status:
        study.progress = status.update
        yield


def _show_check(study: Study) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cjlab import quality
    from cjlab.maps._commands import diary_lines
    from cjlab.rules import hint

    console = Console()
    table = Table(title=Text(f"{study.config.name}: what came in"), title_justify="left")
    for name in ("table", "source", "rows in", "accepted", "rejected", "dropped"):
        number = name not in ("table", "source")
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for source in study.intake.sources:
        numbers = (source.rows_in, source.accepted, source.rejected, source.dropped)
        row = [source.table, _plain(source.source), *(f"{n:,}" for n in numbers)]
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    for read_as in (source.read_as for source in study.intake.sources if source.read_as):
        console.print(Text(f"  read as  {read_as}"))
    rules = study.check()
    rules = rules[~rules["effect"].isin(["in", "accepted"])]
    for rule in rules.to_dict("records"):
        where = f" in {rule['column']}" if isinstance(rule["column"], str) else ""
        line = f"{rule['effect']:8} {rule['rows']:>9,}  {rule['rule']}{where}  ({rule['source']})"
        console.print(Text(f"  {_plain(line)}"))
        if rule["effect"] == "rejected" and (advice := hint(str(rule["rule"]), None)):
            console.print(Text(f"           {advice.strip()}"))
    unmapped = quality.coverage(study)
    unmapped = unmapped[unmapped["stage"].isna()]
    if len(unmapped):
        console.print(Text("touchpoints without a stage (add them to the catalogue):"))
        for found in unmapped.head(20).to_dict("records"):
            console.print(Text(f"  {found['events']:>9,} events  {_plain(found['touchpoint'])}"))
    for line in diary_lines(study):
        console.print(Text(_plain(line)))
    place = os.path.relpath(study.quarantine)
    console.print(Text(f"refused rows, with reasons: {place}"), soft_wrap=True)
    for source in study.intake.over_limit:
        console.print(
            Text(
                f"limit broken: {source.source}: {source.rejected_share:.1%} of the rows refused, "
                f"{source.limit:.1%} allowed"
            )
        )


def _show_proposal(found: Proposal) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=Text(f"{_plain(found.file)}: {found.rows:,} rows"), title_justify="left")
    for head in ("column", "looks like", "filled", "different", "for example"):
        table.add_column(head, justify="right" if head in ("filled", "different") else "left")
    for column in found.columns:
        seen = column.look
        kind = f"scale, {seen.low} to {seen.high}" if seen.kind == "scale" else seen.kind
        name = f"{column.name}: {column.question}" if column.question else column.name
        row = (name, kind, f"{seen.filled:,}", f"{seen.distinct:,}", " · ".join(column.examples))
        table.add_row(*(Text(_plain(cell)) for cell in row))
    console.print(table)
    console.print(Text("A proposal to confirm, for the study file:"))
    for line in found.yaml().splitlines():
        typer.echo(_plain(line))


def _show_view(view: View) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(view.heads):
        table.add_column(_plain(head), justify="right" if place >= view.row_heads else "left")
    for row in view.rows:
        table.add_row(*(Text(_plain(cell.text)) for cell in row))
    console.print(table)
    if view.total > len(view.rows):
        more = view.total - len(view.rows)
        console.print(Text(f"… and {more:,} more; --format csv gives all"))


def main() -> None:
    """Run the command line; a person's mistake is one line and exit code 2."""
    try:
        app()
    except CjlabError as error:
        _one_line(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("CJLAB_DEBUG"):
            traceback.print_exc()
        _one_line(f"unexpected {type(error).__name__}: {error} (CJLAB_DEBUG=1 shows where)")
        sys.exit(1)


def _plain(text: str) -> str:
    """Show characters that would steer a terminal as question marks, and any blank as one."""
    blanks = text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    return "".join(char if char.isprintable() else "?" for char in blanks)


def _one_line(message: object) -> None:
    text = _plain(" ".join(str(message).split()))
    print(f"cjlab: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
