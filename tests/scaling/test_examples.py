"""The examples run as they stand and draw a picture."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("phase_diagram.py", "IVb   0.5902  0.2920"),
        pytest.param(
            "compute_optimal.py",
            "theory 0.5333",
            marks=pytest.mark.slow,  # loss curves of a hundred widths: 7 s of CPU and two imports
        ),
    ],
)
def test_an_example_prints_exponents_and_draws(script, printed, tmp_path):
    pytest.importorskip("matplotlib")
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / script, "--out", "picture.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert printed in ran.stdout
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
