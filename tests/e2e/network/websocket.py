"""A WebSocket server that echoes, or with `client` the client of one."""

import asyncio
import sys

import websockets

ADDRESS, PORT = "198.51.100.1", 9001


async def echo(connection, _path=None):
    async for message in connection:
        await connection.send(message)


async def serve():
    async with websockets.serve(echo, ADDRESS, PORT):
        print("ready", flush=True)
        await asyncio.Future()


async def talk():
    async with websockets.connect(f"ws://{ADDRESS}:{PORT}", max_size=None) as connection:
        for length in (1, 1000, 500_000):
            await connection.send("x" * length)
            print(len(await connection.recv()))


asyncio.run(talk() if sys.argv[1:] == ["client"] else serve())
