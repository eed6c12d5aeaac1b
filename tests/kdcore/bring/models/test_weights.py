"""Weights under other people's names arrive under ours, and what does not fit is named."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import kdcore.models as models
from kdcore.bring.models.names import match
from kdcore.errors import EngineError
from kdcore.seeds import seeded

TINY = {"architecture": "resnet8", "width": 0.25}
IMAGE = {"kind": "image", "shape": [3, 32, 32]}


def tiny(classes=10, **options):
    with seeded(1, "tiny"):
        return models.build("resnet8", classes, width=0.25, **options)


def equal(state, other):
    return state.keys() == other.keys() and all(torch.equal(state[name], other[name]) for name in state)


def renamed(state, change):
    return {change(name): value for name, value in state.items()}


def foreign(name):
    """As the usual code for CIFAR ResNets calls it."""
    name = name.replace("stem.conv", "conv1").replace("stem.bn", "bn1").replace("head", "fc")
    for i in range(3):
        name = name.replace(f"stages.{i}.blocks.", f"layer{i + 1}.")
    return name.replace("shortcut.conv", "downsample.0").replace("shortcut.bn", "downsample.1")


def test_our_own_weights_arrive_unchanged_with_sizes_on_the_card(bring, tmp_path):
    source = tiny()
    models.save(source, tmp_path / "w.safetensors")
    card = bring(tmp_path / "w.safetensors", **TINY, input=IMAGE)
    assert equal(load_file(tmp_path / "out" / "weights.safetensors"), dict(source.state_dict()))
    assert card.num_outputs == 10
    assert card.options == {"width": 0.25, "in_channels": 3}
    assert card.parameters == sum(parameter.numel() for parameter in source.parameters())
    assert card.macs > 0
    assert card.report["renamed"] == {}


@pytest.mark.parametrize("section", [(), ("state_dict",), ("model",), ("checkpoint", "ema")])
@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod.", "model.backbone."])
def test_wrapped_and_foreign_names_are_read(bring, tmp_path, prefix, section):
    source = tiny()
    content = renamed(source.state_dict(), lambda name: prefix + foreign(name))
    for part in reversed(section):
        content = {part: content, "epoch": 3}
    torch.save(content, tmp_path / "w.pt")
    named = {"section": "checkpoint.ema"} if "checkpoint" in section else {}
    card = bring(tmp_path / "w.pt", **TINY, **named)
    assert equal(load_file(tmp_path / "out" / "weights.safetensors"), dict(source.state_dict()))
    assert card.report["counts"] == {"missing": 0, "unexpected": 0, "wrong_shape": 0}
    assert card.report["renamed"][prefix + "fc.weight"] == "head.weight"


def test_rules_of_the_user_come_first_and_take_text_as_it_is(bring, tmp_path):
    source = tiny()
    save_file(renamed(source.state_dict(), lambda name: f"x.{name}.y*"), tmp_path / "w.safetensors")
    rules = [{"find": "x."}, {"find": ".y*", "where": "anywhere"}]
    bring(tmp_path / "w.safetensors", **TINY, rename=rules)
    assert equal(load_file(tmp_path / "out" / "weights.safetensors"), dict(source.state_dict()))


def test_names_that_say_nothing_are_paired_by_order_only_when_asked(bring, tmp_path):
    source = tiny()
    kinds = [name.rpartition(".")[2] for name in source.state_dict()]
    content = {
        f"t{i}.{kind}": value for i, (kind, value) in enumerate(zip(kinds, source.state_dict().values(), strict=True))
    }
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(EngineError, match="does not fit resnet8"):
        bring(tmp_path / "w.pt", **TINY, outputs=10)
    bring(tmp_path / "w.pt", **TINY, outputs=10, by_order=True)
    assert equal(load_file(tmp_path / "out" / "weights.safetensors"), dict(source.state_dict()))


def test_a_missing_tensor_is_named_with_the_nearest_of_the_file(bring, tmp_path):
    state = dict(tiny().state_dict())
    state["head.wieght"] = state.pop("head.weight")
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match=r"'head.weight' is missing \(nearest: 'head.wieght'\)"):
        bring(tmp_path / "w.safetensors", **TINY, outputs=10)


def test_other_classes_are_refused_unless_the_classifier_may_begin_anew(bring, tmp_path):
    models.save(tiny(7), tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match=r"'head.weight' has shape \[7, 16\], wanted \[10, 16\].*strict: false"):
        bring(tmp_path / "w.safetensors", **TINY, outputs=10)
    card = bring(tmp_path / "w.safetensors", **TINY, outputs=10, strict=False)
    assert card.report["reinitialised"] == ["head.bias", "head.weight"]
    written = load_file(tmp_path / "out" / "weights.safetensors")
    assert written["head.weight"].shape == (10, 16)
    assert torch.equal(written["stem.conv.weight"], tiny(7).state_dict()["stem.conv.weight"])


def test_a_body_of_other_shape_is_refused_even_then(bring, tmp_path):
    models.save(tiny(10), tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match=r"has shape \[4, 3, 3, 3\], wanted \[8, 3, 3, 3\]"):
        bring(tmp_path / "w.safetensors", architecture="resnet8", width=0.5, outputs=10, strict=False)


def test_half_precision_becomes_single(bring, tmp_path):
    state = {name: value.half() if value.is_floating_point() else value for name, value in tiny().state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    bring(tmp_path / "w.safetensors", **TINY)
    assert load_file(tmp_path / "out" / "weights.safetensors")["head.weight"].dtype == torch.float32


def test_classes_that_do_not_count_as_many_as_outputs_are_refused(bring, tmp_path):
    models.save(tiny(), tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match="3 names for 10 outputs"):
        bring(tmp_path / "w.safetensors", **TINY, outputs=10, classes=["a", "b", "c"])


def test_timm_s_vision_transformer_is_torchvision_s_under_other_names():
    timm = {
        "cls_token": (1, 1, 8),
        "blocks.0.attn.qkv.weight": (24, 8),
        "blocks.0.mlp.fc2.bias": (8,),
        "head.bias": (3,),
    }
    ours = {
        "class_token": (1, 1, 8),
        "encoder.layers.encoder_layer_0.self_attention.in_proj_weight": (24, 8),
        "encoder.layers.encoder_layer_0.mlp.3.bias": (8,),
        "heads.head.bias": (3,),
    }
    found = match(timm, ours, "torchvision/vit_b_16")
    assert list(found.pairs) == list(ours)
    back = match(ours, timm, "timm/vit_tiny_patch16_224")
    assert list(back.pairs) == list(timm)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "at_least"), [("20", 0.76), ("56", 0.78)])
def test_the_published_cifar_networks_answer_as_published(bring, real_data, tmp_path, depth, at_least):
    source = next((real_data / "pretrained-cifar10-resnet").glob(f"resnet{depth}-*.th"))
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    card = bring(source, architecture=f"resnet{depth}", options={"shortcut": "pad"}, input=IMAGE, mean=mean, std=std)
    assert card.num_outputs == 10
    network = models.build(card.architecture, 10, **card.options).eval()
    models.load(network, tmp_path / "out" / "weights.safetensors")
    pictures, labels = some_pictures(real_data / "cifar10-jpeg" / "test.tar.gz", each=40)
    inputs = (pictures / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    with torch.no_grad():
        right = (network(inputs).argmax(1) == labels).float().mean()
    assert right > at_least


def some_pictures(archive, each):
    """The first pictures of each class, float32 [N, 3, 32, 32] from 0 to 255, and their labels."""
    pictures, labels, seen = [], [], {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.split("/")[-2:][0]
            if member.isfile() and seen.setdefault(name, 0) < each:
                seen[name] += 1
                pixels = np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())))
                pictures.append(torch.from_numpy(pixels.copy()).permute(2, 0, 1).float())
                labels.append(sorted(seen).index(name))
    return torch.stack(pictures), torch.tensor(labels)
