"""Prints the payload of every UDP datagram that comes to the port of its argument, one JSON object on each line."""
import json
import socket
import sys

listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
while True:
    payload, peer = listener.recvfrom(65536)
    print(json.dumps({"from": peer[0].removeprefix("::ffff:"), "payload": payload.decode("latin1")}), flush=True)
