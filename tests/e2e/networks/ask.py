# Says hello to the services of network/server.py at a name, over what it resolves to.
import socket
import sys

name, limit = sys.argv[1], float((sys.argv[2:] or ["20"])[0])
for kind, sort in ("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM):
    for version, family in ("4", socket.AF_INET), ("6", socket.AF_INET6):
        try:
            address = socket.getaddrinfo(name, 7001, family, sort)[0][4]
        except socket.gaierror:
            if ":" in name or "." in name:
                continue
            sys.exit(print("no such name"))
        with socket.socket(family, sort) as connection:
            connection.settimeout(limit)
            try:
                connection.connect(address)
                connection.send(b"hello")
                print(kind, version, connection.recv(10).decode())
            except OSError as error:
                print(kind, version, type(error).__name__)
