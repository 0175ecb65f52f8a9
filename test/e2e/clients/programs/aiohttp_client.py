import asyncio
import sys

import aiohttp


async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        for url in sys.argv[1:]:
            async with session.get(url) as answer:
                print(answer.status, await answer.text())


asyncio.run(main())
