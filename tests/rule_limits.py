"""For each limit of each rule: quantities by hand that differ in that one number only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.inputs import Input, Target
from clinometer.diagnosis.ledger import Line
from clinometer.diagnosis.linearity import Pair
from clinometer.diagnosis.output import Output, Softmax
from clinometer.diagnosis.progress import Progress
from clinometer.diagnosis.quantities import Activations, Quantities
from clinometer.diagnosis.updates import Update
from clinometer.diagnosis.validation import Validation
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.columns import COLUMNS, LAGS, STEP, names
from clinometer.records.evaluation import KEPT, SINGLES, Change, Evaluation
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.stats.running_fit import RunningFit
from made import recording

MANY = 10  # observations of the recording made by hand
Given = Callable[[float], Mapping[str, Any]]


class Quantity(dict[str, Any]):
    """Quantities by name; those not given are those of a run that is stuck."""

    def __missing__(self, name: str) -> Any:
        return {"state": "stuck", "symptom": "error", "suspect": "error", "fault": "error"}.get(
            name
        ) or Quantities(recording())[name]


@dataclass(frozen=True)
class Limit:
    """One limit: on which side of it the rule speaks.

    Attributes
    ----------
    code, name : the rule and the limit
    at : the limit itself, for one that is no number of the rule's: where the answer changes
    speaks : ">=", ">", "<=" or "<" the limit
    given : quantities in which the number is so large
    severity : what is looked for, where the limit decides on the gravity alone
    """

    code: str
    name: str
    at: float
    speaks: str
    given: Given
    severity: str | None = None

    @property
    def sides(self) -> tuple[float, float]:
        """(just on the innocent side, just on the guilty one): a hundredth, or one of a count."""
        near = 1e-2 * abs(self.at)
        innocent, guilty = self.at - near, self.at + near
        if self.whole:  # a count meets its limit exactly
            innocent, guilty = {
                ">=": (self.at - 1, self.at), ">": (self.at, self.at + 1),
                "<=": (self.at, self.at + 1), "<": (self.at - 1, self.at),
            }[self.speaks]  # fmt: skip
        return (innocent, guilty) if self.speaks[0] == ">" else (guilty, innocent)

    @property
    def whole(self) -> bool:
        return self.name in {"keys", "window", "values", "passes", "units"}


def many(value: float) -> np.ndarray:
    return np.full(MANY, float(value))


def column(value: float) -> np.ndarray:
    return np.full((MANY, 1), float(value))


LATE = np.arange(MANY) >= 7


# -- what rules read ---------------------------------------------------------------------------------


def activations(kind: str = "tanh", output: bool = False, **changed: float) -> dict[str, Any]:
    """One activation module; by default it bends, lives and passes gradient on."""
    table = {"saturated": 0.0, "gain": -0.1, "units": 64, "dead": 0.0, "window": 1000.0} | changed
    columns = {name: column(value) for name, value in table.items()}
    return {"activations": Activations(("a",), (kind,), (output,), **columns), "late": LATE}


def line(arriving: float, total: float = -3.0) -> Line:
    """The ledger's line of one weight, all of whose signal is lost or won in weights."""
    return Line(
        layer="a", factors={"weight": many(arriving)}, total=many(total), steps={"b": many(arriving)},
        roles={"b": "weight"}, arriving=many(arriving), kind="Linear", parameter="a.weight",
    )  # fmt: skip


def course(learned: float = 0.0, level: float = 1.0) -> Course:
    """The course of a loss that is known without noise."""
    fields = {
        "first": level, "last": level * (1 - learned), "error": 0.0, "scatter": 0.0,
        "no_information": level, "named": "ln K", "falling": False, "right": None,
        "bad_step": None, "steps": 200, "guess": None, "judged": 0.0,
    }  # fmt: skip
    return Course(**{name: fields[name] for name in Course.__dataclass_fields__})


