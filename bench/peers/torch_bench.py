"""PyTorch's side of the comparison: python3 torch_bench.py [words]. Prints the device, then one line of JSON per work.

On CUDA every work runs in f32 (TF32 off), TF32 and AMP (float16, loss scaling); else on the CPU in f32 with a thread per core.
Runs with PyTorch 1.13 and 2.x; needs no torchvision, downloads nothing, weights are random.
"""
import json
import os
import statistics
import sys
import time
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
words = sys.argv[1:]
cuda = torch.cuda.is_available()
device = torch.device("cuda" if cuda else "cpu")
threads = 0 if cuda else os.cpu_count()
if not cuda:
    torch.set_num_threads(threads)
torch.manual_seed(0)


class BasicBlock(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        plain = stride == 1 and inside == outside
        self.downsample = None if plain else nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


def resnet18():
    blocks, inside = [], 64
    for i, channels in enumerate([64, 128, 256, 512]):
        blocks += [BasicBlock(inside, channels, 2 if i else 1), BasicBlock(channels, channels, 1)]
        inside = channels
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(attention(q, k, v).transpose(1, 2).reshape(b, t, c))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(0.02 * torch.randn(1, 197, dim))
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(12)))
        self.norm, self.head = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 1000)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x)[:, 0]))


def randn(*shape):
    return torch.randn(*shape, device=device)


def grad(f, inputs, dy):
    for x in inputs:
        x.requires_grad_()
    return lambda: torch.autograd.grad(f(), inputs, dy)


def conv_gradient(which):
    x, w, g = randn(4, 64, 56, 56), 0.05 * randn(64, 64, 3, 3), randn(4, 64, 56, 56)
    mask = [which == "x", which == "w", False]
    return lambda: torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)


def infer(make, batch):
    model, x = make().to(device).eval(), randn(batch, 3, 224, 224)

    def run():
        with torch.no_grad():
            model(x)

    return run


def train(make, batch, size):
    model, x = make().to(device).train(), randn(batch, 3, size, size)
    y = torch.arange(batch, device=device) % 1000
    adam = torch.optim.Adam(model.parameters(), 1e-4)
    scaler = torch.cuda.amp.GradScaler() if torch.is_autocast_enabled() else None

    def run():
        adam.zero_grad()
        loss = F.cross_entropy(model(x), y)
        if scaler is None:
            loss.backward()
            adam.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(adam)
            scaler.update()

    return run


def matmul():
    a, b = randn(1024, 1024), randn(1024, 1024)
    return lambda: a @ b


def conv():
    x, w = randn(4, 64, 56, 56), 0.05 * randn(64, 64, 3, 3)
    return lambda: F.conv2d(x, w, padding=1)


def depthwise(differentiated):
    x, w, g = randn(4, 96, 56, 56), 0.1 * randn(96, 1, 7, 7), randn(4, 96, 56, 56)
    call = lambda: F.conv2d(x, w, padding=3, groups=96)  # noqa: E731
    return grad(call, [x, w], g) if differentiated else call


def squeeze_excite(differentiated):
    x, g = randn(4, 240, 28, 28), randn(4, 240, 28, 28)
    w1, b1, w2, b2 = 0.1 * randn(10, 240), randn(10), 0.5 * randn(240, 10), randn(240)

    def call():
        hidden = F.silu(F.linear(x.mean((2, 3)), w1, b1))
        return x * torch.sigmoid(F.linear(hidden, w2, b2))[:, :, None, None]

    return grad(call, [x, w1, b1, w2, b2], g) if differentiated else call


def attend(differentiated):
    q, k, v, g = (randn(4, 12, 197, 64) for _ in range(4))
    return grad(lambda: attention(q, k, v), [q, k, v], g) if differentiated else lambda: attention(q, k, v)


def rows(f, affine, differentiated):
    x, weight, bias, g = randn(788, 768), 1 + 0.1 * randn(768), 0.1 * randn(768), randn(788, 768)
    call = lambda: f(x, weight, bias)  # noqa: E731
    return grad(call, [x, weight, bias] if affine else [x], g) if differentiated else call


