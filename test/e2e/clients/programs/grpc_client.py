import sys

import grpc

raw = {"request_serializer": lambda text: text.encode(), "response_deserializer": bytes.decode}
for target in sys.argv[1:]:
    with grpc.insecure_channel(target) as channel:
        print(channel.unary_unary("/egress.Greeter/Greet", **raw)("a question", timeout=20))
        print(*channel.unary_stream("/egress.Greeter/Stream", **raw)("a question", timeout=20))
