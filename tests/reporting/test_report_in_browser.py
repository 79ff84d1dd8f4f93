"""A browser shows the report, complains of nothing and asks nobody for anything."""

import shutil
import subprocess

import pytest

from driftune.reporting import write_report

BROWSER = next(
    (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), ""
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")


def show(page, profile):
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_shows_the_headline_without_complaint(house, tmp_path):
    dom, complaints = show(write_report(*house), tmp_path / "profile")
    assert "Version 1 of pump is in service" in dom
    assert dom.count("<svg") == 3
    assert complaints == []


def test_would_hear_of_a_request(house, tmp_path):
    """The page itself forbids loading; this shows that the test above can fail."""
    page = tmp_path / "page.html"
    text = write_report(*house).read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", '<img src="http://127.0.0.1:9/x.png"></body>'))
    assert show(page, tmp_path / "profile")[1]
