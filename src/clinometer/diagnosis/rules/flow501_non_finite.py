"""Non-finite numbers: where NaN or Inf was made first, told from where it only passed through.

Sees      NaN and Inf in outputs, gradients, weights or the loss. The producer is the first layer,
          in order of execution, whose output is bad though its input is good; backwards the one
          nearest to the loss; a bad weight leads over both.
Matters   After one optimizer step every weight that such a gradient reaches is lost.
Not this  A step that a loss scaler skips: it never becomes an optimizer step. Infinities that reach neither
          the loss nor the gradient of a weight, such as those of an attention mask (a note).
Limits    none: one non-finite element is a fact.
Source    IEEE 754-2019, section 6; Goldberg (1991), ACM Computing Surveys 23(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.records.recording import Bool, Event, Recording

RULE = Rule(
    code="FLOW501",
    name="non-finite",
    reads=("recording", "course"),
    limits={},
    remedies=(
        "guard-root",
        "lower-rate",
        "clip-gradient",
        "loss-scaling",
        "logits-with-matching-loss",
    ),
    blame=9,
    explains=("FLOW304", "FLOW503", "FLOW502"),
)
MADE = "first made by "  # what the recorder says of the operation that made the first NaN or Inf
HELD = " itself holds "  # the same of a weight that was bad before the forward pass
LOOKS = (
    ("parameter", "nonfinite_weight", None, "non-finite weight", "stored a weight of NaN or Inf"),
    (
        "call",
        "nonfinite_out",
        "nonfinite_in",
        "non-finite output",
        "made NaN or Inf of finite input",
    ),
    ("call", "nonfinite_grad", None, "non-finite gradient", "received a gradient of NaN or Inf"),
    ("parameter", "nonfinite_grad", None, "non-finite gradient", "got a gradient of NaN or Inf"),
)  # kind, column that counts, column that must be clean, cause, what the site did


@RULE.check
def check(recording: Recording, course: Course, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield the first producer that was observed, or the loss where only that was seen."""
    bad = _bad(recording, LOOKS)
    harmful = _harmful(recording, course, bad)
    harmed = bool(harmful.any()) or course.bad_step is not None
    first = _first(bad & harmful if harmed else bad)
    if first is None and course.bad_step is None:
        return
    told = next((event for event in recording.events if MADE in event.text), None)
    if told is not None and _knows_best(recording, told, first):
        yield _examined(told)
        return
    held = _written_before(recording, course, first)
    if held is not None:
        yield _written(held)
        return
    if first is None:
        yield _loss_only(recording, course)
        return
    order = (1, 2, 3, 0) if _weights_were_good(recording, first) else (0, 1, 2, 3)
    for look in order:
        site = _producer(recording, first, *LOOKS[look][:3])
        if site is not None:
            yield _seen(recording, first, look, site, harmed)
            return
    if course.bad_step is not None:
        yield _loss_only(recording, course)


def _seen(
    recording: Recording, first: int, look: int, site: tuple[str, float], harmed: bool
) -> Sign:
    _, counted, _, cause, did = LOOKS[look]
    step, (name, count) = int(recording.observed[first]), site
    before = recording.observed[recording.observed < step]
    since = f"; the last observation before it, at step {before[-1]}, was clean" if first else ""
    if not harmed:
        since = "; none of it reaches the loss or a weight"
    elif len(before) and np.any(_bad(recording, LOOKS)[:first]):
        since = "; what was not finite before it reached neither the loss nor a weight"
    return Sign(
        layer=name,
        cause=cause,
        size=float("inf"),
        evidence=(Evidence(counted, count, 0.0, "elements", 1),),
        explanation=f"At step {step} layer {name} {did} ({count:.0f} elements){since}.",
        severity="error" if harmed else "note",
    )


def _knows_best(recording: Recording, told: Event, first: int | None) -> bool:
    """Whether the look through the graph came before any observation that names a layer."""
    if first is None or told.step < recording.observed[first]:
        return True
    maker = _producer(recording, first, *LOOKS[1][:3])
    return told.step == recording.observed[first] and maker is None


def _examined(event: Event) -> Sign:
    """The graph of the first bad loss was looked through when it came."""
    where = event.text.partition(MADE)[2]
    place = re.search(r"(?:after|before) (\S+?)(?:\.weight|\.bias)?(?:,|$)", where)
    return Sign(
        layer=place[1] if place else "",
        cause="non-finite output",
        size=float("inf"),
        evidence=(Evidence("first non-finite loss, step", float(event.step), None, "", 1),),
        explanation=f"At step {event.step} {event.text}.",
        severity="error",
    )


