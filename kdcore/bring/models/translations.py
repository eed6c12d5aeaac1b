"""Names that other code gives to the tensors of our architectures, where they differ in nothing but the name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Translation:
    """Patterns (ours, never a user's) that turn foreign names into those of an architecture, applied in turn.

    Attributes:
        spoken_by: whose names they are.
        architectures: pattern of the names of architectures that they lead to.
    """

    spoken_by: str
    architectures: str
    rules: tuple[tuple[str, str], ...]

    def of(self, name: str) -> str:
        """Our name of a tensor."""
        for pattern, ours in self.rules:
            name = re.sub(pattern, ours, name)
        return name


def _counted_from_one(name: str, ours: str, inner: str = "") -> tuple[tuple[str, str], ...]:
    """Stages that others count from one, in at most four rules."""
    return tuple((rf"^{name}{i + 1}\.{inner}(\d+)\.", rf"{ours.format(i)}\1.") for i in range(4))


_CIFAR_RESNET = (
    (r"^conv1\.", "stem.conv."),
    (r"^bn1\.", "stem.bn."),
    *_counted_from_one("layer", "stages.{}.blocks."),
    (r"\.(?:downsample|shortcut)\.0\.", ".shortcut.conv."),
    (r"\.(?:downsample|shortcut)\.1\.", ".shortcut.bn."),
    (r"^(?:fc|linear|classifier)\.", "head."),
)
_WIDE_RESNET = (
    (r"^conv1\.", "stem.conv."),
    (r"^bn1\.", "bn."),
    *_counted_from_one("block", "stages.{}.blocks.", r"layer\."),
    (r"\.convShortcut\.", ".shortcut."),
    (r"^(?:fc|linear)\.", "head."),
)
_TIMM_TO_TORCHVISION_VIT = (
    (r"^cls_token$", "class_token"),
    (r"^pos_embed$", "encoder.pos_embedding"),
    (r"^patch_embed\.proj\.", "conv_proj."),
    (r"^blocks\.(\d+)\.norm([12])\.", r"encoder.layers.encoder_layer_\1.ln_\2."),
    (r"^blocks\.(\d+)\.attn\.qkv\.", r"encoder.layers.encoder_layer_\1.self_attention.in_proj_"),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"encoder.layers.encoder_layer_\1.self_attention.out_proj."),
    (r"^blocks\.(\d+)\.mlp\.fc1\.", r"encoder.layers.encoder_layer_\1.mlp.0."),
    (r"^blocks\.(\d+)\.mlp\.fc2\.", r"encoder.layers.encoder_layer_\1.mlp.3."),
    (r"^norm\.", "encoder.ln."),
    (r"^head\.", "heads.head."),
)
_TORCHVISION_TO_TIMM_VIT = (
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.", r"blocks.\1.norm\2."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_", r"blocks.\1.attn.qkv."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:0|linear_1)\.", r"blocks.\1.mlp.fc1."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:3|linear_2)\.", r"blocks.\1.mlp.fc2."),
    (r"^encoder\.ln\.", "norm."),
    (r"^heads\.head\.", "head."),
)
_OLD_TORCHVISION_VIT = (
    (r"\.mlp\.linear_1\.", ".mlp.0."),
    (r"\.mlp\.linear_2\.", ".mlp.3."),
)
_OLD_DENSENET = ((r"\.(norm|relu|conv)\.([12])\.", r".\1\2."),)
_TENSORFLOW_NORMS = ((r"\.gamma$", ".weight"), (r"\.beta$", ".bias"))
_HUGGING_FACE_VIT = (
    (r"^vit\.", ""),
    (r"^embeddings\.cls_token$", "embedding.token.weight"),
    (r"^embeddings\.patch_embeddings\.projection\.", "embedding.patches."),
    (r"^encoder\.layer\.(\d+)\.", r"blocks.\1."),
    (r"\.attention\.attention\.(query|key|value)\.", r".attention.\1."),
    (r"\.attention\.output\.dense\.", ".attention.output."),
    (r"\.intermediate\.dense\.", ".mlp.up."),
    (r"\.output\.dense\.", ".mlp.down."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"^layernorm\.", "norm."),
    (r"^classifier\.", "head."),
)

TRANSLATIONS = (
    Translation("code for CIFAR ResNets (conv1, layer1, fc)", r"resnet\d+(x4)?", _CIFAR_RESNET),
    Translation("code for wide ResNets (conv1, block1.layer, fc)", r"wrn-\d+-\d+", _WIDE_RESNET),
    Translation("transformers' ViT", r"vit-\d+", _HUGGING_FACE_VIT),
    Translation("timm's ViT", r"torchvision/vit_.*", _TIMM_TO_TORCHVISION_VIT),
    Translation("torchvision's earlier ViT", r"torchvision/vit_.*", _OLD_TORCHVISION_VIT),
    Translation("torchvision's ViT", r"timm/(?:vit|deit)_.*", _TORCHVISION_TO_TIMM_VIT),
    Translation("torchvision's earlier DenseNet", r"torchvision/densenet\d+", _OLD_DENSENET),
    Translation("TensorFlow's norms (gamma, beta)", r".*", _TENSORFLOW_NORMS),
)


def translations(architecture: str) -> Iterable[Translation]:
    """Those that lead to an architecture."""
    return (found for found in TRANSLATIONS if re.fullmatch(found.architectures, architecture))
