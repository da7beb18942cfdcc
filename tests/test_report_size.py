"""`report` on a long run of a deep network: time and memory stay within their goals."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import report

from clinometer.store.reader import read

GOAL_CPU_S = 2.0  # processor time: other work on the machine does not count


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 steps, 200 layers, an observation every 100 steps, in the default bound of 64 MiB."""
    path = tmp_path_factory.mktemp("long") / "long.clino"
    report.write(path, 100_000, 200)
    return path


def test_the_benchmark_records_what_it_says(long_run):
    got = read(long_run)
    assert got.steps == 100_000
    assert sum(site.name.endswith(".weight") for site in got.of_kind("parameter")) == 200
    assert len(got.observed) > 500
    assert long_run.stat().st_size <= 64 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_report_takes_less_than_two_seconds_and_500_mib(long_run, options):
    runs = [report.measured(["report", str(long_run), *options]) for _ in range(3)]
    assert min(cpu for _, cpu, _ in runs) < GOAL_CPU_S
    assert max(memory for *_, memory in runs) < report.GOAL_MIB