def adam():
    p = torch.nn.Parameter(0.02 * randn(11_000_000))
    p.grad = 0.01 * randn(11_000_000)
    return torch.optim.Adam([p], 1e-3).step


NORMS = {
    "layerNorm": (lambda x, w, b: F.layer_norm(x, [768], w, b), True),
    "batchNorm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), True),
    "gelu": (lambda x, w, b: F.gelu(x), False),
}
vit_tiny, vit_b = (lambda: ViT(192, 3)), (lambda: ViT(768, 12))
# Name: (images in a batch or None, how to make the function to time).
WORKS = {
    "matmul1024": (None, matmul),
    "conv.forward": (None, conv),
    "conv.dX": (None, lambda: conv_gradient("x")),
    "conv.dW": (None, lambda: conv_gradient("w")),
    "depthwise.forward": (None, lambda: depthwise(False)),
    "depthwise.forward+backward": (None, lambda: depthwise(True)),
    "squeezeExcite.forward": (None, lambda: squeeze_excite(False)),
    "squeezeExcite.forward+backward": (None, lambda: squeeze_excite(True)),
    "attention.forward": (None, lambda: attend(False)),
    "attention.forward+backward": (None, lambda: attend(True)),
    **{
        f"{name}.{part}": (None, lambda f=f, affine=affine, part=part: rows(f, affine, part != "forward"))
        for name, (f, affine) in NORMS.items()
        for part in ("forward", "forward+backward")
    },
    "adam.11M": (None, adam),
    "resnet18.infer.b1": (1, lambda: infer(resnet18, 1)),
    "resnet18.infer.b4": (4, lambda: infer(resnet18, 4)),
    "resnet18.train.b4.64": (4, lambda: train(resnet18, 4, 64)),
    "resnet18.train.b4.224": (4, lambda: train(resnet18, 4, 224)),
    "vit_tiny.infer.b1": (1, lambda: infer(vit_tiny, 1)),
    "vit_tiny.train.b2": (2, lambda: train(vit_tiny, 2, 224)),
    "vit_b.train.b2": (2, lambda: train(vit_b, 2, 224)),
}
if cuda:
    WORKS["resnet18.train.b64.224"] = (64, lambda: train(resnet18, 64, 224))
    WORKS["vit_b.train.b32"] = (32, lambda: train(vit_b, 32, 224))


def sync():
    if cuda:
        torch.cuda.synchronize()


def measure(run):
    """Milliseconds: median and best of rounds that each take about 50 ms, for a second, on a GPU less."""
    run()
    sync()
    start = time.perf_counter()
    run()
    sync()
    together = max(1, min(100, round(0.05 / max(1e-6, time.perf_counter() - start))))
    times, end = [], time.perf_counter() + (0.4 if cuda else 1)
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(together):
            run()
        sync()
        times.append((time.perf_counter() - start) * 1e3 / together)
    return statistics.median(times), min(times)


name = torch.cuda.get_device_name() if cuda else "CPU"
if not cuda:
    try:
        name = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
label = "-".join("".join(c if c.isalnum() else " " for c in name).lower().split()) if cuda else "cpu"
print(json.dumps({"device": label, "name": name, "torch": torch.__version__, "threads": threads}), flush=True)
for precision in ("f32", "tf32", "amp") if cuda else ("f32",):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    for work, (batch, make) in WORKS.items():
        if words and not any(word in work for word in words):
            continue
        row = {"work": work, "precision": precision, **({"batch": batch} if batch else {})}
        try:
            with torch.autocast("cuda", dtype=torch.float16, enabled=precision == "amp"):
                ms, best = measure(make())
            row.update(ms=ms, minMs=best)
        except RuntimeError as error:
            row["failed"] = str(error).splitlines()[0]
        print(json.dumps(row), flush=True)
