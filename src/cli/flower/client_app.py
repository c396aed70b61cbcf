"""A site of the federation: runs `radiograd round` on its own images. Weights and counts leave, nothing else.

    flower-supernode … --node-config 'data="/data/chest_xray"'

Further keys of the node's configuration: `radiograd`, the command (npx radiograd); `batch-norm`, a file in which
BatchNorm's weights and statistics stay at this site (FedBN).
"""

import json
import shlex
import subprocess
import tempfile
from pathlib import Path

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from safetensors.numpy import load_file, save_file

app = ClientApp()

# What the server may set; everything else is this site's.
SETTINGS = {"lr": float, "batch-size": int, "prox": float}


def run(msg: Message, context: Context, folder: str, flags: list) -> dict:
    """One call of `radiograd round` on the weights of the message; what it prints as JSON."""
    site, config = context.node_config, msg.content["config"]
    weights = Path(folder, "in.safetensors")
    arrays = {name: array.numpy() for name, array in msg.content["arrays"].items()}
    save_file(arrays, weights, metadata=json.loads(str(config["metadata"])))
    command = [*shlex.split(str(site.get("radiograd", "npx radiograd"))), "round", "--json"]
    command += ["--weights", weights, "--data", site["data"], "--seed", int(config["server-round"])]
    command += [part for name, kind in SETTINGS.items() for part in (f"--{name}", kind(config[name]))]
    if "batch-norm" in site:
        command += ["--keep-batch-norm-local", site["batch-norm"]]
    done = subprocess.run([str(part) for part in command + flags], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


@app.train()
def train(msg: Message, context: Context) -> Message:
    with tempfile.TemporaryDirectory() as folder:
        after = Path(folder, "out.safetensors")
        epochs = int(msg.content["config"]["epochs"])
        result = run(msg, context, folder, ["--epochs", epochs, "--out", after])
        arrays = ArrayRecord({name: Array(values) for name, values in load_file(after).items()})
    metrics = MetricRecord({"num-examples": result["numExamples"], "loss": result["loss"]})
    return Message(content=RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    with tempfile.TemporaryDirectory() as folder:
        result = run(msg, context, folder, ["--epochs", 0, "--evaluate"])
    numbers = {name: float("nan") if result["metrics"][name] is None else float(result["metrics"][name])
               for name in ("loss", "accuracy", "auc", "recall", "specificity")}  # fmt: skip
    metrics = MetricRecord({"num-examples": result["numExamples"], **numbers})
    return Message(content=RecordDict({"metrics": metrics}), reply_to=msg)
