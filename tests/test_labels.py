"""Labels from files of their own find their rows, and nobody else's."""

import pandas as pd
import pytest

from driftune.errors import DataError, UsageError
from driftune.label_files import read_label_files
from driftune.labels import fill_labels, find_labels, labels_version
from driftune.settings import load_settings

PLAIN = "target: price\nmetric: rmse\nids: [shop, item]\nrows: rows.csv\nlabels: labels\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "labels").mkdir()
    return tmp_path


def problem(folder, text=PLAIN):
    (folder / "shop.yml").write_text(text, encoding="utf-8")
    return load_settings(folder / "shop.yml", root=folder)


def put(folder, name, text):
    (folder / "labels" / name).write_text(text, encoding="utf-8")


def batch(**columns):
    return pd.DataFrame({"shop": ["007", "8", "8"], "item": [1, 1, 2], **columns})


def filled(settings, rows):
    return fill_labels(rows, read_label_files(settings), settings.problem, "monday")


def refusal(settings, rows=None):
    with pytest.raises(DataError) as caught:
        filled(settings, batch() if rows is None else rows)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_labels_find_their_rows_and_the_other_rows_keep_theirs(folder):
    put(folder, "a.csv", "item,shop,price\n2,8,5.5\n1,007,\n")
    rows = filled(problem(folder), batch(price=[1.0, None, None]))
    assert rows["price"].tolist()[0] == 1.0
    assert pd.isna(rows["price"][1])
    assert rows["price"].tolist()[2] == 5.5
    assert rows["price"].dtype == float
    assert rows["item"].tolist() == [1, 1, 2]


def test_a_batch_without_the_targets_column_gets_one(folder):
    settings = problem(folder)
    put(folder, "a.csv", "shop,item,price\n9,9,1\n")
    assert filled(settings, batch())["price"].isna().all()
    put(folder, "b.csv", "shop,item,price\n007,1,3\n")
    assert filled(settings, batch())["price"].tolist()[0] == 3


def test_the_newest_file_wins_and_corrects_the_batch_too(folder):
    put(folder, "2024-05.csv", "shop,item,price\n8,1,2\n8,2,2\n")
    put(folder, "2024-06.csv", "shop,item,price\n8,1,3\n8,2,\n")  # no label takes none away
    assert filled(problem(folder), batch(price=[9.0, 9.0, 9.0]))["price"].tolist() == [9, 3, 2]


def test_parquet_and_csv_say_the_same(folder):
    settings = problem(folder)
    labels = pd.DataFrame({"shop": ["007", "8"], "item": [1, 2], "price": [4, 5]})
    labels.to_parquet(folder / "labels" / "a.parquet")
    parquet = filled(settings, batch())
    (folder / "labels" / "a.parquet").unlink()
    labels.to_csv(folder / "labels" / "a.csv", index=False)
    (folder / "labels" / "notes.txt").write_text("not a table")
    (folder / "labels" / ".a.csv.tmp").write_text("half a ta")
    pd.testing.assert_frame_equal(parquet, filled(settings, batch()), check_dtype=False)


def test_classes_stay_what_they_are(folder):
    text = PLAIN.replace("rmse", "accuracy").replace("price", "kind")
    put(folder, "a.csv", "shop,item,kind\n8,1,good\n8,2,bad\n")
    rows = filled(problem(folder, text), batch(kind=[None, None, None]))
    assert rows["kind"].tolist()[1:] == ["good", "bad"]
    assert pd.isna(rows["kind"][0])


@pytest.mark.parametrize(
    "written", ["2024-05-01 10:00:00", "2024-05-01T10:00", "2024-05-01T10:00Z"]
)
def test_ids_that_come_again_are_told_apart_by_time(folder, written):
    at = pd.to_datetime(["2024-05-01 10:00", "2024-05-02 10:00"])
    rows = pd.DataFrame({"shop": ["8", "8"], "item": [1, 1], "at": at})
    settings = problem(folder, PLAIN + "time: at\n")
    put(folder, "a.csv", f"shop,item,at,price\n8,1,{written},6\n")
    prices = filled(settings, rows)["price"]
    assert prices[0] == 6
    assert pd.isna(prices[1])


