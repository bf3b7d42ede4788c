"""NannyML on the windows: python nannyml_windows.py <folder> writes <folder>/nannyml.json.

By default: any alert of its univariate drift (Jensen-Shannon), its reconstruction error and, where posts are labelled, of the
realised accuracy. A window is a chunk. And the values themselves, with the accuracy that CBPE estimates, so that thresholds can
be set by windows without a change. CBPE raises no alert of its own here: it takes labelled rows only, and those of the reference are
fewer than a chunk, over which a threshold has no spread.
"""
import json
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("NML_DISABLE_USAGE_LOGGING", "1")  # it would tell its makers of each call

import nannyml
import numpy as np
from nannyml import CBPE, DataReconstructionDriftCalculator, PerformanceCalculator, UnivariateDriftCalculator

from windows import CATEGORICAL, NUMERIC, reference, streams

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])

def readable(frame):
    """An empty truth is no label."""
    return frame.assign(truth=frame["truth"].replace("", np.nan))


before = readable(reference(folder))
size = len(next(iter(streams(folder)))[1][0])
columns = NUMERIC + CATEGORICAL
classes = {"negative": "p0", "neutral": "p1", "positive": "p2"}
model = dict(problem_type="classification_multiclass", y_pred="label", y_pred_proba=classes, y_true="truth",
             metrics=["accuracy"], chunk_size=size)
univariate = UnivariateDriftCalculator(column_names=columns, chunk_size=size).fit(before)
reconstruction = DataReconstructionDriftCalculator(column_names=columns, chunk_size=size).fit(before)
realised = PerformanceCalculator(**model).fit(before)
estimated = CBPE(**model).fit(before[before["truth"].notna()])


def values(frame):
    return [float(frame[column].iloc[0]) for column in frame.columns if column[-1] == "value"]


def judge(window):
    """(any alert, values of which a greater one is a greater change)"""
    frames = [one.calculate(window).filter(period="analysis").to_df() for one in (univariate, reconstruction, realised)]
    alert = any(bool(value) for frame in frames for column in frame.columns if column[-1] == "alert" for value in frame[column])
    distances, (error,), (accuracy,) = map(values, frames)
    (estimate,) = values(estimated.estimate(window).filter(period="analysis").to_df())
    return alert, [*distances, error, -error, -accuracy, -estimate]


alarms, told = {}, {}
for name, windows in streams(folder):
    judged = [judge(window) for window in map(readable, windows)]
    alarms[name] = [one[0] for one in judged]
    told[name] = [one[1] for one in judged]
    print(name, alarms[name], file=sys.stderr, flush=True)
(folder / "nannyml.json").write_text(json.dumps([
    {"name": "nannyml", "version": nannyml.__version__, "alarms": alarms, "values": told}]))
