"""Does each of its arguments, a step with its own arguments, and prints a line for
each: what came of it, or the name of the error."""

import contextlib
import errno
import hashlib
import random
import select
import socket
import struct
import sys
import time

LIMIT = 10  # Seconds; no step that works takes so long.


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp(address, port, limit=LIMIT):
    """A connection; `address` may be a name."""
    return socket.create_connection((address, int(port)), timeout=float(limit))


def read_all(connection):
    data = b""
    while part := connection.recv(1 << 16):
        data += part
    return data


def connect(address, port, limit=LIMIT):
    """Whether there is somebody."""
    with tcp(address, port, limit):
        return "connected"


def each(address, port, count):
    """What comes of connections one after the other, each once."""
    seen = set()
    for _ in range(int(count)):
        try:
            seen.add(connect(address, port, 1))
        except TimeoutError:
            return "timeout"
        except OSError as error:
            seen.add(named(error.errno))
    return " ".join(sorted(seen))


def hold_less(address, port):
    """The same where the connection is made before it is known: the end tells."""
    with tcp(address, port) as connection:
        connection.sendall(b"x")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection).decode() or "EOF"


def nonblocking(address, port):
    """Waits with epoll for a connection, which it knows before there is one."""
    with socket.socket(family(address)) as connection:
        connection.setblocking(False)
        epoll = select.epoll()
        epoll.register(connection, select.EPOLLOUT | select.EPOLLET)
        epoll.poll(0)  # A socket that is not connected hangs up.
        first = connection.connect_ex((address, int(port)))
        while not epoll.poll(LIMIT):
            return "no event"
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return f"{named(first)} then {named(error)}"


def pending(address, port):
    """How a connection that nobody answers looks from a program that does not block."""
    with socket.socket(family(address)) as connection:
        connection.setblocking(False)
        epoll = select.epoll()
        first = connection.connect_ex((address, int(port)))
        epoll.register(connection, select.EPOLLOUT)
        return f"{named(first)} then {'event' if epoll.poll(1) else 'no event'}"


def greeting(address, port=7002):
    """What a server says first."""
    with tcp(address, port) as connection:
        return read_all(connection).decode().strip()


def half_close(address, port=7001):
    """Ends its own side, and reads what was sent before."""
    with tcp(address, port) as connection:
        connection.sendall(b"half")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection).decode()


def upload(address, size):
    data = random.Random(7).randbytes(int(size))
    with tcp(address, 7003) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        same = read_all(connection).decode() == hashlib.sha256(data).hexdigest()
    return "same" if same else "different"


def download(address, size, pause=0):
    """`pause` seconds in the middle make a slow reader."""
    data = random.Random(7).randbytes(int(size))
    with tcp(address, 7004) as connection:
        connection.sendall(size.encode())
        time.sleep(float(pause))
        return "same" if read_all(connection) == data else "different"


def reset_by_server(address):
    with tcp(address, 7005) as connection:
        connection.sendall(b"x")
        return read_all(connection).decode() or "EOF"


def reset_by_client(address):
    with tcp(address, 7006) as connection:
        connection.sendall(b"x")
        time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with tcp(address, 7007) as connection:
        return read_all(connection).decode()


def many(address, count):
    """So many connections at once, of which each works."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(tcp(address, 7001)) for _ in range(int(count))]
        for number, connection in enumerate(connections):
            connection.sendall(b"%6d" % number)
        answers = {connection.recv(6) for connection in connections}
        return f"{len(answers)} answers"


def abort(address, port, count):
    """Begins connections and gives up at once."""
    for _ in range(int(count)):
        with socket.socket(family(address)) as connection:
            connection.setblocking(False)
            connection.connect_ex((address, int(port)))
    return "aborted"


def udp(address, port, size):
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        client.connect((address, int(port)))
        data = random.Random(7).randbytes(int(size))
        client.send(data)
        return "same" if client.recv(70000) == data else "different"


def udp_greeting(address, port=7002, sender=None):
    """What the server takes for our address."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        if sender:
            client.bind((sender, 0))
        client.connect((address, int(port)))
        client.send(b"x")
        return client.recv(100).decode()


