"""The daemon under test: started on fixed ports with settings that change, killed, looked at."""
import os
import signal
import socket
import subprocess
import threading
import time

DOORS = ("spamd.listen", "rspamd.listen", "rspamd.controller", "http.listen", "milter.listen", "akismet.listen")
START_SECONDS = 60


def free_ports(n):
    some = [socket.socket() for _ in range(n)]
    for s in some:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in some]
    for s in some:
        s.close()
    return ports


def status_kb(pid, *keys):
    """Sum of these lines of /proc/PID/status."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return sum(int(line.split()[1]) for line in f if line.split(":")[0] in keys)
    except (OSError, ValueError, IndexError):
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


class Daemon:
    def __init__(self, posse, work, rng):
        self.posse, self.work, self.rng = posse, work, rng
        self.home, self.conf, self.log = f"{work}/home", f"{work}/posse.conf", f"{work}/log"
        self.ports = dict(zip(DOORS, free_ports(len(DOORS))))
        self.process = None
        made = subprocess.run([posse, "key", "add", "--home", self.home], stdout=subprocess.PIPE, check=True)
        self.key = made.stdout.split()[0].decode()
        self.cuts = []          # [from, to, doors]: when requests may fail; to None: still down
        self.starts = []        # how long from a kill to being ready again
        self.surprises = []     # ends that nobody ordered, starts that failed
        self.lock = threading.Lock()
        self.up = threading.Event()

    def write_settings(self, broken=False):
        r = self.rng
        with open(f"{self.work}/soak.rules", "w") as f:
            f.write('deny domain spam.example "on the list of the soak test"\n')
            f.write("".join(f'deny domain never{r.randrange(10 ** 6)}.example "changes"\n' for _ in range(r.randrange(5))))
        mode = r.choice(("enforce", "enforce", "enforce", "observe"))
        text = f"""
serve {{ user = {os.environ.get("USER") or "root"} }}
log {{ level = notice }}
spamd {{ listen = {{"127.0.0.1:{self.ports["spamd.listen"]}"}} tell = local required = {r.choice((5, 6, 7.5))} }}
rspamd {{
    listen = {{"127.0.0.1:{self.ports["rspamd.listen"]}"}}
    controller = {{"127.0.0.1:{self.ports["rspamd.controller"]}"}}
    password = "soak"
}}
http {{ listen = {{"127.0.0.1:{self.ports["http.listen"]}"}} }}
milter {{ listen = {{"127.0.0.1:{self.ports["milter.listen"]}"}} }}
akismet {{ listen = {{"127.0.0.1:{self.ports["akismet.listen"]}"}} }}
filter {{ rules = {{"{self.work}/{"no-such" if broken else "soak"}.rules"}} }}
limits {{ time = {r.choice((8, 10, 12))}s message_bytes = 4M connections = 400 grace = 5s per_address = 400 }}
teach {{ per_hour = 0 }}
policy default {{ tag = {r.choice((0.001, 0.01, 0.1))} }}
policy "q.example" {{ tag = 0.4 quarantine = {r.choice((0.01, 0.1, 0.3))} mode = {mode} }}
policy "r.example" {{ {r.choice(("reject", "defer", "rewrite", "discard"))} = 0.1 }}
"""
        with open(self.conf + ".new", "w") as f:
            f.write(text)
        os.rename(self.conf + ".new", self.conf)

    def start(self):
        """Until it is ready; started anew where the addresses are not free yet, as a service manager does."""
        begun = time.monotonic()
        while time.monotonic() - begun < START_SECONDS:
            announced = open(f"{self.work}/announced", "w+")
            with open(self.log, "a") as log:
                p = subprocess.Popen([self.posse, "serve", "--config", self.conf, "--home", self.home, "--announce"],
                                     stdout=announced, stderr=log)
            while p.poll() is None and time.monotonic() - begun < START_SECONDS:
                announced.seek(0)
                if announced.read().endswith("ready\n"):
                    self.process = p
                    self.starts.append(time.monotonic() - begun)
                    if self.cuts and self.cuts[-1][1] is None:
                        self.cuts[-1][1] = time.monotonic()
                    self.up.set()
                    return True
                time.sleep(0.01)
            if p.poll() is None:
                p.kill()
            time.sleep(0.1)
        self.surprises.append(f"not ready within {START_SECONDS} s")
        return False

    def kill(self, whom):
        """SIGKILL. both: as a service manager ends a service; daemon: its milter process finds out; milter: just that one."""
        p = self.process
        if p.poll() is not None:
            self.surprises.append(f"ended by itself: {p.returncode}")
        now = time.monotonic()
        below = children(p.pid)
        if whom == "milter":
            with self.lock:
                self.cuts.append([now, now + 0.05, ("milter",)])
        else:
            with self.lock:
                self.cuts.append([now, None, None])
            self.up.clear()
            p.send_signal(signal.SIGKILL)
        for child in below if whom != "daemon" else []:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if whom != "milter":
            p.wait()

    def was_cut(self, door, begun, ended):
        with self.lock:
            return any(c[0] <= ended + 0.2 and (c[1] is None or c[1] >= begun) and (not c[2] or door in c[2]) for c in self.cuts)

    def logged(self, what):
        with open(self.log, errors="replace") as f:
            return sum(what in line for line in f)

    def reload(self, broken=False):
        """False: it said nothing of it within 20 s."""
        what = "event=reload_failed" if broken else "event=reloaded"
        before = self.logged(what)
        self.write_settings(broken)
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while self.logged(what) <= before and time.monotonic() < end:
            time.sleep(0.1)
        if broken:
            self.write_settings() # or the next start would fail, and it should
        return time.monotonic() < end

    def memory_kb(self):
        """Anonymous memory of the daemon and of its milter process, and all that is resident."""
        pids = [self.process.pid] + children(self.process.pid)
        return [(status_kb(p, "RssAnon", "RssShmem"), status_kb(p, "VmRSS")) for p in pids]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not stop"
