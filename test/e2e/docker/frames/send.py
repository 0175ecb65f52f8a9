"""Writes frames as a tool with CAP_NET_RAW can: to a neighbour's MAC, with any source and destination inside.

Standard input: a list of {"to": MAC, "source": ADDRESS, "destination": ADDRESS, "port": NUMBER, "payload": TEXT,
"sourcePort": NUMBER (optional), "tag": true for a VLAN tag with the id 0 (optional)}, each of them one UDP datagram.
They are sent three times, because a router drops a packet now and then while it asks for the next hop's MAC.
"""
import ipaddress
import json
import socket
import struct
import sys
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(source, destination, source_port, port, payload):
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source_port, port, length, 0) + payload
    pseudo = source.packed + destination.packed + struct.pack("!IBBBB", length, 0, 0, 0, 17)
    return udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]


def packet(source, destination, udp):
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + source.packed + destination.packed + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def frame(item):
    source, destination = (ipaddress.ip_address(item[key]) for key in ("source", "destination"))
    payload = bytes.fromhex(item["hex"]) if "hex" in item else item["payload"].encode()
    body = packet(source, destination, datagram(source, destination, item.get("sourcePort", 40000), item["port"], payload))
    kind = struct.pack("!H", 0x0800 if source.version == 4 else 0x86DD)
    tag = b"\x81\x00\x00\x00" if item.get("tag") else b""
    return bytes.fromhex(item["to"].replace(":", "")) + own + tag + kind + body


link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
own = link.getsockname()[4]
frames = [frame(item) for item in json.load(sys.stdin)]
for _ in range(3):
    for each in frames:
        link.send(each)
    time.sleep(0.3)
