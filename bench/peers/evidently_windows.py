"""Evidently's defaults on the windows: python evidently_windows.py <folder> writes <folder>/evidently.json.

Two readings of its data drift preset: the whole data set has drifted (half of the columns, its default), and any column has.
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
    """(data set drifted, any column drifted)"""
    report = Report([DataDriftPreset()], include_tests=True).run(Dataset.from_pandas(window, data_definition=definition), before)
    tests = report.dict()["tests"]
    failed = [test["status"] == "FAIL" for test in tests]
    return failed[0], any(failed[1:])


whole, column = {}, {}
for name, windows in streams(folder):
    whole[name], column[name] = [], []
    for window in windows:
        both = judge(window)
        whole[name].append(bool(both[0]))
        column[name].append(bool(both[1]))
    print(name, whole[name], column[name], file=sys.stderr, flush=True)
version = evidently.__version__
(folder / "evidently.json").write_text(json.dumps([
    {"name": "evidently (data set)", "version": version, "alarms": whole},
    {"name": "evidently (a column)", "version": version, "alarms": column},
]))
