#!/usr/bin/env python3
"""Golden logits for tests/golden/models.json, computed by PyTorch, torchvision and timm.

    python3 -m venv venv && venv/bin/pip install torch==2.13.0 torchvision==0.28.0 timm==1.0.31
    venv/bin/python scripts/golden/models.py > tests/golden/models.json

Weights and images are functions of the position, so that both programs compute the same ones and none is stored:
element i of tensor number t of the state dict is wave(t, i) = sin(0.7 t + 0.61803398875 i mod 2 pi), scaled by its role.
"""
import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from timm.layers import BlurPool2d
from timm.models import resnet as timm


def wave(tensor, count):
    i = torch.arange(count, dtype=torch.float64)
    return torch.sin((0.7 * tensor + 0.61803398875 * i) % (2 * math.pi))


def fill(model):
    """Fills every tensor with its formula, except the batch counters, which have no number."""
    number = 0
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        values = wave(number, tensor.numel()).reshape(tensor.shape)
        if tensor.dim() == 4:  # convolution: keeps the scale of its input
            values = values * math.sqrt(2 / (tensor.shape[1] * tensor.shape[2] * tensor.shape[3]))
        elif tensor.dim() == 2:  # classifier
            values = values / math.sqrt(tensor.shape[1])
        elif name.endswith("running_var"):
            values = 2 + values
        elif name.endswith("weight"):
            values = 0.7 + 0.3 * values
        else:  # shifts and running means
            values = 0.1 * values
        tensor.copy_(values.float())
        number += 1


class CifarBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Cifar(nn.Module):
    """Three stages of n blocks (He et al. 2016, section 4.2), projection shortcuts."""

    def __init__(self, n, width, channels, classes, stem_stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stem_stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage in range(3):
            outputs = width * 2**stage
            blocks = []
            for number in range(n):
                blocks.append(CifarBlock(inputs, outputs, 2 if stage and not number else 1))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def case(name, model, channels, size, **recipe):
    fill(model)
    images = wave(1000, 3 * channels * size * size).reshape(3, channels, size, size).float()
    with torch.no_grad():
        evaluated = model.eval()(images)
        # What a grey network makes of the grey image, an RGB one makes of it repeated.
        grey = wave(1000, 3 * size * size).reshape(3, 1, size, size).float().repeat(1, 3, 1, 1)
        grey = model(grey).flatten().tolist() if channels == 3 and not isinstance(model, Cifar) else None
        trained = model.train()(images)
    return {
        "model": name, "channels": channels, "size": size, "classes": evaluated.shape[1], "recipe": recipe,
        "parameters": sum(p.numel() for p in model.parameters()),
        "names": [n for n in model.state_dict() if not n.endswith("num_batches_tracked")],
        "eval": [round(v, 7) for v in evaluated.flatten().tolist()],
        "grey": grey and [round(v, 7) for v in grey],
        # At 2 x 2 pixels a batch of three has too few values for stable statistics: only the CIFAR family compares them.
        "train": [round(v, 7) for v in trained.flatten().tolist()] if isinstance(model, Cifar) else None,
    }


def narrow(block, layers, **options):
    """A ResNet-D of timm's with a quarter of the channels. Its plain stem always has 64."""
    return timm.ResNet(block, layers, num_classes=3, channels=(16, 32, 64, 128), stem_width=8, stem_type="deep",
                       avg_down=True, **options)


def main():
    torch.set_num_threads(1)
    vision = torchvision.models
    cases = [
        case("resnet20", Cifar(3, 16, 1, 7, 1), 1, 48),
        case("resnet32", Cifar(5, 8, 3, 10, 2), 3, 33, width=8, stem_stride=2),
        case("resnet18", vision.resnet18(num_classes=5), 3, 64),
        case("resnet34", vision.resnet34(num_classes=4), 3, 64),
        case("resnet50", vision.resnet50(num_classes=3), 3, 64),
        case("resnet18", narrow(timm.BasicBlock, (2, 2, 2, 2)), 3, 65, width=16, resnet_d=True),
        case("resnet101", narrow(timm.Bottleneck, (3, 4, 23, 3), aa_layer=BlurPool2d, block_args={"attn_layer": "se"}),
             3, 65, width=16, resnet_d=True, blur_pool=True, se=16),
        case("resnet18", timm.ResNet(timm.BasicBlock, (2, 2, 2, 2), num_classes=3, aa_layer=BlurPool2d,
                                     block_args={"attn_layer": "se"}), 3, 65, blur_pool=True, se=16),
    ]
    print("[" + ",\n ".join(json.dumps(case) for case in cases) + "]")


if __name__ == "__main__":
    main()
