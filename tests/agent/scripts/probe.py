"""Prints all that a script can see of how it was started, as JSON; runs on Python 3.6 to 3.13."""

import atexit
import json
import os
import resource
import signal
import sys
import threading
import time
import warnings


def handlers():
    found = {}
    for number in range(1, signal.NSIG):
        try:
            handler = signal.getsignal(number)
        except ValueError:
            continue
        found[number] = (
            handler if isinstance(handler, (int, type(None))) else getattr(handler, "__name__", "?")
        )
    return found


def streams():
    return {
        name: [
            s.fileno(),
            s.name,
            s.mode,
            s.encoding,
            s.errors,
            s.line_buffering,
            s.isatty(),
            s.seekable(),
            getattr(s, "write_through", None),
            os.readlink("/proc/self/fd/%d" % s.fileno()).rpartition("/")[2],
        ]
        for name, s in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
    }


def oom():
    """Our supervisor sets it as soon as it knows us."""
    until = time.time() + 30
    while time.time() < until:
        value = open("/proc/self/oom_score_adj").read().strip()
        if value != "0":
            return value
    return "0"


status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
main = sys.modules["__main__"]
seen = {
    "argv": sys.argv,
    "orig_argv": getattr(sys, "orig_argv", None),
    "executable": sys.executable,
    "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
    "path": sys.path,
    "flags": repr(sys.flags),
    "warnoptions": sys.warnoptions,
    "xoptions": getattr(sys, "_xoptions", None),
    "hash_randomization": sys.flags.hash_randomization,
    "encodings": [sys.getdefaultencoding(), sys.getfilesystemencoding()],
    "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__],
    "dont_write_bytecode": sys.dont_write_bytecode,
    "recursion": sys.getrecursionlimit(),
    "trace": [sys.gettrace(), sys.getprofile()],
    "interactive": hasattr(sys, "ps1"),
    "filters": len(warnings.filters) > 0,
    "main": {k: repr(v) for k, v in vars(main).items() if k[:2] == "__" and k != "__loader__"},
    "loader": [type(main.__loader__).__name__, main.__loader__.name, main.__loader__.path],
    "main_is_us": vars(main) is globals(),
    "name": __name__,
    "file": __file__,
    "module": handlers.__module__,
    "environ": dict(os.environ),
    "environ_c": sorted(k.decode() for k in os.environb),
    "cwd": os.getcwd(),
    "home": sorted(os.listdir("/home/ma-user")),
    "own": sorted(os.listdir("/cache")),
    "umask": status.get("Umask", "").strip(),
    "signals": handlers(),
    "masks": [int(status[k], 16) & 0x7FFFFFFF for k in ("SigBlk", "SigIgn")],
    "dumpable_caps": [status[k].strip() for k in ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")],
    "ids": [os.getuid(), os.geteuid(), os.getgid(), sorted(os.getgroups())],
    "group_leader": os.getpgid(0) == os.getpid(),
    "limits": [resource.getrlimit(i) for i in range(16)],
    "affinity": sorted(os.sched_getaffinity(0)),
    "nice": os.nice(0),
    "fds": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:3],
    "more_fds": len([n for n in os.listdir("/proc/self/fd") if int(n) > 2]) - 1,
    "threads": [threading.active_count(), threading.current_thread().name],
    "main_thread": threading.main_thread() is threading.current_thread(),
    "comm": open("/proc/self/comm").read().strip(),
    "oom": oom(),
    "streams": streams(),
    "children": os.system("exit 3") >> 8,
}
print("PROBE " + json.dumps(seen, sort_keys=True, default=repr))


def file_at_exit():
    print("at exit: file", "__file__" in vars(main), "name", __name__, threading.active_count())


atexit.register(print, "at exit: registered first, runs last")
atexit.register(file_at_exit)


def last():
    threading.main_thread().join()
    print("a thread is waited for")


threading.Thread(target=last).start()
print("no newline", end="")
sys.stderr.write("|to stderr\n")


def deeper(n):
    if n == 0:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("ends badly: ünïcode") from error
    deeper(n - 1)


ending = sys.argv[1] if len(sys.argv) > 1 else "--end=well"
if ending == "--end=error":
    deeper(3)
elif ending == "--end=exit":
    sys.exit(7)
elif ending == "--end=text":
    sys.exit("a last word")
elif ending == "--end=interrupt":
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
elif ending == "--end=term":
    os.kill(os.getpid(), signal.SIGTERM)
elif ending == "--end=hook":
    sys.excepthook = lambda kind, value, tb: print("hook", kind.__name__, tb.tb_frame.f_code.co_name)
    deeper(1)
elif ending == "--end=now":
    sys.stdout.flush()
    os._exit(9)
