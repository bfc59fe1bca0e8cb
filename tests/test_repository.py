"""What is committed, for a clone on another machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLAIN_FILES = {"100644", "100755"}


def test_only_plain_files_are_committed() -> None:
    """A link to where one checkout keeps something leads nowhere in a clone, and nothing can be made in its place."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a clone, and git")
    listed = subprocess.run(["git", "ls-files", "--stage", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    entries = [line.split(maxsplit=3) for line in listed.stdout.split("\0") if line]
    assert len(entries) > 100
    assert [path for mode, _, _, path in entries if mode not in PLAIN_FILES] == []


@pytest.mark.parametrize("environment", [".venv", ".venv-hosts", ".venv-neutone"])
def test_an_environment_that_is_a_link_is_not_committed_by_mistake(environment: str) -> None:
    """A pattern that ends in a slash ignores a folder, not a link to one."""
    patterns = (ROOT / ".gitignore").read_text().splitlines()
    assert environment in patterns
