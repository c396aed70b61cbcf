"""flwr.serverapp.strategy: FedAvg as Flower's, for nodes that all answer."""

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict


class Result:
    arrays = None


class FedAvg:
    def __init__(self, *, min_train_nodes=2, min_evaluate_nodes=2, min_available_nodes=2):
        self.least = max(min_train_nodes, min_evaluate_nodes, min_available_nodes)

    def start(self, grid, initial_arrays, num_rounds=3, train_config=None, evaluate_config=None):
        nodes = grid.get_node_ids()
        assert len(nodes) >= self.least
        result = Result()
        result.arrays = initial_arrays

        def ask(kind, config, server_round):
            told = ConfigRecord({**config, "server-round": server_round})
            content = RecordDict({"arrays": result.arrays, "config": told})
            messages = [Message(content=content, message_type=kind, dst_node_id=node) for node in nodes]
            replies = [reply.content for reply in grid.send_and_receive(messages)]
            assert len({tuple(sorted(reply["metrics"])) for reply in replies}) == 1
            assert all(type(reply["metrics"]["num-examples"]) is int for reply in replies)
            print(kind, server_round, [dict(reply["metrics"]) for reply in replies])
            return replies

        for server_round in range(1, num_rounds + 1):
            replies = ask("train", train_config, server_round)
            counts = np.array([reply["metrics"]["num-examples"] for reply in replies], dtype=np.float64)
            shares = counts / counts.sum()
            result.arrays = ArrayRecord({
                name: Array(np.asarray(sum(share * reply["arrays"][name].numpy().astype(np.float64)
                                           for share, reply in zip(shares, replies)))
                            .astype(np.float32 if first.numpy().dtype == np.float32 else np.float64))
                for name, first in replies[0]["arrays"].items()
            })  # fmt: skip
            ask("evaluate", evaluate_config, server_round)
        return result
