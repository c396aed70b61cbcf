"""The federation's server: begins with a checkpoint of `radiograd round`, averages what the sites send (FedAvg), and
writes a checkpoint that `radiograd eval` and `predict` take. Sees weights and counts, never an image."""

import json

from flwr.app import Array, ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from safetensors import safe_open
from safetensors.numpy import save_file

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    with safe_open(config["initial"], framework="numpy") as file:
        # Which model it is, its classes and how images are prepared: sites refuse images of other classes.
        metadata = file.metadata()
        arrays = ArrayRecord({name: Array(file.get_tensor(name)) for name in file.keys()})
    told = {"metadata": json.dumps(metadata), **{key: config[key] for key in ("lr", "epochs", "batch-size", "prox")}}
    sites = int(config["sites"])
    strategy = FedAvg(min_train_nodes=sites, min_evaluate_nodes=sites, min_available_nodes=sites)
    result = strategy.start(
        grid=grid,
        initial_arrays=arrays,
        num_rounds=int(config["num-server-rounds"]),
        train_config=ConfigRecord(told),
        evaluate_config=ConfigRecord(told),
    )
    averaged = {name: array.numpy() for name, array in result.arrays.items()}
    save_file(averaged, config["final"], metadata=metadata)
