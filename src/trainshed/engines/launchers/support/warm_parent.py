"""A warm parent: has a framework imported, and becomes a script by forking.

``warm_parent.py CHANNEL MODULE…`` in the engine's own interpreter. It imports the modules, makes
sure that a fork of it is as good as a fresh interpreter (one thread, no device, nothing shared), says
so on the channel, and from then on gets connections there. Each becomes one rank:

* a *minder* waits for the rank and reports its end on the connection, as a parent would; orphans of
  the rank come to it; it ends when nothing is left below it, and ends all when the other side is gone;
* the *rank* enters the sandbox of whoever is at the other side, takes its order (argv, environment,
  directory, limits), and runs the script as ``__main__`` (``warm_script.py``, beside this file).

Both are forked ahead of time. The parent itself never sees an order.
"""

_FRESH = dict(globals())  # what a fresh ``__main__`` holds

import ctypes  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import types  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36
_MOST_SPARES = 8
_DEVICES_OF_ALL = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SET_BY_IMPORTS: "dict[str, str | None]" = {}
"""Environment variables that the imports changed, with their new values."""


class Unfit(Exception):  # noqa: N818
    """Why this process must not be forked from."""


# ---- messages: a small JSON object and descriptors


def send(to: socket.socket, message: object, fds: "list[int]") -> None:
    """Send one message."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))] if fds else []
    to.sendmsg([json.dumps(message).encode()], rights)


def receive(connection: socket.socket) -> "tuple[dict[str, Any], list[int]]":
    """The next message; an empty one when the other side is gone."""
    try:
        data, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(64 * 4))
    except ConnectionError:
        return {}, []
    fds: "list[int]" = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds += struct.unpack("%di" % (len(content) // 4), content)
    return (json.loads(data.decode()) if data else {}), fds


def opened(fd: int) -> socket.socket:
    """The socket behind a descriptor."""
    os.set_inheritable(fd, False)
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fd)


# ---- the parent


def prepare(modules: "list[str]") -> "dict[str, Any]":
    """Import the modules, and say what is known of the parent.

    Raises:
        Unfit: a fork of this process would not be like a fresh interpreter.
    """
    began = time.time()
    before = dict(os.environ)
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException as error:
            raise Unfit("importing %s failed: %s: %s" % (name, type(error).__name__, error)) from error
    for name in before.keys() | os.environ.keys():
        if os.environ.get(name) != before.get(name):
            SET_BY_IMPORTS[name] = os.environ.get(name)
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    check()
    names = sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"})
    return {"ready": True, "seconds": round(time.time() - began, 3), "names": names}


def check() -> None:
    """Make sure of what a fork takes along: threads it does not, and the rest must be harmless.

    Libraries that know of forks stop their threads before one, so a trial comes first.

    Raises:
        Unfit: something is in the way.
    """
    trial = os.fork()
    if trial == 0:
        os._exit(0)
    os.waitpid(trial, 0)
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise Unfit("the import starts %d threads, which a fork would lose" % (threads - 1))
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        pass
    else:
        raise Unfit("the import starts processes of its own")
    for fd, target in descriptors(above=-1):
        if fd > 2 and fd != int(sys.argv[1]):
            raise Unfit("the import leaves %s open, which all its forks would share" % target)
        if target.startswith("/dev/") and target not in _DEVICES_OF_ALL:
            raise Unfit("the import opens the device %s" % target)
    with open("/proc/self/maps") as maps:
        for line in maps:
            _, rights, _, _, _, *name = line.split(None, 5)
            if "w" in rights and "s" in rights:
                where = name[0].strip() if name else "memory"
                raise Unfit("the import shares %s with its forks" % where)


def descriptors(above: int) -> "list[tuple[int, str]]":
    """Open descriptors and what they are open on."""
    found: "list[tuple[int, str]]" = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:  # the one that we list with
            continue
        if int(name) > above and not target.startswith("/proc/"):
            found.append((int(name), target))
    return found


def serve(channel: socket.socket) -> "dict[str, Any]":
    """Fork ranks until the channel is closed; returns in each rank, with its order."""
    spares: "list[socket.socket]" = []
    wanted = 1
    while True:
        while len(spares) < wanted:
            spare, order = make_spare()
            if spare is None:
                return order
            spares.append(spare)
        message, connections = receive(channel)
        if not message:
            os._exit(0)
        wanted = max(wanted, min(len(connections), _MOST_SPARES))
        for connection in connections:
            spare, order = (spares.pop(0), {}) if spares else make_spare()
            if spare is None:
                return order
            try:
                send(spare, {}, [connection])
            except OSError:
                pass  # it was killed; whoever waits at the connection sees that it is closed
            spare.close()
            os.close(connection)


def make_spare() -> "tuple[socket.socket | None, dict[str, Any]]":
    """Fork a minder with a rank to be; returns its socket, or in the rank its order."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        close_all_but(theirs.fileno())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return None, mind(theirs)
    theirs.close()
    return ours, {}


