"""flwr.clientapp: an app is called with a message and the node's context."""


class ClientApp:
    def __init__(self):
        self.handlers = {}

    def train(self):
        return lambda handler: self.handlers.setdefault("train", handler)

    def evaluate(self):
        return lambda handler: self.handlers.setdefault("evaluate", handler)

    def __call__(self, message, context):
        reply = self.handlers[message.message_type](message, context)
        assert reply.reply_to is message
        return reply