def test_one_label_for_two_rows_is_refused(folder):
    put(folder, "a.csv", "shop,item,price\n8,1,6\n")
    rows = pd.DataFrame({"shop": ["8", "8"], "item": [1, 1], "at": ["2024", "2025"]})
    message = refusal(problem(folder), rows)
    assert "'monday' has 2 rows with shop = 8, item = 1" in message
    assert "`ids`" in message
    message = refusal(problem(folder, PLAIN + "time: at\n"), rows)
    assert "Add the column 'at'" in message


def test_missing_columns_get_the_nearest_name(folder):
    put(folder, "a.csv", "shop,item,prise\n8,1,6\n")
    message = refusal(problem(folder))
    assert "a.csv has no column 'price'" in message
    assert "Did you mean 'prise'?" in message
    assert "shop, item, price" in message
    put(folder, "a.csv", "shop,price\n8,6\n")
    assert "no column 'item'" in refusal(problem(folder))


def test_two_labels_for_one_row_are_refused_and_one_label_twice_is_not(folder):
    put(folder, "a.csv", "shop,item,price\n8,1,6\n8,2,1\n8,1,6\n")
    assert filled(problem(folder), batch())["price"].tolist()[1:] == [6, 1]
    put(folder, "a.csv", "shop,item,price\n8,2,1\n8,1,6\n8,1,7\n")
    assert "different labels for shop = 8, item = 1: 6 and 7" in refusal(problem(folder))


def test_text_for_numbers_is_named(folder):
    put(folder, "a.csv", "shop,item,price\n8,1,6\n8,2,unknown\n")
    assert "'unknown' in 'price', which takes numbers" in refusal(problem(folder))


def test_a_file_that_is_no_table_is_named(folder):
    (folder / "labels" / "a.parquet").write_bytes(b"PAR1 and then nothing")
    assert "a.parquet cannot be read" in refusal(problem(folder))
    (folder / "labels" / "a.parquet").unlink()
    put(folder, "b.csv", "")
    assert "b.csv cannot be read" in refusal(problem(folder))


def test_no_folder_is_an_error_and_no_file_is_not(folder):
    settings = problem(folder)
    rows = batch(price=[1.0, None, None])
    pd.testing.assert_frame_equal(filled(settings, rows), rows)
    (folder / "labels").rmdir()
    assert "`labels` of the problem 'shop'" in refusal(settings)


def test_an_id_that_cannot_be_one_is_of_no_row(folder):
    put(folder, "a.csv", "shop,item,price\n8,first,6\n")
    rows = pd.DataFrame({"shop": ["8", "8"], "item": [1, None]})
    assert filled(problem(folder), rows)["price"].isna().all()


def test_the_version_of_labels_is_of_what_they_change(folder):
    settings = problem(folder)

    def version(rows):
        found, _ = find_labels(rows, read_label_files(settings), settings.problem, "monday")
        return labels_version(rows, found, settings.target)

    assert version(batch()) == ""
    put(folder, "a.csv", "shop,item,price\n8,1,6\n9,9,1\n")
    news = version(batch(price=[1.0, None, None]))
    assert news != ""
    assert version(batch()) == news
    put(folder, "a.csv", "item,shop,price\n1,8,6.0\n")  # the same in other words
    assert version(batch()) == news
    assert version(batch(price=[1, 6, 2])) == ""
    put(folder, "b.csv", "shop,item,price\n8,1,7\n")
    assert version(batch()) != news


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("labels: late\n", "name the columns that name a row"),
        ("label_delay: 28\n", "label_delay"),
        ("label_delay: 28 moons\n", "label_delay = '28 moons' is wrong: it must be a duration"),
        ("label_delays: 28d\n", "Did you mean 'label_delay'?"),
    ],
)
def test_the_settings_refuse_what_cannot_be_meant(folder, text, told):
    with pytest.raises(UsageError, match="shop") as caught:
        problem(folder, "target: price\nmetric: rmse\nrows: rows.csv\n" + text)
    assert told in str(caught.value)


def test_the_settings_keep_the_folder_and_the_delay(folder):
    settings = problem(folder, PLAIN + "label_delay: 4w\n")
    assert (settings.labels, settings.label_delay) == (folder / "labels", "4w")
