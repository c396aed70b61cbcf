"""flwr.app: messages and what they carry."""

import io

import numpy as np


class Array:
    """An array as bytes in NumPy's format, as Flower sends it."""

    def __init__(self, values):
        assert isinstance(values, np.ndarray), type(values)
        stream = io.BytesIO()
        np.save(stream, values, allow_pickle=False)
        self.data = stream.getvalue()

    def numpy(self):
        return np.load(io.BytesIO(self.data), allow_pickle=False)


class TypedDict(dict):
    """A dictionary that takes names and values of some types."""

    types = ()

    def __init__(self, values):
        super().__init__()
        for key, value in values.items():
            self[key] = value

    def __setitem__(self, key, value):
        assert isinstance(key, str) and isinstance(value, self.types), (key, type(value))
        super().__setitem__(key, value)


class ArrayRecord(TypedDict):
    types = (Array,)


class MetricRecord(TypedDict):
    types = (int, float)


class ConfigRecord(TypedDict):
    types = (int, float, str, bytes, bool)


class RecordDict(TypedDict):
    types = (ArrayRecord, MetricRecord, ConfigRecord)


class Message:
    def __init__(self, content=None, *, message_type=None, dst_node_id=None, reply_to=None):
        assert (reply_to is None) != (message_type is None)
        assert isinstance(content, RecordDict)
        self.content, self.reply_to = content, reply_to
        self.message_type, self.dst_node_id = message_type, dst_node_id


class Context:
    def __init__(self, node_config, run_config):
        self.node_config, self.run_config = node_config, run_config
