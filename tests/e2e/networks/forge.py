# Sends frames in somebody's name, MAC IPV4 IPV6, each marked with a word of its own
# behind the packet, and at last one in our own. All are for everybody.
import socket
import struct
import subprocess
import sys

mac, v4, v6 = sys.argv[1:]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))


def own(family):
    words = subprocess.check_output(["ip", "-o", family, "addr", "show", "eth0"], text=True)
    return words.split(" inet6 " if family == "-6" else " inet ")[1].split("/")[0]


class Name:
    def __init__(self, mac, v4, v6):
        self.mac, self.v4 = mac, socket.inet_aton(v4)
        self.v6 = socket.inet_pton(socket.AF_INET6, v6)


we = Name(link.getsockname()[4], own("-4"), own("-6"))
they = Name(bytes.fromhex(mac.replace(":", "")), v4, v6)


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(word, source, kind, packet):
    frame = b"\xff" * 6 + source.mac + struct.pack("!H", kind) + packet
    link.send(frame.ljust(60, b"\0") + f"<{word}>".encode())


def arp(operation, sender_mac, sender_ip):
    head = struct.pack("!HHBBH", 1, 0x800, 6, 4, operation)
    return head + sender_mac.mac + sender_ip.v4 + b"\xff" * 6 + socket.inet_aton("10.210.0.2")


def ip(source):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, source.v4, b"\xff" * 4)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + struct.pack("!4H", 9, 9, 8, 0)


def ip6(source, following, payload):
    everybody = socket.inet_pton(socket.AF_INET6, "ff02::1")
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 255) + source.v6 + everybody + payload


def icmp6(source, kind, body):
    everybody = socket.inet_pton(socket.AF_INET6, "ff02::1")
    message = struct.pack("!BBHI", kind, 0, 0, 0x20000000) + body
    pseudo = source.v6 + everybody + struct.pack("!II", len(message), 58) + message
    return message[:2] + struct.pack("!H", checksum(pseudo)) + message[4:]


def advertisement(source, target, link_address):
    return icmp6(source, 136, target.v6 + b"\2\1" + link_address.mac)


padding = bytes([58, 0, 1, 4, 0, 0, 0, 0])  # A header of options that are nothing.
for word, operation in ("request", 1), ("reply", 2):
    send(f"arp-{word}", they, 0x806, arp(operation, they, they))
    send(f"arp-{word}-by-us", we, 0x806, arp(operation, they, they))
    send(f"arp-{word}-mac", we, 0x806, arp(operation, they, we))
    send(f"arp-{word}-ip", we, 0x806, arp(operation, we, they))
send("ip", they, 0x800, ip(they))
send("ip-source", we, 0x800, ip(they))
send("ip-mac", they, 0x800, ip(we))
datagram = struct.pack("!4H", 9, 9, 8, 1)
send("ip6", they, 0x86DD, ip6(they, 17, datagram))
send("ip6-source", we, 0x86DD, ip6(they, 17, datagram))
send("ip6-mac", they, 0x86DD, ip6(we, 17, datagram))
send("nd", they, 0x86DD, ip6(they, 58, advertisement(they, they, they)))
send("nd-source", we, 0x86DD, ip6(they, 58, advertisement(they, they, we)))
send("nd-target", we, 0x86DD, ip6(we, 58, advertisement(we, they, we)))
send("nd-behind", we, 0x86DD, ip6(we, 0, padding + advertisement(we, they, we)))
send("vlan", we, 0x8100, struct.pack("!HH", 7, 0x800) + ip(they))
# In nobody's name are these, but the last.
send("router", we, 0x86DD, ip6(we, 58, icmp6(we, 134, bytes(8))))
send("redirect", we, 0x86DD, ip6(we, 58, icmp6(we, 137, they.v6 + they.v6)))
send("other", we, 0x88B5, bytes(20))
send("end", we, 0x800, ip(we))
print("sent")
