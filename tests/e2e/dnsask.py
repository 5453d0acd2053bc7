"""dnsask.py PORT NAME TYPE: asks a name server on this machine; prints the answer's code and each A, AAAA or TXT in it."""
import ipaddress, socket, struct, sys

TYPES = {"A": 1, "TXT": 16, "AAAA": 28, "SOA": 6}
CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def skip_name(m, at):
    while m[at]:
        if m[at] >= 192:
            return at + 2
        at += m[at] + 1
    return at + 1


port, name, kind = int(sys.argv[1]), sys.argv[2], TYPES[sys.argv[3]]
question = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.sendto(struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question, ("127.0.0.1", port))
    m = s.recv(4096)
flags, _, answers = struct.unpack(">HHH", m[2:8])
out, at = [CODES.get(flags & 15, str(flags & 15))], 12 + len(question)
for _ in range(answers):
    at = skip_name(m, at)
    got, _, _, n = struct.unpack(">HHIH", m[at:at + 10])
    data = m[at + 10:at + 10 + n]
    at += 10 + n
    if got in (1, 28):
        out.append(str(ipaddress.ip_address(data)))
    elif got == 16:
        out.append(data[1:1 + data[0]].decode("ascii"))
print(" ".join(out))
