"""How sure and how much: the few numbers that judge a loss, each with its reason."""

from __future__ import annotations

BLOCKS = 8  # a window's mean gets its standard error from the means of so many blocks of it
LATE = 4  # the late window is the last 4th of the run
SURE = 3.0  # standard errors; two-sided chance 0.3 % for a normal mean, 2 % for t with 7 degrees
MARGIN = 0.01  # practical equivalence: 1 % of what there is to learn counts as nothing learned
NOISE = 0.05  # of what there is to learn: more is not learned of labels without information
MOSTLY = 0.9  # of what there is to learn: then gradients are small because the examples are right
