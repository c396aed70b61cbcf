"""A stand-in for the package safetensors, as far as the app uses it."""

import json

import numpy as np

TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}


class safe_open:  # noqa: N801, its name there
    def __init__(self, file, framework):
        assert framework == "numpy"
        with open(file, "rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            self.header, self.data = json.loads(stream.read(length)), stream.read()
        self.about = self.header.pop("__metadata__", None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def metadata(self):
        return self.about

    def keys(self):
        return list(self.header)

    def get_tensor(self, name):
        entry = self.header[name]
        start, end = entry["data_offsets"]
        return np.frombuffer(self.data[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
