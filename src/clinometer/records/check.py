"""What a look at this machine found: one line of `clinometer doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "absent", "note", "bad"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : what it is (`torch`, `working folder`)
    state : "good"; "absent", for what is not installed and need not be; "note", for what works less
        well; "bad", where recording would not work here
    found : what was found, in words
    advice : what to do about it; empty where there is nothing to do
    """

    name: str
    state: State
    found: str
    advice: str = ""
