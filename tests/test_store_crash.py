"""Killed at any operation on its files, a store holds what it held before or what it was to hold after."""

from __future__ import annotations

from pathlib import Path

import pytest

from glyph_rag.errors import InputError, StoreDamagedError
from tests import store_crash
from tests.store_io import Crash, default_vfs

pytestmark = pytest.mark.skipif(default_vfs() is None, reason="SQLite's functions cannot be reached through ctypes")


@pytest.fixture(scope="module")
def life() -> store_crash.Recording:
    return store_crash.record_life()


def test_the_recording_sees_what_matters(life: store_crash.Recording) -> None:
    kinds = {(operation.kind, operation.name.split("-")[0]) for operation in life.operations}
    assert {("write", "glyph.db"), ("sync", "glyph.db"), ("delete", "glyph.db"), ("sync names", "")} <= kinds
    assert {("create", "index"), ("write", "index"), ("sync", "index"), ("rename", "index")} <= kinds
    assert len(life.operations) > 500
    assert [step.name for step in life.steps if step.before != step.after] == [
        "create", "add", "update", "delete", "add for a tenant", "add a long one", "delete all",
    ]  # fmt: skip


def test_a_crash_anywhere_leaves_the_state_before_or_after(life: store_crash.Recording) -> None:
    counted, wrong = store_crash.survey(life, 61)
    assert wrong == []
    assert counted.total() > 90


def test_a_crash_while_migrating_leaves_the_old_format_or_the_new() -> None:
    made = store_crash.record_migration()
    counted, wrong = store_crash.survey(made, 61)
    assert wrong == []
    assert counted.total() > 15


def test_a_process_that_is_ended_leaves_what_the_recording_says(life: store_crash.Recording) -> None:
    for name in ("compact",):
        step = next(step for step in life.steps if step.name == name)
        at = (step.first + step.last) // 2
        assert store_crash.kill_process(at, (step.before, step.after)) is None


@pytest.mark.parametrize("kind", ["killed", "unsynced lost", "unsynced torn", "names lost"])
def test_a_backup_that_a_crash_cut_short_is_not_taken_for_one(kind: Crash) -> None:
    made = store_crash.record_backup()
    whole = 0
    for _, number, _, files in store_crash.crashes(made, 3, (kind,)):
        try:
            held = store_crash.restored(files)
        except (InputError, StoreDamagedError):
            assert number < len(made.operations)
        else:
            assert held == made.steps[0].after
            whole += 1
    assert whole


def test_a_restoration_that_a_crash_cut_short_is_whole_or_begun_again(tmp_path: Path) -> None:
    made = store_crash.record_restoration(tmp_path / "backup")
    for _, _, _, files in store_crash.crashes(made, 5):
        assert store_crash.restored_again(tmp_path / "backup", files) == made.steps[0].after
