"""Draw the picture of docs/well-log.md: records the demo's stalled run, half a minute on two cores.

python docs/well_log_picture.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import clinometer

DOTS = 90  # to the inch: the whole sheet beside the text
SCRIPT = Path(str(files("clinometer").joinpath("examples/stalled_digits.py")))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "stalled_digits.clino"
        command = [sys.executable, "-m", "clinometer", "run", "-o", str(recording), SCRIPT.name]
        subprocess.run(command, check=True, cwd=SCRIPT.parent, stdout=subprocess.DEVNULL)
        figure = clinometer.read(recording).plot_log()
    figure.savefig(Path(__file__).with_name("well-log.png"), dpi=DOTS)


if __name__ == "__main__":
    main()
