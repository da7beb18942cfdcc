"""Run a script given by its path, then tell all that it left behind.

python run_example.py SCRIPT [RECORDING]     with a recording, under a recorder that sees every step
"""

import runpy
import sys
from pathlib import Path


def main(script, *recording):
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
    import torch
    from digest import seed, tell

    seed()  # an example need not seed every stream itself
    sys.argv = [script]
    if recording:
        from clinometer.attach.recorder import Recorder
        from clinometer.store.writer import Writer

        recorder = Recorder(Writer(recording[0], {}), every=1)
        recorder.start()
    left = runpy.run_path(script, run_name="__main__")
    if recording:
        recorder.stop("normal")
    trained = (torch.nn.Module, torch.optim.Optimizer)
    tell([], *(value for _, value in sorted(left.items()) if isinstance(value, trained)))


if __name__ == "__main__":
    main(*sys.argv[1:])