def udp_error(address, port=7001):
    """Asks to be told of all errors, as resolvers and QUIC do (`IP_RECVERR`)."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        if client.family == socket.AF_INET:
            client.setsockopt(socket.IPPROTO_IP, 11, 1)
        else:
            client.setsockopt(socket.IPPROTO_IPV6, 25, 1)
        client.connect((address, int(port)))
        client.send(b"x")
        client.recv(100)
        return "answered"


def udp_denied(address, port=7001):
    """Whether a datagram leads to an answer."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((address, int(port)))
        client.send(b"x")
        client.recv(100)
        return "answered"


def peers(address, first, count):
    """One socket without a peer, and servers on many ports."""
    servers = {}
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        for port in range(int(first), int(first) + int(count)):
            client.sendto(b"%d" % port, (address, port))
        for _ in range(int(count)):
            data, server = client.recvfrom(100)
            servers[data] = server
    right = all(int(data) == server[1] and server[0] == address for data, server in servers.items())
    return f"{len(servers)} {'right' if right else servers}"


def listen_udp(address, first, count):
    """Echo servers for `peers`, until killed."""
    epoll, sockets = select.epoll(), {}
    for port in range(int(first), int(first) + int(count)):
        server = socket.socket(family(address), socket.SOCK_DGRAM)
        server.bind((address, port))
        epoll.register(server, select.EPOLLIN)
        sockets[server.fileno()] = server
    print("ready", flush=True)
    while True:
        for number, _ in epoll.poll():
            sockets[number].sendto(*sockets[number].recvfrom(70000))