def update(**changed: Any) -> Update:
    """The steps of one matrix of usual size: a thousandth of it, none of them lost."""
    fields: dict[str, Any] = {
        "name": "a.weight", "layer": "a", "shape": (8, 8), "dtype": "bfloat16",
        "ratio": many(1e-3), "stored": many(3e-4),
        "intended": many(1e-3), "lost": many(0), "gain": many(-1), "floored": many(0),
        "gradient": many(1), "rate": many(0.1), "first": 0.3,
    }  # fmt: skip
    return Update(**fields | changed)


def parameter(**changed: Any) -> Parameter:
    """A weight that is trained as it should be."""
    fields: dict[str, Any] = {
        "name": "a.weight", "layer": "a", "shape": (8, 8), "dtype": "float32", "trainable": True,
        "was_trainable": True, "owned": True, "was_owned": True, "received": True, "zero": False,
        "called": True, "ran": True, "moved": True, "untrained": True, "seen": 5,
    }  # fmt: skip
    return Parameter(**fields | changed)


def with_column(kind: str, name: str, value: Any, whole: Recording | None = None) -> Recording:
    """A recording in which one column has this value everywhere."""
    whole = whole or recording()
    table = whole.rows[kind].copy()
    table[:, :, names(kind).index(name)] = value
    return replace(whole, rows={**whole.rows, kind: table})


def with_site(kind: str, facts: Mapping[str, Any], **values: float) -> Recording:
    """A recording with one more site of a kind, whose columns have these values throughout."""
    whole = recording()
    row = np.full((len(whole.observed), 1, len(COLUMNS[kind])), np.nan, np.float32)
    for name, value in ({"seen": 1.0} | values).items():
        row[:, :, names(kind).index(name)] = value
    table = np.concatenate([whole.rows[kind], row], axis=1)
    sites = (*whole.sites, Site(len(whole.sites), kind, "more", dict(facts)))
    return replace(whole, sites=sites, rows={**whole.rows, kind: table})


def with_scalars(**changed: np.ndarray | float) -> Recording:
    """A recording with other scalars of every step."""
    whole = recording()
    new = {name: np.broadcast_to(value, whole.step.shape) for name, value in changed.items()}
    assert set(new) <= {c.name for c in STEP}
    return replace(whole, scalars={**whole.scalars, **new})


def first_share(value: float) -> np.ndarray:
    """bool (200,): the first so many of a hundred steps, over and over."""
    return (np.arange(200) % 100 >= 100 - round(100 * value)).astype(np.float64)


# -- quantities by limit -----------------------------------------------------------------------------


def attention(attended: float = 1.2, keys: float = 8) -> dict[str, Any]:
    entropy = math.log(attended)
    made = with_site("attention", {}, keys=keys, entropy=entropy, largest_logit=50.0)
    return {"recording": made, "late": LATE}


def softmax(gain: float) -> dict[str, Any]:
    """A softmax over 10 keys inside the network; its gain against a uniform one's [decades]."""
    facts = {"class": "Softmax", "size": 10, "role": "attention"}
    made = with_site("call", facts, grad_out_rms=1.0, grad_in_rms=10.0 ** (gain - 1))
    return {"recording": made, "late": LATE}


def alike(spacings: float) -> dict[str, Any]:
    return {"recording": with_column("parameter", "row_spread", spacings * 2.0**-24)}


def through_time(gain: float) -> dict[str, Any]:
    lags = {f"lag_{lag}": 1.0 if lag == 0 else 10.0**gain for lag in LAGS[:5]}
    made = with_site("recurrence", {}, length=9, **lags)
    cell = Site(len(made.sites), "call", "more", {"class": "RNN", "role": "recurrent"})
    table = np.concatenate([made.rows["call"], made.rows["call"][:, :1]], axis=1)
    return {
        "recording": replace(made, sites=(*made.sites, cell), rows={**made.rows, "call": table})
    }


def entering(**changed: float) -> dict[str, Any]:
    fields = {
        "features": 8.0, "examples": 64.0, "offset": 0.0, "spread": 1.0, "largest": 1.0,
        "middle": 1.0, "constant": 0.0,
    }  # fmt: skip
    return {"inputs": [Input("a", False, **fields | changed)]}


