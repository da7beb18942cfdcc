"""Real data, split by random rows and by whole groups, with the two models that the data's own pages judge.

    python -m benchmarks.real_data          what `compare` and `confidence` say of each

Needs ../shared/data and scikit-learn. Each loader gives features, labels and groups.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED = 13
MOST_ROWS = 20_000  # training rows, as on the data's own pages


@dataclass(frozen=True)
class Split:
    """Row numbers to train on and to judge."""

    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class DataSet:
    """Features (n, d) in which NaN is missing, labels (n,) by name, groups (n,) or None."""

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None = None
    given: Split | None = None

    def random(self) -> Split:
        """30 % of the rows, at random."""
        from sklearn.model_selection import train_test_split

        return Split(*train_test_split(np.arange(len(self.y)), test_size=0.3, random_state=SEED))

    def whole_groups(self) -> Split:
        """About 30 % of the groups, each whole."""
        from sklearn.model_selection import GroupShuffleSplit

        parts = GroupShuffleSplit(1, test_size=0.3, random_state=SEED)
        return Split(*next(parts.split(self.x, self.y, self.groups)))


def wells() -> DataSet:
    """FORCE 2020: lithology from six curves, resistivities as decades."""
    import pandas as pd

    table = pd.read_csv(DATA / "force2020_wells" / "wells.csv.gz")
    x = table[["GR", "RDEP", "RMED", "RHOB", "NPHI", "DTC"]].to_numpy(float)
    x[:, 1:3] = np.log10(x[:, 1:3])
    return DataSet(x, table["LITHOLOGY_NAME"].to_numpy(str), table["WELL"].to_numpy(str))


def basalts() -> DataSet:
    """Basalts by tectonic setting: logarithms of the 22 trace elements that most samples have."""
    import pandas as pd

    tables = [
        pd.read_csv(DATA / "basalt_tectonics" / f"{name}.csv") for name in ("training", "test")
    ]
    table = pd.concat(tables, ignore_index=True)
    traces = [c for c in table.columns[table.columns.get_loc("La") :] if "/" not in c]
    names = [c for c in traces if table[c].notna().mean() > 0.45]  # 22 of 35
    values = table[names].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    x = np.log(np.where(values > 0.0, values, np.nan))
    rows, first = np.arange(len(table)), len(tables[0])
    given = Split(rows[:first], rows[first:])
    return DataSet(x, table["AFFINITY"].to_numpy(str), None, given)


def crops() -> DataSet:
    """Maipo: fruit-tree crops from Landsat bands and indices."""
    import pandas as pd

    table = pd.read_csv(DATA / "maipo_crops" / "maipo.csv.gz")
    names = [c for c in table.columns if c[0] == "b" or c.startswith(("ndvi", "ndwi"))]
    groups = table["field"].to_numpy(str)
    return DataSet(table[names].to_numpy(float), table["croptype"].to_numpy(str), groups)


def phases() -> DataSet:
    """Seismic windows: 25 log spectral bands and 20 log envelope bins of the vertical channel."""
    with np.load(DATA / "seismic_phases" / "windows.npz") as file:
        vertical = file["x"][:, 2].astype(float) / 32767.0
        y, trace = file["y"], file["trace"].astype(str)
    power = np.abs(np.fft.rfft(vertical, axis=1))[:, 1:201].reshape(-1, 25, 8).mean(axis=2)
    envelope = np.abs(vertical).reshape(-1, 20, 20).mean(axis=2)
    x = np.log(np.hstack([power, envelope]) + 1e-6)
    return DataSet(x, np.array(["noise", "P", "S"])[y], trace)


def logistic() -> Any:
    """Logistic regression behind median fill and standardisation."""
    from sklearn.linear_model import LogisticRegression

    return _behind(LogisticRegression(max_iter=2000))


def mlp() -> Any:
    """Two hidden layers of 64."""
    from sklearn.neural_network import MLPClassifier

    return _behind(MLPClassifier((64, 64), max_iter=200, random_state=SEED))


def _behind(model: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model)


def fitted(model: Any, data: DataSet, split: Split) -> Any:
    """The model, trained on at most MOST_ROWS of the split's rows."""
    rows = np.random.default_rng(SEED).permutation(split.train)[:MOST_ROWS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an MLP that has not converged is judged as it is
        return model.fit(data.x[rows], data.y[rows])


def judged(model: Any, data: DataSet, split: Split) -> Any:
    """Predictions of the fitted model on the split's test rows, with their groups."""
    from clinometer.calibration.predictions import predictions

    rows = split.test
    known = np.isin(
        data.y[rows], model.classes_
    )  # a class that no training row has cannot be named
    rows = rows[known]
    groups = None if data.groups is None else data.groups[rows]
    return predictions(
        data.y[rows],
        model.predict_log_proba(data.x[rows]),
        classes=tuple(model.classes_.tolist()),
        groups=groups,
    )


SETS = {"wells": wells, "basalts": basalts, "crops": crops, "phases": phases}
MODELS = {"logistic": logistic, "MLP": mlp}


def splits(data: DataSet) -> dict[str, Split]:
    """Every way in which this data set is split."""
    found = {"random rows": data.random()}
    if data.given is not None:
        found["given test set"] = data.given
    if data.groups is not None:
        found["whole groups"] = data.whole_groups()
    return found


def main() -> None:
    """Print each model's figures and each comparison."""
    from clinometer.calibration.compare import compare
    from clinometer.calibration.judgement import judge

    for name, load in SETS.items():
        data = load()
        for how, split in splits(data).items():
            found = {}
            for model, make in MODELS.items():
                found[model] = judged(fitted(make(), data, split), data, split)
                one = judge(found[model])
                temperature = (
                    "none" if one.fit.temperature is None else f"{one.fit.temperature:.2f}"
                )
                print(
                    f"{name:8} {how:15} {model:9} n {one.n:6,}  right {one.accuracy:.3f}  "
                    f"says {one.mean_confidence:.3f}  loss {one.ladder.total:.3f}  ECE {one.ece:.3f}  "
                    f"T {temperature}  {one.verdict}"
                )
                print(f"    {one.because}")
            both = compare(found["logistic"], found["MLP"])
            print(f"    logistic against MLP: {both.verdict}. {both.because}")
            for part in ("separation", "scale"):
                one = getattr(both.split, part)
                print(f"      {part:11} {one.difference:+.4f} nat {one.interval}")


if __name__ == "__main__":
    main()
