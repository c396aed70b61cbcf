"""Runs the Flower app in the current folder on sites of this process: federation.py COMMAND SITE…"""

import sys
import tomllib

sys.dont_write_bytecode = True
sys.path.insert(0, ".")
import client_app  # noqa: E402
import server_app  # noqa: E402
from flwr.app import Context  # noqa: E402
from flwr.serverapp import Grid  # noqa: E402

command, *sites = sys.argv[1:]
with open("pyproject.toml", "rb") as file:
    app = tomllib.load(file)["tool"]["flwr"]["app"]
assert app["components"] == {"serverapp": "server_app:app", "clientapp": "client_app:app"}
config = {**app["config"], "num-server-rounds": 1, "sites": len(sites), "batch-size": 4, "lr": 1e-3}
contexts = [Context({"data": site, "radiograd": command}, config) for site in sites]
server_app.app(Grid(client_app.app, contexts), Context({}, config))
