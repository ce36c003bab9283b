"""Archives of the model zoo, damaged and hostile."""

import gzip
import io
import tarfile
import time
import tracemalloc

import pytest

from keras_ssd.checkpoints.tensorflow_archive import extract_checkpoint

INDEX, DATA = "model.ckpt.index", "model.ckpt.data-00000-of-00001"
FILES = {INDEX: b"names and places", DATA: bytes(range(256)) * 999}
MIB = 2**20


def archive(path, members):
    """A .tar.gz of `members`, name -> bytes, or a TarInfo."""
    with tarfile.open(path, "w:gz") as file:
        for name, content in members:
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
            else:
                file.addfile(content)
    return path


def header(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zoo.tar.gz"


@pytest.fixture
def extract(path, tmp_path):
    """Extracts the archive and returns the files that were written."""

    def extract():
        folder = tmp_path / "extracted"
        folder.mkdir()
        prefix = extract_checkpoint(path, folder)
        assert prefix == folder / "model.ckpt"
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    return extract


@pytest.mark.parametrize(
    "folder", ["", "./", "ssdlite_mobilenet_v2_coco_2018_05_09/", "../../", "/"]
)
@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_two_files_are_extracted_from_any_folder(path, extract, folder, tar_format):
    members = {"frozen_inference_graph.pb": b"x" * 999, **FILES, "ö" * 45: b"long name"}
    with tarfile.open(path, "w:gz", format=tar_format) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{folder}{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    assert extract() == FILES


def test_the_first_file_of_a_name_counts(path, extract):
    second = tarfile.TarInfo(f"b/{DATA}")
    second.type = tarfile.FIFOTYPE
    archive(path, [(f"a/{name}", content) for name, content in FILES.items()] + [("", second)])
    assert extract() == FILES


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE],
)
def test_links_are_refused_and_never_followed(path, extract, tmp_path, kind):
    (tmp_path / "secret").write_bytes(FILES[DATA])
    link = tarfile.TarInfo(f"zoo/{DATA}")
    link.type, link.linkname = kind, str(tmp_path / "secret")
    archive(path, [(f"zoo/{INDEX}", FILES[INDEX]), ("", link)])
    with pytest.raises(ValueError, match=r"zoo\.tar\.gz: refused: 'zoo/.*' is not a plain file"):
        extract()


def sparse(more=False):
    """The header of a file of a gigabyte, 512 bytes of it in the archive."""
    block = bytearray(header(DATA, 512, tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[482:483] = b"\1" if more else b"\0"
    block[483:495] = b"%011o\0" % 2**30
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_a_sparse_file_which_would_grow_is_refused(path, extract):
    path.write_bytes(gzip.compress(sparse() + b"x" * 512 + bytes(1024)))
    with pytest.raises(ValueError, match=r"refused: 'model.*' is not a plain file"):
        extract()


def test_an_archive_without_the_files_or_of_no_archive_is_refused(path, extract, tmp_path):
    archive(path, [(f"zoo/{INDEX}", FILES[INDEX])])
    with pytest.raises(ValueError, match=rf"zoo\.tar\.gz: lacks {DATA}$"):
        extract_checkpoint(path, tmp_path)
    whole = archive(path, FILES.items()).read_bytes()
    for content in (b"", b"<html>404</html>", whole[:40], whole[:-30], whole[:60] + whole[90:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"zoo\.tar\.gz: (not a readable \.tar\.gz|lacks)"):
            extract_checkpoint(path, tmp_path)
    with pytest.raises(ValueError, match=r"none\.tar\.gz: not a readable .*No such file"):
        extract_checkpoint(tmp_path / "none.tar.gz", tmp_path)


def test_damage_anywhere_is_an_error_by_path_or_goes_unnoticed(path, tmp_path):
    """The checkpoint's own checksums notice what gzip does not."""
    whole = archive(path, [("model.ckpt.index", b"i"), (DATA, b"d" * 2000)]).read_bytes()
    refused = 0
    for place in range(0, len(whole), 2):
        for content in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            path.write_bytes(content)
            try:
                extract_checkpoint(path, tmp_path)
            except ValueError as error:
                assert str(error).startswith(f"{path}: ")  # noqa: PT017
                refused += 1
    assert refused > 50


def repeated(unit, count):
    """gzip of `unit` many times over, as parts one after the other, which is made in no time."""
    return gzip.compress(unit) * count


def pax(size):
    return header("pax", size, tarfile.XHDTYPE)


# Each of about a gigabyte, or of no end.
BOMBS = {
    "one PAX header": gzip.compress(pax(1100 * MIB)) + repeated(bytes(MIB), 1100),
    "one global PAX header": gzip.compress(header("pax", 1100 * MIB, tarfile.XGLTYPE))
    + repeated(bytes(MIB), 1100),
    "one long name": gzip.compress(header("././@LongLink", 1100 * MIB, tarfile.GNUTYPE_LONGNAME))
    + repeated(b"a" * MIB, 1100),
    "one long link": gzip.compress(header("././@LongLink", 1100 * MIB, tarfile.GNUTYPE_LONGLINK))
    + repeated(b"a" * MIB, 1100),
    "empty files": repeated(header("a", 0) * 2048, 1100),
    "folders": repeated(header("a", 0, tarfile.DIRTYPE) * 2048, 1100),
    "PAX headers of the next": repeated((pax(512) + b"9 a=b\n".ljust(512, b"\0")) * 1024, 1100),
    "long names of the next": repeated(
        (header("././@LongLink", 512, tarfile.GNUTYPE_LONGNAME) + bytes(512)) * 1024, 1100
    ),
    "another file": gzip.compress(header("other.pb", 1100 * MIB)) + repeated(bytes(MIB), 1100),
    "many other files": repeated(header("other.pb", MIB - 512) + bytes(MIB - 512), 1100),
    "the file itself": gzip.compress(header(DATA, 1000 * MIB)) + repeated(bytes(MIB), 1000),
    "a file that claims a terabyte": gzip.compress(header(DATA, 2**40)),
    "another file that claims a terabyte": gzip.compress(header("other.pb", 2**40)),
    "a file of negative size": gzip.compress(header("other.pb", -1024) + bytes(4096)),
    "digits in PAX headers": gzip.compress(
        (pax(4096) + b"9" * 4096) * 64 + header("a", 0) + bytes(1024)
    ),
    "digits in one PAX header": gzip.compress(
        pax(250_000) + b"9" * 250_368 + header("a", 0) + bytes(1024)
    ),
    "parts of a sparse file": gzip.compress(sparse(more=True))
    + repeated((b"%011o\0" % 1 * 42 + b"\1" * 8) * 2048, 1100),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=list(BOMBS))
def test_an_archive_that_unpacks_to_gigabytes_is_refused_early(path, tmp_path, content):
    path.write_bytes(content)
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"zoo\.tar\.gz: (refused|not a readable)"):
            extract_checkpoint(path, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10 * MIB
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 10
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < len(content) + 2 * MIB
    path.unlink()


def test_the_size_that_is_too_large_is_named(path, tmp_path):
    path.write_bytes(BOMBS["a file that claims a terabyte"])
    message = r"refused: .* has 1099511627776 bytes; expected at most \d+ in this archive"
    with pytest.raises(ValueError, match=message):
        extract_checkpoint(path, tmp_path)
