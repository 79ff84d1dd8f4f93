"""A reader never meets half a file."""

import pytest

from driftune.files import replace_file


def test_a_failure_keeps_the_old_file_and_leaves_no_other(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replace_file(target) as temporary:
        temporary.write_text("half")
        assert target.read_text() == "old"
        _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_folders_are_made(tmp_path):
    with replace_file(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
