"""What is known of one recording that is shown, and its row in the list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clinometer.diagnosis.json_rows import number
from clinometer.live.envelope import Envelope
from clinometer.live.folder import Mark, Signature
from clinometer.live.tail import Fresh, ended

MOST_TEXT = 1000  # characters of a text that a file holds: more is not read in a list


@dataclass
class Run:
    """One recording; only the keeper changes it.

    Attributes
    ----------
    version : of what is shown of it; grows with every change, over all runs
    looked, judged : signatures of the file when it was last looked at and judged
    problem : why it cannot be read, or ""
    sheets : how often it was judged: the page asks again when this grows
    has_sheet : whether a sheet was made when it was judged last
    cost_s, judged_at : how long judging took [s], and when it ended (monotonic clock)
    row : for the list
    """

    mark: Mark
    version: int = 0
    looked: Signature | None = None
    judged: Signature | None = None
    fresh: Fresh = field(default_factory=Fresh)
    envelope: Envelope = field(default_factory=Envelope)
    ended: str = ""
    problem: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    sheets: int = 0
    has_sheet: bool = False
    row: dict[str, Any] = field(default_factory=dict)
    cost_s: float = 0.0
    judged_at: float = 0.0

    def take(self, fresh: Fresh) -> None:
        """Keep what a look found."""
        self.fresh, self.problem = fresh, ""
        self.envelope = self.envelope.added(fresh.step, fresh.loss)
        self.ended = fresh.ended

    def is_other(self, fresh: Fresh) -> bool:
        """Whether the file holds another run than the one that was there before."""
        known, now = self.fresh.meta, fresh.meta
        return bool(known) and any(
            known.get(name) != now.get(name) for name in ("started", "process")
        )

    def restart(self) -> None:
        """Forget what was in the file."""
        self.fresh, self.envelope, self.judged, self.said = Fresh(), Envelope(), None, {}

    def is_stale(self) -> bool:
        """Whether the process behind a run that is still open has died, or come back."""
        return self.ended == "running" and ended(self.fresh.meta) != "running"

    def written(self) -> dict[str, Any]:
        """For the list: null where something is not known yet."""
        step, loss = self.envelope.last
        return {
            "id": self.mark.key,
            "name": shown(self.mark.name),
            "when": round(self.mark.when, 3),
            "started": shown(str(self.fresh.meta.get("started") or "")),
            "script": shown(str(self.fresh.meta.get("script") or "")),
            "ended": self.ended,
            "problem": shown(self.problem),
            "steps": self.fresh.reached + 1,
            "observed": self.fresh.observed,
            "loss": number(loss),
            "loss_is": "" if step < 0 else str(loss),
            "spark": self.envelope.sparkline(),
            "sheets": self.sheets,
            **self.said,
        }


def shown(text: str) -> str:
    """A text as JSON can hold it: a file name may be no text at all."""
    return text.encode("utf-8", "replace").decode("utf-8")[:MOST_TEXT]