def beginning(scale: float = 5.0, gain: float = 0.0, logits: float = 1.0) -> dict[str, Any]:
    """Weights so many times the largest usual size, and what becomes of the first signal."""
    made = recording()
    outputs = [site.facts.get("output", False) for site in made.of_kind("call")]
    table = made.rows["call"].copy()
    table[:, outputs, names("call").index("out_rms")] = logits
    largest = math.sqrt(2 / 8)  # He's, of 8 inputs
    return {
        "recording": replace(made, rows={**made.rows, "call": table}),
        "lines": [line(gain)], "updates": [update(first=scale * largest)], "saturated_at_start": [],
    }  # fmt: skip


def shrunk(share: float) -> dict[str, Any]:
    """As `beginning`, with weights so many times the smallest usual size."""
    made = beginning(gain=-5.0)
    return made | {"updates": [update(first=share * math.sqrt(1 / 24))]}


def stepping(**changed: Any) -> dict[str, Any]:
    given = {"updates": [update(**changed)], "late": LATE, "saturated_at_start": []}
    return given | {"course": course(), "motion": {"a.weight": 1.0}}


def travelled(distance: float, rate: float = 1.0) -> dict[str, Any]:
    """One matrix that got so far in 200 steps, and how much of its rate the second half had left."""
    left = np.where(np.arange(200) < 100, 1.0, rate)
    motion = {"a.weight": distance * math.sqrt(200)}
    return stepping() | {"motion": motion, "recording": with_scalars(lr=left)}


def underflowing(share: float) -> dict[str, Any]:
    facts = {"class": "Linear", "gradient_dtype": "float16"}
    return {"recording": with_site("call", facts, underflow=share, grad_out_rms=1.0), "late": LATE}


def left_over(share: float) -> dict[str, Any]:
    """So many of a thousand parameters found an old gradient, in every observation."""
    made = recording()
    sites = tuple(s for s in made.sites if s.kind != "parameter")
    more = tuple(Site(100 + i, "parameter", f"p{i}", {}) for i in range(1000))
    table = np.full((MANY, 1000, len(COLUMNS["parameter"])), np.nan, np.float32)
    table[:, :, names("parameter").index("owned")] = 1
    table[:, :, names("parameter").index("left_over")] = np.arange(1000) < round(1000 * share)
    return {"recording": replace(made, sites=sites + more, rows={**made.rows, "parameter": table})}


def pooled(values: float) -> dict[str, Any]:
    return {
        "recording": with_site("call", {"class": "LayerNorm", "pooled": int(values)}, training=1)
    }


def evaluating(share: float) -> dict[str, Any]:
    """Batch normalisation in evaluation mode for the last so many of 1000 observations."""
    made = recording(steps=1000, every=1)
    table = made.rows["call"].copy()
    late = np.arange(1000) >= 1000 - round(1000 * share)
    table[:, :, names("call").index("training")] = ~late[:, None]
    sites = tuple(
        replace(s, facts={**s.facts, "class": "BatchNorm1d"}) if s.kind == "call" else s
        for s in made.sites
    )
    return {"recording": replace(made, sites=sites, rows={**made.rows, "call": table})}


def passes(count: float) -> dict[str, Any]:
    """An optimizer exists, backward was called so often, and nothing was stepped."""
    made = recording(steps=int(count), every=1)
    made = replace(made, meta={**made.meta, "optimizers": 1, "stepped": 0})
    return {"recording": made, "wiring": [parameter(moved=False)]}


def over_units(size: float) -> dict[str, Any]:
    output = Output("a", ("softmax", "nll"), (Softmax(1, 2, int(size)),), ("", ""))
    return {"outputs": [output], "recording": recording(), "fault": "error"}


def spiked(height: float = 10.0, after: float = 0.9, base: float = 0.4) -> dict[str, Any]:
    """One spike so many times the loss to beat, 1, and the loss after it; before it was `base`."""
    losses = np.where(np.arange(200) < 100, base, after)
    losses = losses * (1 + 0.001 * np.cos(np.arange(200)))
    losses[100] = height
    whole = recording(losses=losses)
    return {"recording": whole, "course": course(0.1), "state": "learning"}


