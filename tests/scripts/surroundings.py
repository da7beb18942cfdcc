"""What a script can see of how it was started, before it imports torch and after it has trained."""

# Optimizer steps: 2

import os
import sys

started_with = {"torch", "numpy", "sqlite3"} & set(sys.modules)


def look():
    print(sys.argv, sys.path, sys.flags.optimize, sys.dont_write_bytecode)
    print(__name__, __file__, __doc__, __package__, __spec__, type(__loader__).__name__)
    print(sorted(globals()), vars(sys.modules["__main__"]) is globals())
    print(os.getcwd(), sys.excepthook is sys.__excepthook__, sys.stdout is sys.__stdout__)
    print(sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), sys.unraisablehook)


look()
os.environ["OMP_NUM_THREADS"] = "1"

import torch  # noqa: E402
from digest import seed, tell  # noqa: E402

seed()
print("imported before the script did", started_with, "threads", torch.get_num_threads())
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()

look()
tell([], model, optimizer)
