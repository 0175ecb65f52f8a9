# Before its version 15 the library knows no proxy, and takes a socket: here the one of a CONNECT.
import asyncio
import http.client
import os
import ssl
import sys
from urllib.parse import urlsplit

import websockets


async def ask(url):
    proxy, target = urlsplit(os.environ["HTTPS_PROXY"]), urlsplit(url)
    tunnel = http.client.HTTPConnection(proxy.hostname, proxy.port)
    tunnel.set_tunnel(target.hostname, target.port)
    tunnel.connect()
    tls = {"ssl": ssl.create_default_context(), "server_hostname": target.hostname} if target.scheme == "https" else {}
    async with websockets.connect(url.replace("http", "ws", 1), sock=tunnel.sock, **tls) as socket:
        await socket.send("a question")
        print(200, await socket.recv())


for url in sys.argv[1:]:
    asyncio.run(ask(url))
