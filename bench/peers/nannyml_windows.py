"""NannyML's defaults on the windows: python nannyml_windows.py <folder> writes <folder>/nannyml.json.

Any alert of its univariate drift (Jensen-Shannon), its reconstruction error, its estimated performance (CBPE) and, where
posts are labelled, of the realised accuracy. A window is a chunk.
"""
import json
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("NML_DISABLE_USAGE_LOGGING", "1")  # it would tell its makers of each call

import nannyml
from nannyml import CBPE, DataReconstructionDriftCalculator, PerformanceCalculator, UnivariateDriftCalculator

from windows import CATEGORICAL, NUMERIC, reference, streams

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])

def readable(frame):
    """An empty truth is no label."""
    return frame.assign(truth=frame["truth"].where(frame["truth"] != "", None))


before = readable(reference(folder))
size = len(next(iter(streams(folder)))[1][0])
columns = NUMERIC + CATEGORICAL
classes = {"negative": "p0", "neutral": "p1", "positive": "p2"}
model = dict(problem_type="classification_multiclass", y_pred="label", y_pred_proba=classes, y_true="truth",
             metrics=["accuracy"], chunk_size=size)


def fitted(calculator):
    return calculator.fit(before)


calculators = [
    fitted(UnivariateDriftCalculator(column_names=columns, chunk_size=size)),
    fitted(DataReconstructionDriftCalculator(column_names=columns, chunk_size=size)),
]
for make in (CBPE, PerformanceCalculator):
    try:
        calculators.append(fitted(make(**model)))
    except Exception as error:  # two true classes and three predicted ones: said, and left out
        print(f"{make.__name__} is left out: {error}", file=sys.stderr)


def alerts(result):
    frame = result.filter(period="analysis").to_df()
    return any(bool(value) for column in frame.columns if "alert" in str(column[-1]) for value in frame[column])


alarms = {}
for name, windows in streams(folder):
    alarms[name] = [any(alerts(c.calculate(window) if not hasattr(c, "estimate") else c.estimate(window))
                        for c in calculators) for window in map(readable, windows)]
    print(name, alarms[name], file=sys.stderr, flush=True)
(folder / "nannyml.json").write_text(json.dumps([
    {"name": "nannyml", "version": nannyml.__version__, "alarms": alarms}]))