def _written_before(recording: Recording, course: Course, first: int | None) -> Event | None:
    """The look through the first bad loss, where it found a bad weight and the loss before was finite."""
    held = next((event for event in recording.events if HELD in event.text), None)
    if held is None or held.step != course.bad_step:
        return None
    if first is not None and recording.observed[first] < held.step:
        return None  # an observation came before it
    before = recording.scalars["loss"][recording.step == held.step - 1]
    return held if len(before) and np.isfinite(before).all() else None


def _written(held: Event) -> Sign:
    """What wrote the bad weight lies between the finite loss of one step and the forward pass of the next."""
    weight = held.text.partition(HELD)[0].rpartition(" ")[2]
    return Sign(
        layer="",
        cause="non-finite gradient",
        size=float("inf"),
        evidence=(Evidence("first non-finite loss, step", float(held.step), None, "", 1),),
        explanation=(
            f"The loss of step {held.step - 1} was finite, and {weight} held NaN or Inf before the forward "
            f"pass of step {held.step}: the gradient or the update of step {held.step - 1} was not finite. "
            "A slope without a bound makes that of finite numbers: a root or a norm of exactly 0, or 0 "
            "times infinity behind a torch.where."
        ),
        severity="error",
    )


def _bad(recording: Recording, looks: Sequence[tuple[str, str, str | None, str, str]]) -> Bool:
    """bool (observations,): whether something was not finite, in a step that was taken."""
    bad = np.zeros(len(recording.observed), dtype=bool)
    for kind, column, *_ in looks:
        if recording.of_kind(kind):
            bad |= np.nansum(recording.column(kind, column), axis=1) > 0
    return bad & ~_skipped(recording)


def _harmful(recording: Recording, course: Course, bad: Bool) -> Bool:
    """bool (observations,): whether it reached the loss, a weight or the gradient of one."""
    if not recording.of_kind("parameter"):
        return bad
    reached = _bad(recording, [look for look in LOOKS if look[0] == "parameter"])
    if course.bad_step is not None:
        reached |= recording.observed >= course.bad_step
    return reached


def _first(which: Bool) -> int | None:
    found = np.flatnonzero(which)
    return int(found[0]) if len(found) else None


def _skipped(recording: Recording) -> Bool:
    """Observations of steps that a loss scaler left out."""
    skipped = recording.step[recording.scalars["skipped"] == 1]
    return np.asarray(np.isin(recording.observed, skipped))


def _weights_were_good(recording: Recording, first: int) -> bool:
    """Weights are recorded after the step: bad ones beside a bad output came of it, not before."""
    outputs = np.nansum(recording.column("call", "nonfinite_out")[first])
    gradients = np.nansum(recording.column("parameter", "nonfinite_grad")[first])
    return bool(outputs + gradients > 0)


def _producer(
    recording: Recording, observation: int, kind: str, counted: str, clean: str | None
) -> tuple[str, float] | None:
    sites = recording.of_kind(kind)
    if not sites:
        return None
    bad = _unusual(recording, observation, kind, counted)
    if clean is not None:
        bad &= ~_unusual(recording, observation, kind, clean)
    places = np.flatnonzero(bad)
    if not len(places):
        return None
    place = places[-1] if counted == "nonfinite_grad" and kind == "call" else places[0]
    return sites[place].name, float(recording.column(kind, counted)[observation, place])


def _unusual(recording: Recording, observation: int, kind: str, counted: str) -> Bool:
    """bool (sites,): whether it is not finite in an observation, and was in no taken step before."""
    bad = recording.column(kind, counted) > 0
    usual = bad[:observation][~_skipped(recording)[:observation]].any(axis=0)
    return np.asarray(bad[observation] & ~usual)


def _loss_only(recording: Recording, course: Course) -> Sign:
    before = recording.observed[recording.observed < (course.bad_step or 0)]
    seen = f"step {before[-1]}" if len(before) else "none before it"
    return Sign(
        layer="",
        cause="non-finite loss",
        size=float("inf"),
        evidence=(
            Evidence("first non-finite loss, step", float(course.bad_step or 0), None, "", 1),
        ),
        explanation=(
            f"The loss is NaN or infinite from step {course.bad_step} on. No observation caught the "
            f"layer that made it (the last one: {seen}); record again with --every 1."
        ),
        severity="error",
    )
