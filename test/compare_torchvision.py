"""Loads best.safetensors into torchvision and compares its probabilities with those `radiograd predict --json` printed.

    JPEG decoders differ by a grey level or so; PNG files show the arithmetic alone.

    npx radiograd predict FILE... --checkpoint best.safetensors --json > predictions.json
    /usr/bin/python3 test/compare_torchvision.py best.safetensors predictions.json
"""
import json
import struct
import sys

import numpy as np
import torch
import torchvision
from PIL import Image


def read_safetensors(path):
    with open(path, 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        data = f.read()
    kinds = {'F32': np.float32, 'I64': np.int64}
    metadata = header.pop('__metadata__', {})
    tensors = {name: torch.from_numpy(np.frombuffer(data[slice(*entry['data_offsets'])], kinds[entry['dtype']]).reshape(entry['shape']).copy())
               for name, entry in header.items()}
    return tensors, metadata


state, metadata = read_safetensors(sys.argv[1])
predictions = json.load(open(sys.argv[2]))
predictions = predictions if isinstance(predictions, list) else predictions['predictions']
model = torchvision.models.resnet18(num_classes=state['fc.bias'].numel())
model.load_state_dict(state)  # strict: every name and shape
model.eval()
size = int(metadata['imageSize'])
mean, std = (torch.tensor(json.loads(metadata[key])).view(3, 1, 1) for key in ('mean', 'std'))
classes = json.loads(metadata['classes'])
worst = 0
for prediction in predictions:
    image = Image.open(prediction['file']).convert('RGB').resize((size, size), Image.BILINEAR)
    x = (torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 - mean) / std
    with torch.no_grad():
        p = model(x[None]).softmax(1)[0]
    worst = max(worst, max(abs(p[i].item() - prediction['probabilities'][c]) for i, c in enumerate(classes)))
print(f'{len(predictions)} images, probabilities differ by at most {worst:.1e}')
