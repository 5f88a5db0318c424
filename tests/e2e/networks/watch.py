# Prints the words of networks/forge.py that arrive.
import re
import socket

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("eth0", 3))
print("ready", flush=True)
while True:
    for word in re.findall(rb"<([a-z0-9-]+)>", link.recv(2000)):
        print(word.decode(), flush=True)
