"""The code's own form."""

import subprocess
import sys

import pytest

from conftest import ROOT

CONFIG = ROOT / "app" / "ruff.toml"


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(command: list[str]) -> None:
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", f"--config={CONFIG}", "app/page", "test/page"]
    result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