def scattered(deviations: float) -> dict[str, Any]:
    """A spike so many deviations of the log loss above neighbours of 1.2 or 1 / 1.2; it is high enough."""
    step = 0.1
    logs = step * np.where(np.arange(200) % 2, 1.0, -1.0)
    logs[::7] = 0.0
    logs[100] = deviations * 1.4826 * step
    losses = np.exp(logs)
    known = course(0.1, level=float(losses[100]) / 3)
    return {"recording": recording(losses=losses), "course": known, "state": "learning"}


def costing(seconds: float) -> dict[str, Any]:
    """Recording cost so many seconds of a run of 100, without doubt, beside a budget of nothing."""
    share = seconds / 100
    cost = {
        "budget": 1e-9, "interval": [share, share], "seconds": seconds, "measured": share,
        "observations": 10,
    }  # fmt: skip
    made = recording()
    return {"recording": replace(made, meta={**made.meta, "overhead": cost})}


def growing(share: float) -> dict[str, Any]:
    """All training rows are right, and so much of what the loss gains in each step is scale."""
    made = with_column("loss", "right", 1.0, recording(every=10))
    falls = np.full(len(made.observed), -1e-3)
    return {"recording": made, "progress": Progress(falls, {"a": share * falls})}


def fit(**changed: Any) -> RunningFit:
    """Of a million rows, half of them right; calibrated, unless it is changed."""
    fields: dict[str, Any] = {
        "status": "finite", "rows": 10**6, "effective": 1e6, "loss": 1.0, "refinement": 1.0,
        "scale": 0.0, "temperature": 1.0, "beta": 1.0, "interval": (0.99, 1.01), "range": (0.25, 4.0),
        "elsewhere": None, "optimism": 0.0, "loss_error": 0.0, "accuracy": 0.5, "confidence": 0.5,
        "error": 0.5, "wrong": 0.5, "ece": 0.0, "not_finite": 0, "beyond": 0,
    }  # fmt: skip
    return RunningFit(**fields | changed)


def evaluated(
    found: RunningFit, change: Change | None = None, level: float = 1.0
) -> dict[str, Any]:
    """The latest evaluation pass, half of whose rows have the most frequent label; ln K is `level`."""
    sums = dict.fromkeys(range(KEPT), 0.0)
    sums[SINGLES.index("weight")], sums[SINGLES.index("uniform")] = 1.0, level
    one = Evaluation(
        200, "cross_entropy", found.rows, found.rows / 2, tuple(sums.values()), 1.0, change
    )
    one.__dict__["fit"] = found
    return {"validation": Validation((one,)), "state": "learned", "recording": recording()}


def costing_scale(share: float, temperature: float, level: float = 1.0) -> dict[str, Any]:
    near = (0.99 * temperature, 1.01 * temperature)
    found = fit(loss=1 + share, temperature=temperature, interval=near)
    return evaluated(found, level=level)


def risen(share: float, lost: bool, level: float = 1.0) -> dict[str, Any]:
    """An evaluation loss that rose by a share of the refinement, which rose with it or did not."""
    change = Change(100, share, 0.0, share if lost else 0.0, 0.0, 100, 0.0, 0.0)
    found = fit(refinement=1 + share if lost else 1.0, temperature=2.0)
    return evaluated(found, change, level)


