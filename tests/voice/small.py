"""A small study made of plain rows, for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from cjlab.study import Study, open_study


def make(folder: Path, tables: dict[str, pd.DataFrame], **keys: object) -> Study:
    """Write the tables and a study.yaml, and open it."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {}
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        sources[name] = {"path": f"{name}.csv"}
    said = {"name": "small", "timezone": "Europe/Stockholm", "sources": sources} | keys
    (folder / "study.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return open_study(folder)


CATALOGUE = (
    "pattern,match,touchpoint,stage,channel,phase,line,owner\n"
    "visit,exact,visit,awareness,,,,Marketing\n"
    "pay,exact,pay,intent,,,,Shop\n"
    "ship,exact,ship,post_purchase,,,,\n"
    "never,exact,never,loyalty,,,,\n"
)
