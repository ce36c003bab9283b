import dataclasses
from itertools import product

import keras
import numpy as np
import pytest

from keras_ssd import cli
from keras_ssd.classes import COCO_CLASSES, COCO_CLASSES_BY_ID, VOC_CLASSES
from keras_ssd.config import SSD300_COCO, SSD300_VOC, SSD512_COCO
from keras_ssd.convert.torch import _config, _guess_boxes, convert_torch_checkpoint
from keras_ssd.loading import load_detector
from keras_ssd.models import backbones

torch = pytest.importorskip("torch", reason="runs the networks that are compared with")
nn = torch.nn

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the big models take minutes elsewhere"
)


class L2Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(10 + 20 * torch.rand(512))

    def forward(self, x):
        return x / x.norm(dim=1, keepdim=True) * self.weight[:, None, None]


# (outputs, kernel, stride, padding), docs/ssd_facts.md section 1.1
EXTRAS = {
    300: [
        *[(256, 1, 1, 0), (512, 3, 2, 1), (128, 1, 1, 0), (256, 3, 2, 1)],
        *[(128, 1, 1, 0), (256, 3, 1, 0)] * 2,
    ],
    512: [
        *[(256, 1, 1, 0), (512, 3, 2, 1)],
        *[(128, 1, 1, 0), (256, 3, 2, 1)] * 3,
        *[(128, 1, 1, 0), (256, 4, 1, 1)],
    ],
}
BOXES = {300: (4, 6, 6, 6, 4, 4), 512: (4, 6, 6, 6, 6, 4, 4)}


class TorchSSD(nn.Module):
    """SSD of docs/ssd_facts.md section 1.1 under the names of 1.6, with random weights.

    Args:
        outputs: classes and background.
        like: another such SSD; all but the class heads is shared with it.
    """

    def __init__(self, image_size, outputs, like=None):
        super().__init__()
        maps = (512, 1024, *(extra[0] for extra in EXTRAS[image_size][1::2]))
        heads = list(zip(maps, BOXES[image_size], strict=True))
        if like is None:
            self.vgg = self._vgg()
            self.L2Norm = L2Norm()
            inputs = (1024, *(extra[0] for extra in EXTRAS[image_size]))
            self.extras = nn.ModuleList(
                nn.Conv2d(channels, *extra)
                for channels, extra in zip(inputs[:-1], EXTRAS[image_size], strict=True)
            )
            self.loc = nn.ModuleList(nn.Conv2d(c, 4 * boxes, 3, 1, 1) for c, boxes in heads)
        else:
            self.vgg, self.L2Norm, self.extras = like.vgg, like.L2Norm, like.extras
            self.loc = like.loc
        self.conf = nn.ModuleList(nn.Conv2d(c, outputs * boxes, 3, 1, 1) for c, boxes in heads)
        for module in self.conf.modules() if like else self.modules():
            if isinstance(module, nn.Conv2d):  # activations keep their size
                nn.init.kaiming_normal_(module.weight)
                nn.init.normal_(module.bias, std=0.1)
        if like is None:
            self.vgg[0].weight.data /= 100  # pixels -> about 1
        self.outputs = outputs

    @staticmethod
    def _vgg():
        modules, inputs = [], 3
        blocks = [64, 64, "floor", 128, 128, "floor", 256, 256, 256, "ceil", 512, 512, 512, "floor"]
        for layer in [*blocks, 512, 512, 512]:
            if isinstance(layer, str):
                modules += [nn.MaxPool2d(2, 2, ceil_mode=layer == "ceil")]
            else:
                modules += [nn.Conv2d(inputs, layer, 3, 1, 1), nn.ReLU()]
                inputs = layer
        modules += [nn.MaxPool2d(3, 1, 1), nn.Conv2d(512, 1024, 3, 1, 6, 6), nn.ReLU()]
        return nn.ModuleList([*modules, nn.Conv2d(1024, 1024, 1), nn.ReLU()])

    def forward(self, x):
        maps = []
        for index, module in enumerate(self.vgg):
            x = module(x)
            if index == 22:  # ReLU of conv4_3
                maps.append(self.L2Norm(x))
        maps.append(x)
        for index, module in enumerate(self.extras):
            x = module(x).relu()
            if index % 2:
                maps.append(x)
        offsets, logits = (
            [
                head(x).permute(0, 2, 3, 1).reshape(1, -1, width)
                for x, head in zip(maps, heads, strict=True)
            ]
            for heads, width in ((self.loc, 4), (self.conf, self.outputs))
        )
        return torch.cat(offsets, 1), torch.cat(logits, 1).softmax(-1)


