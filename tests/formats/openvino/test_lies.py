"""OpenVINO files with false or absurd settings, shapes or texts are refused."""

import pytest

pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')


@pytest.fixture
def rewritten(openvino_path, tmp_path):
    """Writes a copy of the `.xml` file with some of its text replaced, and returns its path."""

    def write(old, new):
        text = openvino_path.read_text("utf-8")
        assert old in text
        path = tmp_path / "a.xml"
        path.write_text(text.replace(old, new), "utf-8")
        path.with_suffix(".bin").write_bytes(openvino_path.with_suffix(".bin").read_bytes())
        return path

    return write


def test_names(rewritten, wrong_names, assert_refused):
    path = rewritten("cat&#10;dög&#10;犬&#10;", wrong_names.replace("\n", "&#10;"))
    assert_refused(path, wrong_names, at_the_latest_when_it_detects=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("?,128,128,3", "?,64,64,3"),
        ("?,128,128,3", "?,128,64,3"),
        ("?,128,128,3", "?,128,128,1"),
        ("?,128,128,3", "?,1000000000,1000000000,3"),
        ("?,128,128,3", "?,?,?,3"),
        ('element_type="u8"', 'element_type="f32"'),
        ('names="images"', 'names="pixels"'),
        ('names="scores"', 'names="points"'),
        ('names="scores"', 'names="boxes"'),
    ],
)
def test_shapes_types_and_names(rewritten, assert_refused, old, new):
    assert_refused(rewritten(old, new), (old, new))
