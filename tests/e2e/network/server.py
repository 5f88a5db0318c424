"""Servers to talk to, each on IPv4 and IPv6. Says `ready` and serves until killed.

TCP  7001 echo, until the client has ended
     7002 says hello with the client's address first
     7003 hashes what it gets until the client has ended
     7004 reads a number and sends as many bytes
     7005 resets the connection at the first byte
     7006 notes how the connection ends, and 7007 tells it
UDP  7001 echo
     7002 answers with the client's address
"""

import errno
import hashlib
import random
import socket
import struct
import threading
import time

endings = []


def read_all(connection):
    while data := connection.recv(1 << 16):
        yield data


def echo(connection, _):
    for data in read_all(connection):
        connection.sendall(data)


def banner(connection, client):
    connection.sendall(f"hello {shown(client)}\n".encode())


def sink(connection, _):
    digest = hashlib.sha256()
    for data in read_all(connection):
        digest.update(data)
    connection.sendall(digest.hexdigest().encode())


def source(connection, _):
    connection.sendall(random.Random(7).randbytes(int(connection.recv(20))))


def reset(connection, _):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def note(connection, _):
    try:
        for _ in read_all(connection):
            pass
        endings.append("EOF")
    except OSError as error:
        endings.append(errno.errorcode[error.errno])


def tell(connection, _):
    for _ in range(300):
        if endings:
            connection.sendall(endings.pop().encode())
            return
        time.sleep(0.01)
    connection.sendall(b"open")


def shown(address):
    return address[0].removeprefix("::ffff:")


def handle(service, connection, client):
    with connection:
        try:
            service(connection, client)
        except OSError:
            pass


def tcp(port, service):
    listener = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1000
    )

    def serve():
        while True:
            threading.Thread(target=handle, args=(service, *listener.accept()), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def udp(port, answer, family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((address, port))

    def serve():
        while True:
            data, client = server.recvfrom(70000)
            server.sendto(answer(data, client), client)

    threading.Thread(target=serve, daemon=True).start()


for port, service in enumerate((echo, banner, sink, source, reset, note, tell), 7001):
    tcp(port, service)
for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
    udp(7001, lambda data, client: data, family, address)
    udp(7002, lambda data, client: shown(client).encode(), family, address)
print("ready", flush=True)
threading.Event().wait()
