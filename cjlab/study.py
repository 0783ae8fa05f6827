"""A study: its file, its sources and its engine, bound together."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import yaml
from ibis.expr.types import Table

from cjlab import config as configuration
from cjlab import prepare
from cjlab.backend import open_store
from cjlab.engine import ENGINES, stop_spark
from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import UNITS, Journeys, Where, to_utc
from cjlab.periods import KINDS, Period, last_complete, parse
from cjlab.reconciliation import Intake
from cjlab.stages import StageModel
from cjlab.touchpoints import INDUSTRIES, Catalogue


def open_study(path: str | Path, engine: str | None = None) -> Study:
    """Open a study file.

    Parameters
    ----------
    path : str or Path
        The study.yaml, or the folder that holds one.
    engine : {"duckdb", "spark"}, optional
        Overrides the engine that the file names.

    Returns
    -------
    Study
        Nothing is read yet; the first question reads, checks and prepares the data.

    Raises
    ------
    UserError
        One line that names the file, the key, the value and what would be valid.

    Examples
    --------
    >>> open_study("nowhere/study.yaml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cjlab.errors.UserError: no study file at nowhere/study.yaml. `cjlab new retail DIR` makes one...
    """
    place = Path(path)
    return Study(place / "study.yaml" if place.is_dir() else place, engine)


class Study:
    """One study, opened.

    Parameters
    ----------
    path : Path
        The study.yaml.
    engine : str, optional
        Overrides the engine that the file names.

    Attributes
    ----------
    config : StudyConfig
        What the file says.
    engine : Engine
        Where the metrics run.
    folder : Path
        Where relative paths start.
    assignment : Path or None
        The frozen assignment of customers to personas that journeys join.
    progress : callable
        Told what is being done.
    """

    def __init__(self, path: Path, engine: str | None = None) -> None:
        self.path = path
        self.config = configuration.read(path)
        kind = engine or self.config.engine.kind
        if kind not in ENGINES:
            raise UserError(f'engine is "{kind}".{did_you_mean(kind, ENGINES)}')
        self.engine = self.config.engine.model_copy(update={"kind": kind})
        self.folder = Path(self.config.folder or path.parent).resolve()
        self.assignment = Path(self.config.assignment) if self.config.assignment else None
        self.progress: prepare.Progress = prepare.quiet

    def __repr__(self) -> str:
        tables = ", ".join(self.config.sources)
        return f'Study "{self.config.name}" ({tables}; {self.model.id}, {self.zone})'

    @property
    def zone(self) -> str:
        """The study's time zone."""
        return self.config.timezone

    @property
    def language(self) -> str:
        """The language the study is written in."""
        return self.config.language

    @cached_property
    def private(self) -> Path:
        """The study's own folder, readable by its owner only."""
        return prepare.private_folder(self.folder)

    @cached_property
    def model(self) -> StageModel:
        """The stage model that the study names."""
        return StageModel.from_config(self.config.stages, self.language)

    def catalogue(self, model: StageModel | None = None) -> Catalogue:
        """Return the study's touchpoint catalogue, or the one that comes with the package."""
        model = model or self.model
        if self.config.touchpoints is None:
            return Catalogue.for_model(model)
        if self.config.touchpoints in INDUSTRIES:
            return Catalogue.for_model(model, self.config.touchpoints)
        path = self.folder / configuration.expand(self.config.touchpoints)
        if not path.is_file():
            near = [*(p.name for p in self.folder.glob("*.csv")), *INDUSTRIES]
            raise UserError(
                f"{self.path.name}: touchpoints: no file at {self.config.touchpoints}."
                f"{did_you_mean(path.name, near)}"
            )
        return Catalogue.read(path, model, self.path.name)

    @cached_property
    def inputs(self) -> list[dict[str, Any]]:
        """The files the study reads, with their sizes and hashes."""
        return prepare.inputs(self.config, self.folder)

    @cached_property
    def _intake_key(self) -> str:
        return prepare.intake_key(self.config, self.inputs, self.private)

    @cached_property
    def intake(self) -> Intake:
        """Rows in, accepted and refused, read on first use and kept for the same inputs."""
        return prepare.run_intake(
            self.config, self.folder, self.private, self._intake_key, self.progress
        )

    @property
    def quarantine(self) -> Path:
        """The Parquet file of refused rows: source, row, rule, column, value and the record."""
        assert self.intake is not None
        return self.private / "intake" / self._intake_key / "quarantine.parquet"

    def store(self, model: StageModel | None = None) -> Path:
        """Build the prepared store, or find it; return its database file or, for Spark, folder."""
        model = model or self.model
        assert self.intake is not None
        return prepare.build_store(
            self.private,
            self.store_key(model),
            self.private / "intake" / self._intake_key,
            model,
            self.catalogue(model),
            derive=self._derive,
            engine=self.engine,
            progress=self.progress,
        )

    def store_key(self, model: StageModel | None = None) -> str:
        """Return the content key of the prepared store."""
        model = model or self.model
        return prepare.store_key(self._intake_key, model, self.catalogue(model), self._derive)

    @property
    def _derive(self) -> bool:
        return all(source.derive for source in self.config.sources.get("orders", []))

    def backend(self, model: StageModel | None = None, unit: str = "customer") -> Any:
        """Open the store of a unit read-only and return the Ibis backend over it."""
        store = self.store(model)
        if unit != "customer":
            store = prepare.build_unit_store(
                self.private,
                store,
                unit,
                model or self.model,
                engine=self.engine,
                progress=self.progress,
            )
        return open_store(store, self.engine, self.assignment)

    @cached_property
    def opened(self) -> Any:
        """The Ibis backend over the prepared store, opened on first use."""
        return self.backend()

    @cached_property
    def events(self) -> Table:
        """All events, with stage, touchpoint and channel by name."""
        return self.journeys().to_ibis()

    @property
    def orders(self) -> Table:
        """Orders, one row each: lines are summed."""
        return self.table("orders")

    @property
    def customers(self) -> Table:
        """Declared attributes, one row a customer."""
        return self.table("customers")

    @property
    def responses(self) -> Table:
        """Survey answers and reviews."""
        return self.table("responses")

    @property
    def tickets(self) -> Table:
        """Support tickets."""
        return self.table("tickets")

    def table(self, name: str) -> Table:
        """Return a table of the prepared store, or say that the study has none."""
        if name not in self.opened.list_tables():
            raise UserError(f"{self.path.name}: the study has no {name}; add it under sources.")
        return self.opened.table(name)

    def check(self) -> pd.DataFrame:
        """Return the intake report: what each source brought and what each rule concerned.

        Returns
        -------
        DataFrame
            ``table, source, rule, column, rows, share, effect``. Effects are ``in`` (rows
            read), ``accepted``, ``rejected`` (in quarantine), ``dropped`` (exact copies) and
            ``noted`` (kept, worth knowing). Per source, rows in = accepted + rejected +
            dropped. Events without a stage are noted at the end.
        """
        found = pd.concat([self.intake.frame(), self.journeys().issues()], ignore_index=True)
        unknown = int(self.opened.table("stage_note").events.sum().fill_null(0).execute())
        if unknown:
            share = unknown / int(self.opened.table("event").count().execute())
            row = ("events", "store", "unknown_stage", "stage", unknown, share, "noted")
            more = pd.DataFrame([row], columns=found.columns)
            found = pd.concat([found, more], ignore_index=True)
        return found

    @cached_property
    def observed_until(self) -> datetime:
        """Instant (UTC) up to which the study's data are known."""
        said = self.config.observed_until
        if said is None:
            return Journeys(self.opened, self.model, self.zone).observed_until
        if isinstance(said, date) and not isinstance(said, datetime):
            said = datetime.combine(said, time())
        found = to_utc(said, self.zone)
        assert found is not None
        return found

    def period(self, text: str | None = None) -> Period:
        """Return the period that a text means; by default the study's last complete one.

        Parameters
        ----------
        text : str, optional
            As in :func:`cjlab.periods.parse`, or one of ``year, quarter, month, week`` for the
            last complete one. The study's ``report.period`` by default.
        """
        asked = text or self.config.report.period
        if asked not in KINDS:
            return parse(asked, self.zone)
        until = self.observed_until.replace(tzinfo=UTC)
        found = last_complete(asked, until, self.zone)
        first = self.opened.table("event").ts.min().execute()
        ended = found.end.astimezone(UTC).replace(tzinfo=None)
        if pd.isna(first) or pd.Timestamp(first).to_pydatetime() < ended:
            return found
        begin = pd.Timestamp(first).tz_localize("UTC").tz_convert(ZoneInfo(self.zone)).date()
        # With less data than one whole period all of it counts, the last day included.
        seen = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(self.zone)).date()
        return parse(f"{begin}..{seen + timedelta(days=1)}", self.zone)

    def journeys(
        self,
        *,
        stages: str | StageModel | None = None,
        start: str | date | datetime | None = None,
        end: str | date | datetime | None = None,
        where: Where = None,
        unit: str = "customer",
        view: str | None = None,
    ) -> Journeys:
        """Return the study's journeys.

        Parameters
        ----------
        stages : str or StageModel, optional
            Another stage model than the study's, such as ``"no5"``.
        start, end : str, date or datetime, optional
            Half-open period in the study's zone; it selects what is counted by its starting
            instant. Earlier events remain history.
        where : mapping or predicate, optional
            Which customers: ``{"country": "SE"}`` or ``_.country == "SE"``.
        unit : {"customer", "session", "account"}
            What a journey belongs to. With accounts, the events of all its customers make one
            journey, and events without an account none.
        view : {"customer", "buying"}, optional
            The whole journey, or the one that ends at the first purchase.

        Returns
        -------
        Journeys
            What every metric takes first.
        """
        model = self.model
        if stages is not None:
            model = (
                stages
                if isinstance(stages, StageModel)
                else StageModel.from_config(stages, self.language)
            )
        if unit not in UNITS:
            raise UserError(f'unit is "{unit}".{did_you_mean(unit, UNITS)}')
        same = model.hash() == self.model.hash() and unit == "customer"
        until = None if self.config.observed_until is None else self.observed_until
        return Journeys(
            self.opened if same else self.backend(model, unit),
            model,
            self.zone,
            start=to_utc(start, self.zone),
            end=to_utc(end, self.zone),
            observed_until=until,
            where=where,
            view=view or self.config.view,
            notes=None,
            minimum=self.config.report.minimum_cell,
            unit=unit,
            currency=self.config.currency,
            period_kind=said if (said := self.config.report.period) in KINDS else "month",
        )

    def close(self) -> None:
        """Leave the engine: what is asked later opens it again.

        A Spark session that cjlab started ends here, and gives the cluster's cores free.
        """
        for name in ("opened", "events"):
            self.__dict__.pop(name, None)
        stop_spark()

    def use_personas(self, assignment: Path) -> None:
        """Let journeys join a frozen assignment of customers to personas."""
        self.assignment = assignment
        for name in ("opened", "events"):
            self.__dict__.pop(name, None)

    def prepare(self, period: Period) -> dict[str, Any]:
        """Read, check and prepare the data, and return the facts that a report states.

        Parameters
        ----------
        period : Period
            The report's period.

        Returns
        -------
        dict
            ``inputs`` (files with hashes), ``sources`` and ``counts`` (the reconciliation),
            ``limits_broken`` (one line each), ``store``, ``stage_model`` and ``observed_until``.
        """
        broken = [
            f"{s.source}: {s.rejected:,} of {s.rows_in:,} rows refused "
            f"({s.rejected_share:.1%}; the study allows {s.limit:.1%})"
            for s in self.intake.over_limit
        ]
        checked = self.check()
        rules = checked[~checked["effect"].isin(["in", "accepted"])].astype(object)
        return {
            "inputs": self.inputs,
            "sources": self.intake.as_dict()["sources"],
            "counts": rules.where(rules.notna(), None).to_dict("records"),
            "limits_broken": broken,
            "store": self.store_key(),
            "stage_model": self.model.hash(),
            "period": period.label,
            "observed_until": self.observed_until.isoformat(),
        }

    def write_resolved(self, path: Path) -> None:
        """Write the study as it was understood, for a run's notebooks to open."""
        said = self.config.model_dump(exclude_none=True)
        said["folder"] = str(self.folder)
        said["engine"] = self.engine.model_dump(exclude_none=True)
        if self.assignment is not None:
            said["assignment"] = str(self.assignment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8")
