"""What the live page keeps is bounded, and judged in an order that serves who looks."""

from __future__ import annotations

from pathlib import Path

import pytest

import live_runs
from clinometer.live import folder as folders
from clinometer.live import keeper as keepers
from clinometer.live.folder import Folder
from clinometer.live.keeper import DUTY, DUTY_NEW, DUTY_SHOWN, MOST_SHEETS, Keeper


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    for i in range(MOST_SHEETS + 2):
        live_runs.write(tmp_path / f"{i}.clino", 1)
    kept = Keeper(Folder(str(tmp_path)))
    kept.look()
    return kept


def judge_all(keeper: Keeper) -> None:
    while keeper._due() is not None:
        keeper.judge_next()


def test_sheets_are_kept_of_few_runs_only_and_made_again_when_asked_for(keeper: Keeper) -> None:
    keeper.shown = dict.fromkeys(keeper.runs, 1)
    judge_all(keeper)
    having = [key for key in keeper.runs if keeper.has_sheet(key)]
    assert len(having) == MOST_SHEETS
    lost = next(key for key in keeper.runs if key not in having)
    assert keeper.sheet(lost) is None
    judge_all(keeper)
    assert keeper.sheet(lost) is not None


def test_no_sheet_is_kept_of_a_run_that_no_page_shows(keeper: Keeper) -> None:
    judge_all(keeper)
    assert all(run.said["verdict"] for run in keeper.runs.values())
    assert not any(keeper.has_sheet(key) for key in keeper.runs)


def test_what_a_page_shows_is_judged_first(keeper: Keeper) -> None:
    shown = list(keeper.runs)[-1]
    keeper.shown = {shown: 1}
    keeper.judge_next()
    assert [key for key, run in keeper.runs.items() if run.sheets] == [shown]


def test_judging_rests_in_proportion_to_what_it_cost(keeper: Keeper) -> None:
    first = keeper.judge_next()
    (run,) = [run for run in keeper.runs.values() if run.sheets]
    assert first == pytest.approx(run.cost_s * (1 / DUTY_NEW - 1))
    run.judged = None
    for other in keeper.runs.values():
        other.judged = other.looked if other is not run else None
    assert keeper.judge_next() == pytest.approx(run.cost_s * (1 / DUTY - 1))
    run.judged, keeper.shown = None, {run.mark.key: 1}
    assert keeper.judge_next() == pytest.approx(run.cost_s * (1 / DUTY_SHOWN - 1))


def test_a_file_that_nobody_changed_is_read_once(keeper: Keeper, monkeypatch) -> None:
    judge_all(keeper)
    version = keeper.version
    monkeypatch.setattr(keepers, "look", pytest.fail)
    monkeypatch.setattr(keepers, "judge", pytest.fail)
    keeper.look()
    keeper.judge_next()
    assert keeper.version == version


def test_what_a_rule_of_somebody_else_raises_leaves_the_other_runs_shown(
    keeper, monkeypatch
) -> None:
    def raises(path: str, *, with_sheet: bool):
        raise RuntimeError("of a plug-in")

    monkeypatch.setattr(keepers, "judge", raises)
    judge_all(keeper)
    assert all("RuntimeError: of a plug-in" in run.problem for run in keeper.runs.values())
    assert all(run.row["steps"] == 10 for run in keeper.runs.values())


def test_runs_beyond_the_bound_are_counted_and_left_out(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(folders, "MOST_RUNS", 2)
    for i in range(3):
        live_runs.write(tmp_path / f"{i}.clino", 1)
    kept = Keeper(Folder(str(tmp_path)))
    kept.look()
    assert (len(kept.runs), kept.folder.left_out) == (2, 1)


def test_what_went_is_remembered_for_the_pages_but_not_for_ever(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(keepers, "MOST_RUNS", 3)
    kept = Keeper(Folder(str(tmp_path)))
    for i in range(5):
        path = live_runs.write(tmp_path / f"{i}.clino", 1)
        kept.look()
        path.unlink()
        kept.look()
    assert (len(kept.gone), kept.runs) == (3, {})
    assert max(kept.gone.values()) == kept.version


def test_a_file_that_holds_what_nobody_thought_of_leaves_the_other_runs_shown(
    keeper, monkeypatch
) -> None:
    first, *others = keeper.runs.values()
    first.looked = others[0].looked = None
    original = keepers.look

    def raises(path: str, after: int):
        if path == first.mark.path:
            raise AttributeError("of a damaged file")
        return original(path, after)

    monkeypatch.setattr(keepers, "look", raises)
    keeper.look()
    assert "AttributeError" in first.row["problem"]
    assert others[0].row["problem"] == ""


def test_a_run_that_ends_while_it_is_judged_is_judged_again(keeper: Keeper, monkeypatch) -> None:
    original = keepers.judge
    shown = next(iter(keeper.runs))
    keeper.shown = {shown: 1}

    def ends(path: str, *, with_sheet: bool):
        keeper.runs[shown].ended = "killed"
        return original(path, with_sheet=with_sheet)

    monkeypatch.setattr(keepers, "judge", ends)
    keeper.judge_next()
    assert keeper._due() is keeper.runs[shown]
