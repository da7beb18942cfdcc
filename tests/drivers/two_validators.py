"""Two ranks with half of the validation rows each: what `compute` says on each of them."""

import json
import sys

import torch

from clinometer.adapters.validation import ValidationMetric

torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
generator = torch.Generator().manual_seed(0)
z = torch.randn(1001, 5, generator=generator) * 3
y = torch.randint(0, 5, (1001,), generator=generator)
y = torch.where(torch.rand(1001, generator=generator) < 0.6, z.argmax(dim=1), y)
half = slice(0, 400) if rank == 0 else slice(400, 1001)
metric = ValidationMetric()
metric.update(z[half], y[half])
own = metric.sums().compute()
first, again = metric.compute(), metric.compute()
empty = ValidationMetric()
if rank == 1:
    empty.update(z, y)
lonely = empty.compute()
found = {
    "rank": rank,
    "own": own.rows,
    "rows": [first.rows, again.rows],
    "temperature": [first.temperature, again.temperature],
    "loss": first.loss,
    "lonely": [lonely.rows, lonely.temperature],
}
with open(f"{sys.argv[1]}/{rank}.json", "w", encoding="utf-8") as file:
    json.dump(found, file)
torch.distributed.destroy_process_group()
