"""Evidently on the windows: python evidently_windows.py <folder> writes <folder>/evidently.json.

Two readings of its data drift preset with its defaults: the whole data set has drifted (half of the columns), and any column
has. And the distances themselves, so that thresholds can be set by windows without a change.
Columns: the model's confidence and class, tokens, unknown tokens, source, language and the text itself.
"""
import json
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")  # it would tell its makers of each call

import evidently
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from windows import CATEGORICAL, NUMERIC, reference, streams

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
definition = DataDefinition(numerical_columns=NUMERIC, categorical_columns=CATEGORICAL, text_columns=["text"])
before = Dataset.from_pandas(reference(folder), data_definition=definition)


def judge(window):
    """(data set drifted, any column drifted, distance of each column)"""
    report = Report([DataDriftPreset()], include_tests=True).run(Dataset.from_pandas(window, data_definition=definition), before)
    told = report.dict()
    failed = [test["status"] == "FAIL" for test in told["tests"]]
    distances = [float(one["value"]) for one in told["metrics"] if one["metric_name"].startswith("ValueDrift")]
    return failed[0], any(failed[1:]), distances


whole, column, values = {}, {}, {}
for name, windows in streams(folder):
    judged = [judge(window) for window in windows]
    whole[name] = [bool(one[0]) for one in judged]
    column[name] = [bool(one[1]) for one in judged]
    values[name] = [one[2] for one in judged]
    print(name, whole[name], column[name], file=sys.stderr, flush=True)
version = evidently.__version__
(folder / "evidently.json").write_text(json.dumps([
    {"name": "evidently (data set)", "version": version, "alarms": whole},
    {"name": "evidently", "version": version, "alarms": column, "values": values},
]))
