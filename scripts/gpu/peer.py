"""PyTorch's side of the throughput part: the training work of mindgap's example `throughput`, as its users write it.

Reads one JSON object a line, such as
  {"data": DIR, "limit": 8192, "model": "resnet20", "width": 16, "batch": 128, "precision": "bf16", "way": "tuned", "epochs": 4}
and answers with one line: images a second of each epoch and their median without the first, the peak of device memory,
and of one more epoch under the profiler the kernels of an update and the share of the time in which the device is busy.

Ways: `tuned`, the whole set as bytes on the device, batched augmentation, fused SGD, channels last where tensor cores
compute; `compiled`, with torch.compile; `graphs`, with torch.compile(mode="max-autotune"), which uses CUDA graphs.

  python3 peer.py --device cuda:0 [--warm]      # --warm: compile what the lines name, and time nothing
"""
import argparse
import json
import math
import os
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets, models, transforms


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x), inplace=True)


def cifar_resnet(depth, width, classes):
    """Three stages of (depth − 2) / 6 blocks of width, 2 width, 4 width."""
    layers = [nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    inputs = width
    for stage in range(3):
        for number in range((depth - 2) // 6):
            outputs = width << stage
            layers.append(Block(inputs, outputs, 2 if stage and number == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def network(model, width, classes):
    if model == "resnet20":
        return cifar_resnet(20, width, classes)
    net = getattr(models, model)(num_classes=classes, width_per_group=64)
    net.conv1 = nn.Conv2d(1, 64, 3, 1, 1, bias=False)  # what mindgap calls --stem small
    net.maxpool = nn.Identity()
    return net


def load(data, limit, device):
    """Images [n, 1, h, w] as bytes, labels [n], both on the device."""
    to_bytes = transforms.Compose([transforms.Grayscale(), transforms.PILToTensor()])
    files = datasets.ImageFolder(os.path.join(data, "train"), to_bytes)
    picks = torch.randperm(len(files), generator=torch.Generator().manual_seed(0))[:limit].tolist()
    pairs = [files[pick] for pick in picks]
    images = torch.stack([image for image, _ in pairs]).to(device)
    return images, torch.tensor([label for _, label in pairs], device=device), len(files.classes)


def augment(x):
    """Flip, rotation by 10 degrees, zoom by 10 %, shift by 10 %: what `throughput` does."""
    n, device = len(x), x.device
    angle = (torch.rand(n, device=device) * 2 - 1) * 10 * math.pi / 180
    zoom = 0.9 + 0.2 * torch.rand(n, device=device)
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2, device=device) * 2 - 1) * 0.2
    rows = [torch.stack([flip * zoom * angle.cos(), -zoom * angle.sin(), shift[:, 0]], 1),
            torch.stack([flip * zoom * angle.sin(), zoom * angle.cos(), shift[:, 1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


class Work:
    def __init__(self, args, job):
        self.device, self.job = torch.device(args.device), job
        self.on_gpu = self.device.type == "cuda"
        self.images, self.labels, classes = load(job["data"], job["limit"], self.device)
        precision = job["precision"]
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(0)
        self.amp = precision == "bf16"
        last = precision != "float32" or not self.on_gpu
        self.layout = torch.channels_last if last else torch.contiguous_format
        net = network(job["model"], job["width"], classes).to(self.device, memory_format=self.layout)
        self.optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-4,
                                         fused=True)
        modes = {"tuned": None, "compiled": "default", "graphs": "max-autotune"}
        mode = modes[job["way"]]
        self.net = torch.compile(net, mode=mode) if mode else net

    def step(self, picks):
        x = (self.images[picks].float() / 255 - 0.5) / 0.25
        x = augment(x).contiguous(memory_format=self.layout)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            logits = self.net(x)
        loss = F.cross_entropy(logits.float(), self.labels[picks])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def epoch(self, updates=None):
        """Images a second over an epoch, or over its first updates."""
        order = torch.randperm(len(self.images), device=self.device)
        batch = self.job["batch"]
        whole = len(order) // batch
        updates = min(whole, updates or whole)
        self.wait()
        start = time.perf_counter()
        for update in range(updates):
            loss = self.step(order[update * batch:(update + 1) * batch])
        loss.item()
        self.wait()
        return updates * batch / (time.perf_counter() - start), updates

    def wait(self):
        if self.on_gpu:
            torch.cuda.synchronize()

    def traced(self):
        """Kernels an update, and the share of an epoch in which the device is busy."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            start = time.perf_counter()
            _, updates = self.epoch()
            seconds = time.perf_counter() - start
        spans, kernels = [], 0
        for event in profiler.profiler.kineto_results.events():
            if event.device_type() == torch.autograd.DeviceType.CUDA:
                spans.append((event.start_ns(), event.start_ns() + event.duration_ns()))
                kernels += not event.name().startswith(("Memcpy", "Memset"))
        busy, until = 0, -1
        for begin, end in sorted(spans):
            busy += max(0, end - max(begin, until))
            until = max(until, end)
        return kernels / updates, busy / 1e9 / seconds


def run(args, job):
    begun = time.perf_counter()
    if args.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    torch._dynamo.reset()
    work = Work(args, job)
    if args.warm:
        work.epoch(2)
        return {"warmed": job["way"], "seconds": time.perf_counter() - begun}
    rates = [work.epoch()[0] for _ in range(job["epochs"])]
    answer = {"way": job["way"], "images_per_s": [round(rate, 1) for rate in rates],
              "median": round(statistics.median(rates[1:] or rates), 1)}
    if work.on_gpu:
        answer["device_memory_mb"] = torch.cuda.max_memory_allocated() / 1e6
        answer["kernels_per_update"], answer["busy"] = work.traced()
    answer["seconds"] = time.perf_counter() - begun
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--warm", action="store_true", help="compile, and time nothing")
    args = parser.parse_args()
    for line in sys.stdin:
        try:
            answer = run(args, json.loads(line))
        except Exception as error:  # one job that fails must not end the others
            answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
