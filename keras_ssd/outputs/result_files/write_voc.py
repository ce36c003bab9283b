"""Writes one XML file in PASCAL VOC's format for each image or frame."""

from pathlib import Path

from keras_ssd.data.writing.write_voc import annotation_xml
from keras_ssd.files import write_text
from keras_ssd.outputs.entry import Entry
from keras_ssd.outputs.journal import Journal


def write_voc(path: Path, journal: Journal) -> None:
    """Writes a folder of XML files, named as the pictures, such as dog.xml or film_000123.xml.

    Each object has its score in the element "confidence".
    """
    path.mkdir(parents=True, exist_ok=True)
    for entry in journal.entries():
        write_text(path / f"{entry.stem}.xml", _xml(entry), sync=False)


def _xml(entry: Entry) -> str:
    records = entry.found.to_records()
    objects = [
        (record["label"], record["box"], {"difficult": "0", "confidence": str(record["score"])})
        for record in records
    ]
    image = entry.found.image if entry.found.frame is None else f"{entry.stem}.jpg"
    name = image.encode(errors="replace").decode()  # names of files need not be UTF-8
    return annotation_xml(name, entry.found.size, objects).decode()
