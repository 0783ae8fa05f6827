"""The same questions to retentioneering 5.2.4, with its telemetry and the network off."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from cjlab._measure import serve


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError("this benchmark does not go out")


# It sends an event to PostHog for each call. Three locks: its own switch, no client, no network.
os.environ["RETENTIONEERING_NO_TRACK"] = "1"
sys.modules["posthog"] = None  # type: ignore[assignment]
socket.socket.connect = _refuse  # type: ignore[method-assign]
socket.getaddrinfo = _refuse

from retentioneering import Eventstream, _tracking  # noqa: E402

assert _tracking._ph is None and _tracking._no_track_requested()


class Stream:
    """The events as an eventstream; paths are customers."""

    def __init__(self, folder: Path, steps: list[str]) -> None:
        self.folder, self.steps = folder, steps

    def load(self) -> None:
        columns = ["customer_id", "ts", "touchpoint", "channel", "device"]
        schema = {
            "path_cols": ["customer_id"],
            "event_col": "touchpoint",
            "timestamp_col": "ts",
            "segment_cols": ["channel", "device"],
        }
        rows = pd.read_parquet(self.folder / "events.parquet", columns=columns)
        self.stream = Eventstream(rows, schema)

    def counts(self) -> dict[str, int]:
        counts = self.stream.transition_graph_data(edge_weight="count")
        counts = counts.drop(index=["path_start", "path_end"], columns=["path_start", "path_end"])
        pairs = counts.stack()
        return {f"{a} > {b}": int(n) for (a, b), n in pairs[pairs > 0].items()}

    def transitions(self) -> dict[str, int]:
        """Counts, customers and median times, as cjlab gives them."""
        for weight in ("unique_paths", "time_median"):
            self.stream.transition_graph_data(edge_weight=weight)
        return self.counts()

    def _split(self) -> Any:
        return self.stream.split_sessions(timeout="30m")

    def session_counts(self) -> dict[str, int]:
        last = self._split().df.groupby("customer_id")["session_index"].max()
        return {"sessions": int(last.sum()), "most": int(last.max())}

    def session_frame(self) -> dict[str, int]:
        wanted = [{"metric": name} for name in ("first_event_time", "duration", "length")]
        frame = self._split().get_metrics(wanted, path_col="session_id")
        return {"sessions": len(frame), "longest": int(frame["length"].max())}

    def features(self) -> None:
        # Events per channel cannot be asked for; the counts per touchpoint stand in for them.
        wanted = [
            {"metric": name}
            for name in (
                "first_event_time",
                "duration",
                "length",
                "active_days",
                "event_count_bulk",
            )
        ]
        self.stream.get_metrics(wanted)

    def step_matrix(self) -> dict[str, int]:
        found = self.stream.step_matrix_data(max_steps=10)
        shares = found[0] if isinstance(found, tuple) else found
        shares = shares.drop(index=["path_start", "path_end"])[list(range(1, 11))]
        total = self.stream.df["customer_id"].nunique()
        counts = (shares * total).round().astype(int).stack()
        return {f"{step} {name}": int(n) for (name, step), n in counts[counts > 0].items()}

    def funnel(self) -> dict[str, int]:
        found = self.stream.funnel_data(steps=self.steps)["steps"]
        return {step["step"]: step["unique_paths"] for step in found}


if __name__ == "__main__":
    folder, out, _memory, _zone, _window, steps, *wanted = sys.argv[1:]
    peer = Stream(Path(folder), steps.split("|"))
    serve(
        {
            "load": peer.load,
            "transition counts": peer.counts,
            "touchpoint transitions": peer.transitions,
            "session counts": peer.session_counts,
            "session frame": peer.session_frame,
            "features": peer.features,
            "step matrix": peer.step_matrix,
            "funnel of touchpoints": peer.funnel,
        },
        Path(out),
        wanted,
    )
