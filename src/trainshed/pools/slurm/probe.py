"""What a job of a pool's test does on each node. Any Python 3 can read it: that may be what is wrong.

``python -c SOURCE FOLDER SERVER TUNNEL PATH…`` prints one line of JSON.
"""

SOURCE = """\
import json, os, socket, subprocess, sys, time, urllib.request
folder, server, tunnel = sys.argv[1:4]
node = os.environ.get("SLURMD_NODENAME", "")
found = {"time": time.time(), "python": list(sys.version_info[:3]), "node": node, "shared": "", "server": ""}
try:
    with open(os.path.join(folder, node), "wb") as file:
        file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())
except OSError as error:
    found["shared"] = error.strerror
found["missing"] = [path for path in sys.argv[4:] if not os.path.isdir(path)]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
command = None
if tunnel:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = "http://127.0.0.1:%d" % port
    words = ["/bin/sh", "-c", tunnel.replace("{port}", str(port))]
    command = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
until = time.time() + (20 if tunnel else 0)
while True:
    try:
        opener.open(server + "/healthz", timeout=10).read()
        found["server"] = ""
        break
    except Exception as error:
        found["server"] = str(getattr(error, "reason", error))
    if time.time() > until:
        break
    time.sleep(0.5)
if command:
    os.killpg(command.pid, 15)
sys.stdout.write(json.dumps(found) + "\\n")
"""
