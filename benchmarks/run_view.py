"""The run view on real data: is a rising validation loss overfitting, or only overconfidence?

The runs of the reference (scikit-learn's bundled sets; train 40 %, validation 30 %, test 30 %), with words:
`python -m benchmarks.run_view --seeds 8` prints one line a run, median [lowest .. highest] over the seeds.
Two of them are controls: digits with an MLP must be overconfident, not overfitted; digits with 10 % label
noise and logistic regression must have lost separation.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.run_view import run_view
from clinometer.calibration.run_view_result import RunView

Array = NDArray[np.float64]
CHECKPOINTS = 100


@dataclass(frozen=True)
class Data:
    """Train, validation and test parts: x (n, d) standardised by the training rows, y (n,)."""

    x: tuple[Array, Array, Array]
    y: tuple[NDArray[np.int64], ...]
    classes: int


def data(name: str, noise: float, seed: int) -> Data:
    """One of the bundled sets, a share `noise` of all labels drawn anew from the other classes."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rng = np.random.default_rng(seed)
    classes = int(y.max()) + 1
    flipped = rng.random(len(y)) < noise
    y = np.where(flipped, (y + rng.integers(1, classes, len(y))) % classes, y)
    parts = np.split(rng.permutation(len(y)), [int(0.4 * len(y)), int(0.7 * len(y))])
    middle, spread = x[parts[0]].mean(axis=0), x[parts[0]].std(axis=0)
    x = (x - middle) / np.where(spread > 1e-2, spread, 1.0)  # a constant pixel stays constant
    return Data(tuple(x[part] for part in parts), tuple(y[part] for part in parts), classes)


def looked_at(length: int) -> list[int]:
    """Steps or epochs with a checkpoint, evenly spaced in the logarithm."""
    return np.unique(np.geomspace(1, length, CHECKPOINTS).astype(int)).tolist()


def logistic(found: Data, steps: int, rate: float) -> Iterator[tuple[Array, ...]]:
    """Full-batch gradient descent from zero; logits of the three parts at steps evenly spaced in the log."""
    x, y = found.x[0], np.eye(found.classes)[found.y[0]]
    w, b = np.zeros((x.shape[1], found.classes)), np.zeros(found.classes)
    wanted = set(looked_at(steps))
    for step in range(1, steps + 1):
        z = x @ w + b
        p = np.exp(z - z.max(axis=1, keepdims=True))
        error = p / p.sum(axis=1, keepdims=True) - y
        w -= rate * x.T @ error / len(x)
        b -= rate * error.mean(axis=0)
        if step in wanted:
            yield tuple(part @ w + b for part in found.x)


def mlp(found: Data, epochs: int, seed: int) -> Iterator[tuple[Array, ...]]:
    """Two hidden layers of 128 ReLU, Adam, no regularisation; logits of the three parts."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((128, 128), alpha=0.0, batch_size=BATCH, random_state=seed)
    wanted = set(looked_at(epochs))
    for epoch in range(1, epochs + 1):
        model.partial_fit(found.x[0], found.y[0], classes=np.arange(found.classes))
        if epoch in wanted:
            yield tuple(_logits(model.coefs_, model.intercepts_, part) for part in found.x)


def _logits(weights: list[Array], biases: list[Array], x: Array) -> Array:
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = np.maximum(x @ weight + bias, 0.0)
    z = x @ weights[-1] + biases[-1]
    return z[:, 0] if z.shape[1] == 1 else z


RUNS = {  # data, label noise, steps or epochs; the reference's share of the rise that is scale
    "cancer, logistic": ("breast_cancer", 0.0, 20_000, "0.79 [0.66..1.02]"),
    "cancer, MLP": ("breast_cancer", 0.0, 500, "0.97 [0.81..1.07]"),
    "digits, MLP": ("digits", 0.0, 300, "1.05 [0.94..1.16]"),
    "digits + 10 % noise, MLP": ("digits", 0.1, 300, "0.91 [0.84..0.94]"),
    "digits + 10 % noise, logistic": ("digits", 0.1, 5_000, "0.32 [-0.16..0.50]"),
    "wine + 10 % noise, MLP": ("wine", 0.1, 500, "0.89 [0.56..1.00]"),
    "digits, logistic": ("digits", 0.0, 5_000, "no rise"),
}
RATES = {
    "digits": 0.05,
    "breast_cancer": 0.5,
}  # of logistic regression, and rows an MLP sees a step: the
BATCH = (
    32  # reference does not give its own; with these the temperatures at the end are near its own
)


def run(name: str, seed: int) -> tuple[RunView, RunView]:
    """The run judged on its validation rows, and on its training rows."""
    source, noise, length, _ = RUNS[name]
    found = data(source, noise, seed)
    made = list(
        mlp(found, length, seed) if name.endswith("MLP") else logistic(found, length, RATES[source])
    )
    held_out = run_view([z[1] for z in made], found.y[1])
    return held_out, run_view([z[0] for z in made], found.y[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--only", default="", help="runs whose name contains this")
    options = parser.parse_args()
    print(
        f"{'run':<31}{'rise [nat]':>24}{'scale share':>24}{'reference':>20}{'train scale':>22}{'T':>6}"
        "  0 in R"
    )
    for name, (*_, reference) in RUNS.items():
        if options.only in name:
            report(name, reference, [run(name, seed) for seed in range(options.seeds)])


def report(name: str, reference: str, views: list[tuple[RunView, RunView]]) -> None:
    """One line of figures, one of words."""
    since = [held.since_loss for held, _ in views if held.since_loss is not None]
    rise = _spread([s.loss.difference for s in since])
    share = _spread([s.scale.difference / s.loss.difference for s in since])
    splits = [train.all_right.split for _, train in views if train.all_right is not None]
    trained = _spread([split.scale.difference / split.difference for split in splits])
    temperature = np.median([held.epochs[-1].temperature or np.nan for held, _ in views])
    inside = sum(s.refinement.interval[0] <= 0.0 <= s.refinement.interval[1] for s in since)
    print(
        f"{name:<31}{rise:>24}{share:>24}{reference:>20}{trained:>22}{temperature:>6.2f}"
        f"  {inside} of {len(since)}"
    )
    for word, times in Counter(held.phase for held, _ in views).most_common():
        print(f"    {times} x {word}")


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    return f"{np.median(values):.3f} [{min(values):.3f}..{max(values):.3f}]"


if __name__ == "__main__":
    main()
