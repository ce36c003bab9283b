"""Checkpoints that cannot be converted to a detector, and the messages about them."""

import keras
import pytest

from keras_ssd import cli
from keras_ssd.checkpoints.torch_names import TORCH_SOURCES
from keras_ssd.convert.torch import convert_torch_checkpoint

torch = pytest.importorskip("torch", reason="writes the checkpoints")

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on every backend"
)


@pytest.fixture
def stand_in(tmp_path):
    """Saves a file with an SSD300's names: the given tensors, and tensors of one number."""

    def save(source="amdegroot", drop=(), **tensors):
        layers = TORCH_SOURCES[source].layers(num_maps=6)
        names = {name: torch.zeros(1) for names in layers.values() for name in names}
        names |= {name.replace("__", "."): tensor for name, tensor in tensors.items()}
        torch.save({name: names[name] for name in names if name not in drop}, path)
        return path

    path = tmp_path / "ssd.pth"
    return save


HEAD = (84, 512, 3, 3)


@pytest.mark.parametrize("source", ["amdegroot", "lufficc", "torchvision"])
def test_missing_and_extra_tensors_are_named(stand_in, source):
    first = {
        "amdegroot": "vgg.2",
        "lufficc": "backbone.vgg.2",
        "torchvision": "backbone.features.2",
    }
    path = stand_in(source, drop=[f"{first[source]}.bias"], more__weight=torch.zeros(1))
    message = rf"ssd\.pth: lacks {first[source]}\.bias; has unexpected more\.weight"
    with pytest.raises(ValueError, match=message):
        convert_torch_checkpoint(path)


def test_torchvision_s_network_for_larger_images_is_no_ssd512(stand_in):
    path = stand_in("torchvision", backbone__extra__5__0__weight=torch.zeros(1))
    with pytest.raises(ValueError, match=r"has unexpected backbone\.extra\.5\.0\.weight"):
        convert_torch_checkpoint(path)


def test_an_ssd512_must_be_complete(stand_in):
    path = stand_in(extras__8__weight=torch.zeros(1))
    with pytest.raises(ValueError, match=r"lacks extras\.8\.bias, extras\.9\.weight, .*loc\.6"):
        convert_torch_checkpoint(path)


def test_a_source_that_does_not_fit_and_one_that_is_unknown_are_refused(stand_in):
    with pytest.raises(
        ValueError, match=r"lacks backbone\.vgg\.0\.weight, .*; has unexpected L2Norm"
    ):
        convert_torch_checkpoint(stand_in(), source="lufficc")
    with pytest.raises(ValueError, match=r"source: expected auto, amdegroot, .*, not 'darknet'"):
        convert_torch_checkpoint(stand_in(), source="darknet")


def test_another_network_is_refused_with_a_tensor_s_name(tmp_path):
    torch.save({"backbone.body.conv1.weight": torch.zeros(1)}, tmp_path / "rcnn.pth")
    with pytest.raises(
        ValueError, match=r"rcnn\.pth: .* not belong to an SSD .*'backbone\.body\.conv1"
    ):
        convert_torch_checkpoint(tmp_path / "rcnn.pth")


@pytest.mark.parametrize("shape", [(85, 512, 3, 3), (4, 512, 3, 3), (84, 512), (84, 0, 3, 3), ()])
def test_class_heads_of_another_shape_are_refused(stand_in, shape):
    path = stand_in(conf__0__weight=torch.zeros(shape))
    with pytest.raises(ValueError, match=r"conf\.0\.weight must have shape \(4 \* classes, 512"):
        convert_torch_checkpoint(path)


def test_every_other_shape_is_checked_and_the_first_few_are_listed(stand_in):
    path = stand_in(conf__0__weight=torch.zeros(HEAD), vgg__0__bias=torch.zeros(64).int())
    message = (
        r"vgg\.0\.weight is float32 \(1,\), not float \(64, 3, 3, 3\); "
        r"vgg\.0\.bias is int32 \(64,\), not float \(64,\); .* and 65 more"
    )
    with pytest.raises(ValueError, match=message):
        convert_torch_checkpoint(path)


def test_classes_without_known_names_need_names(stand_in):
    path = stand_in(conf__0__weight=torch.zeros(32, 512, 3, 3))
    with pytest.raises(ValueError, match=r"has 7 foreground classes, .*give their names"):
        convert_torch_checkpoint(path)


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    page = tmp_path / "ssd.pth"
    page.write_text("<html>404</html>")
    assert cli.main(["convert", str(page), str(tmp_path / "ssd.keras")]) == 1
    assert "keras-ssd convert: " + str(page) in capsys.readouterr().err
    assert cli.main(["convert", str(page), str(tmp_path / "ssd.h5")]) == 1
    assert "must end in .keras" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["ssd.pth"]


def test_default_boxes_of_another_data_set_are_refused(stand_in):
    with pytest.raises(ValueError, match=r"boxes: expected .*, not 'ilsvrc'"):
        convert_torch_checkpoint(stand_in(), boxes="ilsvrc")
