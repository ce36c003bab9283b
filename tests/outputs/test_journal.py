"""The journal of a run."""

import json

import numpy as np
import pytest

from keras_ssd.outputs.entry import Entry, FilmEnd
from keras_ssd.outputs.journal import Journal


def assert_same(one, other):
    assert one.to_records() == other.to_records()
    assert (one.image, one.size, one.frame, one.time) == (
        other.image,
        other.size,
        other.frame,
        other.time,
    )
    assert one.class_names == other.class_names


def test_a_new_journal_has_its_settings_and_no_entries(new_journal, tmp_path):
    new_journal()
    again = Journal(tmp_path / "journal.jsonl")
    assert again.settings == {"confidence": 0.5}
    assert again.class_names == ("cat", "dog: small", "person")
    assert list(again.entries()) == []
    again.close()


def test_entries_come_back_as_they_were(new_journal, found):
    given = [
        ("a", found("in/a.jpg")),
        ("a-2", found(b"in/\xfc.jpg".decode(errors="surrogateescape"), 0)),
        ("film", found("film.mp4", frame=7, time=7 / 29.97)),
        ("film", found("film.mp4", frame=8, time=8 / 29.97, track_ids=[3, -1])),
    ]
    entries = list(new_journal(*given).entries())
    assert [entry.name for entry in entries] == [name for name, _ in given]
    assert [entry.stem for entry in entries] == ["a", "a-2", "film_000007", "film_000008"]
    for entry, (_, expected) in zip(entries, given, strict=True):
        assert_same(entry.found, expected)
    np.testing.assert_array_equal(entries[3].found.track_ids, [3, -1])


def test_the_end_of_a_video_is_no_entry(new_journal, found):
    journal = new_journal(("film", found("film.mp4", frame=0, time=0.0)))
    journal.append(FilmEnd("film", "film.mp4", frames=1, frames_with={"cat": 1}))
    assert len(list(journal.entries())) == 1
    assert [line.values.get("frames") for line in journal.lines()] == [None, 1]


def test_each_entry_is_in_the_file_at_once(new_journal, found, tmp_path):
    journal = new_journal()
    for count in range(1, 4):
        journal.append(Entry("a", found("a.jpg")))
        assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 1 + count


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_half_a_line_at_the_end_is_dropped(new_journal, found, tmp_path, cut):
    new_journal(("a", found("a.jpg")), ("b", found("b.jpg")))
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(path)
    assert [entry.name for entry in journal.entries()] == ["a"]
    journal.append(Entry("c", found("c.jpg")))
    assert [entry.name for entry in journal.entries()] == ["a", "c"]
    journal.close()


def test_the_last_entry_can_be_removed(new_journal, found):
    journal = new_journal(("a", found("a.jpg")), ("b", found("b.jpg")))
    journal.remove_last()
    journal.append(Entry("c", found("c.jpg")))
    assert [entry.name for entry in journal.entries()] == ["a", "c"]


def test_a_full_disk_leaves_whole_lines(new_journal, found, tmp_path):
    resource = pytest.importorskip("resource", reason="limits of file sizes need Unix")
    journal = new_journal(("a", found("a.jpg")))
    path = tmp_path / "journal.jsonl"
    size, before = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
    try:
        with pytest.raises(OSError, match=r"journal\.jsonl"):
            journal.append(Entry("b", found("b.jpg")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.stat().st_size == size
    journal.append(Entry("c", found("c.jpg")))
    assert [entry.name for entry in journal.entries()] == ["a", "c"]


@pytest.mark.parametrize("text", ["", "\n", "[]\n", "{}\n", "no json\n", '{"settings": {}'])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "journal.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"journal\.jsonl"):
        Journal(path)
    assert path.read_text() == text


def test_a_damaged_line_is_named(new_journal, found, tmp_path):
    new_journal(("a", found("a.jpg")), ("b", found("b.jpg")))
    path = tmp_path / "journal.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:-5], lines[2]]) + "\n")
    with pytest.raises(ValueError, match=r"journal\.jsonl, line 2: not valid JSON"):
        Journal(path)


@pytest.mark.parametrize(
    "change", [{"size": 3}, {"detections": [{"label": "cow"}]}, {"frame": -1, "time": 0.0}]
)
def test_an_entry_that_was_changed_is_refused(new_journal, found, tmp_path, change):
    journal = new_journal(("a", found("a.jpg")))
    path = tmp_path / "journal.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(ValueError, match="not an entry of this run"):
        list(journal.entries())
