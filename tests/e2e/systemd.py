"""The service manager's part, as sd_listen_fds(3) and sd_notify(3) have it.
start NAME:NAME... PROGRAM ARGUMENT...: opens a listening socket for each name and becomes the program; @PORT@ is the last one's.
listen PATH: prints what is sent to the datagram socket PATH, a line each.   port: prints a free port."""
import os
import socket
import sys


def start(names, *program):
    made = []
    for _ in names.split(":"):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        made.append(s)
    # out of the way of 3, 4, ..., where they go
    high = [os.dup2(s.fileno(), 50 + i) for i, s in enumerate(made)]
    port = str(made[-1].getsockname()[1])
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
        os.set_inheritable(fd, False)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names)
    program = [a.replace("@PORT@", port) for a in program]
    os.execv(program[0], program)


def listen(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    os.chmod(path, 0o666)
    while True:
        print(s.recv(4096).decode().replace("\n", " "), flush=True)


def port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])


{"start": start, "listen": listen, "port": port}[sys.argv[1]](*sys.argv[2:])
