"""R21: the pages of a project, copied to another disk and opened there without a network."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest

from driftune import loop
from driftune.reporting import write_decision, write_report

SMALL = {"budget": {"max_trials": 3, "max_seconds": None}}
LOADS = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "background", "ping"}
FETCHERS = {"script", "link", "iframe", "object", "embed", "img", "base", "form", "video", "audio"}
REPORT = {
    "headline", "timeline", "decisions", "drift", "regret", "recall", "retunes", "trials", "data",
    "spend", "undo",
}  # fmt: skip
PAGE = {
    "headline", "timeline", "observation", "gate", "drift", "regret", "recall", "validation",
    "trials", "data", "spend", "undo",
}  # fmt: skip
BROWSER = next(
    (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), ""
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip


class Page(HTMLParser):
    """What a page asks for, and which sections it has."""

    def __init__(self, file):
        super().__init__()
        self.file, self.text = file, file.read_text(encoding="utf-8")
        self.tags, self.addresses, self.sections, self.ids, self.unlabelled = [], [], [], [], 0
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in LOADS]
        self.ids += [value for name, value in attrs if name == "id"]
        self.sections += [told.get("id")] if tag == "section" else []
        self.unlabelled += tag == "svg" and not told.get("aria-label")

    @property
    def elsewhere(self):
        """Links to other files, without those to a part of the page itself."""
        return [address for address in self.addresses if not address.startswith("#")]


@pytest.fixture(scope="module")
def pages(module_project, tmp_path_factory):
    """Every page of a project that was retuned, met bad data and drift, and was rolled back."""
    pytest_socket = pytest.importorskip("pytest_socket")
    project = module_project
    settings = project.settings("tiny")
    settings = settings.model_copy(update={"tuning": settings.tuning_with(SMALL)})
    loop.retune(project, settings, trigger="first", reason="x", tuning=SMALL)
    for name, file in settings.batch_files().items():
        if name in ("week_14", "week_16", "week_19", "week_20"):
            file.unlink()
    broken = settings.batch_files()["week_15"]
    pd.read_parquet(broken).assign(distance=-5).to_parquet(broken, index=False)
    while loop.pending_batches(project, settings):
        for seen in loop.watch(project, settings):
            if seen.decision.retune_id:
                loop.carry_out(project, settings, seen.decision.retune_id, tuning=SMALL)
    if len({row.version for row in project.ledger.promotions("tiny")}) > 1:
        loop.roll_back(project, settings, "to see")
    pytest_socket.disable_socket(allow_unix_socket=True)
    try:
        write_decision(project, settings, "week_13")  # a routine one, asked for
        write_report(project, settings)
    finally:
        pytest_socket.enable_socket()
    copy = tmp_path_factory.mktemp("elsewhere") / "tiny"
    shutil.copytree(project.reports / "tiny", copy)
    shutil.rmtree(project.reports / "tiny")  # a link back to it would be dead now
    return [Page(file) for file in sorted(copy.rglob("*.html"))]


@pytest.mark.slow  # the fixture runs a whole retune, and another one after the drift
def test_there_is_a_page_for_each_kind_of_decision(pages):
    names = [page.file.name for page in pages]
    assert "report.html" in names
    assert "decision-week_13.html" in names
    assert "decision-week_15.html" in names  # the broken batch: an alert
    assert any(name.startswith("retune-") for name in names)
    assert any(page.file.parent.name == "decisions" for page in pages)


@pytest.mark.slow
def test_no_page_asks_for_anything_but_pages_beside_it(pages):
    for page in pages:
        assert not FETCHERS & set(page.tags), page.file
        for address in page.elsewhere:
            assert not re.match(r"[a-z]+:|/|\\", address), f"{page.file.name}: {address}"
            assert (page.file.parent / unquote(address)).is_file(), f"{page.file.name}: {address}"
        assert "@import" not in page.text
        assert page.text.count("url(") == page.text.count("url(#")


@pytest.mark.slow
def test_every_page_is_complete(pages):
    for page in pages:
        if page.file.parent.name == "validation":
            continue
        wanted = REPORT if page.file.name == "report.html" else PAGE
        assert wanted <= set(page.sections), page.file
        assert 'content="complete"' in page.text
        assert page.text.rstrip().endswith("</html>")
        assert page.tags.count("svg") >= 1
        assert page.unlabelled == 0
        assert len(page.ids) == len(set(page.ids)), page.file
        assert "driftune lineage tiny" in page.text


@pytest.mark.slow
def test_every_page_is_reached_from_the_report_and_leads_back(pages):
    mine = [page for page in pages if page.file.parent.name != "validation"]
    by_path = {page.file.resolve(): page for page in mine}
    report = next(page for page in mine if page.file.name == "report.html")
    links = {(report.file.parent / unquote(a)).resolve() for a in report.elsewhere}
    assert set(by_path) - {report.file.resolve()} <= links
    for page in mine:
        if page is not report:
            assert "../report.html" in page.elsewhere


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_a_browser_without_a_network_shows_all_of_it(pages, tmp_path):
    report = next(page for page in pages if page.file.name == "report.html")
    acted = next(page for page in pages if page.file.name.startswith("retune-"))
    for page in (report, acted):
        command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", page.file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
        assert done.stdout.count("<svg") == page.tags.count("svg")
        assert done.stdout.count("<section") == len(page.sections)
