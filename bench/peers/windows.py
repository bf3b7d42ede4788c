"""The windows that `npm run bench -- drift-power` wrote: one CSV file for each stream, and the reference."""
import csv
from pathlib import Path

import pandas as pd

NUMERIC = ["confidence", "tokens", "unknown_share"]
CATEGORICAL = ["source", "lang", "label"]


def reference(folder):
    return pd.read_csv(Path(folder) / "reference.csv", keep_default_na=False, quoting=csv.QUOTE_MINIMAL)


def streams(folder):
    """Yields the name of each stream and its windows, in order."""
    for path in sorted(Path(folder).glob("*-*.csv")):
        frame = pd.read_csv(path, keep_default_na=False, quoting=csv.QUOTE_MINIMAL)
        yield path.stem, [window.reset_index(drop=True) for _, window in frame.groupby("window", sort=True)]