def listen_http(port):
    """Answers every request with the name that was asked for, until killed."""
    listener = socket.create_server(
        ("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True
    )
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            request = connection.recv(1 << 16).decode()
            name = request.split("Host: ")[1].split("\r\n")[0]
            body = f"served {name}\n"
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall((head + body).encode())


def lookup(name):
    """The addresses that the C library finds."""
    try:
        found = socket.getaddrinfo(name, 80, proto=socket.IPPROTO_TCP)
    except socket.gaierror as error:
        return {socket.EAI_NONAME: "no such name", socket.EAI_AGAIN: "try again"}.get(
            error.errno, f"no address ({error.errno})"
        )
    return " ".join(sorted({address[4][0] for address in found}))


TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def question(name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack("!x2H", TYPES[kind], 1)


def skip_name(message, at):
    while length := message[at]:
        if length >= 0xC0:
            return at + 2
        at += 1 + length
    return at + 1


def name_at(message, at):
    labels = []
    while length := message[at]:
        if length >= 0xC0:
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
            continue
        labels.append(message[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels)


def value(message, kind, at, length):
    if kind in (TYPES["A"], TYPES["AAAA"]):
        version = socket.AF_INET if length == 4 else socket.AF_INET6
        return socket.inet_ntop(version, message[at : at + length])
    if kind == TYPES["CNAME"]:
        return name_at(message, at)
    return repr(message[at + 1 : at + length].decode(errors="replace"))


def answers(message):
    """The code and the answers of a message (RFC 1035, 4.1), sorted."""
    _, flags, questions, count, _, _ = struct.unpack_from("!6H", message)
    at, found = 12, []
    for _ in range(questions):
        at = skip_name(message, at) + 4
    for _ in range(count):
        at = skip_name(message, at)
        kind, _, _, length = struct.unpack_from("!2HIH", message, at)
        at += 10
        found.append(value(message, kind, at, length))
        at += length
    return CODES[flags & 15], bool(flags & 0x200), sorted(found)


def dns(server, name, kind):
    """Asks by UDP, and once more if there is no answer: datagrams may be lost, and
    whoever resolves names asks twice (`resolv.conf(5)`, attempts)."""
    with socket.socket(family(server), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT / 2)
        client.connect((server, 53))
        client.send(question(name, kind))
        try:
            answer = client.recv(70000)
        except TimeoutError:
            client.send(question(name, kind))
            answer = client.recv(70000)
        code, truncated, found = answers(answer)
    return " ".join([code] + ["truncated"] * truncated + found)


def dns_many(server, name, count):
    """Asks many times at once."""
    with socket.socket(family(server), socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        client.connect((server, 53))
        for number in range(int(count)):
            client.send(struct.pack("!H", number) + question(name, "A")[2:])
        codes = {}
        for _ in range(int(count)):
            message = client.recv(70000)
            codes[message[:2]] = answers(message)[0]
    return f"{len(codes)} {' '.join(sorted(set(codes.values())))}"


def dns_tcp(server, name, kind):
    """Asks by TCP, and prints how many answers there are."""
    asked = question(name, kind)
    with tcp(server, 53) as connection:
        connection.sendall(struct.pack("!H", len(asked)) + asked)
        data = connection.makefile("rb")
        code, _, found = answers(data.read(*struct.unpack("!H", data.read(2))))
    return f"{code} {len(found)}"


def malformed(server):
    """Sends what is no question, then what is one."""
    with socket.socket(family(server), socket.SOCK_DGRAM) as client:
        client.connect((server, 53))
        good = question("example.test", "A")
        loop = good[:12] + b"\xc0\x0c" + good[-4:]
        longer = good[:12] + b"\x3fx" + good[-4:]
        noise = [random.Random(seed).randbytes(seed) for seed in range(1, 300)]
        for bad in [b"", good[:5], good[:-3], loop, longer, b"\xff" * 512, *noise]:
            with contextlib.suppress(OSError):
                client.send(bad)
    for bad in b"", b"\x00", b"\x00\x00", b"\xff\xff", b"\x00\x05hello":
        with tcp(server, 53) as connection:
            connection.sendall(bad)
    return "sent"


def listen_noise(address):
    """A resolver whose answers are wrong, each in its way, until killed."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, 53))
    print("ready", flush=True)
    number = 0
    while True:
        asked, client = server.recvfrom(70000)
        head, rest = asked[:2] + b"\x81\x80", asked[12:]
        one = head + b"\x00\x01\x00\x01\x00\x00\x00\x00" + rest
        record = b"\x00\x01\x00\x01\x00\x00\x00\x07"
        wrong = [
            b"",  # Nothing.
            asked[:7],  # Less than a header.
            head + b"\xff" * 8,  # Counts of what is not there.
            one + bytes([0xC0, len(asked)]) + record + b"\x00\x04\x01\x02\x03\x04",  # A name that is itself.
            one + b"\xc0\x0c" + record + b"\xff\xff\x01",  # Longer than the message.
            one + b"\xc0\x0c" + record + b"\x00\x02\x01\x02",  # Half an address.
            random.Random(number).randbytes(500),
        ]
        server.sendto(wrong[number % len(wrong)], client)
        number += 1


def sleep(seconds):
    time.sleep(float(seconds))
    return "slept"


def wait_for_line(_=None):
    """Says that it is there, and goes on at a line of the test."""
    print("waiting", flush=True)
    sys.stdin.readline()
    return "going on"


def flood(address, port, count):
    """SYNs, half of them from addresses that are not ours (needs NET_RAW)."""
    sent = 0
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(int(count)):
        source = socket.inet_aton("10.209.0.2" if number % 2 else f"10.209.0.{number % 200 + 10}")
        target = socket.inet_aton(address)
        segment = struct.pack("!2H2I4H", number % 60000 + 1024, int(port), number, 0, 0x5002, 512, 0, 0)
        total = checksum(source + target + struct.pack("!2H", 6, len(segment)) + segment)
        segment = segment[:16] + struct.pack("!H", total) + segment[18:]
        header = struct.pack("!2B3H2BH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source, target)
        with contextlib.suppress(OSError):
            sender.sendto(header + segment, (address, 0))
            sent += 1
    return "flooded" if sent > int(count) / 2 else f"only {sent}"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def exhaust(address, port, count):
    """Opens more connections than can be carried, then waits for one that can."""
    made = []
    for _ in range(int(count)):
        try:
            made.append(tcp(address, port, 3))
        except TimeoutError:
            return "timeout"
        except OSError:
            pass
    for connection in made:
        connection.close()
    for _ in range(100):
        with contextlib.suppress(OSError):
            return half_close(address, port)
        time.sleep(0.05)
    return "dead"


def named(error):
    return errno.errorcode.get(error, "ok")


for argument in sys.argv[1:]:
    step, *arguments = argument.split()
    try:
        print(globals()[step](*arguments), flush=True)
    except socket.gaierror:
        print("no such name", flush=True)
    except TimeoutError as error:
        print(named(error.errno) if error.errno else "timeout", flush=True)
    except OSError as error:
        print(named(error.errno), flush=True)
