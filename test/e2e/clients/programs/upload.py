"""Uploads to argv[2] through the proxy argv[1]: with requests, which reads nothing before it has written all; `wait` as
botocore does, which expects 100 and goes on after a second without it."""
import select
import socket
import sys
import urllib.parse

import requests

proxy, url, how, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def chunks():
    for _ in range(size // 65536):
        yield b"x" * 65536


if how == "wait":
    at = urllib.parse.urlsplit(proxy)
    with socket.create_connection((at.hostname, at.port)) as connection:
        host = urllib.parse.urlsplit(url).netloc
        head = f"PUT {url} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.replace("PUT", "POST", 1).encode())
        if select.select([connection], [], [], 1)[0]:
            print(connection.recv(65536).decode("latin1"))
        connection.sendall(b"x" * size)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        print(answer.decode("latin1"))
else:
    body = chunks() if how == "chunked" else b"x" * size
    answer = requests.post(url, data=body, proxies={"http": proxy}, timeout=60)
    print(answer.status_code, answer.reason, answer.text)