def tree(**children):
    module = nn.Module()
    for name, child in children.items():
        setattr(module, name, child)
    return module


def state_dict(net, source):
    """The net's tensors under the names that a source's own modules would give them."""
    if source == "amdegroot":
        return net.state_dict()
    if source == "lufficc":
        backbone = tree(vgg=net.vgg, extras=net.extras, l2_norm=net.L2Norm)
        predictor = tree(cls_headers=net.conf, reg_headers=net.loc)
        return tree(backbone=backbone, box_head=tree(predictor=predictor)).state_dict()
    relu, vgg = nn.ReLU(), list(net.vgg)
    extra = [nn.Sequential(*vgg[23:30], nn.Sequential(*vgg[30:]))]
    for first in range(0, len(net.extras), 2):
        extra.append(nn.Sequential(net.extras[first], relu, net.extras[first + 1], relu))
    backbone = tree(features=nn.Sequential(*vgg[:23]), extra=nn.ModuleList(extra))
    backbone.scale_weight = net.L2Norm.weight
    heads = tree(
        classification_head=tree(module_list=net.conf), regression_head=tree(module_list=net.loc)
    )
    return tree(backbone=backbone, head=heads).state_dict()


def outputs(net, pixels, source):
    """Offsets and scores in PyTorch, with the preprocessing of docs/ssd_facts.md section 1.8."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    if source == "torchvision":
        images = (images / 255 - torch.tensor([0.48235, 0.45882, 0.40784])[:, None, None]) * 255
    else:
        images = images - torch.tensor([123.0, 117.0, 104.0])[:, None, None]
    with torch.no_grad():
        return [output.numpy() for output in net(images)]


def assert_same_outputs(ssd, net, source):
    size = ssd.config.image_size
    pixels = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    offsets, scores = outputs(net, pixels, source)
    assert offsets.std() > 0.5
    assert 0.5 < scores.max() <= 1
    found = ssd(pixels)
    np.testing.assert_allclose(found["offsets"], offsets, rtol=0, atol=1e-3)
    found_scores = keras.ops.softmax(found["classes"])
    np.testing.assert_allclose(found_scores, scores, rtol=0, atol=1e-3)


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(0)
    net = TorchSSD(300, 21)
    return {21: net, 91: TorchSSD(300, 91, like=net)}


# The others are slow; lufficc's for 21 as a zip file is converted by the command below.
FAST = [
    ("amdegroot", 21, "legacy"),
    ("amdegroot", 91, "zip"),
    ("lufficc", 91, "legacy"),
    ("torchvision", 21, "legacy"),
    ("torchvision", 91, "zip"),
]
CASES = [
    pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow)
    for case in product(("amdegroot", "lufficc", "torchvision"), (21, 91), ("zip", "legacy"))
]


@pytest.mark.parametrize(("source", "outputs", "file_format"), CASES)
def test_a_converted_model_predicts_what_pytorch_predicts(
    nets, tmp_path, source, outputs, file_format
):
    path = tmp_path / "ssd.pth"
    torch.save(
        state_dict(nets[outputs], source), path, _use_new_zipfile_serialization=file_format == "zip"
    )
    ssd, class_names = convert_torch_checkpoint(path)
    path.unlink()  # pytest keeps folders; these would be gigabytes
    assert_same_outputs(ssd, nets[outputs], source)
    clip = "sizes" if source == "torchvision" else "centers_and_sizes"
    voc = outputs == 21 and source != "torchvision"
    expected = dataclasses.replace(SSD300_VOC if voc else SSD300_COCO, clip=clip)
    assert ssd.config == expected
    assert ssd.name == f"ssd300_{'voc' if voc else 'coco'}_{source}"
    assert class_names == (VOC_CLASSES if outputs == 21 else COCO_CLASSES_BY_ID)


@pytest.mark.slow
def test_lufficc_s_ssd512_predicts_what_pytorch_predicts(tmp_path):
    torch.manual_seed(0)
    net = TorchSSD(512, 81)
    torch.save({"model": state_dict(net, "lufficc"), "iteration": 7}, tmp_path / "ssd.pth")
    ssd, class_names = convert_torch_checkpoint(tmp_path / "ssd.pth")
    assert ssd.config == dataclasses.replace(SSD512_COCO, clip="centers_and_sizes")
    assert class_names == COCO_CLASSES
    assert_same_outputs(ssd, net, "lufficc")
    (tmp_path / "ssd.pth").unlink()


@pytest.mark.parametrize(
    ("source", "ssd512", "num_classes", "expected"),
    [
        ("amdegroot", False, 20, "SSD300 VOC"),
        ("amdegroot", False, 200, "SSD300 COCO"),
        ("lufficc", False, 3, "SSD300 VOC"),
        ("lufficc", True, 20, "SSD512 VOC"),
        ("lufficc", True, 80, "SSD512 COCO"),
        ("torchvision", False, 3, "SSD300 COCO"),
        ("caffe", False, 20, "SSD300 VOC"),
        ("caffe", True, 20, "SSD512 VOC truncated"),
        ("caffe", True, 80, "SSD512 COCO truncated"),
    ],
)
def test_default_boxes_are_those_of_the_source_s_own_settings(
    source, ssd512, num_classes, expected, caplog
):
    caplog.set_level("INFO", "keras_ssd")
    boxes = _guess_boxes(source, num_classes, "ssd.pth")
    assert _config(source, ssd512, boxes).name == expected
    assert f"ssd.pth: taken for an SSD of {source} with the default boxes of" in caplog.text
    assert f"of {expected.split()[1]}; boxes=" in caplog.text


def test_caffe_s_weights_under_ssd_pytorch_s_names_take_bgr(nets, tmp_path):
    path = tmp_path / "ssd_300_VOC0712.pth"
    torch.save(nets[21].state_dict(), path)
    model, _ = convert_torch_checkpoint(path, source="caffe")
    path.unlink()
    assert model.config == SSD300_VOC  # its clip rule is None
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)
    first = keras.Model(model.input, model.get_layer("block1_conv1").output)(pixels)
    bgr = torch.from_numpy(pixels[..., ::-1] - np.float32([104, 117, 123])).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = nets[21].vgg[0](bgr).relu().permute(0, 2, 3, 1)
    np.testing.assert_allclose(first, expected, rtol=0, atol=1e-3)


def test_vgg16_reducedfc_starts_the_backbone(nets, tmp_path):
    path = tmp_path / "vgg16_reducedfc.pth"
    torch.save(nets[21].vgg.state_dict(), path, _use_new_zipfile_serialization=False)
    backbone = backbones.vgg16(300, weights=path)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)
    mean = np.float32(backbones.IMAGENET_MEAN)
    x = torch.from_numpy(pixels - mean).permute(0, 3, 1, 2)
    with torch.no_grad():
        for module in nets[21].vgg:
            x = module(x)
    fc7 = keras.Model(backbone.input, backbone.get_layer("fc7").output)(pixels)
    np.testing.assert_allclose(fc7, x.permute(0, 2, 3, 1), rtol=0, atol=1e-3)

    torch.save({"vgg.0.weight": torch.ones(1)}, path)
    message = r"reducedfc\.pth: lacks 0\.weight, 0\.bias, .* 25 more; has unexpected vgg\.0\.weight"
    with pytest.raises(ValueError, match=message):
        backbones.vgg16(300, weights=path)


def test_the_command_writes_a_detector_that_loads(nets, tmp_path, capsys):
    torch.save(state_dict(nets[21], "lufficc"), tmp_path / "ssd.pth")
    names = [f"thing {i}" for i in range(20)]
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    output = tmp_path / "new" / "ssd.keras"
    command = ["convert", str(tmp_path / "ssd.pth"), str(output), "--source", "lufficc"]
    command += ["--classes", f"@{tmp_path / 'names.txt'}", "--boxes", "coco"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert printed == f"ssd300_coco_lufficc_detector: {', '.join(names)} -> {output}\n"
    detector = load_detector(output)
    assert detector.class_names == tuple(names)
    assert detector.config == dataclasses.replace(SSD300_COCO, clip="centers_and_sizes")
    assert_same_outputs(detector.ssd, nets[21], "lufficc")
    found = detector(np.zeros((1, 40, 60, 3), np.uint8))
    assert found["boxes"].shape == (1, 200, 4)
    assert [path.name for path in output.parent.iterdir()] == ["ssd.keras"]
    output.unlink()
    (tmp_path / "ssd.pth").unlink()
