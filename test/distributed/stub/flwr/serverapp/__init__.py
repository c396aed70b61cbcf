"""flwr.serverapp: an app with one main function; the grid carries messages to nodes."""


class Grid:
    """Nodes in this process: an app and the context of each."""

    def __init__(self, app, contexts):
        self.app, self.contexts = app, contexts

    def get_node_ids(self):
        return list(range(len(self.contexts)))

    def send_and_receive(self, messages):
        return [self.app(message, self.contexts[message.dst_node_id]) for message in messages]


class ServerApp:
    def main(self):
        def register(function):
            self.function = function
            return function

        return register

    def __call__(self, grid, context):
        self.function(grid, context)
