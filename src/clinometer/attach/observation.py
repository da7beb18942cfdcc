"""Pack what one step showed into the recording's row, and name the sites that are new in it."""

from __future__ import annotations

import array
from typing import Any

from clinometer.attach.look import Seen
from clinometer.records.columns import COLUMNS
from clinometer.records.site import Site

Places = dict[tuple[str, str], Site]
NAN = float("nan")
UNSEEN = {kind: [0.0] + [NAN] * (len(columns) - 1) for kind, columns in COLUMNS.items()}


def pack(seen: Seen, places: Places) -> tuple[array.array[float], list[Site]]:
    """(packed float32 row of every site known so far, sites that are new).

    `places` is extended by the new sites; a known site that was not seen gets `seen` = 0.
    """
    new = []
    for key in seen.rows:
        if key not in places:
            facts: dict[str, Any] = seen.facts.get(key, {})
            places[key] = Site(len(places), *key, facts)
            new.append(places[key])
    row = array.array("f")
    for (kind, name), site in places.items():
        values = seen.rows.get((kind, name))
        if values is None:
            row.extend(UNSEEN[site.kind])
        else:
            row.extend(values)
    return row, new
