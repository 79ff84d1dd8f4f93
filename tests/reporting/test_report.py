"""The report is one file that needs nothing else, hides nothing and believes no text."""

import json
from html.parser import HTMLParser

import pytest

from driftune.ledger import PromotionRow
from driftune.promotion.registry import Registry
from driftune.reporting import write_report
from driftune.reporting.reading import read_story
from driftune.reporting.story import START

LOADS = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """Collects what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.ids, self.words, self.styles = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in LOADS]
        self.ids += [value for name, value in attrs if name == "id"]
        self.styles += [value for name, value in attrs if name == "style"]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(house):
    return Page(write_report(*house).read_text(encoding="utf-8"))


def test_needs_no_network_and_no_other_file(page):
    assert page.addresses  # pictures refer to their own parts, decisions to their pages
    assert all(address.startswith(("#", "decisions/")) for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "embed", "img"} & set(page.tags)
    assert "@import" not in page.text
    styles = " ".join([*page.styles, page.text])
    assert styles.count("url(") == styles.count("url(#")


def test_pictures_do_not_share_ids(page):
    assert page.tags.count("svg") == 3
    assert len(page.ids) == len(set(page.ids))


def test_hostile_text_stays_text(page):
    assert page.text.count('<script>alert("boo")</script>') >= 2  # a reason and a rationale
    assert "b_6<i>" in page.text


def test_tells_the_story(page):
    for fact in (
        "Version 1 of pump is in service and has not met a new batch yet, taken back into service",
        "21.3% less loss (95% interval 14.6% to 27.5%)",
        "on 1,847 rows that its search never saw",
        "The latest retune (r3) was refused",
        "7 batches watched, 2 breaches, 1 retune promoted, 1 refused",
        "1 batch refused by validation, 1 batch without enough labels, 1 rollback",
        "driftune rollback pump",
        "driftune lineage pump 1",
        "hash-of-r2.dir",
        "c0ffee",
        "6 trials, 7 s, stopped by trials",
    ):
        assert fact in page.text
    assert "$0.0123" in page.text


def test_pictures_carry_the_events(page):
    for label in ("v1", "v2", "back to v1", "+21.3 %", "margin 1.0%", "version 1, never retrained"):
        assert label in page.text
    assert "$5$" in page.text  # not taken for a formula


def test_the_first_model_is_scored_on_every_batch_with_features(house):
    story = read_story(*house)
    by_name = {batch.name: batch for batch in story.batches}
    assert by_name["b_1"].first_model == pytest.approx(by_name["b_1"].value)
    assert by_name["b_4"].first_model > 3 * by_name["b_4"].value
    assert story.first_version == 1


def test_the_first_retune_met_no_champion(house):
    first, second, third = read_story(*house).retunes
    assert (first.first, second.first, third.first) == (True, False, False)
    assert (first.position, second.position) == (START, 2)


def test_writing_again_replaces_the_file_whole(house):
    first = write_report(*house)
    first.write_text("old")
    assert write_report(*house) == first
    assert first.read_text(encoding="utf-8").endswith("</html>")
    assert [file.name for file in first.parent.iterdir() if file.is_file()] == ["report.html"]
    assert first.stat().st_size < 500_000


def test_goes_on_without_derived_data(house):
    project, settings = house
    bare = type(project)(project.root)
    text = Page(write_report(bare, settings).read_text(encoding="utf-8")).text
    assert "There is no finished search at hand." in text
    assert "21.3% less loss" in text
    assert "had it stayed in service" in text  # scored once, and kept
    for file in (project.state / "first_model").iterdir():
        file.unlink()
    text = Page(write_report(bare, settings).read_text(encoding="utf-8")).text
    assert "had it stayed in service" not in text


def test_before_anything_happened(make_project):
    page = Page(write_report(*make_project("empty")).read_text(encoding="utf-8"))
    assert "No model of empty is in service yet" in page.text
    assert "No batch has been watched yet." in page.text
    assert "svg" not in page.tags


def test_with_a_champion_and_nothing_to_judge_it_by(make_project):
    project, settings = make_project("young")
    registry = Registry(project.tracking_uri, "young")
    registry.client.create_registered_model("young")
    registry.client.create_model_version("young", "file:///nowhere")
    registry.promote(1)
    project.ledger.record_promotion(
        PromotionRow(problem="young", version=1, previous=None, kind="promotion", reason="first")
    )
    page = Page(write_report(project, settings).read_text(encoding="utf-8"))
    assert "Version 1 of young is in service and has not met a new batch yet" in page.text
    assert "No challenger has been judged yet." in page.text


def test_says_which_tables_were_refused_or_cut(make_project):
    project, settings = make_project("checked")
    folder = project.reports / "checked" / "validation"
    folder.mkdir(parents=True)
    fine = {"success": True, "refusal": None, "rows": 100, "quarantined": 0, "warnings": []}
    reports = {
        "a": fine,
        "b": fine | {"quarantined": 3, "warnings": ["tails are missing"]},
        "c": fine | {"success": False, "refusal": "a column is gone"},
    }
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps({"batch": name, **report}))
    (folder / "d.json").write_text('{"batch": "d", "ro')  # half written
    text = Page(write_report(project, settings).read_text(encoding="utf-8")).text
    assert "4 tables checked, 1 refused, 2 with warnings, 3 of 300 rows quarantined." in text
    assert "Warning: tails are missing" in text
    assert "a column is gone" in text
    assert "its validation report d.json cannot be read" in text