LIMITS = (
    Limit("CONF101", "scale", 0.5, ">=", growing),
    Limit("CONF102", "scale", 0.9, ">=", growing),
    Limit("CONF201", "cost", 0.01, ">=", lambda x: costing_scale(x, 2.0)),
    Limit("CONF201", "grave", 0.5, ">=", lambda x: costing_scale(x, 2.0), "warning"),
    Limit("CONF201", "learnable", 0.05, ">=", lambda x: costing_scale(1.0, 2.0, 1 / x), "warning"),
    Limit("CONF202", "learnable", 0.05, ">=", lambda x: costing_scale(1.0, 0.5, 1 / x), "warning"),
    Limit("CONF202", "cost", 0.01, ">=", lambda x: costing_scale(x, 0.5)),
    Limit("CONF202", "grave", 0.5, ">=", lambda x: costing_scale(x, 0.5), "warning"),
    Limit("CONF204", "sure", 0.5, ">=", lambda x: evaluated(fit(confidence=0.5 + 0.5 * x))),
    Limit("CONF301", "risen", 0.01, ">=", lambda x: risen(x, lost=False)),
    Limit("CONF301", "lost", 0.1, ">=", lambda x: risen(x, lost=True), "warning"),
    Limit("CONF301", "learnable", 0.01, ">=", lambda x: risen(1.0, True, 1 / x), "warning"),
    Limit("FLOW101", "saturated", 0.5, ">=", lambda x: activations(saturated=x, gain=-3.0)),
    Limit("FLOW102", "dead", 0.5, ">=", lambda x: activations("relu", dead=x)),
    Limit("FLOW102", "window", 100, ">=", lambda x: activations("relu", dead=0.6, window=x)),
    Limit(
        "FLOW102", "most", 0.9, ">=",
        lambda x: activations("relu", dead=x) | {"state": "learning", "symptom": "note"}, "warning",
    ),
    Limit("FLOW103", "attended", 2.0, "<", lambda x: attention(attended=x)),
    Limit("FLOW103", "keys", 4, ">=", lambda x: attention(keys=x)),
    Limit("FLOW103", "gain", -2.0, "<=", softmax),
    Limit(
        "FLOW104", "gain", -2.0, "<=",
        lambda x: activations("sigmoid", True, gain=x) | {"course": course(), "outputs": []},
    ),
    Limit(
        "FLOW104", "learned", 0.01, "<",
        lambda x: activations("sigmoid", True, gain=-3) | {"course": course(x), "outputs": []},
    ),
    Limit("FLOW201", "gain", -2.0, "<=", lambda x: {"lines": [line(x)], "late": LATE}),
    Limit("FLOW202", "gain", 2.0, ">=", lambda x: {"lines": [line(x, total=0.5)], "late": LATE}),
    Limit(
        "FLOW202", "update_ratio", 1.0, ">=",
        lambda x: beginning() | {"lines": [line(3.0, total=math.log10(x))], "state": "undecided"},
        "error",
    ),
    Limit(
        "FLOW202", "logits", 10.0, ">=",
        lambda x: beginning(gain=3.0, logits=x) | {"state": "undecided"}, "error",
    ),
    Limit("FLOW203", "spacings", 4.0, "<=", alike),
    Limit("FLOW204", "gain", -2.0, "<=", through_time),
    Limit("FLOW205", "rms", 10.0, ">=", lambda x: entering(largest=x)),
    Limit("FLOW205", "rms", 10.0, ">=", lambda x: entering(offset=x, spread=0.0)),
    Limit("FLOW205", "small", 0.01, "<=", lambda x: entering(spread=x, largest=x)),
    Limit("FLOW206", "scale", 4.0, ">=", lambda x: beginning(scale=x, gain=5.0)),
    Limit("FLOW206", "scale", 0.25, "<", shrunk),
    Limit("FLOW206", "gain", 2.0, ">=", lambda x: beginning(gain=x)),
    Limit("FLOW206", "gain", -2.0, "<=", lambda x: beginning(gain=x)),
    Limit("FLOW206", "logits", 10.0, ">=", lambda x: beginning(logits=x)),
    Limit(
        "FLOW208", "rms", 10.0, ">=",
        lambda x: {"targets": [Target("mse", x, x, 1.0, 64)], "course": course()},
    ),
    Limit(
        "FLOW208", "learned", 0.01, "<",
        lambda x: {
            "targets": [Target("mse", 99, 99, 1.0, 64)], "course": course(x), "suspect": "note",
        },
        "error",
    ),
    Limit("FLOW301", "lost", 0.5, ">=", lambda x: stepping(lost=many(x))),
    Limit("FLOW302", "distance", 0.01, "<", travelled),
    Limit("FLOW302", "rate", 0.01, "<", lambda x: travelled(1.0, rate=x)),
    Limit(
        "FLOW303", "once", 1.0, ">=",
        lambda x: stepping(ratio=np.where(np.arange(MANY) == 2, x, 1e-3)),
    ),
    Limit("FLOW303", "late", 0.1, ">=", lambda x: stepping(ratio=np.where(LATE, x, 1e-3))),
    Limit(
        "FLOW304", "skipped", 0.1, ">",
        lambda x: {
            "recording": with_scalars(
                skipped=np.arange(200) >= 200 - round(50 * x + (0.5 if x > 0.1 else -0.5)), scale=8.0
            )
        },
    ),
    Limit("FLOW304", "scale", 1.0, "<", lambda x: {"recording": with_scalars(skipped=0.0, scale=x)}),
    Limit("FLOW305", "share", 0.5, ">=", underflowing),
    Limit("FLOW403", "share", 0.5, ">", left_over),
    Limit("FLOW405", "values", 2, "<=", pooled),
    Limit("FLOW405", "evaluating", 0.5, ">", evaluating),
    Limit("FLOW406", "passes", 2, ">=", passes),
    Limit("FLOW407", "units", 1, "<=", over_units),
    Limit("FLOW503", "height", 2.0, ">", lambda x: spiked(height=x)),
    Limit("FLOW503", "deviations", 8.0, ">", scattered),
    Limit("FLOW503", "extreme", 100.0, ">", lambda x: spiked(height=x, after=0.4), "warning"),
    Limit("FLOW503", "undone", 0.5, ">=", lambda x: spiked(after=0.4 + 0.6 * x), "warning"),
    Limit("RUN103", "allowance_s", 0.3, ">", costing),
)  # fmt: skip


