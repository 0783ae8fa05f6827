"""The same questions in straightforward pandas: sort once, then group, shift and merge."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from cjlab._measure import serve

GAP = pd.Timedelta("30min")


class Log:
    """The events in memory, sorted by customer and time."""

    def __init__(self, folder: Path, steps: list[str], window: str, zone: str) -> None:
        self.folder, self.steps, self.zone = folder, steps, zone
        self.window = pd.Timedelta(window)

    def load(self) -> None:
        columns = ["customer_id", "ts", "touchpoint", "channel", "device"]
        rows = pd.read_parquet(self.folder / "events.parquet", columns=columns)
        names = pd.read_csv(self.folder / "touchpoints.csv")
        stage = dict(zip(names["pattern"], names["stage"], strict=True))
        for column in ("touchpoint", "channel", "device"):
            rows[column] = rows[column].astype("category")
        rows["stage"] = rows["touchpoint"].map(stage).astype("category")
        self.rows = rows.sort_values(["customer_id", "ts"], ignore_index=True)

    def counts(self, level: str) -> dict[str, int]:
        following = self.rows.groupby("customer_id", sort=False)[level].shift(-1)
        counts = self.rows.groupby([self.rows[level], following], observed=True).size()
        return {f"{a} > {b}": int(n) for (a, b), n in counts.items()}

    def transitions(self, level: str) -> dict[str, int]:
        """Counts, customers and median times, as cjlab gives them."""
        rows = self.rows
        following = rows.groupby("customer_id", sort=False)[[level, "ts"]].shift(-1)
        moves = rows[["customer_id"]].assign(
            a=rows[level], b=following[level], waited=following["ts"] - rows["ts"]
        )
        frame = moves.groupby(["a", "b"], observed=True).agg(
            n=("customer_id", "size"),
            customers=("customer_id", "nunique"),
            wait=("waited", "median"),
        )
        return {f"{a} > {b}": int(n) for (a, b), n in frame["n"].items()}

    def starts(self) -> pd.Series:
        gap = self.rows["ts"] - self.rows.groupby("customer_id", sort=False)["ts"].shift()
        return gap.isna() | (gap > GAP)

    def session_counts(self) -> dict[str, int]:
        per_customer = self.starts().groupby(self.rows["customer_id"], sort=False).sum()
        return {"sessions": int(per_customer.sum()), "most": int(per_customer.max())}

    def session_frame(self) -> dict[str, int]:
        number = self.starts().cumsum()
        frame = self.rows.groupby(number, sort=False).agg(
            customer_id=("customer_id", "first"),
            start=("ts", "min"),
            end=("ts", "max"),
            events=("ts", "size"),
        )
        return {"sessions": len(frame), "longest": int(frame["events"].max())}

    def features(self) -> None:
        day = self.rows["ts"].dt.floor("D")
        first = ~pd.DataFrame({"c": self.rows["customer_id"], "d": day}).duplicated()
        groups = self.rows.groupby("customer_id", sort=False)
        frame = groups.agg(first=("ts", "min"), last=("ts", "max"), events=("ts", "size"))
        frame["days"] = first.groupby(self.rows["customer_id"], sort=False).sum()
        frame["sessions"] = self.starts().groupby(self.rows["customer_id"], sort=False).sum()
        shares = pd.crosstab(self.rows["customer_id"], self.rows["channel"], normalize="index")
        frame.join(shares)

    def step_matrix(self) -> dict[str, int]:
        step = self.rows.groupby("customer_id", sort=False).cumcount()
        early = step < 10
        counts = self.rows[early].groupby([step[early], "touchpoint"], observed=True).size()
        return {f"{k + 1} {name}": int(n) for (k, name), n in counts.items()}

    def funnel(self) -> dict[str, int]:
        reached = {}
        at = None
        for step in self.steps:
            rows = self.rows.loc[self.rows["touchpoint"] == step, ["customer_id", "ts"]]
            if at is not None:
                rows = rows.join(at.rename("before"), on="customer_id", how="inner")
                rows = rows[rows["ts"] > rows["before"]]
            at = rows.groupby("customer_id")["ts"].min()
            reached[step] = len(at)
        return reached

    def windowed(self) -> dict[str, int]:
        def of(step: str) -> pd.DataFrame:
            rows = self.rows.loc[self.rows["touchpoint"] == step, ["customer_id", "ts"]]
            return rows.sort_values("ts", ignore_index=True)

        runs = of(self.steps[0]).assign(start=lambda rows: rows["ts"])
        reached = {self.steps[0]: runs["customer_id"].nunique()}
        for step in self.steps[1:]:
            after = of(step).rename(columns={"ts": "then"})
            runs = pd.merge_asof(
                runs.sort_values("ts"), after, left_on="ts", right_on="then",
                by="customer_id", direction="forward", allow_exact_matches=False,
            )  # fmt: skip
            runs = runs[runs["then"] - runs["start"] <= self.window]
            runs = runs.assign(ts=runs["then"]).drop(columns="then")
            reached[step] = runs["customer_id"].nunique()
        return reached

    def time_in_stage(self) -> dict[str, int]:
        """Quartiles with those still there (Kaplan–Meier), as cjlab gives them, in microseconds."""
        rows = self.rows
        customer = rows["customer_id"]
        same = (customer == customer.shift()) & (rows["stage"] == rows["stage"].shift())
        spells = rows.groupby((~same).cumsum(), sort=False).agg(
            customer_id=("customer_id", "first"), stage=("stage", "first"), start=("ts", "first")
        )
        left = spells.groupby("customer_id", sort=False)["start"].shift(-1)
        stays = pd.DataFrame(
            {
                "stage": spells["stage"],
                "waited": left.fillna(rows["ts"].max()) - spells["start"],
                "left": left.notna(),
            }
        )
        times = stays.groupby(["stage", "waited"], observed=True)["left"].agg(["size", "sum"])
        stage = times.groupby(level="stage", observed=True)
        waiting = stage["size"].transform("sum") - stage["size"].cumsum() + times["size"]
        still = (1 - times["sum"] / waiting).groupby(level="stage", observed=True).cumprod()
        found = {}
        for name, share in (("q25", 0.75), ("median", 0.5), ("q75", 0.25)):
            # Products of rounded shares end a hair above or below the share itself.
            reached = still[still <= share + 1e-12].reset_index("waited")["waited"]
            first = reached.groupby(level="stage", observed=True).first()
            found |= {f"{a} {name}": t // pd.Timedelta("1us") for a, t in first.items()}
        return found

    def retention(self) -> dict[str, int]:
        local = self.rows["ts"].dt.tz_localize("UTC").dt.tz_convert(self.zone)
        month = local.dt.year * 12 + local.dt.month
        cohort = month.groupby(self.rows["customer_id"], sort=False).transform("min")
        seen = pd.DataFrame(
            {"customer_id": self.rows["customer_id"], "cohort": cohort, "age": month - cohort}
        ).drop_duplicates()
        over = seen[seen["cohort"] + seen["age"] < month.max()]
        counts = over.groupby(["cohort", "age"]).size()
        return {
            f"{(c - 1) // 12}-{(c - 1) % 12 + 1:02} {age}": int(n) for (c, age), n in counts.items()
        }


if __name__ == "__main__":
    folder, out, _memory, zone, window, steps, *wanted = sys.argv[1:]
    log = Log(Path(folder), steps.split("|"), window, zone)
    serve(
        {
            "load": log.load,
            "transition counts": lambda: log.counts("touchpoint"),
            "transitions": lambda: log.transitions("stage"),
            "touchpoint transitions": lambda: log.transitions("touchpoint"),
            "channel transitions": lambda: log.transitions("channel"),
            "session counts": log.session_counts,
            "session frame": log.session_frame,
            "features": log.features,
            "step matrix": log.step_matrix,
            "funnel of touchpoints": log.funnel,
            "funnel in 30 days": log.windowed,
            "time_in_stage": log.time_in_stage,
            "retention": log.retention,
        },
        Path(out),
        wanted,
    )