# ---- the minder


def mind(parent: socket.socket) -> "dict[str, Any]":
    """Fork the rank to be, have it start, wait for its end; returns only in the rank, with its order."""
    os.setsid()
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    me = os.getpid()
    rank = os.fork()
    if rank == 0:
        close_all_but(its.fileno())
        return become(its, me)
    its.close()
    try:
        _, fds = receive(parent)
        connection = opened(fds[0])
        message, fds = receive(connection)
        join(message, fds)
        name = "warm-%d" % message["supervisor"]
        _LIBC.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
        send(mine, message, [connection.fileno(), *fds])
        close_all_but(connection.fileno())
        watch(rank, connection)
    finally:  # whatever went wrong: nobody is waiting, or the connection is closed and says so
        end_children()
        os._exit(0)


def watch(rank: int, connection: socket.socket) -> None:
    """Report the rank's end; return when nothing lives below, or nobody listens any more."""
    woken, waker = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _ignore)
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(connection, select.POLLIN)
    while True:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                break
            if pid == rank:
                spent = round(usage.ru_utime + usage.ru_stime, 3)
                send(connection, {"status": status, "cpu_s": spent, "peak_kb": usage.ru_maxrss}, [])
        if any(fd == connection.fileno() for fd, _ in poll.poll()):
            return
        try:
            woken.recv(4096)
        except BlockingIOError:
            pass


def _ignore(number: int, frame: "Any") -> None:
    """A handler, so that the signal wakes us."""
    del number, frame


def end_children() -> None:
    """Kill everything below us; orphans come to us."""
    while True:
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and parent_of(name) == os.getpid():
                    os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def parent_of(pid: str) -> int:
    """The parent of a process."""
    with open("/proc/%s/stat" % pid, "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


# ---- the rank


def become(minder: socket.socket, minder_pid: int) -> "dict[str, Any]":
    """Wait for the order, and put this process in the state of one that was just started with it."""
    message, fds = receive(minder)
    if not fds:
        os._exit(0)
    connection = opened(fds.pop(0))
    try:
        join(message, fds)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != minder_pid:
            os._exit(0)
        order_fd, out = fds[:2]
        with os.fdopen(os.dup(order_fd), "rb") as file:
            order = json.loads(file.read().decode())
        take(order, out)
    except Exception as error:
        send(connection, {"error": "%s: %s" % (type(error).__name__, error)}, [])
        os._exit(1)
    send(connection, {"pid": os.getpid(), "minder": minder_pid}, [])
    close_all_but()
    return order


def join(message: "dict[str, Any]", fds: "list[int]") -> None:
    """Enter the namespaces of the other side: descriptors after the order and the output."""
    spaces = message["spaces"]
    for fd in fds[2:]:
        if _LIBC.setns(fd, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "setns")
    if "user" in spaces:
        _LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        if os.geteuid() != 0:  # as an exec would
            header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)
            _LIBC.capset(header, nothing)


def take(order: "dict[str, Any]", out: int) -> None:
    """Output, limits, directory and environment of the order."""
    os.setpgid(0, 0)
    null = os.open("/dev/null", os.O_RDONLY)
    for source, fd in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, fd)
    for name, (soft, hard) in order["limits"].items():
        try:
            resource.setrlimit(getattr(resource, name), (soft, hard))
        except (OSError, ValueError, AttributeError):
            pass
    os.umask(order["umask"])
    os.sched_setaffinity(0, order["cpus"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for name, value in SET_BY_IMPORTS.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    name = os.path.basename(order["argv"][0])
    _LIBC.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def close_all_but(*kept: int) -> None:
    """Close every descriptor above standard error but these."""
    for fd, _ in descriptors(above=2):
        if fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass


def beside(name: str) -> "Any":
    """The module in a file beside this one, by no name that a script could have for its own."""
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    module = types.ModuleType(name)
    with open(place, "rb") as file:
        exec(compile(file.read(), place, "exec", 0, True), vars(module))
    return module


def parent() -> "dict[str, Any]":
    """All of the above; returns in each rank."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # whatever an import may hang at; ranks go on
    channel = opened(int(sys.argv[1]))
    modules = sys.argv[2:]
    if not getattr(sys.flags, "safe_path", False):
        sys.path_importer_cache.pop(sys.path.pop(0), None)
    try:
        about = prepare(modules)
    except Unfit as error:
        send(channel, {"error": str(error)}, [])
        os._exit(1)
    send(channel, about, [])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for minders
    return serve(channel)


if __name__ == "__main__":
    _us = sys.modules["__main__"]  # the script's takes its place
    _last = beside("warm_script")
    _last.run(parent()["argv"], _FRESH, globals())
