"""Scale-only progress: the loss falls, and nearly all of it is the weights growing in place.

Sees      In the second half of the run the loss falls, and at least nine tenths of that are the growth of
          the linear and convolution layers along their own direction.
Matters   The network is becoming surer of what it says already, right or wrong.
Not this  Layers that turn as they grow; layers before a normalisation, whose growth changes nothing.
Limits    scale: nine tenths, three standard errors sure. Of sampled elements the share is known to 0.03.
Source    Euler's identity for the last layer; Soudry et al. (2018), JMLR 19(70).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.margins import BLOCKS, MOSTLY
from clinometer.diagnosis.progress import Progress
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="CONF102",
    name="scale-only-progress",
    reads=("recording", "progress"),
    limits={"scale": MOSTLY},
    remedies=("weight-decay", "smooth-labels"),
    blame=81,
)


@RULE.check
def check(recording: Recording, progress: Progress, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where the progress of the second half is scale alone."""
    share = progress.share(np.asarray(recording.observed >= recording.steps / 2))
    if share is None:
        raise NotJudged(f"fewer than {BLOCKS} steps of the second half of the run were observed")
    if not share.progresses or share.least < limits["scale"]:
        return
    yield Sign(
        layer="",
        cause="scale",
        size=share.scale,
        evidence=(Evidence("scale", share.scale, limits["scale"], "of the progress", share.n),),
        explanation=(
            f"{share.scale:.0%} (standard error {share.error:.0%}) of what the loss gained in the second "
            "half of the run is scale: the layers grow along their own direction and do not turn."
        ),
        severity="note",
    )
