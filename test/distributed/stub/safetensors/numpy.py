"""safetensors.numpy"""

import json

import numpy as np
from safetensors import TYPES, safe_open


def load_file(file):
    with safe_open(file, framework="numpy") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}


def save_file(tensors, file, metadata=None):
    assert all(isinstance(text, str) for item in (metadata or {}).items() for text in item)
    names = {np.dtype(kind): name for name, kind in TYPES.items()}
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, values in tensors.items():
        offsets = [len(data), len(data) + values.nbytes]
        header[name] = {"dtype": names[values.dtype], "shape": list(values.shape), "data_offsets": offsets}
        data += values.tobytes()
    text = json.dumps(header).encode()
    with open(file, "wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text + data)
