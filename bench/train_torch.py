"""The training step of bench/train.ts in PyTorch: python train_torch.py <layers> <width> <heads> <rows> <tokens> <threads> <steps>

Prints the milliseconds of each step and those of the processor as JSON, after two that are not counted.
"""
import json
import sys
import time

import torch
from torch import nn

layers, width, heads, rows, tokens, threads, steps = map(int, sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        normed = self.norms[0](x)
        q, k, v = (part(normed).view(rows, tokens, heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.output(mixed.transpose(1, 2).reshape(rows, tokens, width))
        return x + self.outer(torch.relu(self.inner(self.norms[1](x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(30_000, width), nn.Embedding(tokens, width)
        self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, 3)

    def forward(self, ids):
        x = self.words(ids) + self.positions(torch.arange(tokens))
        return self.classifier(self.norm(self.blocks(x)).mean(1))


model = Encoder()
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
wall, processor = [], []
for step in range(steps + 2):
    ids, labels = torch.randint(0, 4000, (rows, tokens)), torch.randint(0, 3, (rows,))
    start, before = time.perf_counter(), time.process_time()
    nn.functional.cross_entropy(model(ids), labels).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    wall.append((time.perf_counter() - start) * 1000)
    processor.append((time.process_time() - before) * 1000)
print(json.dumps({"ms": wall[2:], "cpu": processor[2:]}))