# -- rules without a number: a fact that is there, or not --------------------------------------------

TWO = recording(steps=200)


def claiming(error: float) -> Recording:
    """All training rows are right, and the network claims this error."""
    return with_column("loss", "claimed_error", error, with_column("loss", "right", 1.0))


def following(*words: str) -> dict[str, Any]:
    return {"outputs": [Output("a", words, (), ("",) * len(words))], "course": course()}


def pair(bends: bool) -> dict[str, Any]:
    return {"linear": ([Pair("a", "b", False, False)], 2, bends)}


FACTS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    # code: (the fact is not there, it is)
    "CONF203": (
        {"recording": claiming(0.1)},
        {"recording": claiming(1e-6)},
    ),
    "FLOW207": (pair(True), pair(False)),
    "FLOW401": (
        {"wiring": [parameter(), parameter(name="b.weight", layer="b", moved=True, was_owned=False)]},
        {"wiring": [parameter(), parameter(name="b.weight", layer="b", moved=False, owned=False,
                                           was_owned=False)]},
    ),
    "FLOW402": (
        {"wiring": [parameter(received=True)]},
        {"wiring": [parameter(received=False, zero=None)]},
    ),
    "FLOW404": (following("log_softmax", "nll"), following("softmax", "log_softmax", "nll")),
    "FLOW408": (
        {"wiring": [parameter(trainable=False, was_trainable=False, owned=False, moved=False)]},
        {"wiring": [parameter(trainable=False, was_trainable=False, owned=True, moved=False)]},
    ),
    "FLOW501": (
        {"recording": with_column("call", "nonfinite_out", 0.0), "course": course()},
        {"recording": with_column("call", "nonfinite_out", 1.0), "course": course()},
    ),
    "FLOW502": (
        {"course": course(0.011), "state": "undecided"},
        {"course": course(0.009), "state": "stuck"},
    ),
    "RUN101": ({"recording": TWO}, {"recording": replace(TWO, observed=TWO.observed[:0])}),
    "RUN102": ({"recording": TWO}, {"recording": replace(TWO, ended="killed")}),
}  # fmt: skip
